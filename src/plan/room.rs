//! Room that exists or is on its way costs nothing: which waiting pods go there. Nodes are tried as
//! kube-scheduler would rank them (least allocated first), after the room that awaited nodes hold for
//! the pods they were bought for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::app::{App, slot_of};
use crate::cluster::event::Slot;
use crate::cluster::node::Node;
use crate::cluster::space::{ByFree, Free, share_free};
use crate::model::name::{AppId, NodeId, PodId, Table};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::accept::{Sorts, accepts, names_host, sorts};
use super::constraint::{Rules, Who};
use super::demand::{self, Ask, Need};
use super::find::Found;

/// Makes that take pods of a sort in a zone.
type Accepting = BTreeMap<(usize, Option<ZoneId>), Rc<[usize]>>;

/// Room held for an application's pods of a slot, less what this plan has used of it.
type Kept<'a> = Vec<(&'a NodeId, u32)>;

/// All room, and what this plan has put there.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    view: View<'a>,
    /// Free room where this plan counts on more or less than the cluster does.
    changed: Table<&'a NodeId, Free>,
    /// The same nodes by make and what is free, where they are known to the cluster's space.
    moved: BTreeMap<usize, ByFree<&'a NodeId>>,
    sorts: Sorts,
    accepting: Rc<RefCell<Accepting>>,
    pub(super) found: Found<'a>,
    taken: Table<&'a NodeId, Vec<PodId>>,
    /// By position of the application.
    held: BTreeMap<(usize, Slot), Kept<'a>>,
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
            changed: Table::default(),
            moved: BTreeMap::new(),
            sorts: sorts(asks),
            accepting: Rc::default(),
            found: Found::default(),
            taken: Table::default(),
            held: BTreeMap::new(),
            rules: Rc::new(Rules::of(view, asks)),
            company: BTreeMap::new(),
        };
        let apps = &view.cluster.apps;
        let given_up = demand::given_up(view).filter_map(|id| apps.get_key_value(id));
        let asking = asks.iter().map(|ask| (ask.id, ask.app));
        let whose: Table<&AppId, &App> = asking.chain(given_up).collect();
        let mut own: Table<&NodeId, Resources> = Table::default();
        for (slot, nodes) in whose.values().flat_map(|app| &app.held) {
            for (id, count) in nodes.iter().filter(|(id, _)| rooms.is_open(id)) {
                *own.entry(id).or_default() += &slot.requests.times(*count);
            }
        }
        for (id, own) in own {
            if let Some(node) = view.cluster.nodes.get(id) {
                let mut others = node.promised.clone();
                others -= &own;
                rooms.set_free(id, node.free_beside(&others));
            }
        }
        for (i, ask) in asks.iter().enumerate() {
            for (slot, nodes) in &ask.app.held {
                let open = nodes.iter().filter(|(id, _)| rooms.is_open(id));
                let open = open.map(|(id, count)| (id, *count)).collect();
                rooms.held.insert((i, slot.clone()), open);
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
        need: &Need,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Vec<Option<&'a NodeId>> {
        let mut homes = vec![None; need.pods.len()];
        let key = (who.0, slot_of(&need.template));
        let Some(mut nodes) = self.held.remove(&key) else {
            return homes;
        };
        let mut seated = 0;
        for (id, count) in &mut nodes {
            let standing = u32::try_from(need.pods.len() - seated).unwrap_or(u32::MAX);
            if standing == 0 || !self.accepts(id, &need.template, who, zone) {
                continue;
            }
            let requests = &need.template.requests;
            let here = requests.copies_in(&self.free(id), standing.min(*count));
            let pods = seated..seated + usize::try_from(here).unwrap_or(0);
            self.put(id, &need.pods[pods.clone()], &need.template, who);
            homes[pods.clone()].fill(Some(*id));
            *count -= here;
            seated = pods.end;
        }
        nodes.retain(|(_, count)| *count > 0);
        if !nodes.is_empty() {
            self.held.insert(key, nodes);
        }
        homes
    }

    /// Open nodes of a make with room for a pod, by what is free of them, no more than `most`.
    pub(super) fn open_groups<'t>(
        &self,
        make: usize,
        template: &'t PodTemplate,
        most: Option<&Free>,
    ) -> impl DoubleEndedIterator<Item = (&'a Free, &'a BTreeSet<NodeId>)> + use<'a, 't> {
        let space = &self.view.cluster.space;
        let groups = space.open(make, self.least_share(make, template), most);
        groups.filter(|((_, free), _)| template.requests.fits(free))
    }

    /// The same of those that this plan has touched.
    pub(super) fn moved_groups<'r, 't>(
        &'r self,
        make: usize,
        template: &'t PodTemplate,
    ) -> impl DoubleEndedIterator<Item = (&'r Free, &'r BTreeSet<&'a NodeId>)> + use<'a, 'r, 't>
    {
        let least = (self.least_share(make, template), Resources::default());
        let moved = self.moved.get(&make).into_iter();
        let groups = moved.flat_map(move |groups| groups.range(least.clone()..));
        groups.filter(|((_, free), _)| template.requests.fits(free))
    }

    fn least_share(&self, make: usize, template: &PodTemplate) -> u64 {
        let make = self.view.cluster.space.make(make);
        make.map_or(0, |make| share_free(&template.requests, &make.allocatable))
    }

    /// Nodes with room for one of these pods, and what is free of them.
    fn feasible(
        &self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> impl Iterator<Item = (&'a NodeId, &Resources)> {
        let makes = self.makes_for(template, who, zone);
        let count = makes.len();
        let plain = self.is_plain(template, who);
        let with_room = move |i: usize| {
            let unchanged = self.open_groups(makes[i], template, None);
            let unchanged = unchanged.flat_map(|((_, free), nodes)| {
                let nodes = nodes.iter().filter(|id| !self.is_changed(id));
                nodes.map(move |id| (id, free))
            });
            let changed = self.moved_groups(makes[i], template);
            let changed =
                changed.flat_map(|((_, free), nodes)| nodes.iter().map(move |id| (*id, free)));
            unchanged.chain(changed)
        };
        let nodes = (0..count).flat_map(with_room);
        nodes.filter(move |(id, _)| plain || self.takes_one(id, template, who))
    }

    /// True for pods that any node takes that accepts their sort and has the room.
    pub(super) fn is_plain(&self, template: &PodTemplate, who: Who) -> bool {
        self.rules.get(who).is_none() && !names_host(template)
    }

    /// True where neither rules between pods nor the host's name are against one more pod on a node with room.
    pub(super) fn takes_one(&self, id: &NodeId, template: &PodTemplate, who: Who) -> bool {
        let node = self.view.cluster.nodes.get(id);
        node.is_some_and(|node| {
            self.allowance(id, who) > 0
                && (!names_host(template) || template.constraints.hold(&node.labels))
        })
    }

    pub(super) fn view(&self) -> &View<'a> {
        &self.view
    }

    /// What takes one pod of this number takes those of every need that has it.
    pub(super) fn sort_of(&self, who: Who) -> usize {
        self.sorts[who.0][who.1]
    }

    /// True where this plan counts on other free room than the cluster does.
    pub(super) fn is_changed(&self, id: &NodeId) -> bool {
        self.changed.contains_key(&id)
    }

    /// Makes of nodes that take the pods of a need, by number.
    pub(super) fn makes_for(
        &self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Rc<[usize]> {
        let key = (self.sorts[who.0][who.1], zone);
        if let Some(known) = self.accepting.borrow().get(&key) {
            return known.clone();
        }
        let makes = self.view.cluster.space.makes();
        let accepting = makes.filter(|(_, make)| accepts(&self.view, make, template, zone));
        let accepting: Rc<[usize]> = accepting.map(|(number, _)| number).collect();
        self.accepting.borrow_mut().insert(key, accepting.clone());
        accepting
    }

    /// True where a node takes the pods of a need, its room apart.
    fn accepts(&self, id: &NodeId, template: &PodTemplate, who: Who, zone: Option<ZoneId>) -> bool {
        let Some(node) = self.view.cluster.nodes.get(id) else {
            return false;
        };
        let makes = self.makes_for(template, who, zone);
        node.make
            .is_some_and(|make| makes.binary_search(&make).is_ok())
            && (!names_host(template) || template.constraints.hold(&node.labels))
    }

    /// Counts on so much free room of a node.
    fn set_free(&mut self, id: &'a NodeId, free: Resources) {
        let Some(node) = self.view.cluster.nodes.get(id) else {
            return;
        };
        let free = (share_free(&free, &node.allocatable), free);
        let old = self.changed.insert(id, free.clone());
        if let Some(make) = node.make {
            self.found.changes(make);
            let groups = self.moved.entry(make).or_default();
            if let Some(old) = old
                && let Some(nodes) = groups.get_mut(&old)
            {
                nodes.remove(id);
                if nodes.is_empty() {
                    groups.remove(&old);
                }
            }
            groups.entry(free).or_default().insert(id);
        }
    }

    /// How many pods of a template the free room of a zone could take.
    pub fn capacity(&self, template: &PodTemplate, who: Who, zone: ZoneId, limit: u32) -> u32 {
        let mut count = 0;
        for (node, free) in self.feasible(template, who, Some(zone)) {
            let most = self.allowance(node, who).min(limit - count);
            count += template.requests.copies_in(free, most);
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
            found.extend(self.feasible(template, who, zone).map(|(node, _)| node));
        }
        found.into_iter().collect()
    }

    /// What was put where, by node, in order of their names.
    pub fn taken(&self) -> Vec<(NodeId, Vec<PodId>)> {
        let taken = self.taken.iter();
        let mut taken: Vec<_> = taken
            .map(|(id, pods)| ((*id).clone(), pods.clone()))
            .collect();
        taken.sort();
        taken
    }

    /// True where anything was put anywhere.
    pub fn is_used(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Room that is left on a node.
    pub fn free(&self, id: &NodeId) -> Resources {
        let unchanged = || self.view.cluster.nodes.get(id).map(Node::free);
        let changed = self.changed.get(&id).map(|(_, free)| free.clone());
        changed.or_else(unchanged).unwrap_or_default()
    }

    /// True where a node would take such a pod.
    pub fn fits(
        &self,
        id: &NodeId,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> bool {
        template.requests.fits(&self.free(id)) && self.accepts(id, template, who, zone)
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

    /// Puts pods of a need on a node that takes them.
    pub fn put(&mut self, id: &'a NodeId, pods: &[PodId], template: &PodTemplate, who: Who) {
        if pods.is_empty() {
            return;
        }
        let count = u32::try_from(pods.len()).unwrap_or(u32::MAX);
        let mut free = self.free(id);
        free -= &template.requests.times(count);
        self.set_free(id, free);
        if self.rules.get(who).is_some() {
            *self.company.entry((id, who)).or_default() += count;
        }
        self.taken.entry(id).or_default().extend_from_slice(pods);
    }

    /// Takes a pod back out.
    pub fn put_back(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        let mut free = self.free(id);
        free += &template.requests;
        self.set_free(id, free);
        if let Some(count) = self.company.get_mut(&(id, who)) {
            *count -= 1;
        }
        let pods = self.taken.entry(id).or_default();
        pods.retain(|known| known != pod);
        if pods.is_empty() {
            self.taken.swap_remove(&id);
        }
    }
}
