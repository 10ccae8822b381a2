//! Nodes into the cluster: asked for, launched, ready, leaving, gone. Every change of a node passes
//! through here, where what is kept beside the nodes (room, idleness, usage) is kept true.

use crate::cluster::event::{Intent, NodeFacts};
use crate::cluster::node::{Node, Stage};
use crate::cluster::usage;
use crate::model::money::UsdPerHour;
use crate::model::name::{AppId, NodeId, PoolName};
use crate::model::node::{CAPACITY_TYPE, INSTANCE_TYPE, NODEPOOL, PURPOSE, Purpose, ZONE};
use crate::model::offering::{CapacityType, Catalog, TypeId};
use crate::model::time::Timestamp;

use super::Cluster;

impl Cluster {
    pub(super) fn apply_node(&mut self, facts: &NodeFacts, at: Timestamp) {
        let is_new = !self.nodes.contains_key(&facts.id);
        let node = self
            .nodes
            .entry(facts.id.clone())
            .or_insert_with(|| Node::named(&facts.id));
        self.space.forget(node);
        take_facts(node, facts, &self.catalog);
        if is_new {
            for id in self.homeless.remove(&facts.id).unwrap_or_default() {
                if let Some(place) = self.pods.get_index_of(&id) {
                    self.house(place);
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(&facts.id) {
            node.note_emptiness(at);
        }
        self.recharge(&facts.id);
        self.renote(&facts.id);
        self.tell_holders(&facts.id);
    }

    pub(super) fn launched(
        &mut self,
        id: &NodeId,
        instance_type: TypeId,
        price: UsdPerHour,
        at: Timestamp,
    ) {
        // Until its object tells, an answered node has the room of its type and not of the least type.
        let room = self.nodes.get(id).and_then(|node| {
            let kind = self.market().kind_of(node, instance_type);
            let kind = kind.filter(|_| node.stage == Stage::Asked);
            kind.map(|kind| kind.room.clone())
        });
        if let Some(node) = self.nodes.get_mut(id) {
            node.becomes(instance_type, price, at);
            if let Some(room) = room {
                self.space.forget(node);
                node.allocatable = room;
            }
            self.recharge(id);
            self.renote(id);
            self.tell_holders(id);
        }
    }

    pub(super) fn leaving(&mut self, id: &NodeId) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.stage = Stage::Leaving;
            self.renote(id);
            self.tell_holders(id);
        }
    }

    pub(super) fn remove_node(&mut self, id: &NodeId) {
        // Others get its place.
        self.settle();
        let Some(mut node) = self.nodes.swap_remove(id) else {
            return;
        };
        self.space.forget(&mut node);
        self.idle.forget(&mut node);
        self.interrupted.swap_remove(id);
        usage::discharge(&mut self.usages, &mut node);
        if !node.pods.is_empty() {
            self.homeless.insert(id.clone(), node.pods);
        }
        for app_id in node.held_by {
            if let Some(app) = self.apps.get_mut(&app_id) {
                app.forget_node(id);
            }
            self.note_demand(&app_id);
        }
    }

    pub(super) fn await_nodes(&mut self, intent: &Intent) {
        for awaited in &intent.nodes {
            let mut node = Node::named(&awaited.id);
            node.pool = Some(intent.pool.clone());
            node.purpose = Some(intent.purpose);
            node.zone = Some(intent.zone);
            node.capacity_type = Some(intent.capacity_type);
            node.labels = intent.labels.clone();
            node.taints.clone_from(&intent.taints);
            node.allocatable = awaited.room.clone();
            node.stage = Stage::Asked;
            node.types.clone_from(&intent.types);
            for held in &awaited.held {
                if let Some(app) = self.apps.get_mut(&held.app) {
                    app.hold(&awaited.id, held);
                    node.held_by.insert(held.app.clone());
                    node.promised += &held.slot.requests.times(held.count);
                }
            }
            self.nodes.insert(awaited.id.clone(), node);
            self.asked += 1;
            self.recharge(&awaited.id);
            self.renote(&awaited.id);
        }
        for held in intent.nodes.iter().flat_map(|node| &node.held) {
            self.trim_elsewhere(&held.app, &held.slot, intent.zone);
            self.note_demand(&held.app);
        }
    }

    /// A node's pods, promises or openness changed: what is kept beside the nodes follows, and where it
    /// can no longer keep its promises those to whom it made them ask again.
    pub(super) fn renote(&mut self, id: &NodeId) {
        let Some(place) = self.nodes.get_index_of(id) else {
            return;
        };
        self.note_change(place);
        if self.nodes[place].breaks_promises() {
            self.tell_holders(id);
        }
    }

    /// What is kept beside the node at this place is to follow it when the cluster is settled.
    pub(in crate::cluster) fn note_change(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if !node.changed {
            node.changed = true;
            self.changed.push(place);
        }
    }

    /// What is kept beside the nodes follows them, once for all that came together.
    pub fn settle(&mut self) {
        for place in self.changed.drain(..) {
            let node = &mut self.nodes[place];
            node.changed = false;
            self.space.note(node);
            self.idle.note(node);
        }
    }

    pub(in crate::cluster) fn is_settled(&self) -> bool {
        self.changed.is_empty()
    }

    pub(in crate::cluster) fn recharge(&mut self, id: &NodeId) {
        if let Some(node) = self.nodes.get_mut(id) {
            usage::charge(&mut self.usages, &self.catalog, node);
        }
    }

    /// Those for whom the node holds room look again at what they ask for.
    pub(super) fn tell_holders(&mut self, id: &NodeId) {
        let Some(node) = self.nodes.get(id) else {
            return;
        };
        let holders: Vec<AppId> = node.held_by.iter().cloned().collect();
        holders.iter().for_each(|app| self.note_demand(app));
    }
}

/// The node as its object says it is; what the object does not say stays as it was asked for.
fn take_facts(node: &mut Node, facts: &NodeFacts, catalog: &Catalog) {
    let labels = &facts.labels;
    node.strayed = node.is_ours() && strays(node, facts);
    node.pool = labels
        .get(NODEPOOL)
        .map(|name| PoolName::from(name.as_str()))
        .or(node.pool.take());
    node.purpose = match labels.get(PURPOSE).map(String::as_str) {
        Some("driver") => Some(Purpose::Driver),
        Some("work") => Some(Purpose::Work),
        _ => node.purpose,
    };
    node.zone = labels
        .get(ZONE)
        .and_then(|name| catalog.find_zone(name))
        .or(node.zone);
    node.capacity_type = match labels.get(CAPACITY_TYPE).map(String::as_str) {
        Some("spot") => Some(CapacityType::Spot),
        Some("on-demand") => Some(CapacityType::OnDemand),
        _ => node.capacity_type,
    };
    node.labels.clone_from(labels);
    node.taints.clone_from(&facts.taints);
    node.allocatable = facts.allocatable.clone();
    node.unschedulable = facts.unschedulable;
    if node.types.is_empty() {
        let name = labels.get(INSTANCE_TYPE);
        node.types = name
            .and_then(|name| catalog.find_type(name))
            .into_iter()
            .collect();
    }
    if node.stage != Stage::Leaving {
        node.stage = if facts.ready {
            Stage::Ready
        } else {
            Stage::Booting
        };
    }
}

/// True where a node's object lacks a label that was promised, or has a taint that was not.
fn strays(node: &Node, facts: &NodeFacts) -> bool {
    // Both are in order of name.
    let mut told = facts.labels.iter();
    let lacks = |label| !told.any(|told| told == label);
    let tainted = |taint| !node.taints.contains(taint);
    node.labels.iter().any(lacks) || facts.taints.iter().any(tainted)
}
