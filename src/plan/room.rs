//! Room that exists or is on its way costs nothing: which waiting pods go there. Nodes are tried as
//! kube-scheduler would rank them (least allocated first), after the room that awaited nodes hold for
//! the pods they were bought for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::app::App;
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

/// A node of which this plan counts on more or less room than the cluster does.
#[derive(Clone, Debug)]
struct Touched {
    free: Free,
    /// What this plan has put there.
    taken: Vec<PodId>,
}

/// All room, and what this plan has put there.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    view: View<'a>,
    touched: Table<&'a NodeId, Touched>,
    /// The same nodes by make and what is free, where they are known to the cluster's space.
    moved: BTreeMap<usize, ByFree<&'a NodeId>>,
    sorts: Sorts,
    accepting: Rc<RefCell<Accepting>>,
    pub(super) found: Found<'a>,
    /// By position of the application: held room of which this plan has used some.
    held: BTreeMap<(usize, &'a Slot), Kept<'a>>,
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
            touched: Table::default(),
            moved: BTreeMap::new(),
            sorts: sorts(asks),
            accepting: Rc::default(),
            found: Found::default(),
            held: BTreeMap::new(),
            rules: Rc::new(Rules::of(view, asks)),
            company: BTreeMap::new(),
        };
        let mut own: Table<&NodeId, Resources> = Table::default();
        for (slot, nodes) in whose(view, asks).flat_map(|app| &app.held) {
            for (id, count) in nodes.iter().filter(|(id, _)| rooms.is_open(id)) {
                *own.entry(id).or_default() += &slot.requests.times(*count);
            }
        }
        for (id, own) in own {
            if let Some(node) = view.cluster.nodes.get(id) {
                let mut others = node.promised.clone();
                others -= &own;
                rooms.change(id, |free| *free = node.free_beside(&others));
            }
        }
        rooms
    }

    fn is_open(&self, id: &NodeId) -> bool {
        let node = self.view.cluster.nodes.get(id);
        node.is_some_and(Node::is_open)
    }

    /// Puts the pods of a need onto the nodes that hold room for them. Returns the nodes of the first pods in
    /// order; those that follow have none.
    pub fn claim_held(
        &mut self,
        app: &'a App,
        need: &Need,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Vec<&'a NodeId> {
        let mut homes = Vec::new();
        let mut slots = app.held.iter();
        let Some((slot, held)) = slots.find(|(slot, _)| slot.is_of(&need.template)) else {
            return homes;
        };
        let key = (who.0, slot);
        let mut nodes = self.held.remove(&key).unwrap_or_else(|| {
            let open = held.iter().filter(|(id, _)| self.is_open(id));
            open.map(|(id, count)| (id, *count)).collect()
        });
        for (id, count) in &mut nodes {
            let standing = u32::try_from(need.pods.len() - homes.len()).unwrap_or(u32::MAX);
            let most = standing.min(*count);
            if most == 0 || !self.accepts(id, &need.template, who, zone) {
                continue;
            }
            let requests = &need.template.requests;
            let here = requests.copies_in(&self.free(id), most);
            let seated = homes.len() + usize::try_from(here).unwrap_or(0);
            let pods = &need.pods[homes.len()..seated];
            self.put(id, pods, &need.template, who);
            homes.resize(seated, *id);
            *count -= here;
        }
        self.held.insert(key, nodes);
        homes
    }

    /// Nodes of a make that this plan has touched, by what is free of them.
    pub(super) fn moved_groups(&self, make: usize) -> Option<&ByFree<&'a NodeId>> {
        self.moved.get(&make)
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
            let shelf = self.view.cluster.space.shelf(makes[i]);
            let least = shelf.map_or(0, |(make, _)| {
                share_free(&template.requests, &make.allocatable)
            });
            let touched = self.moved_groups(makes[i]);
            let unchanged = shelf.into_iter().flat_map(move |(_, open)| {
                let groups = emptiest_first(open.iter(), template, least);
                groups.flat_map(|((_, free), nodes)| nodes.iter().map(move |id| (id, free)))
            });
            let is_changed = move |id: &NodeId| touched.is_some() && self.is_changed(id);
            let unchanged = unchanged.filter(move |(id, _)| !is_changed(id));
            let changed = touched.into_iter().flat_map(move |groups| {
                let groups = emptiest_first(groups.iter(), template, least);
                groups.flat_map(|((_, free), nodes)| nodes.iter().map(move |id| (*id, free)))
            });
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
        let place = self.sorts.binary_search_by_key(&who, |(who, _)| *who);
        place.map_or(usize::MAX, |place| self.sorts[place].1)
    }

    /// True where this plan counts on other free room than the cluster does.
    pub(super) fn is_changed(&self, id: &NodeId) -> bool {
        self.touched.contains_key(&id)
    }

    /// Makes of nodes that take the pods of a need, by number.
    pub(super) fn makes_for(
        &self,
        template: &PodTemplate,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Rc<[usize]> {
        let key = (self.sort_of(who), zone);
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

    /// Counts on other free room of a node; returns what was put there.
    fn change(
        &mut self,
        id: &'a NodeId,
        change: impl FnOnce(&mut Resources),
    ) -> Option<&mut Vec<PodId>> {
        let node = self.view.cluster.nodes.get(id)?;
        let old = self.touched.get(&id).map(|known| known.free.clone());
        let untouched = || Touched {
            free: (0, node.free()),
            taken: Vec::new(),
        };
        let touched = self.touched.entry(id).or_insert_with(untouched);
        change(&mut touched.free.1);
        touched.free.0 = share_free(&touched.free.1, &node.allocatable);
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
            groups.entry(touched.free.clone()).or_default().insert(id);
        }
        Some(&mut touched.taken)
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
    pub fn into_taken(self) -> Vec<(NodeId, Vec<PodId>)> {
        let used = (self.touched.into_iter()).filter(|(_, touched)| !touched.taken.is_empty());
        let taken = used.map(|(id, touched)| (id.clone(), touched.taken));
        let mut taken: Vec<_> = taken.collect();
        taken.sort();
        taken
    }

    /// Room that is left on a node.
    pub fn free(&self, id: &NodeId) -> Resources {
        match self.touched.get(&id) {
            Some(touched) => touched.free.1.clone(),
            None => self
                .view
                .cluster
                .nodes
                .get(id)
                .map(Node::free)
                .unwrap_or_default(),
        }
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
        if self.rules.get(who).is_some() {
            *self.company.entry((id, who)).or_default() += count;
        }
        let less = template.requests.times(count);
        if let Some(taken) = self.change(id, |free| *free -= &less) {
            taken.extend_from_slice(pods);
        }
    }

    /// Takes a pod back out.
    pub fn put_back(&mut self, id: &'a NodeId, pod: &PodId, template: &PodTemplate, who: Who) {
        if let Some(count) = self.company.get_mut(&(id, who)) {
            *count -= 1;
        }
        if let Some(taken) = self.change(id, |free| *free += &template.requests) {
            taken.retain(|known| known != pod);
        }
    }
}

/// Groups of nodes with room for a pod, the emptiest first; what fits a pod has no smaller share free than
/// `least`.
pub(super) fn emptiest_first<'g, N: 'g>(
    groups: impl DoubleEndedIterator<Item = (&'g Free, &'g BTreeSet<N>)>,
    template: &PodTemplate,
    least: u64,
) -> impl Iterator<Item = (&'g Free, &'g BTreeSet<N>)> {
    let groups = groups.rev();
    let groups = groups.take_while(move |((share, _), _)| *share >= least);
    groups.filter(|((_, free), _)| template.requests.fits(free))
}

/// The applications that ask, and those that are given up, each once.
fn whose<'a>(view: &View<'a>, asks: &[Ask<'a>]) -> impl Iterator<Item = &'a App> {
    let apps = &view.cluster.apps;
    let given_up = demand::given_up(view).filter_map(|id| apps.get_key_value(id));
    let mut given_up: Table<&AppId, &App> = given_up.collect();
    if !given_up.is_empty() {
        for ask in asks {
            given_up.swap_remove(ask.id);
        }
    }
    let asking = asks.iter().map(|ask| ask.app);
    asking.chain(given_up.into_values())
}
