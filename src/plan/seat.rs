//! Who sits where while a plan is made: on nodes that exist, or on drafts of nodes to be. Knows how to
//! find room, to buy, and to take an application back out; who may sit is decided in `admit.rs`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::ledger::weight::weight;
use crate::model::name::{NodeId, PodId, PoolName};
use crate::model::node::Purpose;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::demand::{Ask, Need};
use super::menu::{Answer, Menu};
use super::pack::{self, Bin, Item, Problem};
use super::reason::{Limit, Reason};
use super::room::Rooms;
use super::zone::{Refusals, Zones};

/// Where a pod is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat<'a> {
    /// Nowhere yet.
    None,
    /// On a node that exists or boots.
    Node(&'a NodeId),
    /// On a node to be.
    Draft,
}

/// Pods of one need on one node to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Position of the application among the asks.
    pub ask: usize,
    /// Position of the need in it.
    pub need: usize,
    /// The pods.
    pub pods: Vec<PodId>,
}

/// A node to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its kind, by position in the market.
    pub kind: usize,
    /// What it is for.
    pub loads: Vec<Load>,
    /// Why this kind and not what the role prefers.
    pub note: Option<Reason>,
    free: Resources,
}

/// Pods of one need that are to be bought nodes in one zone, by position in the need.
#[derive(Clone, Debug)]
struct Order {
    ask: usize,
    need: usize,
    zone: ZoneId,
    pods: Vec<usize>,
}

/// A plan in the making.
#[derive(Clone, Debug)]
pub struct Seating<'s, 'a> {
    view: View<'a>,
    asks: &'s [Ask<'a>],
    /// Room of nodes that exist or boot.
    pub rooms: Rooms<'a>,
    /// By application and need: the seat of each pod.
    pub seats: BTreeMap<(usize, usize), Vec<Seat<'a>>>,
    /// Nodes to be.
    pub drafts: Vec<Draft>,
    /// Zones of the applications that may sit.
    pub zones: BTreeMap<usize, Zones>,
    /// Limits that stood in the way, by application.
    pub limits: BTreeMap<usize, (PoolName, Limit)>,
}

impl<'s, 'a> Seating<'s, 'a> {
    /// Everybody stands.
    pub fn new(view: View<'a>, asks: &'s [Ask<'a>]) -> Self {
        let seats = asks.iter().enumerate().flat_map(|(i, ask)| {
            let needs = ask.needs.iter().enumerate();
            needs.map(move |(n, need)| ((i, n), vec![Seat::None; need.pods.len()]))
        });
        Seating {
            view,
            asks,
            rooms: Rooms::open(&view, asks),
            seats: seats.collect(),
            drafts: Vec::new(),
            zones: BTreeMap::new(),
            limits: BTreeMap::new(),
        }
    }

    /// Seats pods on the nodes that hold room for them.
    pub fn claim_held(&mut self, i: usize) {
        let ask = &self.asks[i];
        for (n, need) in ask.needs.iter().enumerate() {
            let zone = self.zone_of(i);
            let homes = self.rooms.claim_held(ask, need, zone);
            let seats = homes
                .into_iter()
                .map(|home| home.map_or(Seat::None, Seat::Node));
            self.seats.insert((i, n), seats.collect());
        }
    }

    /// Seats what stands on nodes with free room, but for refused needs.
    pub fn find_room(&mut self, i: usize, refusals: &Refusals) {
        let zone = self.zone_of(i);
        for (n, need) in self.asks[i].needs.iter().enumerate() {
            if refusals.contains_key(&n) {
                continue;
            }
            let Some(seats) = self.seats.get_mut(&(i, n)) else {
                continue;
            };
            for (seat, pod) in seats
                .iter_mut()
                .zip(&need.pods)
                .filter(|(seat, _)| **seat == Seat::None)
            {
                match self.rooms.find(pod, &need.template, zone) {
                    Some(node) => *seat = Seat::Node(node),
                    None => break,
                }
            }
        }
    }

    /// Seats what stands, of all applications, on nodes with free room: the largest pods first, each
    /// where the least room is left beside it.
    pub fn find_room_tightly(&mut self, refused: &BTreeMap<usize, Refusals>) {
        let mut standing: Vec<(usize, usize)> = Vec::new();
        for (i, refusals) in refused.iter().filter(|(i, _)| self.zones.contains_key(i)) {
            let needs = 0..self.asks[*i].needs.len();
            standing.extend(needs.filter(|n| !refusals.contains_key(n)).map(|n| (*i, n)));
        }
        let size = |&(i, n): &(usize, usize)| weight(&self.asks[i].needs[n].template.requests);
        standing.sort_by_key(|place| (Reverse(size(place)), *place));
        for (i, n) in standing {
            let (need, zone) = (&self.asks[i].needs[n], self.zone_of(i));
            let Some(seats) = self.seats.get_mut(&(i, n)) else {
                continue;
            };
            for (seat, pod) in seats
                .iter_mut()
                .zip(&need.pods)
                .filter(|(seat, _)| **seat == Seat::None)
            {
                match self.rooms.find_tightest(pod, &need.template, zone) {
                    Some(node) => *seat = Seat::Node(node),
                    None => break,
                }
            }
        }
    }

    /// Seats what stands node by node, each filled as well as it can be.
    pub fn settle(&mut self, refused: &BTreeMap<usize, Refusals>) {
        let nodes: Vec<&'a NodeId> = self.rooms.ids();
        let mut places = Vec::new();
        let mut items = Vec::new();
        for (i, refusals) in refused.iter().filter(|(i, _)| self.zones.contains_key(i)) {
            for (n, pods) in self.standing(*i, refusals, |_, _| true) {
                let (template, zone) = (&self.asks[*i].needs[n].template, self.zone_of(*i));
                let fits = |node: &usize| self.rooms.fits(nodes[*node], template, zone);
                items.push(Item {
                    requests: template.requests.clone(),
                    count: u32::try_from(pods.len()).unwrap_or(u32::MAX),
                    kinds: (0..nodes.len()).filter(fits).collect(),
                });
                places.push((*i, n, pods));
            }
        }
        let free: Vec<Resources> = nodes.iter().map(|id| self.rooms.free(id)).collect();
        for Bin { kind, counts } in pack::settle(&items, &free) {
            for ((i, n, pods), count) in places.iter_mut().zip(counts) {
                let need = &self.asks[*i].needs[*n];
                for pod in pods.drain(..usize::try_from(count).unwrap_or(0)) {
                    self.rooms.put(nodes[kind], &need.pods[pod], &need.template);
                    if let Some(seats) = self.seats.get_mut(&(*i, *n)) {
                        seats[pod] = Seat::Node(nodes[kind]);
                    }
                }
            }
        }
    }

    /// Buys nodes for everybody who stands and may sit. False where somebody has none to buy.
    pub fn buy_all(&mut self, menu: &mut Menu<'a>, refused: &BTreeMap<usize, Refusals>) -> bool {
        let who: Vec<usize> = self.zones.keys().copied().collect();
        let mut orders = Vec::new();
        for i in who {
            let standing = self.standing(i, &refused[&i], |_, _| true);
            self.order(i, standing, &mut orders);
        }
        self.buy(menu, orders)
    }

    /// Buys nodes for an application's gang.
    pub fn buy_gang(&mut self, menu: &mut Menu<'a>, i: usize, refusals: &Refusals) -> bool {
        self.find_room(i, refusals);
        let standing = self.standing(i, refusals, |need, pod| pod < need.gang);
        let mut orders = Vec::new();
        self.order(i, standing, &mut orders);
        self.buy(menu, orders)
    }

    /// Buys nodes for the first `count` pods of an application that stand.
    pub fn buy_some(
        &mut self,
        menu: &mut Menu<'a>,
        i: usize,
        count: usize,
        refusals: &Refusals,
    ) -> bool {
        self.find_room(i, refusals);
        let mut standing = self.standing(i, refusals, |_, _| true);
        let mut left = count;
        for (_, pods) in &mut standing {
            pods.truncate(left);
            left -= pods.len();
        }
        let mut orders = Vec::new();
        self.order(i, standing, &mut orders);
        self.buy(menu, orders)
    }

    /// How many pods stand, refused needs apart.
    pub fn standing_count(&self, i: usize, refusals: &Refusals) -> usize {
        self.standing(i, refusals, |_, _| true)
            .iter()
            .map(|(_, pods)| pods.len())
            .sum()
    }

    /// True where every pod of the gang sits.
    pub fn gang_sits(&self, i: usize) -> bool {
        self.asks[i].needs.iter().enumerate().all(|(n, need)| {
            self.seats[&(i, n)]
                .iter()
                .take(need.gang)
                .all(|seat| *seat != Seat::None)
        })
    }

    /// Takes an application back out: its room is free for others.
    pub fn leave(&mut self, i: usize) {
        for (n, need) in self.asks[i].needs.iter().enumerate() {
            let Some(seats) = self.seats.get_mut(&(i, n)) else {
                continue;
            };
            for (seat, pod) in seats.iter_mut().zip(&need.pods) {
                if let Seat::Node(node) = *seat {
                    self.rooms.put_back(node, pod, &need.template);
                }
                *seat = Seat::None;
            }
        }
    }

    fn zone_of(&self, i: usize) -> Option<ZoneId> {
        match self.zones.get(&i) {
            Some(Zones::One(zone)) => Some(*zone),
            _ => None,
        }
    }

    /// Pods that stand, by need and position in it.
    fn standing(
        &self,
        i: usize,
        refusals: &Refusals,
        wanted: impl Fn(&Need, usize) -> bool,
    ) -> Vec<(usize, Vec<usize>)> {
        let needs = self.asks[i].needs.iter().enumerate();
        needs
            .filter(|(n, _)| !refusals.contains_key(n))
            .map(|(n, need)| {
                let seats = self.seats[&(i, n)].iter().enumerate();
                let pods = seats
                    .filter(|(pod, seat)| **seat == Seat::None && wanted(need, *pod))
                    .map(|(pod, _)| pod);
                (n, pods.collect())
            })
            .collect()
    }

    /// Turns pods that stand into orders by zone.
    fn order(&self, i: usize, standing: Vec<(usize, Vec<usize>)>, orders: &mut Vec<Order>) {
        for (need, pods) in standing.into_iter().filter(|(_, pods)| !pods.is_empty()) {
            match &self.zones[&i] {
                Zones::One(zone) => orders.push(Order {
                    ask: i,
                    need,
                    zone: *zone,
                    pods,
                }),
                Zones::Spread(zones) => {
                    for (z, zone) in zones.iter().enumerate() {
                        let dealt = pods.iter().copied().skip(z).step_by(zones.len()).collect();
                        orders.push(Order {
                            ask: i,
                            need,
                            zone: *zone,
                            pods: dealt,
                        });
                    }
                }
            }
        }
    }

    /// Seats the orders: free room of drafts first, then new drafts, packed by zone and purpose.
    fn buy(&mut self, menu: &mut Menu<'a>, orders: Vec<Order>) -> bool {
        let mut counters: BTreeMap<(ZoneId, Purpose), Vec<(Order, Answer)>> = BTreeMap::new();
        for mut order in orders {
            let need = &self.asks[order.ask].needs[order.need];
            let answer = menu.options(need, order.zone);
            if answer.is_err() {
                return false;
            }
            self.fill_drafts(&mut order, &answer);
            let counter = (order.zone, purpose_of(need.template.role));
            counters.entry(counter).or_default().push((order, answer));
        }
        for orders in counters.into_values() {
            self.buy_at_counter(&orders);
        }
        true
    }

    /// Puts what it can of an order into drafts with room left.
    fn fill_drafts(&mut self, order: &mut Order, answer: &Answer) {
        let Ok(options) = answer.as_ref() else { return };
        let need = &self.asks[order.ask].needs[order.need];
        for d in 0..self.drafts.len() {
            let draft = &self.drafts[d];
            if options.kinds.binary_search(&draft.kind).is_err() {
                continue;
            }
            let limit = u32::try_from(order.pods.len()).unwrap_or(u32::MAX);
            let copies = need.template.requests.copies_in(&draft.free, limit);
            let taken: Vec<usize> = order
                .pods
                .drain(..usize::try_from(copies).unwrap_or(0))
                .collect();
            self.load(d, order, &taken);
        }
    }

    fn buy_at_counter(&mut self, orders: &[(Order, Answer)]) {
        let (items, item_of) = self.items(orders);
        if items.is_empty() {
            return;
        }
        let market = self.view.cluster.market();
        let describe = |kind: usize| (&market.kinds[kind].room, market.kinds[kind].cost);
        let bins = pack::pack(&Problem::new(&items, describe));
        let mut queues: Vec<Vec<(usize, Vec<usize>)>> = vec![Vec::new(); items.len()];
        for (o, (order, _)) in orders.iter().enumerate().rev() {
            if let Some(item) = item_of[o].filter(|_| !order.pods.is_empty()) {
                queues[item].push((o, order.pods.clone()));
            }
        }
        for bin in &bins {
            self.draft(bin, orders, &mut queues);
        }
    }

    /// Orders that may be bought the same kinds and ask for the same are one item.
    fn items(&self, orders: &[(Order, Answer)]) -> (Vec<Item>, Vec<Option<usize>>) {
        let mut items: Vec<Item> = Vec::new();
        let mut known: BTreeMap<(*const Result<super::offer::Options, Reason>, &Resources), usize> =
            BTreeMap::new();
        let mut item_of = Vec::with_capacity(orders.len());
        for (order, answer) in orders {
            let (Ok(options), false) = (answer.as_ref(), order.pods.is_empty()) else {
                item_of.push(None);
                continue;
            };
            let requests = &self.asks[order.ask].needs[order.need].template.requests;
            let item = *known
                .entry((Rc::as_ptr(answer), requests))
                .or_insert_with(|| {
                    let item = Item {
                        requests: requests.clone(),
                        count: 0,
                        kinds: options.kinds.clone(),
                    };
                    items.push(item);
                    items.len() - 1
                });
            items[item].count += u32::try_from(order.pods.len()).unwrap_or(u32::MAX);
            item_of.push(Some(item));
        }
        (items, item_of)
    }

    /// A node to be, and the next pods of each item on it.
    fn draft(
        &mut self,
        bin: &Bin,
        orders: &[(Order, Answer)],
        queues: &mut [Vec<(usize, Vec<usize>)>],
    ) {
        let market = self.view.cluster.market();
        let free = market.kinds[bin.kind].room.clone();
        self.drafts.push(Draft {
            kind: bin.kind,
            loads: Vec::new(),
            note: None,
            free,
        });
        let d = self.drafts.len() - 1;
        for (item, &count) in bin.counts.iter().enumerate() {
            let mut left = usize::try_from(count).unwrap_or(usize::MAX);
            while left > 0 {
                let Some((o, pods)) = queues[item].last_mut() else {
                    break;
                };
                let taken: Vec<usize> = pods.drain(..left.min(pods.len())).collect();
                left -= taken.len();
                let (order, answer) = &orders[*o];
                if pods.is_empty() {
                    queues[item].pop();
                }
                if let Ok(options) = answer.as_ref() {
                    let note = &mut self.drafts[d].note;
                    *note = note.take().or_else(|| options.note.clone());
                }
                self.load(d, order, &taken);
            }
        }
    }

    fn load(&mut self, d: usize, order: &Order, pods: &[usize]) {
        if pods.is_empty() {
            return;
        }
        let need = &self.asks[order.ask].needs[order.need];
        let draft = &mut self.drafts[d];
        draft.free -= &need
            .template
            .requests
            .times(u32::try_from(pods.len()).unwrap_or(u32::MAX));
        let names = pods.iter().map(|&pod| need.pods[pod].clone()).collect();
        draft.loads.push(Load {
            ask: order.ask,
            need: order.need,
            pods: names,
        });
        if let Some(seats) = self.seats.get_mut(&(order.ask, order.need)) {
            pods.iter().for_each(|&pod| seats[pod] = Seat::Draft);
        }
    }
}
