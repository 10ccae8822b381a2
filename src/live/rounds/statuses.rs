//! Statuses of our own objects: what is to be said of each is kept here, and written one write at a time
//! for an object, so that an older word never stands over a newer one.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Resource};
use serde_json::{Value, json};

use crate::live::clock;
use crate::live::crash;
use crate::live::effects::claims;
use crate::live::heard::Hand;
use crate::live::world::World;
use crate::model::nodeclaim::NodeClaimStatus;
use crate::model::nodeclass::NodeClass;
use crate::model::nodeclass::status::{FoundSubnet, NodeClassStatus};
use crate::model::nodepool::NodePool;
use crate::model::nodepool::status::NodePoolStatus;
use crate::model::object::condition::{self, Condition};

use super::{Rounds, requests};

/// An object whose status is ours to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A NodeClaim.
    Claim(String),
    /// A NodeClass.
    Class(String),
    /// A NodePool.
    Pool(String),
    /// A ProvisioningRequest.
    Request(String),
}

impl Subject {
    fn hand(&self) -> Hand {
        Hand::Status(match self {
            Subject::Claim(name) => format!("nodeclaim/{name}"),
            Subject::Class(name) => format!("nodeclass/{name}"),
            Subject::Pool(name) => format!("nodepool/{name}"),
            Subject::Request(name) => format!("provisioningrequest/{name}"),
        })
    }
}

impl Rounds {
    /// The status of a claim, to be changed.
    pub(super) fn status_of(&mut self, claim: &str) -> &mut NodeClaimStatus {
        let known = self.translator.claims.get(claim);
        let written = known
            .and_then(|known| known.object.as_ref()?.status.clone())
            .unwrap_or_default();
        self.statuses.entry(claim.to_owned()).or_insert(written)
    }

    /// We lead: what was noted of claims while another led is held against what that one has written.
    pub(super) fn take_over_statuses(&mut self) {
        for (name, status) in &mut self.statuses {
            let known = self.translator.claims.get(name);
            let object = known.and_then(|known| known.object.as_ref());
            if let Some(written) = object.and_then(|object| object.status.as_ref()) {
                claims::complete(status, written);
            }
        }
    }

    /// Statuses of claims that are gone are forgotten.
    pub(super) fn forget_statuses(&mut self) {
        let claims = &self.translator.claims;
        self.statuses.retain(|name, _| claims.contains_key(name));
    }

    /// Writes what is to be said and not being written.
    pub(super) fn write_statuses(&mut self) {
        if self.unsaid.is_empty() || self.epoch.is_none() || self.conduct.dry_run {
            return;
        }
        for subject in std::mem::take(&mut self.unsaid) {
            let hand = subject.hand();
            if self.in_hand.contains(&hand) {
                self.unsaid.insert(subject);
                continue;
            }
            let (world, done) = (self.world.clone(), hand.clone());
            match &subject {
                Subject::Claim(name) => {
                    let Some(status) = self.statuses.get(name).cloned() else {
                        continue;
                    };
                    let name = name.clone();
                    self.begin(hand, async move {
                        crash::point("before-answer");
                        let written = claims::write_status(&world.client, &name, &status).await;
                        crash::point("after-answer");
                        complain(&name, written);
                        world.done(done).await;
                    });
                }
                Subject::Class(name) => {
                    let status = json!(self.class_status(name));
                    self.begin(hand, write::<NodeClass>(world, done, name.clone(), status));
                }
                Subject::Pool(name) => {
                    let status = json!(self.pool_status(name));
                    if self.said.get(name) == Some(&status) {
                        continue;
                    }
                    self.said.insert(name.clone(), status.clone());
                    self.begin(hand, write::<NodePool>(world, done, name.clone(), status));
                }
                Subject::Request(name) => {
                    if let Some(conditions) = self.requests.get(name).cloned() {
                        let name = name.clone();
                        self.begin(hand, requests::write(world, done, name, conditions));
                    }
                }
            }
        }
    }

    /// Pools' sums change with every node; they are said every few seconds.
    pub(super) fn note_pools(&mut self) {
        let pools = self.translator.pools.keys().cloned();
        self.unsaid.extend(pools.map(Subject::Pool));
    }

    fn pool_status(&self, name: &str) -> NodePoolStatus {
        let Some(written) = self.translator.pools.get(name) else {
            return NodePoolStatus::default();
        };
        let usage = self.cluster.usages.get(name);
        let class = self.problems.get(&written.class);
        let (ready, reason, message) = if !written.problem.is_empty() {
            (false, "Invalid", written.problem.clone())
        } else if written.broken {
            let message =
                "its nodes did not join; it is tried again in a while, or once it changes";
            (false, "NodesDoNotJoin", message.to_owned())
        } else if let Some(problem) = class {
            (false, "NodeClassNotReady", problem.clone())
        } else if !self.translator.resolved.contains_key(&written.class) {
            let message = format!(
                "NodeClass {} is not there, or not looked up yet",
                written.class
            );
            (false, "NodeClassNotReady", message)
        } else {
            (true, "Understood", written.warnings.join("; "))
        };
        let mut status = NodePoolStatus {
            observed_generation: Some(written.generation),
            conditions: None,
            nodes: usage.map(|usage| i64::from(usage.nodes)),
            cpu: usage.map(|usage| format!("{}m", usage.cpu.millis())),
            memory: usage.map(|usage| usage.memory.get().to_string()),
            usd_per_hour: usage.map(|usage| usage.usd_per_hour.to_string()),
        };
        let held = self
            .said
            .get(name)
            .and_then(|said| said.get("conditions").cloned());
        status.conditions = Some(ready_condition(
            held,
            (ready, reason, message),
            written.generation,
        ));
        status
    }

    fn class_status(&self, name: &str) -> NodeClassStatus {
        let resolved = self.translator.resolved.get(name);
        let generation = self
            .translator
            .classes
            .get(name)
            .map_or(0, |(_, generation)| *generation);
        let said = match (self.problems.get(name), resolved) {
            (Some(problem), _) => (false, "NotReady", problem.clone()),
            (None, Some(_)) => (true, "Resolved", "everything it names is there".to_owned()),
            (None, None) => (
                false,
                "NotLookedUp",
                "what it names is not looked up yet".to_owned(),
            ),
        };
        let class = self.translator.classes.get(name).map(|(class, _)| class);
        NodeClassStatus {
            observed_generation: Some(generation),
            conditions: Some(ready_condition(None, said, generation)),
            ami_family: class.map(|class| class.family),
            amis: resolved.map(|resolved| resolved.images.values().cloned().collect()),
            subnets: resolved.map(|resolved| {
                let subnets = resolved.subnets.iter();
                let found = subnets.map(|subnet| FoundSubnet {
                    id: subnet.id.clone(),
                    zone: subnet.zone.clone(),
                    zone_id: Some(subnet.zone_id.clone()),
                });
                found.collect()
            }),
            security_groups: resolved.map(|resolved| resolved.security_groups.clone()),
            instance_profile: resolved.map(|resolved| resolved.profile.clone()),
        }
    }
}

fn ready_condition(
    held: Option<Value>,
    (ready, reason, message): (bool, &str, String),
    generation: i64,
) -> Vec<Condition> {
    let held = held.and_then(|held| serde_json::from_value(held).ok());
    let mut conditions: Vec<Condition> = held.unwrap_or_default();
    condition::set(
        &mut conditions,
        Condition::new(
            condition::READY,
            ready,
            (reason, &message),
            clock::rfc3339(),
            Some(generation),
        ),
    );
    conditions
}

async fn write<K: Resource<DynamicType = ()>>(
    world: World,
    done: Hand,
    name: String,
    status: Value,
) {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::all_with(world.client.clone(), &resource);
    let patch = Patch::Merge(json!({ "status": status }));
    let written = api
        .patch_status(&name, &PatchParams::default(), &patch)
        .await;
    complain(&name, claims::unless_gone(written));
    world.done(done).await;
}

fn complain(name: &str, written: Result<(), kube::Error>) {
    if let Err(error) = written {
        tracing::warn!(name, %error, "status is not written");
    }
}
