//! Nodes in a dense table, each with its free room and its pods, and a log of which of them changed, so
//! that whoever ranks them need look at those only.

use std::collections::BTreeMap;

use sparkwright::cluster::event::NodeFacts;
use sparkwright::model::name::{Names, NodeId, PodId, Table};
use sparkwright::model::node::{INSTANCE_TYPE, Taint, TaintEffect};
use sparkwright::model::offering::Catalog;
use sparkwright::model::placement::HOSTNAME;
use sparkwright::model::requirement::{Labelled, Labels};
use sparkwright::model::resources::Resources;

use super::Bound;

/// Entries of the log before it is cut, beyond four for each node.
const SHORT_LOG: usize = 1_024;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub facts: NodeFacts,
    pub free: Resources,
    pub pods: Names<PodId>,
    /// Nodes with equal labels and taints have equal shelves.
    pub shelf: usize,
    /// EBS volumes attached, and how many can be.
    pub disks: u32,
    pub most_disks: u32,
}

impl Host {
    /// The value of a topology label. A node's own name stands for its host name, which every kubelet
    /// sets and the simulated ones leave out.
    pub fn domain(&self, topology: &str) -> Option<&str> {
        let label = self.facts.labels.get(topology).map(String::as_str);
        label.or_else(|| (topology == HOSTNAME).then(|| self.facts.id.as_str()))
    }
}

impl Labelled for Host {
    fn label(&self, key: &str) -> Option<&str> {
        self.domain(key)
    }
}

/// All nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    slots: Vec<Option<Host>>,
    vacant: Vec<usize>,
    /// Where each node is.
    places: Table<NodeId, usize>,
    shelves: BTreeMap<(Labels, Vec<Taint>), usize>,
    log: Vec<usize>,
    /// Changes that were cut from the log.
    cut: u64,
    /// Nodes with a taint that pods would rather avoid.
    pub with_soft_taints: usize,
}

impl Hosts {
    /// Takes a node in; true where it was not known.
    pub fn apply(&mut self, facts: &NodeFacts, catalog: &Catalog) -> bool {
        let key = (facts.labels.clone(), facts.taints.clone());
        let next = self.shelves.len();
        let shelf = *self.shelves.entry(key).or_insert(next);
        let known = self.places.get(&facts.id).copied();
        let slot = known.unwrap_or_else(|| self.vacant.pop().unwrap_or(self.slots.len()));
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        let old = self.slots[slot].take();
        self.with_soft_taints -= usize::from(old.as_ref().is_some_and(|old| is_soft(&old.facts)));
        self.with_soft_taints += usize::from(is_soft(facts));
        let instance_type = facts.labels.get(INSTANCE_TYPE);
        let id = instance_type.and_then(|name| catalog.find_type(name));
        let (mut free, mut pods, mut disks) = (facts.allocatable.clone(), Names::default(), 0);
        if let Some(old) = old {
            // What its pods take is what was not free.
            let mut used = old.facts.allocatable.clone();
            used -= &old.free;
            free -= &used;
            (pods, disks) = (old.pods, old.disks);
        }
        self.slots[slot] = Some(Host {
            facts: facts.clone(),
            free,
            pods,
            shelf,
            disks,
            most_disks: id.map_or(u32::MAX, |id| catalog.instance_type(id).disks),
        });
        if known.is_none() {
            self.places.insert(facts.id.clone(), slot);
        }
        self.note(slot);
        known.is_none()
    }

    /// Forgets a node; true where pods were on it.
    pub fn remove(&mut self, node: &NodeId) -> bool {
        let Some(slot) = self.places.swap_remove(node) else {
            return false;
        };
        let old = self.slots[slot].take();
        self.with_soft_taints -= usize::from(old.as_ref().is_some_and(|old| is_soft(&old.facts)));
        self.vacant.push(slot);
        self.note(slot);
        old.is_some_and(|old| !old.pods.is_empty())
    }

    /// True where the node is known.
    pub fn contains(&self, node: &NodeId) -> bool {
        self.places.contains_key(node)
    }

    /// A pod takes its room.
    pub fn take(&mut self, pod: &PodId, bound: &Bound) {
        if let Some((slot, host)) = self.named(&bound.node) {
            host.free -= &bound.template.requests;
            host.disks += bound.disks;
            host.pods.insert(pod.clone());
            self.note(slot);
        }
    }

    /// A pod leaves its room.
    pub fn give_back(&mut self, pod: &PodId, bound: &Bound) {
        if let Some((slot, host)) = self.named(&bound.node)
            && host.pods.swap_remove(pod)
        {
            host.free += &bound.template.requests;
            host.disks -= bound.disks;
            self.note(slot);
        }
    }

    fn named(&mut self, node: &NodeId) -> Option<(usize, &mut Host)> {
        let slot = *self.places.get(node)?;
        Some((slot, self.slots[slot].as_mut()?))
    }

    fn note(&mut self, slot: usize) {
        if self.log.len() > SHORT_LOG + 4 * self.slots.len() {
            self.cut += u64::try_from(self.log.len()).unwrap_or(u64::MAX);
            self.log.clear();
        }
        self.log.push(slot);
    }

    /// How many changes there have been.
    pub fn changes(&self) -> u64 {
        self.cut + u64::try_from(self.log.len()).unwrap_or(u64::MAX)
    }

    /// Slots that changed since there had been so many changes; None where the log does not go back as
    /// far.
    pub fn changed_since(&self, changes: u64) -> Option<&[usize]> {
        let start = usize::try_from(changes.checked_sub(self.cut)?).ok()?;
        self.log.get(start..)
    }

    /// The node in a slot.
    pub fn at(&self, slot: usize) -> Option<&Host> {
        self.slots.get(slot)?.as_ref()
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// All nodes, in an order that means nothing.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.slots.iter().flatten()
    }
}

fn is_soft(facts: &NodeFacts) -> bool {
    let mut taints = facts.taints.iter();
    taints.any(|taint| taint.effect == TaintEffect::PreferNoSchedule)
}
