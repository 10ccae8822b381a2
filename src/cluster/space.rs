//! Where there is room: open nodes by make and by how much of them is free, so that looking for room
//! costs what there is of it and not what there are of nodes. Says where to look, not whether a pod fits.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::name::{NodeId, PoolName};
use crate::model::node::{MANAGED, Purpose, Taint};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::placement::HOSTNAME;
use crate::model::requirement::Labels;
use crate::model::resources::Resources;

use super::node::Node;

/// Labels by which other autoscalers and node groups mark their nodes; what is placed by us selects
/// our own label, so such a node is no room for it.
const OTHERS_LABELS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "eks.amazonaws.com/compute-type",
    "alpha.eksctl.io/nodegroup-name",
];

/// What decides which pods a node takes, its room apart: nodes of one make are asked once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Make {
    /// Its pool, where it is ours.
    pub pool: Option<PoolName>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// Its zone.
    pub zone: Option<ZoneId>,
    /// Spot or on-demand.
    pub capacity_type: Option<CapacityType>,
    /// Room in all.
    pub allocatable: Resources,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Labels, but for the host's name, which each node has for itself.
    pub labels: Labels,
}

/// What is free of a node: as [`share_free`] counts it, and as it is.
pub type Free = (u64, Resources);

/// Nodes by what is free of them. Those with exactly the same free lie together, so that what would not
/// fit one of them is held against one and not against all.
pub type ByFree<N> = BTreeMap<Free, BTreeSet<N>>;

/// Nodes of one make.
#[derive(Clone, Debug)]
struct Shelf {
    make: Arc<Make>,
    /// Nodes of this make, open or not.
    members: usize,
    open: ByFree<NodeId>,
}

/// Open nodes, by make.
#[derive(Clone, Debug, Default)]
pub struct Space {
    shelves: BTreeMap<usize, Shelf>,
    known: BTreeMap<Arc<Make>, usize>,
    made: usize,
}

impl Space {
    /// Every make of which there are nodes, with its number.
    pub fn makes(&self) -> impl Iterator<Item = (usize, &Make)> {
        self.shelves
            .iter()
            .filter(|(_, shelf)| !shelf.open.is_empty())
            .map(|(number, shelf)| (*number, &*shelf.make))
    }

    /// The make of this number, and its open nodes by what is free of them.
    pub fn shelf(&self, number: usize) -> Option<(&Make, &ByFree<NodeId>)> {
        let shelf = self.shelves.get(&number)?;
        Some((&shelf.make, &shelf.open))
    }

    /// Zones in which there are open nodes.
    pub fn zones(&self) -> impl Iterator<Item = ZoneId> {
        self.makes().filter_map(|(_, make)| make.zone)
    }

    /// Takes note of a node as it is now.
    pub(super) fn note(&mut self, node: &mut Node) {
        let number = match node.make {
            Some(number) => number,
            None => self.enter(node),
        };
        let Some(shelf) = self.shelves.get_mut(&number) else {
            return;
        };
        let open = node.is_open() && is_nobody_elses(node);
        let free = open.then(|| {
            let free = node.free();
            (share_free(&free, &node.allocatable), free)
        });
        if free == node.shelved {
            return;
        }
        let own = shelf.close(node);
        if let Some(free) = &free {
            shelf.open(free, node, own);
        }
        node.shelved = free;
    }

    /// The node is gone, or has become another make.
    pub(super) fn forget(&mut self, node: &mut Node) {
        let Some(number) = node.make.take() else {
            return;
        };
        let Some(shelf) = self.shelves.get_mut(&number) else {
            return;
        };
        shelf.close(node);
        shelf.members -= 1;
        if shelf.members == 0 {
            self.known.remove(&shelf.make);
            self.shelves.remove(&number);
        }
    }

    /// The number of a node's make.
    fn enter(&mut self, node: &mut Node) -> usize {
        let make = make_of(node);
        let number = match self.known.get(&make) {
            Some(number) => *number,
            None => {
                let make = Arc::new(make);
                self.made += 1;
                self.known.insert(make.clone(), self.made);
                let shelf = Shelf {
                    make,
                    members: 0,
                    open: ByFree::new(),
                };
                self.shelves.insert(self.made, shelf);
                self.made
            }
        };
        if let Some(shelf) = self.shelves.get_mut(&number) {
            shelf.members += 1;
        }
        node.make = Some(number);
        number
    }
}

impl Shelf {
    /// Puts a node among those that have as much free, where there are such, else with its `own` set to itself.
    fn open(&mut self, free: &Free, node: &Node, own: Option<BTreeSet<NodeId>>) {
        match (self.open.entry(free.clone()), own) {
            (Entry::Vacant(place), Some(own)) => {
                place.insert(own);
            }
            (place, _) => {
                place.or_default().insert(node.id.clone());
            }
        }
    }

    /// Takes a node out of the open ones; where it lay alone, with the set that holds it.
    fn close(&mut self, node: &mut Node) -> Option<BTreeSet<NodeId>> {
        let free = node.shelved.take()?;
        let Entry::Occupied(mut alike) = self.open.entry(free) else {
            return None;
        };
        if alike.get().len() == 1 {
            return Some(alike.remove());
        }
        alike.get_mut().remove(&node.id);
        None
    }
}

/// The shares of CPU and of memory that are free, added, in millionths: what kube-scheduler's
/// LeastAllocated ranks by. What fits has no smaller share than what it fits into.
pub fn share_free(free: &Resources, all: &Resources) -> u64 {
    const MILLION: u64 = 1_000_000;
    let share = |free: u64, all: u64| {
        let free = free.saturating_mul(MILLION);
        free.checked_div(all).unwrap_or(0)
    };
    let memory = share(free.memory.mib(), all.memory.mib());
    share(free.cpu.millis(), all.cpu.millis()) + memory
}

fn make_of(node: &Node) -> Make {
    let mut labels = node.labels.clone();
    // Labels are shared until they are changed.
    if labels.contains_key(HOSTNAME) {
        labels.remove(HOSTNAME);
    }
    Make {
        pool: node.pool.clone(),
        purpose: node.purpose,
        zone: node.zone,
        capacity_type: node.capacity_type,
        allocatable: node.allocatable.clone(),
        taints: node.taints.clone(),
        labels,
    }
}

fn is_nobody_elses(node: &Node) -> bool {
    node.is_ours()
        || node.labels.contains_key(MANAGED)
        || !OTHERS_LABELS
            .iter()
            .any(|label| node.labels.contains_key(*label))
}

#[cfg(test)]
mod tests {
    use crate::model::resources::{Bytes, Cpu};

    use super::*;

    fn node(name: &str, millis: u64) -> Node {
        let mut node = Node::named(&NodeId::from(name));
        node.allocatable = Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(1000));
        node.stage = super::super::node::Stage::Ready;
        node
    }

    #[test]
    fn nodes_of_one_make_lie_together_and_a_make_goes_with_its_last_node() {
        let mut space = Space::default();
        let mut nodes = [node("a", 4000), node("b", 4000), node("c", 8000)];
        nodes.iter_mut().for_each(|node| space.note(node));
        assert_eq!(space.makes().count(), 2);
        nodes[1].used = Resources::pod(Cpu::from_millis(1000), Bytes::from_mib(0));
        space.note(&mut nodes[1]);
        let make = nodes[0].make.unwrap();
        let (_, open) = space.shelf(make).unwrap();
        let names: Vec<&str> = open.values().flatten().map(NodeId::as_str).collect();
        assert_eq!(names, ["b", "a"]);
        let shares: Vec<u64> = open.keys().map(|(share, _)| *share).collect();
        assert_eq!(shares, [1_750_000, 2_000_000]);
        nodes.iter_mut().for_each(|node| space.forget(node));
        assert_eq!((space.makes().count(), space.known.len()), (0, 0));
    }

    #[test]
    fn what_fits_has_no_smaller_share() {
        let of = |cpu, memory| Resources::pod(Cpu::from_millis(cpu), Bytes::from_mib(memory));
        let all = of(7910, 14_163);
        for cpu in (0..7910).step_by(97) {
            let (small, large) = (of(cpu, 2 * cpu), of(cpu + 1, 2 * cpu + 1));
            assert!(share_free(&small, &all) <= share_free(&large, &all));
        }
        assert_eq!(share_free(&of(1, 1), &of(0, 0)), 0);
    }
}
