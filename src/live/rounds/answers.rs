//! What EC2 says, as facts: instances given, nodes refused, what a refusal says about the next call, and
//! notices about instances.

use crate::cluster::event::{Fact, Intent};
use crate::cluster::shortage::OfferingKey;
use crate::live::clock;
use crate::live::ec2::{InstanceState, Notice, NoticeKind, Refusal, RefusalKind};
use crate::live::effects::claims;
use crate::live::effects::mourn;
use crate::live::heard::{Answered, Hand};
use crate::live::tell::moment;
use crate::model::name::NodeId;
use crate::model::nodeclaim::status::{INTERRUPTED, LAUNCHED};
use crate::model::offering::CapacityType;
use crate::model::quota::QuotaClass;
use crate::model::time::{Span, Timestamp};

use super::Rounds;
use super::statuses::Subject;

/// From EC2's notice until it takes a spot instance back.
const SPOT_NOTICE: Span = Span::from_secs(120);

impl Rounds {
    pub(super) fn answered(&mut self, answered: Answered) {
        self.telling.answered(&answered);
        for given in &answered.given {
            self.translator.given(given);
            self.take_in();
            let status = self.status_of(&given.claim);
            status.instance_id = Some(given.instance.id.clone());
            status.provider_id = Some(format!(
                "aws:///{}/{}",
                given.instance.zone, given.instance.id
            ));
            status.instance_type = Some(given.instance.instance_type.clone());
            status.image_id = given.instance.image.clone();
            status.subnet_id = given.instance.subnet.clone();
            claims::note(
                status,
                LAUNCHED,
                true,
                "Launched",
                "EC2 has given an instance",
            );
            let node = self.cluster.nodes.get(given.claim.as_str());
            let price = node.map(|node| node.price.to_string());
            self.status_of(&given.claim).usd_per_hour = price;
            self.unsaid.insert(Subject::Claim(given.claim.clone()));
        }
        let now = clock::now();
        for refusal in &answered.refusals {
            tracing::info!(
                code = refusal.code,
                instance_type = refusal.instance_type,
                zone = refusal.zone,
                message = refusal.message,
                "EC2 refused"
            );
            self.believe(refusal, now);
            // Too little for the least that was asked for: EC2 may name no type, and means all of the call.
            if refusal.kind == RefusalKind::Capacity && refusal.instance_type.is_none() {
                self.believe_all_dry(&answered.intent, now);
            }
        }
        if let Some(problem) = &answered.failed {
            let pool = answered.intent.pool.as_str();
            tracing::warn!(pool, problem, "launch failed");
            // Asking again gives the same: its offerings are left alone for a while, longer where it repeats.
            self.believe_all_dry(&answered.intent, now);
        }
        let given = answered.given.len();
        for node in answered.intent.nodes.iter().skip(given) {
            self.translator.refused_node(node);
            self.discard(node.id.as_str());
        }
    }

    /// A claim for which there is no instance goes at once.
    pub(super) fn discard(&mut self, claim: &str) {
        let (world, name) = (self.world.clone(), claim.to_owned());
        let hand = Hand::End(name.clone());
        let done = hand.clone();
        self.begin(hand, async move {
            let deleted = claims::delete(&world.client, &name).await;
            let released = claims::release(&world.client, &name).await;
            world.ended(done, deleted.and(released)).await;
        });
    }

    /// What a refusal says about the next call. A throttle says nothing.
    fn believe(&mut self, refusal: &Refusal, now: Timestamp) {
        let catalog = &self.cluster.catalog;
        let zone = catalog.find_zone(&refusal.zone);
        let instance_type = refusal.instance_type.as_ref();
        let instance_type = instance_type.and_then(|name| catalog.find_type(name));
        let (Some(zone), Some(instance_type)) = (zone, instance_type) else {
            return;
        };
        match refusal.kind {
            RefusalKind::Capacity | RefusalKind::Other => {
                self.believe_dry((instance_type, zone, refusal.capacity_type), now);
            }
            RefusalKind::Quota => {
                let class = QuotaClass::of(&catalog.instance_type(instance_type).family);
                let capacity_type = refusal.capacity_type;
                let until = self
                    .cluster
                    .shortages
                    .believe_quota((class, capacity_type), now);
                self.apply(Fact::QuotaReached {
                    class,
                    capacity_type,
                    until,
                });
            }
            RefusalKind::Addresses => self.apply(Fact::ZoneAddresses { zone, free: 0 }),
            RefusalKind::Throttled | RefusalKind::TemplateGone => {}
        }
    }

    fn believe_all_dry(&mut self, intent: &Intent, now: Timestamp) {
        for kind in &intent.types {
            self.believe_dry((*kind, intent.zone, intent.capacity_type), now);
        }
    }

    fn believe_dry(&mut self, key: OfferingKey, now: Timestamp) {
        let until = self.cluster.shortages.believe_offering(key, now);
        let (instance_type, zone, capacity_type) = key;
        self.apply(Fact::OfferingUnavailable {
            instance_type,
            zone,
            capacity_type,
            until,
        });
    }

    /// EC2 tells of an instance; of one that is not ours it tells nothing.
    pub(super) fn noticed(&mut self, notice: &Notice) {
        let Some(claim) = self.translator.instances.get(&notice.instance).cloned() else {
            return;
        };
        let node = NodeId::from(claim.as_str());
        tracing::info!(claim, instance = notice.instance, kind = ?notice.kind, "EC2 tells of an instance");
        match &notice.kind {
            NoticeKind::SpotInterruption => {
                let until = notice.at + SPOT_NOTICE;
                let known = self.cluster.nodes.get(&node);
                let key = known.and_then(|known| {
                    let kind = known.types.first().copied()?;
                    Some((kind, known.zone?, CapacityType::Spot))
                });
                if let Some(key) = key {
                    self.believe_dry(key, clock::now());
                }
                let message = "EC2 takes the spot instance back";
                self.interrupted(&claim, until, ("SpotInterruption", message));
            }
            NoticeKind::ScheduledChange { code, from } => {
                let until = from.unwrap_or(notice.at);
                let message = format!("EC2 has announced {code}");
                self.interrupted(&claim, until, ("ScheduledChange", &message));
            }
            NoticeKind::StateChange(state) => self.changed_state(&claim, *state),
            NoticeKind::Rebalance => {}
        }
    }

    /// EC2 takes an instance back. Its claim says so too: the notice comes once, and who leads may change.
    fn interrupted(&mut self, claim: &str, until: Timestamp, (reason, message): (&str, &str)) {
        self.translator.interrupted(claim, until);
        self.take_in();
        let status = self.status_of(claim);
        status.ends_at = Some(moment::utc(until));
        claims::note(status, INTERRUPTED, true, reason, message);
        self.unsaid.insert(Subject::Claim(claim.to_owned()));
    }

    /// An instance that stops or ends without us takes its node and its claim with it.
    pub(super) fn changed_state(&mut self, claim: &str, state: InstanceState) {
        let ending = self
            .translator
            .claims
            .get(claim)
            .is_some_and(|claim| claim.is_ending());
        let runs = matches!(state, InstanceState::Pending | InstanceState::Running);
        if runs || ending {
            return;
        }
        let node = NodeId::from(claim);
        let spot = self
            .cluster
            .nodes
            .get(&node)
            .and_then(|node| node.capacity_type);
        if spot == Some(CapacityType::Spot) {
            self.apply(Fact::NodeReclaimed(node));
        }
        self.mourn(claim);
        self.delete(claim);
    }

    /// Pods of an instance that is gone are told so, and Spark with them.
    fn mourn(&mut self, claim: &str) {
        let known = self.translator.claims.get(claim);
        let Some(node) = known.and_then(|known| known.node.clone()) else {
            return;
        };
        let hand = Hand::Mourn(claim.to_owned());
        let (client, world, done) = (self.world.client.clone(), self.world.clone(), hand.clone());
        self.begin(hand, async move {
            mourn::mourn(&client, &node).await;
            world.done(done).await;
        });
    }

    /// A spot notice that is over is as good as EC2's word that the instance is gone.
    pub(super) fn look_at_notices(&mut self) {
        let now = clock::now();
        let nodes = self.cluster.interrupted.iter();
        let over = nodes
            .filter_map(|id| self.cluster.nodes.get(id))
            .filter(|node| {
                let spot = node.capacity_type == Some(CapacityType::Spot);
                let ended = node.interrupted.is_some_and(|until| until <= now);
                spot && ended && !node.draining && node.working > 0
            });
        let over: Vec<String> = over.map(|node| node.id.to_string()).collect();
        over.iter().for_each(|claim| self.mourn(claim));
    }
}
