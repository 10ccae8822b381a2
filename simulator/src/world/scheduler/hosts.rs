//! Nodes in a dense table, each with its free room and its pods, and a log of which of them changed, so
//! that whoever ranks them need look at those only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sparkwright::cluster::event::NodeFacts;
use sparkwright::model::name::{NodeId, Table};
use sparkwright::model::node::{INSTANCE_TYPE, Taint, TaintEffect};
use sparkwright::model::offering::Catalog;
use sparkwright::model::placement::HOSTNAME;
use sparkwright::model::requirement::{Labelled, Labels};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

use super::tournament::LAST_RANK;
use crate::world::pods::PodKey;

/// Entries of the log before it is cut, beyond four for each node.
const SHORT_LOG: usize = 1_024;

/// From the last rank to the next one. In between nodes come by halves of what is left, 24 of them at least.
const GAP: u64 = 1 << 24;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub facts: NodeFacts,
    pub free: Resources,
    /// Pods that the scheduler has bound.
    pub pods: Vec<PodKey>,
    /// Pods that came without it (DaemonSets'), and end with the node.
    pub others: Vec<Arc<PodTemplate>>,
    /// Nodes with equal labels and taints have equal shelves.
    pub shelf: usize,
    /// EBS volumes attached, and how many can be.
    pub disks: u32,
    pub most_disks: u32,
    /// Less than those of the nodes whose names come after its own.
    pub rank: u64,
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
    /// The rank and the place of each, in the order of names.
    by_name: VecDeque<(u64, usize)>,
    shelves: BTreeMap<(Labels, Vec<Taint>), usize>,
    log: Vec<usize>,
    /// Changes that were cut from the log.
    cut: u64,
    /// By slot: how many changes there had been after its latest one.
    latest: Vec<u64>,
    /// Nodes with a taint that pods would rather avoid.
    pub with_soft_taints: usize,
}

impl Hosts {
    /// Takes a node in. Returns where, and true where it was not known.
    pub fn apply(&mut self, facts: &NodeFacts, catalog: &Catalog) -> (usize, bool) {
        let known = self.places.get(&facts.id).copied();
        let slot = known.unwrap_or_else(|| self.vacant.pop().unwrap_or(self.slots.len()));
        if slot == self.slots.len() {
            self.slots.push(None);
            self.latest.push(0);
        }
        let old = self.slots[slot].take();
        self.with_soft_taints -= usize::from(old.as_ref().is_some_and(|old| is_soft(&old.facts)));
        self.with_soft_taints += usize::from(is_soft(facts));
        let (shelf, most_disks) = match &old {
            // Nodes are mostly told again when they are cordoned.
            Some(old) if old.facts.labels == facts.labels && old.facts.taints == facts.taints => {
                (old.shelf, old.most_disks)
            }
            _ => (self.shelf(facts), most_disks(facts, catalog)),
        };
        let mut host = Host {
            facts: facts.clone(),
            free: facts.allocatable.clone(),
            pods: Vec::new(),
            others: Vec::new(),
            shelf,
            disks: 0,
            rank: 0,
            most_disks,
        };
        if let Some(old) = old {
            // What its pods take is what was not free.
            let mut used = old.facts.allocatable;
            used -= &old.free;
            host.free -= &used;
            (host.pods, host.others, host.disks) = (old.pods, old.others, old.disks);
            host.rank = old.rank;
        }
        self.slots[slot] = Some(host);
        if known.is_none() {
            self.places.insert(facts.id.clone(), slot);
            self.rank(&facts.id, slot);
        }
        self.note(slot);
        (slot, known.is_none())
    }

    /// Ranks a node that has come between its neighbours.
    fn rank(&mut self, id: &NodeId, slot: usize) {
        let is_before = |(_, other): &(u64, usize)| {
            let other = self.at(*other).map(|host| &host.facts.id);
            other.is_some_and(|other| other.cmp(id).is_lt())
        };
        let at = self.by_name.partition_point(is_before);
        let before = at.checked_sub(1).map(|before| self.by_name[before].0);
        let after = self.by_name.get(at).map(|(after, _)| *after);
        let rank = match (before, after) {
            (None, None) => Some(LAST_RANK / 2),
            (Some(before), None) => Some(before + GAP).filter(|rank| *rank <= LAST_RANK),
            (None, Some(after)) => after.checked_sub(GAP),
            (Some(before), Some(after)) => {
                Some(before.midpoint(after)).filter(|rank| *rank > before)
            }
        };
        self.by_name.insert(at, (rank.unwrap_or_default(), slot));
        match (rank, &mut self.slots[slot]) {
            (Some(rank), Some(host)) => host.rank = rank,
            _ => self.rank_anew(),
        }
    }

    /// Ranks all nodes, as far from each other as can be. Who keeps them by rank has to look at all again.
    #[cold]
    fn rank_anew(&mut self) {
        let gap = LAST_RANK / (count(self.by_name.len()) + 1);
        for ((rank, slot), next) in self.by_name.iter_mut().zip(1..) {
            *rank = gap * next;
            if let Some(host) = &mut self.slots[*slot] {
                host.rank = *rank;
            }
        }
        self.cut += count(self.log.len()) + 1;
        self.log.clear();
    }

    /// The place of the node with a rank.
    pub fn ranked(&self, rank: u64) -> Option<usize> {
        let at = self.by_name.binary_search_by_key(&rank, |(rank, _)| *rank);
        at.ok().map(|at| self.by_name[at].1)
    }

    fn shelf(&mut self, facts: &NodeFacts) -> usize {
        let key = (facts.labels.clone(), facts.taints.clone());
        let next = self.shelves.len();
        *self.shelves.entry(key).or_insert(next)
    }

    /// Forgets a node; returns where it was, and what it was.
    pub fn remove(&mut self, node: &NodeId) -> Option<(usize, Host)> {
        let slot = self.places.swap_remove(node)?;
        let old = self.slots[slot].take()?;
        self.with_soft_taints -= usize::from(is_soft(&old.facts));
        let at = self.by_name.partition_point(|(rank, _)| *rank < old.rank);
        self.by_name.remove(at);
        self.vacant.push(slot);
        self.note(slot);
        Some((slot, old))
    }

    /// Where a node is.
    pub fn find(&self, node: &NodeId) -> Option<usize> {
        self.places.get(node).copied()
    }

    /// A pod takes its room, and as many disks.
    pub fn take(&mut self, slot: usize, pod: PodKey, requests: &Resources, disks: u32) {
        if let Some(host) = &mut self.slots[slot] {
            host.free -= requests;
            host.disks += disks;
            host.pods.push(pod);
            self.note(slot);
        }
    }

    /// A pod leaves its room, and as many disks.
    pub fn give_back(&mut self, slot: usize, pod: PodKey, requests: &Resources, disks: u32) {
        if let Some(host) = &mut self.slots[slot]
            && let Some(at) = host.pods.iter().position(|here| *here == pod)
        {
            host.pods.swap_remove(at);
            host.free += requests;
            host.disks -= disks;
            self.note(slot);
        }
    }

    /// A pod that nobody has bound takes its room.
    pub fn occupy(&mut self, slot: usize, template: &Arc<PodTemplate>) {
        if let Some(host) = &mut self.slots[slot] {
            host.free -= &template.requests;
            host.others.push(template.clone());
            self.note(slot);
        }
    }

    fn note(&mut self, slot: usize) {
        if self.log.len() > SHORT_LOG + 4 * self.slots.len() {
            self.cut += count(self.log.len());
            self.log.clear();
        }
        self.log.push(slot);
        self.latest[slot] = self.changes();
    }

    /// How many changes there have been.
    pub fn changes(&self) -> u64 {
        self.cut + count(self.log.len())
    }

    /// Slots that changed since there had been so many changes, each once; None where the log does not go
    /// back as far.
    pub fn changed_since(&self, changes: u64) -> Option<impl Iterator<Item = usize>> {
        let start = usize::try_from(changes.checked_sub(self.cut)?).ok()?;
        let changed = (changes + 1..).zip(self.log.get(start..)?);
        let latest = changed.filter(|&(change, &slot)| self.latest[slot] == change);
        Some(latest.map(|(_, &slot)| slot))
    }

    /// The node in a slot.
    pub fn at(&self, slot: usize) -> Option<&Host> {
        self.slots.get(slot)?.as_ref()
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// All nodes and where they are, in an order that means nothing.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Host)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, host)| Some((slot, host.as_ref()?)))
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// As many as its type can have, where the catalogue knows it.
fn most_disks(facts: &NodeFacts, catalog: &Catalog) -> u32 {
    let instance_type = facts.labels.get(INSTANCE_TYPE);
    let id = instance_type.and_then(|name| catalog.find_type(name));
    id.map_or(u32::MAX, |id| catalog.instance_type(id).disks)
}

fn is_soft(facts: &NodeFacts) -> bool {
    let mut taints = facts.taints.iter();
    taints.any(|taint| taint.effect == TaintEffect::PreferNoSchedule)
}
