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
use crate::cluster::space::{Free, share_free};
use crate::model::name::{AppId, NodeId, Table};
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::accept::{accepts, names_host};
use super::constraint::{Rules, Who};
use super::demand::{self, Ask, Need};
use super::find::Found;
use super::moved::Moved;

/// Touched nodes for which there is place from the start: as many as there are pods, and no more than this.
const RESERVED: usize = 256;

/// Makes that take pods of a class in a zone.
type Accepting = Vec<((usize, Option<ZoneId>), Rc<[usize]>)>;

/// Room held for an application's pods by slot, less what this plan has used of it.
pub(super) type Kept<'a> = Vec<(&'a Slot, Vec<(&'a NodeId, u32)>)>;

/// A node of which this plan counts on more or less room than the cluster does.
#[derive(Clone, Debug)]
struct Touched {
    free: Free,
    /// How many pods this plan has put there.
    pods: usize,
}

/// How this plan changes what is free of a node.
enum Change<'r> {
    Less(Resources),
    More(&'r Resources),
    /// Nobody else has more than this promised.
    Promised(Resources),
}

/// All room, and what this plan has put there.
#[derive(Clone, Debug)]
pub struct Rooms<'a> {
    view: View<'a>,
    touched: Table<&'a NodeId, Touched>,
    /// The same nodes by make, in order of the makes' numbers, where they are known to the cluster's space.
    pub(super) moved: Vec<Moved<'a>>,
    accepting: Rc<RefCell<Accepting>>,
    pub(super) found: Found<'a>,
    /// Rules between pods.
    pub rules: Rc<Rules>,
    /// Pods of needs with rules that this plan has put on nodes.
    company: BTreeMap<(&'a NodeId, Who), u32>,
}

impl<'a> Rooms<'a> {
    /// Every open node with its free room, and what awaited nodes hold for those who ask.
    pub fn open(view: &View<'a>, asks: &[Ask<'a>]) -> Self {
        let needs = asks.iter().flat_map(|ask| &ask.needs);
        let pods: usize = needs.map(|need| need.pods.len()).sum();
        let mut rooms = Rooms {
            view: *view,
            touched: Table::with_capacity_and_hasher(pods.min(RESERVED), Default::default()),
            moved: Vec::new(),
            accepting: Rc::default(),
            found: Found::with_room_for(pods.min(RESERVED)),
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
                rooms.change(id, Change::Promised(others));
            }
        }
        rooms
    }

    fn is_open(&self, id: &NodeId) -> bool {
        let node = self.view.cluster.nodes.get(id);
        node.is_some_and(Node::is_open)
    }

    /// Puts the pods of a need onto the nodes that hold room for them. Returns the nodes of the first pods in
    /// order; those that follow have none. `kept` is what the application's needs before it have left.
    pub fn claim_held(
        &mut self,
        (app, kept): (&'a App, &mut Kept<'a>),
        need: &Need,
        who: Who,
        zone: Option<ZoneId>,
    ) -> Vec<&'a NodeId> {
        let mut homes = Vec::new();
        let mut slots = app.held.iter();
        let Some((slot, held)) = slots.find(|(slot, _)| slot.is_of(&need.template)) else {
            return homes;
        };
        let known = kept.iter().position(|(known, _)| *known == slot);
        let place = known.unwrap_or_else(|| {
            let open = held.iter().filter(|(id, _)| self.is_open(id));
            kept.push((slot, open.map(|(id, count)| (id, *count)).collect()));
            kept.len() - 1
        });
        for (id, count) in kept[place].1.iter_mut().map(|(id, count)| (*id, count)) {
            let standing = u32::try_from(need.pods.len() - homes.len()).unwrap_or(u32::MAX);
            let most = standing.min(*count);
            if most == 0 || !self.accepts(id, need, zone) {
                continue;
            }
            let here = need.template.requests.copies_in(&self.free(id), most);
            let pods = usize::try_from(here).unwrap_or(0);
            self.put(id, pods, (need, who));
            homes.resize(homes.len() + pods, id);
            *count -= here;
        }
        homes
    }

    /// Where this plan's touched nodes of a make are listed.
    pub(super) fn place_of_make(&self, make: usize) -> Result<usize, usize> {
        self.moved.binary_search_by_key(&make, |moved| moved.make)
    }

    /// Nodes with room for one of these pods, and what is free of them.
    fn feasible(
        &self,
        need: &Need,
        who: Who,
        zone: Option<ZoneId>,
    ) -> impl Iterator<Item = (&'a NodeId, &Resources)> {
        let template = &*need.template;
        let makes = self.makes_for(need, zone);
        let count = makes.len();
        let plain = self.is_plain(template, who);
        let with_room = move |i: usize| {
            let shelf = self.view.cluster.space.shelf(makes[i]);
            let least = shelf.map_or(0, |(make, _)| {
                share_free(&template.requests, &make.allocatable)
            });
            let touched = self.place_of_make(makes[i]).ok();
            let unchanged = shelf.into_iter().flat_map(move |(_, open)| {
                let groups = emptiest_first(open.iter(), template, least);
                groups.flat_map(|((_, free), nodes)| nodes.iter().map(move |id| (id, free)))
            });
            let is_changed = move |id: &NodeId| touched.is_some() && self.is_changed(id);
            let unchanged = unchanged.filter(move |(id, _)| !is_changed(id));
            let changed = touched.into_iter().flat_map(move |place| {
                let groups = self.moved[place].groups.iter();
                let groups = groups.map(|(free, nodes)| (free, nodes));
                let groups = emptiest_first(groups, template, least);
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

    /// True where this plan counts on other free room than the cluster does.
    pub(super) fn is_changed(&self, id: &NodeId) -> bool {
        self.touched.contains_key(&id)
    }

    /// Makes of nodes that take the pods of a need, by number.
    pub(super) fn makes_for(&self, need: &Need, zone: Option<ZoneId>) -> Rc<[usize]> {
        let key = (need.class, zone);
        let mut known = self.accepting.borrow_mut();
        if let Some((_, makes)) = known.iter().find(|(of, _)| *of == key) {
            return makes.clone();
        }
        let makes = self.view.cluster.space.makes();
        let accepting = makes.filter(|(_, make)| accepts(&self.view, make, &need.template, zone));
        let accepting: Vec<usize> = accepting.map(|(number, _)| number).collect();
        known.push((key, accepting.into()));
        known[known.len() - 1].1.clone()
    }

    /// True where an open node takes the pods of a need, its room apart.
    fn accepts(&self, id: &NodeId, need: &Need, zone: Option<ZoneId>) -> bool {
        let cluster = self.view.cluster;
        let Some(node) = cluster.nodes.get(id) else {
            return false;
        };
        let template = &need.template;
        let of_make = node.make.is_some_and(|number| {
            let shelf = cluster.space.shelf(number);
            shelf.is_some_and(|(make, open)| {
                !open.is_empty() && accepts(&self.view, make, template, zone)
            })
        });
        of_make && (!names_host(template) || template.constraints.hold(&node.labels))
    }

    /// Counts on other free room of a node; returns how many pods this plan has there.
    fn change(&mut self, id: &NodeId, change: Change<'_>) -> Option<&mut usize> {
        let node = self.view.cluster.nodes.get(id)?;
        let known = self.touched.get_index_of(&id);
        let place = known.unwrap_or_else(|| {
            let (free, pods) = ((0, node.free()), 0);
            let touched = Touched { free, pods };
            self.touched.insert_full(&node.id, touched).0
        });
        let (_, Touched { free, pods }) = self.touched.get_index_mut(place)?;
        let old = known.map(|_| free.clone());
        match change {
            Change::Less(by) => free.1 -= &by,
            Change::More(by) => free.1 += by,
            Change::Promised(others) => free.1 = node.free_beside(&others),
        }
        free.0 = share_free(&free.1, &node.allocatable);
        if let Some(make) = node.make {
            self.found.changes(make);
            let known = self.moved.binary_search_by_key(&make, |moved| moved.make);
            let place = known.unwrap_or_else(|place| {
                self.moved.insert(place, Moved::of(make));
                place
            });
            let moved = &mut self.moved[place];
            if let Some(old) = old {
                moved.remove(&old, &node.id);
            }
            moved.insert(free, &node.id);
        }
        Some(pods)
    }

    /// How many pods of a need the free room of a zone could take.
    pub fn capacity(&self, need: &Need, who: Who, zone: ZoneId, limit: u32) -> u32 {
        let mut count = 0;
        for (node, free) in self.feasible(need, who, Some(zone)) {
            let most = self.allowance(node, who).min(limit - count);
            count += need.template.requests.copies_in(free, most);
            if count >= limit {
                break;
            }
        }
        count
    }

    /// Free room before anything was put there, of the nodes that could take one of these pods.
    pub fn before(view: &View<'a>, asks: &[Ask<'a>], pods: &[(&Need, Who)]) -> Vec<Resources> {
        let rooms = Rooms::open(view, asks);
        let all = rooms.that_fit(pods.iter().map(|(need, who)| (*need, *who, None)));
        all.iter().map(|id| rooms.free(id)).collect()
    }

    /// Nodes that would take one of these pods in its zone, by name.
    pub fn that_fit<'t>(
        &self,
        pods: impl Iterator<Item = (&'t Need, Who, Option<ZoneId>)>,
    ) -> Vec<&'a NodeId> {
        let mut found: BTreeSet<&NodeId> = BTreeSet::new();
        for (need, who, zone) in pods {
            found.extend(self.feasible(need, who, zone).map(|(node, _)| node));
        }
        found.into_iter().collect()
    }

    /// True where this plan has put pods on a node.
    pub fn is_taken(&self, id: &NodeId) -> bool {
        self.touched.get(&id).is_some_and(|node| node.pods > 0)
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
    pub fn fits(&self, id: &NodeId, need: &Need, zone: Option<ZoneId>) -> bool {
        need.template.requests.fits(&self.free(id)) && self.accepts(id, need, zone)
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

    /// Puts so many pods of a need on a node that takes them.
    pub fn put(&mut self, id: &'a NodeId, pods: usize, (need, who): (&Need, Who)) {
        if pods == 0 {
            return;
        }
        let count = u32::try_from(pods).unwrap_or(u32::MAX);
        if self.rules.get(who).is_some() {
            *self.company.entry((id, who)).or_default() += count;
        }
        let less = need.template.requests.times(count);
        if let Some(here) = self.change(id, Change::Less(less)) {
            *here += pods;
        }
    }

    /// Takes a pod back out.
    pub fn put_back(&mut self, id: &'a NodeId, (need, who): (&Need, Who)) {
        if let Some(count) = self.company.get_mut(&(id, who)) {
            *count -= 1;
        }
        if let Some(here) = self.change(id, Change::More(&need.template.requests)) {
            *here -= 1;
        }
    }
}

/// Groups of nodes with room for a pod, the emptiest first; what fits a pod has no smaller share free than
/// `least`.
fn emptiest_first<'g, G: 'g>(
    groups: impl DoubleEndedIterator<Item = (&'g Free, &'g G)>,
    template: &PodTemplate,
    least: u64,
) -> impl Iterator<Item = (&'g Free, &'g G)> {
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
