//! A round's effects, handed to those who carry them out. Nothing is chosen here; what is in hand already
//! is not begun again, and what people have stopped is not begun at all.

use crate::cluster::event::Fact;
use crate::live::crash;
use crate::live::effects::launch::{self, Ordered};
use crate::live::effects::leave::{self, Leaving};
use crate::live::effects::{evict, place, register};
use crate::live::heard::Hand;
use crate::model::name::{NodeId, PodId};
use crate::model::spark::PodPhase;
use crate::model::time::Timestamp;
use crate::plan::effect::{Effect, Launch, Place, Plan};

use super::Rounds;

impl Rounds {
    pub(super) fn carry_out(&mut self, plan: &Plan, now: Timestamp, since: Timestamp) {
        let Some(epoch) = self.epoch.filter(|_| !self.conduct.dry_run) else {
            return;
        };
        let stopped = self.world.lease.is_stopped();
        for effect in &plan.effects {
            match effect {
                Effect::Launch(launch) if !stopped => {
                    self.launch(launch.clone(), epoch, (now, since))
                }
                Effect::Terminate { node, .. } if !stopped => self.leave(node, epoch),
                Effect::Launch(_) | Effect::Terminate { .. } => {}
                Effect::Place(place) => self.place(place),
                Effect::Cordon { node, .. } => self.cordon(node),
                Effect::Evict { pod, .. } => self.evict(pod),
            }
        }
        self.fold();
        for (node, held) in plan.holds.iter().cloned() {
            self.apply(Fact::RoomHeld {
                node,
                held: Box::new(held),
            });
        }
    }

    /// A launch's nodes get names that no other launch ever has: a restart counts from one again.
    fn launch(&mut self, mut launch: Launch, epoch: u64, (now, since): (Timestamp, Timestamp)) {
        let name = launch.intent.pool.as_str().to_owned();
        let Some(written) = self.translator.pools.get(&name) else {
            return;
        };
        let class = self.translator.classes.get(&written.class);
        let resolved = self.translator.resolved.get(&written.class);
        let (Some(pool), Some((class, _)), Some(resolved)) = (&written.pool, class, resolved)
        else {
            return;
        };
        self.launches += 1;
        let unique = format!("{:x}-{:x}", now.millis(), self.launches);
        let token = format!("sparkwright-{epoch}-{unique}");
        for (i, node) in launch.intent.nodes.iter_mut().enumerate() {
            let short: String = name.chars().take(180).collect();
            node.id = NodeId::from(format!("{short}-{epoch}-{unique}-{i}"));
        }
        let ordered = Ordered {
            launch: launch.clone(),
            catalog: self.cluster.catalog.clone(),
            pool: pool.clone(),
            class: class.clone(),
            resolved: resolved.clone(),
            token: token.clone(),
            epoch,
            since,
        };
        let reason = launch.reason.to_string();
        let nodes = launch.intent.nodes.len();
        tracing::info!(pool = name, nodes, token, reason, "launch");
        let task = launch::launch(self.world.clone(), ordered);
        if self.begin(Hand::Launch(token), task) {
            self.translator.expect(&launch.intent);
        }
    }

    fn place(&mut self, place: &Place) {
        let Some((namespace, name)) = place.pod.as_str().split_once('/') else {
            return;
        };
        let hand = Hand::Place(place.pod.as_str().to_owned());
        let selectors = place::selectors(place, &self.cluster.catalog);
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let (world, done, purpose) = (self.world.clone(), hand.clone(), place.purpose);
        self.begin(hand, async move {
            let pod = (namespace.as_str(), name.as_str());
            crash::point("before-gate");
            let lifted = place::lift(&world.client, pod, selectors, purpose).await;
            crash::point("after-gate");
            world.ended(done, lifted).await;
        });
    }

    /// What its owner says of moving a pod counts where the node goes because somebody ends it; EC2 asks
    /// nobody.
    fn evict(&mut self, id: &PodId) {
        let pod = self.cluster.pods.get(id);
        let Some(PodPhase::Bound(node)) = pod.map(|pod| &pod.phase) else {
            return;
        };
        let node = self.cluster.nodes.get(node);
        let whatever = node.is_some_and(|node| !node.draining);
        let hand = Hand::Evict(id.as_str().to_owned());
        let task = evict::evict(self.world.clone(), id.clone(), whatever);
        if self.begin(hand, task) {
            self.apply(Fact::PodLeaving(id.clone()));
        }
    }

    fn cordon(&mut self, id: &NodeId) {
        let claim = self.translator.claims.get(id.as_str());
        let Some(node) = claim.and_then(|claim| claim.node.clone()) else {
            return;
        };
        let hand = Hand::Cordon(id.as_str().to_owned());
        let (world, done) = (self.world.clone(), hand.clone());
        self.begin(hand, async move {
            let cordoned = register::cordon(&world.client, &node).await;
            world.ended(done, cordoned).await;
        });
    }

    /// The node is looked at once more before its claim is deleted; until then it stays as it is known.
    fn leave(&mut self, id: &NodeId, epoch: u64) {
        let Some(leaving) = self.leaving(id.as_str(), epoch) else {
            return;
        };
        let hand = Hand::Leave(leaving.claim.clone());
        let task = leave::leave(self.world.clone(), leaving);
        self.begin(hand, task);
    }

    pub(super) fn leaving(&self, claim: &str, epoch: u64) -> Option<Leaving> {
        let known = self.translator.claims.get(claim)?;
        Some(Leaving {
            claim: claim.to_owned(),
            node: known.node.clone(),
            instance: known.instance.clone(),
            epoch,
        })
    }

    /// A claim that is being deleted is brought to its end.
    pub(super) fn end(&mut self, claim: &str) {
        let Some(leaving) = self.epoch.and_then(|epoch| self.leaving(claim, epoch)) else {
            return;
        };
        let launching = self.translator.claims.get(claim).and_then(|known| {
            let token = known.token()?.to_owned();
            Some(Hand::Launch(token)).filter(|_| known.instance.is_none())
        });
        // EC2 has not said yet whether there is an instance.
        if launching.is_some_and(|hand| self.in_hand.contains(&hand)) {
            return;
        }
        let task = leave::end(self.world.clone(), leaving);
        self.begin(Hand::End(claim.to_owned()), task);
    }
}
