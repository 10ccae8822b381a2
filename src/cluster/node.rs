//! One node as it is known, from the moment it is asked for until it is gone: what it holds, what is
//! free on it, and since when it is empty. When it should go is decided by the plan.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::money::UsdPerHour;
use crate::model::name::{AppId, Names, NodeId, PodId, PoolName};
use crate::model::node::{Purpose, Taint};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::requirement::Labels;
use crate::model::resources::Resources;
use crate::model::spark::{Pod, Role};
use crate::model::time::Timestamp;

use super::idle::Group;
use super::space::Free;
use super::usage::Usage;

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// EC2 is being asked.
    Asked,
    /// EC2 gave an instance; it is not ready yet.
    Booting,
    /// Takes pods.
    Ready,
    /// We have given it back.
    Leaving,
}

/// A node, ours or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, or its claim's.
    pub id: NodeId,
    /// The pool it belongs to; None for a node that is not ours.
    pub pool: Option<PoolName>,
    /// What it is for; None for a node that is not ours.
    pub purpose: Option<Purpose>,
    /// Its zone, where the catalogue knows it.
    pub zone: Option<ZoneId>,
    /// Spot or on-demand, where it says so.
    pub capacity_type: Option<CapacityType>,
    /// Labels; of an awaited node those that it will have whatever type EC2 chooses.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Room in all.
    pub allocatable: Resources,
    /// Room taken by its pods.
    pub used: Resources,
    /// Room that it holds for pods that are not on it yet.
    pub promised: Resources,
    /// Its pods.
    pub pods: Names<PodId>,
    /// Pods that keep it from being empty.
    pub working: u32,
    /// Drivers among them.
    pub drivers: u32,
    /// Applications that it holds room for.
    pub held_by: BTreeSet<AppId>,
    /// Where it is in its life.
    pub stage: Stage,
    /// Cordoned.
    pub unschedulable: bool,
    /// The types it may be; one, once EC2 has answered.
    pub types: Vec<TypeId>,
    /// What it costs; zero until EC2 has answered, and for nodes that are not ours.
    pub price: UsdPerHour,
    /// Since when it is paid for.
    pub launched: Option<Timestamp>,
    /// When it goes, once EC2 or whoever deletes its claim has said so.
    pub interrupted: Option<Timestamp>,
    /// It goes because somebody deletes its claim, and not because EC2 takes it back.
    pub draining: bool,
    /// Since when it has been ready with no pod that keeps it.
    pub empty_since: Option<Timestamp>,
    /// It came otherwise than it was asked for: a label, a taint or room differs.
    pub strayed: bool,
    /// The number of its make, once it is noted; see [`super::space::Make`].
    pub make: Option<usize>,
    /// What it is known to have free, while it is open.
    pub(super) shelved: Option<Free>,
    /// Since when, and in which group, it is known to be idle.
    pub(super) rests: Option<(Timestamp, Group)>,
    pub(super) charged: Option<(PoolName, Usage)>,
    /// What is kept beside it does not follow it yet.
    pub(super) changed: bool,
}

impl Node {
    /// A node of which nothing is known but its name.
    pub(super) fn named(id: &NodeId) -> Node {
        Node {
            id: id.clone(),
            pool: None,
            purpose: None,
            zone: None,
            capacity_type: None,
            labels: Labels::new(),
            taints: Vec::new(),
            allocatable: Resources::default(),
            used: Resources::default(),
            promised: Resources::default(),
            pods: Names::default(),
            working: 0,
            drivers: 0,
            held_by: BTreeSet::new(),
            stage: Stage::Booting,
            unschedulable: false,
            types: Vec::new(),
            price: UsdPerHour::ZERO,
            launched: None,
            interrupted: None,
            draining: false,
            empty_since: None,
            strayed: false,
            make: None,
            shelved: None,
            rests: None,
            charged: None,
            changed: false,
        }
    }

    /// Room that is left beside its pods and those that it holds room for.
    pub fn free(&self) -> Resources {
        self.free_beside(&self.promised)
    }

    /// Room that is left beside its pods and `promised`.
    pub fn free_beside(&self, promised: &Resources) -> Resources {
        let mut free = self.allocatable.clone();
        free -= &self.used;
        free -= promised;
        free
    }

    /// The pool that pays for it, and what it is charged there.
    pub fn charge(&self) -> Option<&(PoolName, Usage)> {
        self.charged.as_ref()
    }

    /// True where what it promised can be kept: it is open, as it was asked for, and has the room.
    pub fn keeps_promises(&self) -> bool {
        let mut load = self.used.clone();
        load += &self.promised;
        self.is_open() && !self.strayed && load.fits(&self.allocatable)
    }

    /// True where it holds room for somebody and cannot keep what it promised.
    pub(super) fn breaks_promises(&self) -> bool {
        let promises = !self.held_by.is_empty() && self.promised != Resources::default();
        promises && !self.keeps_promises()
    }

    /// True for a node of ours that is ready, stays, and has nothing to do.
    pub fn is_idle(&self) -> bool {
        let stays = self.is_ours() && self.interrupted.is_none();
        stays && self.stage == Stage::Ready && self.working == 0
    }

    /// True for a node that we launched or are launching.
    pub fn is_ours(&self) -> bool {
        self.pool.is_some()
    }

    /// True where pods may be planned onto it: ready, or ours and on its way; not cordoned, and not
    /// about to be taken back.
    pub fn is_open(&self) -> bool {
        let coming = matches!(self.stage, Stage::Asked | Stage::Booting) && self.is_ours();
        let stays = !self.unschedulable && self.interrupted.is_none();
        stays && (self.stage == Stage::Ready || coming)
    }

    /// EC2 has given an instance for it.
    pub(super) fn becomes(&mut self, instance_type: TypeId, price: UsdPerHour, at: Timestamp) {
        self.types = vec![instance_type];
        self.price = price;
        self.launched = Some(at);
        if self.stage == Stage::Asked {
            self.stage = Stage::Booting;
        }
    }

    /// A pod takes its room.
    pub(super) fn take(&mut self, pod: &Pod) {
        let template = &pod.template;
        self.used += &template.requests;
        self.pods.insert(pod.id.clone());
        if !template.daemon {
            self.working += 1;
            self.drivers += u32::from(template.role == Role::Driver);
            self.empty_since = None;
        }
    }

    /// A pod gives its room back; false where it had none here.
    pub(super) fn give_back(&mut self, pod: &Pod, at: Timestamp) -> bool {
        if !self.pods.swap_remove(&pod.id) {
            return false;
        }
        let template = &pod.template;
        self.used -= &template.requests;
        if !template.daemon {
            self.working -= 1;
            self.drivers -= u32::from(template.role == Role::Driver);
        }
        self.note_emptiness(at);
        true
    }

    pub(super) fn note_emptiness(&mut self, at: Timestamp) {
        if self.working > 0 || self.stage != Stage::Ready {
            self.empty_since = None;
        } else {
            self.empty_since.get_or_insert(at);
        }
    }
}
