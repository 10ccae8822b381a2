//! Room that nodes hold for pods to come: given up when a pod is bound, by whom the room was held or by
//! another, and trimmed to what is still wanted. The scheduler knows no promises, so a pod may take room
//! that was held for another application; then the two trade, since room among equals is the same.

use std::collections::BTreeMap;

use crate::cluster::app::App;
use crate::cluster::event::{Held, Slot};
use crate::cluster::node::Node;
use crate::model::name::{AppId, NodeId};
use crate::model::node::{Purpose, tolerated};
use crate::model::offering::ZoneId;
use crate::model::spark::{PodTemplate, Role};

use super::Cluster;

impl Cluster {
    /// A pod has found its place: one less is held for, on its node or on another; tells on which.
    pub(super) fn release(&mut self, id: &AppId, slot: &Slot, node: &NodeId) -> Option<NodeId> {
        let app = self.apps.get_mut(id).filter(|app| !app.held.is_empty())?;
        let from = app.release_one(slot, Some(node))?;
        self.unpromise(&from, id, slot);
        Some(from)
    }

    /// A node that is there keeps room for pods that will come to it.
    pub(super) fn hold(&mut self, id: &NodeId, held: &Held) {
        let place = self.nodes.get_index_of(id);
        let (Some(place), Some(app)) = (place, self.apps.get_mut(&held.app)) else {
            return;
        };
        app.hold(id, held);
        let node = &mut self.nodes[place];
        node.held_by.insert(held.app.clone());
        node.promised += &held.slot.requests.times(held.count);
        self.note_change(place);
        self.note_demand(&held.app);
    }

    /// Holds no more room for an application than its pods want: nodes that cannot keep what they
    /// promised give up first, then the last ones. True where it is as much as they want.
    pub(super) fn trim(&mut self, id: &AppId) -> bool {
        let Some(app) = self.apps.get_mut(id) else {
            return false;
        };
        let nodes = &self.nodes;
        let broken = |id: &&NodeId| nodes.get(*id).is_none_or(|node| !node.keeps_promises());
        let mut given_up = Vec::new();
        let full = loop {
            let slot = match app.surplus() {
                Ok(full) => break full,
                Err(slot) => slot.clone(),
            };
            let first = app.held[&slot].keys().find(broken).cloned();
            let Some(from) = app.release_one(&slot, first.as_ref()) else {
                break false;
            };
            given_up.push((from, slot));
        };
        for (node, slot) in given_up {
            self.unpromise(&node, id, &slot);
        }
        full
    }

    /// Nodes are asked for in a zone: room that an application holds in others is surplus first, since its
    /// pods go where its newest nodes are.
    pub(super) fn trim_elsewhere(&mut self, id: &AppId, slot: &Slot, zone: ZoneId) {
        let mut given_up = Vec::new();
        if let Some(app) = self.apps.get_mut(id) {
            let wanted = app.wanted(slot);
            let nodes = &self.nodes;
            while app.count_held(slot) > wanted {
                let elsewhere = |id: &&NodeId| nodes.get(*id).is_none_or(|n| n.zone != Some(zone));
                let held = app.held.get(slot).into_iter();
                let node = held.flat_map(BTreeMap::keys).find(elsewhere).cloned();
                let Some(node) = node else { break };
                given_up.extend(app.release_one(slot, Some(&node)));
            }
        }
        for node in given_up {
            self.unpromise(&node, id, slot);
        }
    }

    /// A node promises less. Where it can keep the rest again, those who have it look no further.
    fn unpromise(&mut self, id: &NodeId, app: &AppId, slot: &Slot) {
        let kept = self.keeps_promises(id);
        self.promise_less(id, app, slot);
        if !kept && self.keeps_promises(id) {
            self.tell_holders(id);
        }
    }

    fn promise_less(&mut self, id: &NodeId, app: &AppId, slot: &Slot) {
        let Some(place) = self.nodes.get_index_of(id) else {
            return;
        };
        self.note_change(place);
        let node = &mut self.nodes[place];
        node.promised -= &slot.requests;
        let known = self.apps.get(app);
        if known.is_none_or(|app| !app.held.values().any(|nodes| nodes.contains_key(id))) {
            node.held_by.remove(app);
        }
    }

    /// True for a node that can keep what it promised, and for one that is not known.
    pub(super) fn keeps_promises(&self, id: &NodeId) -> bool {
        self.nodes.get(id).is_none_or(Node::keeps_promises)
    }

    /// A pod sits where room was held for another application, and its own is free: the other one has
    /// that from here on, if it asks for as much and the node would do for it. Where `taken` keeps its
    /// promises all the same, nobody lost anything. The other holders are for the caller to tell.
    pub(super) fn trade(&mut self, slot: &Slot, taken: &NodeId, free: &NodeId) {
        let (Some(from), Some(to)) = (self.nodes.get(taken), self.nodes.get(free)) else {
            return;
        };
        if from.keeps_promises() || !to.is_open() || to.strayed || !are_alike(from, to) {
            return;
        }
        if !slot.requests.fits(&to.free()) {
            return;
        }
        let loses = |id: &&AppId| {
            self.apps.get(*id).is_some_and(|app| {
                let held = app.held.get(slot);
                held.is_some_and(|nodes| nodes.contains_key(taken)) && would_do(app, slot, to)
            })
        };
        let Some(loser) = from.held_by.iter().find(loses).cloned() else {
            return;
        };
        if let Some(app) = self.apps.get_mut(&loser) {
            app.release_one(slot, Some(taken));
            let (slot, count) = (slot.clone(), 1);
            let held = Held {
                app: loser.clone(),
                slot,
                count,
            };
            app.hold(free, &held);
        }
        self.promise_less(taken, &loser, slot);
        if let Some(place) = self.nodes.get_index_of(free) {
            let node = &mut self.nodes[place];
            node.promised += &slot.requests;
            node.held_by.insert(loser.clone());
            self.note_change(place);
        }
        self.note_demand(&loser);
    }
}

/// True where one node is bought as the other one is: the zone that an application was given stays.
fn are_alike(a: &Node, b: &Node) -> bool {
    let bought = |node: &Node| (node.purpose, node.zone, node.capacity_type);
    a.is_ours() && a.pool == b.pool && bought(a) == bought(b)
}

/// True where a node takes the pods of an application that such room is held for.
fn would_do(app: &App, slot: &Slot, node: &Node) -> bool {
    let driver = Purpose::Driver.taint();
    let own = |taint| slot.role == Role::Driver && driver.as_ref() == Some(taint);
    let takes = |template: &PodTemplate| {
        let foreign = node.taints.iter().filter(|taint| !own(*taint));
        template.constraints.hold(&node.labels) && tolerated(foreign, &template.tolerations)
    };
    app.templates_of(slot).all(takes)
}
