//! Room that exists or is on its way costs nothing: which waiting pods go there. Nodes are tried as
//! kube-scheduler would rank them (least allocated first), after the room that awaited nodes hold for
//! the pods they were bought for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::Slot;
use crate::cluster::market::purpose_of;
use crate::cluster::node::Node;
use crate::model::name::{AppId, NodeId, PodId};
use crate::model::node::{MANAGED, Purpose, Taint, tolerated};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::resources::Resources;
use crate::model::spark::{PodTemplate, Role};

use super::constraint::{Rules, Who};
use super::demand::{Ask, Need};
use super::offer;

/// Labels by which other autoscalers and node groups mark their nodes; what is placed by us selects
/// our own label, so such a node is no room for it.
const OTHERS_LABELS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "eks.amazonaws.com/compute-type",
    "alpha.eksctl.io/nodegroup-name",
];

/// Which of the nodes that could take a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// The one with the most room: kube-scheduler's default.
    LeastAllocated,
    /// The one with the least room left beside the pod.
    Tightest,
}

/// A node that pods may be planned onto.
#[derive(Clone, Debug)]
struct Room<'a> {
    node: &'a Node,
    free: Resources,
    /// Drivers may go there although it is spot: its pool says so.
    spot_for_drivers: bool,
}

/// All room, and what this plan has put there.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    rooms: BTreeMap<&'a NodeId, Room<'a>>,
    taken: BTreeMap<&'a NodeId, Vec<PodId>>,
    /// Room held for each application's kinds of pods, less what this plan has used of it.
    held: BTreeMap<(&'a AppId, Slot), BTreeMap<&'a NodeId, u32>>,
    /// Rules between pods.
    pub rules: Rc<Rules>,
    /// Pods of needs with rules that this plan has put on nodes.
    company: BTreeMap<(&'a NodeId, Who), u32>,
}

impl<'a> Rooms<'a> {
    /// Every open node with its free room, and what awaited nodes hold.
    pub fn open(view: &View<'a>, asks: &[Ask<'a>]) -> Self {
        let rooms: BTreeMap<&NodeId, Room<'a>> = view
            .cluster
            .nodes
            .values()
            .filter(|node| node.is_open() && is_nobody_elses(node))
            .map(|node| {
                let pool = node
                    .pool
                    .as_ref()
                    .and_then(|name| view.cluster.pools.get(name));
                let spot_for_drivers =
                    pool.is_some_and(|pool| pool.spot.roles.contains(&Role::Driver));
                (
                    &node.id,
                    Room {
                        node,
                        free: node.free(),
                        spot_for_drivers,
                    },
                )
            })
            .collect();
        let mut held: BTreeMap<(&AppId, Slot), BTreeMap<&NodeId, u32>> = BTreeMap::new();
        for ask in asks {
            for (slot, nodes) in &ask.app.held {
                let open = nodes.iter().filter(|(id, _)| rooms.contains_key(id));
                held.insert(
                    (ask.id, slot.clone()),
                    open.map(|(id, count)| (id, *count)).collect(),
                );
            }
        }
        Rooms {
            rooms,
            taken: BTreeMap::new(),
            held,
            rules: Rc::new(Rules::of(view, asks)),
            company: BTreeMap::new(),
        }
    }

    /// Puts the pods of a need onto the nodes that hold room for them. Returns, for each pod in order,
    /// the node, and leaves those without one as None.
    pub fn claim_held(
        &mut self,
        ask: &Ask<'a>,
        need: &Need,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Vec<Option<&'a NodeId>> {
        let mut homes = vec![None; need.pods.len()];
        let slot = slot_of(&need.template);
        let Some(mut nodes) = self.held.remove(&(ask.id, slot.clone())) else {
            return homes;
        };
        let mut next = homes.iter_mut().zip(&need.pods);
        for (&id, count) in &mut nodes {
            let accepts = self
                .rooms
                .get(id)
                .is_some_and(|room| accepts(room, &need.template, zone));
            while accepts && *count > 0 && self.has_room(id, &need.template) {
                let Some((home, pod)) = next.next() else {
                    break;
                };
                *home = Some(id);
                *count -= 1;
                self.put(id, pod, &need.template, who);
            }
        }
        nodes.retain(|_, count| *count > 0);
        if !nodes.is_empty() {
            self.held.insert((ask.id, slot), nodes);
        }
        homes
    }

    /// Puts one pod on the feasible node that ranks first; of equal ones the first by name.
    pub fn find(
        &mut self,
        pod: &PodId,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
        ranking: Ranking,
    ) -> Option<&'a NodeId> {
        let rank = |room: &Room<'a>| {
            let free = i64::try_from(least_allocated(room, template)).unwrap_or(i64::MAX);
            if ranking == Ranking::LeastAllocated {
                free
            } else {
                -free
            }
        };
        let best = self
            .feasible(template, who, zone)
            .max_by_key(|(id, room)| (rank(room), Reverse(*id)))
            .map(|(id, _)| id)?;
        self.put(best, pod, template, who);
        Some(best)
    }

    fn feasible(
        &self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> impl Iterator<Item = (&'a NodeId, &Room<'a>)> {
        self.rooms
            .iter()
            .filter(move |(id, room)| {
                template.requests.fits(&room.free)
                    && accepts(room, template, zone)
                    && self.allowance(id, who) > 0
            })
            .map(|(id, room)| (*id, room))
    }

    /// How many pods of a template the free room of a zone could take.
    pub fn capacity(&self, template: &PodTemplate, who: Who, zone: ZoneId, limit: u32) -> u32 {
        let mut count = 0;
        for (id, room) in &self.rooms {
            if count >= limit {
                break;
            }
            if accepts(room, template, Some(zone)) {
                let most = self.allowance(id, who).min(limit - count);
                count += template.requests.copies_in(&room.free, most);
            }
        }
        count
    }

    /// Free room before anything was put there, of the nodes that this plan uses or could use.
    pub fn nodes(&self) -> impl Iterator<Item = &'a Node> {
        self.rooms.values().map(|room| room.node)
    }

    /// What was put where, by node.
    pub fn taken(&self) -> Vec<(NodeId, Vec<PodId>)> {
        self.taken
            .iter()
            .map(|(id, pods)| ((*id).clone(), pods.clone()))
            .collect()
    }

    /// True where anything was put anywhere.
    pub fn is_used(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Nodes that this plan puts pods on.
    pub fn in_use(&self) -> BTreeSet<NodeId> {
        self.taken.keys().map(|id| (*id).clone()).collect()
    }

    /// How many open nodes there are.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// Every node's name.
    pub fn ids(&self) -> Vec<&'a NodeId> {
        self.rooms.keys().copied().collect()
    }

    /// Room that is left on a node.
    pub fn free(&self, id: &NodeId) -> Resources {
        self.rooms
            .get(id)
            .map(|room| room.free.clone())
            .unwrap_or_default()
    }

    /// True where a node would take such a pod.
    pub fn fits(&self, id: &NodeId, template: &PodTemplate, zone: Option<ZoneId>) -> bool {
        self.has_room(id, template)
            && self
                .rooms
                .get(id)
                .is_some_and(|room| accepts(room, template, zone))
    }

    /// Takes a pod back out.
    pub fn put_back(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.free += &template.requests;
            if let Some(count) = self.company.get_mut(&(id, who)) {
                *count -= 1;
            }
            let pods = self.taken.entry(id).or_default();
            pods.retain(|known| known != pod);
            if pods.is_empty() {
                self.taken.remove(id);
            }
        }
    }

    /// How many more pods of a need the rules between pods let onto a node.
    fn allowance(&self, id: &NodeId, who: Who) -> u32 {
        let Some(rule) = self.rules.get(who) else {
            return u32::MAX;
        };
        let count = |who: Who| self.company.get(&(id, who)).copied().unwrap_or(0);
        if rule.apart.iter().any(|other| count(*other) > 0) {
            return 0;
        }
        rule.on(id).saturating_sub(count(who))
    }

    fn has_room(&self, id: &NodeId, template: &PodTemplate) -> bool {
        self.rooms
            .get(id)
            .is_some_and(|room| template.requests.fits(&room.free))
    }

    /// Puts a pod on a node that takes it.
    pub fn put(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.free -= &template.requests;
            if self.rules.get(who).is_some() {
                *self.company.entry((id, who)).or_default() += 1;
            }
            self.taken.entry(id).or_default().push(pod.clone());
        }
    }
}

fn is_nobody_elses(node: &Node) -> bool {
    node.is_ours()
        || node.labels.contains_key(MANAGED)
        || !OTHERS_LABELS
            .iter()
            .any(|label| node.labels.contains_key(*label))
}

fn accepts(room: &Room<'_>, template: &PodTemplate, zone: Option<ZoneId>) -> bool {
    let node = room.node;
    let in_zone = zone.is_none() || zone == node.zone;
    let purpose = node
        .purpose
        .is_none_or(|purpose| purpose == purpose_of(template.role));
    let spot = node.capacity_type == Some(CapacityType::Spot);
    let safe = !spot
        || template.role != Role::Driver
        || room.spot_for_drivers
        || offer::pins_spot(&template.constraints);
    in_zone
        && purpose
        && safe
        && template.not_understood.is_empty()
        && template.constraints.hold(&node.labels)
        && tolerated(
            node.taints.iter().filter(|taint| !is_own(taint, template)),
            &template.tolerations,
        )
}

/// The taint of driver nodes is tolerated by every driver, since placing adds the toleration.
fn is_own(taint: &Taint, template: &PodTemplate) -> bool {
    template.role == Role::Driver && Purpose::Driver.taint().as_ref() == Some(taint)
}

/// kube-scheduler's LeastAllocated score: the mean over CPU and memory of the share left free, in
/// ten-thousandths.
fn least_allocated(room: &Room<'_>, template: &PodTemplate) -> u64 {
    let share = |free: u64, need: u64, all: u64| {
        let left = free.saturating_sub(need).saturating_mul(10_000);
        left.checked_div(all).unwrap_or(0)
    };
    let (free, need, all) = (&room.free, &template.requests, &room.node.allocatable);
    let cpu = share(free.cpu.millis(), need.cpu.millis(), all.cpu.millis());
    let memory = share(free.memory.mib(), need.memory.mib(), all.memory.mib());
    (cpu + memory) / 2
}
