//! Room that exists or is on its way costs nothing: which waiting pods go there. Nodes are tried as
//! kube-scheduler would rank them (least allocated first), after the room that awaited nodes hold for
//! the pods they were bought for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::app::{App, slot_of};
use crate::cluster::event::Slot;
use crate::cluster::market::purpose_of;
use crate::cluster::node::Node;
use crate::model::name::{AppId, NodeId, PodId};
use crate::model::node::{Purpose, Taint, tolerated};
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::resources::Resources;
use crate::model::spark::{PodTemplate, Role};

use super::constraint::{Rules, Who};
use super::demand::{self, Ask, Need};
use super::offer;

/// Which of the nodes that could take a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// The one with the most room: kube-scheduler's default.
    LeastAllocated,
    /// The one with the least room left beside the pod.
    Tightest,
}

/// All room, and what this plan has put there.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    view: View<'a>,
    /// Free room where this plan counts on more or less than the cluster does.
    changed: BTreeMap<&'a NodeId, Resources>,
    taken: BTreeMap<&'a NodeId, Vec<PodId>>,
    /// Room held for each application's kinds of pods, less what this plan has used of it.
    held: BTreeMap<(&'a AppId, Slot), BTreeMap<&'a NodeId, u32>>,
    /// Rules between pods.
    pub rules: Rc<Rules>,
    /// Pods of needs with rules that this plan has put on nodes.
    company: BTreeMap<(&'a NodeId, Who), u32>,
}

impl<'a> Rooms<'a> {
    /// Every open node with its free room, and what awaited nodes hold for those who ask.
    pub fn open(view: &View<'a>, asks: &[Ask<'a>]) -> Self {
        let mut rooms = Rooms {
            view: *view,
            changed: BTreeMap::new(),
            taken: BTreeMap::new(),
            held: BTreeMap::new(),
            rules: Rc::new(Rules::of(view, asks)),
            company: BTreeMap::new(),
        };
        let apps = &view.cluster.apps;
        let given_up = demand::given_up(view).filter_map(|id| apps.get_key_value(id));
        let asking = asks.iter().map(|ask| (ask.id, ask.app));
        let whose: BTreeMap<&AppId, &App> = asking.chain(given_up).collect();
        let mut own: BTreeMap<&NodeId, Resources> = BTreeMap::new();
        for (slot, nodes) in whose.values().flat_map(|app| &app.held) {
            for (id, count) in nodes.iter().filter(|(id, _)| rooms.is_open(id)) {
                *own.entry(id).or_default() += &slot.requests.times(*count);
            }
        }
        for (id, own) in own {
            if let Some(node) = view.cluster.nodes.get(id) {
                let mut others = node.promised.clone();
                others -= &own;
                rooms.changed.insert(id, node.free_beside(&others));
            }
        }
        for ask in asks {
            for (slot, nodes) in &ask.app.held {
                let open = nodes.iter().filter(|(id, _)| rooms.is_open(id));
                let open = open.map(|(id, count)| (id, *count)).collect();
                rooms.held.insert((ask.id, slot.clone()), open);
            }
        }
        rooms
    }

    fn is_open(&self, id: &NodeId) -> bool {
        let node = self.view.cluster.nodes.get(id);
        node.is_some_and(Node::is_open)
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
            let node = self.view.cluster.nodes.get(id);
            let accepts = node.is_some_and(|node| accepts(&self.view, node, &need.template, zone));
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
        let rank = |node: &Node, free: &Resources| {
            let free = i64::try_from(least_allocated(node, free, template)).unwrap_or(i64::MAX);
            if ranking == Ranking::LeastAllocated {
                free
            } else {
                -free
            }
        };
        let best = self
            .feasible(template, who, zone)
            .map(|(node, free)| (rank(node, &free), Reverse(&node.id)))
            .max()
            .map(|(_, Reverse(id))| id)?;
        self.put(best, pod, template, who);
        Some(best)
    }

    fn feasible(
        &self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> impl Iterator<Item = (&'a Node, Resources)> {
        self.candidates(template, zone).filter(move |(node, free)| {
            template.requests.fits(free)
                && accepts(&self.view, node, template, zone)
                && self.allowance(&node.id, who) > 0
        })
    }

    /// Open nodes that may have room for a pod, and how much; in no order that means anything.
    fn candidates(
        &self,
        template: &PodTemplate,
        zone: Option<ZoneId>,
    ) -> impl Iterator<Item = (&'a Node, Resources)> {
        let nodes = &self.view.cluster.nodes;
        let purpose = purpose_of(template.role);
        let space = &self.view.cluster.space;
        let known = space.with_room(zone, purpose, template.requests.cpu);
        let unchanged = known
            .filter(|id| !self.changed.contains_key(id))
            .filter_map(|id| nodes.get(id))
            .map(|node| (node, node.free()));
        let changed = self.changed.iter();
        let changed = changed.filter_map(|(id, free)| Some((nodes.get(*id)?, free.clone())));
        unchanged.chain(changed)
    }

    /// How many pods of a template the free room of a zone could take.
    pub fn capacity(&self, template: &PodTemplate, who: Who, zone: ZoneId, limit: u32) -> u32 {
        let mut count = 0;
        for (node, free) in self.feasible(template, who, Some(zone)) {
            let most = self.allowance(&node.id, who).min(limit - count);
            count += template.requests.copies_in(&free, most);
            if count >= limit {
                break;
            }
        }
        count
    }

    /// Free room before anything was put there, of the nodes that could take one of these pods.
    pub fn before(
        view: &View<'a>,
        asks: &[Ask<'a>],
        pods: &[(&PodTemplate, Who)],
    ) -> Vec<Resources> {
        let rooms = Rooms::open(view, asks);
        let all = rooms.that_fit(pods.iter().map(|(template, who)| (*template, *who, None)));
        all.iter().map(|id| rooms.free(id)).collect()
    }

    /// Nodes that would take one of these pods in its zone, by name.
    pub fn that_fit<'t>(
        &self,
        pods: impl Iterator<Item = (&'t PodTemplate, Who, Option<ZoneId>)>,
    ) -> Vec<&'a NodeId> {
        let mut found: BTreeSet<&NodeId> = BTreeSet::new();
        for (template, who, zone) in pods {
            found.extend(self.feasible(template, who, zone).map(|(node, _)| &node.id));
        }
        found.into_iter().collect()
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

    /// Room that is left on a node.
    pub fn free(&self, id: &NodeId) -> Resources {
        let unchanged = || self.view.cluster.nodes.get(id).map(Node::free);
        let changed = self.changed.get(id).cloned();
        changed.or_else(unchanged).unwrap_or_default()
    }

    /// True where a node would take such a pod.
    pub fn fits(&self, id: &NodeId, template: &PodTemplate, zone: Option<ZoneId>) -> bool {
        let node = self.view.cluster.nodes.get(id);
        self.has_room(id, template)
            && node.is_some_and(|node| accepts(&self.view, node, template, zone))
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
        template.requests.fits(&self.free(id))
    }

    /// Puts a pod on a node that takes it.
    pub fn put(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        let mut free = self.free(id);
        free -= &template.requests;
        self.changed.insert(id, free);
        if self.rules.get(who).is_some() {
            *self.company.entry((id, who)).or_default() += 1;
        }
        self.taken.entry(id).or_default().push(pod.clone());
    }

    /// Takes a pod back out.
    pub fn put_back(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        let mut free = self.free(id);
        free += &template.requests;
        self.changed.insert(id, free);
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

fn accepts(view: &View<'_>, node: &Node, template: &PodTemplate, zone: Option<ZoneId>) -> bool {
    let in_zone = zone.is_none() || zone == node.zone;
    let purpose = node
        .purpose
        .is_none_or(|purpose| purpose == purpose_of(template.role));
    let spot = node.capacity_type == Some(CapacityType::Spot);
    let safe = !spot
        || template.role != Role::Driver
        || has_spot_for_drivers(view, node)
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

/// Drivers may go there although it is spot: its pool says so.
fn has_spot_for_drivers(view: &View<'_>, node: &Node) -> bool {
    let pool = node.pool.as_ref();
    let pool = pool.and_then(|name| view.cluster.pools.get(name));
    pool.is_some_and(|pool| pool.spot.roles.contains(&Role::Driver))
}

/// The taint of driver nodes is tolerated by every driver, since placing adds the toleration.
fn is_own(taint: &Taint, template: &PodTemplate) -> bool {
    template.role == Role::Driver && Purpose::Driver.taint().as_ref() == Some(taint)
}

/// kube-scheduler's LeastAllocated score: the mean over CPU and memory of the share left free, in
/// ten-thousandths.
fn least_allocated(node: &Node, free: &Resources, template: &PodTemplate) -> u64 {
    let share = |free: u64, need: u64, all: u64| {
        let left = free.saturating_sub(need).saturating_mul(10_000);
        left.checked_div(all).unwrap_or(0)
    };
    let (need, all) = (&template.requests, &node.allocatable);
    let cpu = share(free.cpu.millis(), need.cpu.millis(), all.cpu.millis());
    let memory = share(free.memory.mib(), need.memory.mib(), all.memory.mib());
    (cpu + memory) / 2
}
