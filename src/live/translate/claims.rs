//! NodeClaims: what was meant before a restart becomes a launch again, what EC2 gave becomes a node, and
//! a claim that is being deleted is brought to its end.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::cluster::event::{AwaitedNode, Fact, Intent};
use crate::cluster::kubernetes::requests;
use crate::model::name::NodeId;
use crate::model::nodeclaim::NodeClaim;
use crate::model::offering::{CapacityType, TypeId};
use crate::model::time::Timestamp;

use super::{Translator, Wish};
use crate::live::clock;
use crate::live::effects::claims::{labels_of, taints_of};
use crate::live::effects::leave::LONGEST_DRAIN;

/// A claim as it is known.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// The object, once a watch has shown it.
    pub object: Option<NodeClaim>,
    /// Its instance, once EC2 has given one.
    pub instance: Option<String>,
    /// Its node's name, once one has joined.
    pub node: Option<String>,
    /// The core has been told that it is awaited.
    pub asked: bool,
    /// The core has been told of its instance.
    pub launched: bool,
    /// The core has been told that it is to be emptied.
    pub draining: bool,
    /// When EC2 takes it back, as the core has been told.
    pub ends: Option<Timestamp>,
    /// Its node has been all that it should be.
    pub initialised: bool,
}

impl Claim {
    /// The token of the call that it is part of.
    pub fn token(&self) -> Option<&str> {
        let object = self.object.as_ref()?;
        Some(&object.spec.intent.token)
    }

    /// True while the object is being deleted.
    pub fn is_ending(&self) -> bool {
        let object = self.object.as_ref();
        object.is_some_and(|object| object.metadata.deletion_timestamp.is_some())
    }
}

impl Translator {
    pub(super) fn claim(&mut self, object: NodeClaim) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let status = object.status.clone().unwrap_or_default();
        let ending = object.metadata.deletion_timestamp.is_some();
        let refused = self.refusals.contains(&name);
        let known = self.claims.entry(name.clone()).or_default();
        let adopt = !std::mem::replace(&mut known.asked, true) && !refused;
        if adopt && let Some(intent) = self.intent(&name, &object) {
            self.facts.push(Fact::LaunchAsked(Box::new(intent)));
        }
        let known = self.claims.entry(name.clone()).or_default();
        let first = known.object.is_none();
        let sold = (object.spec.zone.clone(), object.spec.capacity_type);
        known.object = Some(object);
        if let (Some(instance), Some(kind)) = (status.instance_id, status.instance_type) {
            self.launched(&name, &instance, &kind, (&sold.0, sold.1));
        }
        let instance = self
            .claims
            .get(&name)
            .and_then(|known| known.instance.clone());
        if let Some(instance) = instance.filter(|_| first) {
            self.match_nodes(&instance);
        }
        if let Some(until) = status.ends_at.as_deref().and_then(clock::read) {
            self.interrupted(&name, until);
        }
        if ending {
            self.drains(&name);
            self.wishes.push(Wish::End { claim: name });
        }
    }

    /// EC2 takes a claim's instance back, by its notice or by what another leader wrote of one: told once.
    pub fn interrupted(&mut self, name: &str, until: Timestamp) {
        let Some(known) = self.claims.get_mut(name) else {
            return;
        };
        if known.ends.replace(until) != Some(until) {
            let node = NodeId::from(name);
            self.facts.push(Fact::NodeInterrupted { node, until });
        }
    }

    /// A claim is being deleted: told once.
    fn drains(&mut self, name: &str) {
        let Some(known) = self.claims.get_mut(name) else {
            return;
        };
        let object = known.object.as_ref();
        let deleted = object.and_then(|object| object.metadata.deletion_timestamp.as_ref());
        let Some(Time(deleted)) = deleted.filter(|_| !known.draining) else {
            return;
        };
        let until = Timestamp::from_millis(deleted.as_millisecond()) + LONGEST_DRAIN;
        known.draining = true;
        let node = NodeId::from(name);
        self.facts.push(Fact::NodeDraining { node, until });
    }

    /// The call that these claims were part of, as far as they say; None where the catalogue does not know
    /// what they asked for.
    pub fn intent_of(&self, names: &[String]) -> Option<Intent> {
        let objects = names.iter().filter_map(|name| {
            let object = self.claims.get(name)?.object.as_ref()?;
            self.intent(name, object)
        });
        objects.reduce(|mut all, next| {
            all.nodes.extend(next.nodes);
            all
        })
    }

    /// The call that a claim was part of, as far as it says: itself alone, holding room for nobody.
    fn intent(&self, name: &str, object: &NodeClaim) -> Option<Intent> {
        let spec = &object.spec;
        let zone = self.catalog.find_zone(&spec.zone)?;
        let types: Vec<TypeId> = spec
            .instance_types
            .iter()
            .filter_map(|name| self.catalog.find_type(name))
            .collect();
        let quantities = spec.requests.iter();
        let quantities = quantities
            .map(|(key, quantity)| {
                let text = quantity.0.clone();
                (
                    key.clone(),
                    k8s_openapi::apimachinery::pkg::api::resource::Quantity(text),
                )
            })
            .collect();
        Some(Intent {
            pool: spec.node_pool.as_str().into(),
            purpose: spec.purpose,
            zone,
            capacity_type: spec.capacity_type,
            types,
            labels: labels_of(spec),
            taints: taints_of(spec.taints.as_deref()),
            nodes: vec![AwaitedNode {
                id: name.into(),
                room: requests::resource_list(&quantities).unwrap_or_default(),
                held: Vec::new(),
            }],
        })
    }

    /// EC2 has given an instance for a claim: told once.
    pub(super) fn launched(
        &mut self,
        name: &str,
        instance: &str,
        kind: &str,
        (zone, capacity_type): (&str, CapacityType),
    ) {
        let Some(known) = self.claims.get_mut(name) else {
            return;
        };
        known.instance = Some(instance.to_owned());
        if std::mem::replace(&mut known.launched, true) {
            return;
        }
        self.instances.insert(instance.to_owned(), name.to_owned());
        if let Some(instance_type) = self.catalog.find_type(kind) {
            // What is not sold any more costs nothing that we could tell.
            let zone = self.catalog.find_zone(zone);
            let price =
                zone.and_then(|zone| self.catalog.price(instance_type, zone, capacity_type));
            let price = price.unwrap_or_default();
            let node = NodeId::from(name);
            self.facts.push(Fact::NodeLaunched {
                node,
                instance_type,
                price,
            });
        }
        self.match_nodes(instance);
    }

    pub(super) fn claim_gone(&mut self, name: &str) {
        let Some(claim) = self.claims.remove(name) else {
            return;
        };
        if let Some(instance) = claim.instance {
            self.instances.remove(&instance);
        }
        self.refusals.remove(name);
        let id = NodeId::from(name);
        self.told.remove(&id);
        self.facts.push(Fact::NodeGone(id));
    }
}
