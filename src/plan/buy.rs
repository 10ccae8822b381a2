//! Nodes for pods that stand: orders by zone and purpose, packed together whoever they are for, into
//! the free room of drafts first and then into new drafts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::market::purpose_of;
use crate::model::name::PodId;
use crate::model::node::Purpose;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::constraint::{Rule, Who};
use super::memo::Lots;
use super::menu::{Answer, Menu};
use super::offer::Options;
use super::pack::{self, Bin, Item, Problem};
use super::reason::Reason;
use super::seat::{Seat, Seating};
use super::zone::{Refusals, Zones};

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
    /// EBS volumes of its pods.
    pub disks: u32,
    free: Resources,
}

impl Draft {
    /// How many pods it is for.
    pub fn pods(&self) -> u32 {
        let pods: usize = self.loads.iter().map(|load| load.pods.len()).sum();
        u32::try_from(pods).unwrap_or(u32::MAX)
    }
}

/// Pods of one need that are to be bought nodes in one zone, by position in the need.
#[derive(Clone, Debug)]
struct Order {
    ask: usize,
    need: usize,
    zone: ZoneId,
    pods: Vec<usize>,
}

/// What makes orders one item: what may be bought for them, what one pod asks for, and the need itself
/// where it has rules.
type Alike<'r> = (*const Result<Options, Reason>, &'r Resources, Option<Who>);

/// What rules count is packed like any other resource, under names that no device plugin has.
const COUNTED: &str = "sparkwright.dev/rule/";

/// A pod's requests with what its rule counts; of pods that go together, all at once.
fn with_rule(requests: &Resources, rule: &Rule, who: Who, count: u32) -> Resources {
    let mut counted = requests.clone();
    if rule.most < u32::MAX {
        let name = format!("{COUNTED}{}/{}", who.0, who.1);
        counted.extended.insert(name.into(), 1);
    }
    if rule.disks > 0 {
        let name = format!("{COUNTED}disks");
        counted.extended.insert(name.into(), u64::from(rule.disks));
    }
    if rule.together {
        counted.times(count)
    } else {
        counted
    }
}

fn parse_counted(name: &str) -> Option<Who> {
    let (ask, need) = name.strip_prefix(COUNTED)?.split_once('/')?;
    Some((ask.parse().ok()?, need.parse().ok()?))
}

impl<'a> Seating<'_, 'a> {
    /// Buys nodes for everybody who stands and may sit. False where somebody has none to buy.
    pub fn buy_all(&mut self, menu: &mut Menu<'a>, refused: &[Refusals]) -> bool {
        let mut orders = Vec::new();
        for i in self.who() {
            if self.standing_count(i, &refused[i]) == 0 {
                continue;
            }
            let standing = self.standing(i, &refused[i], |_, _| true);
            self.order(i, standing, &mut orders);
        }
        self.buy(menu, orders)
    }

    /// Buys nodes for what stands of an application's gang when free room has been taken.
    pub fn buy_gang(&mut self, menu: &mut Menu<'a>, i: usize, refusals: &Refusals) -> bool {
        self.find_room(i, refusals);
        self.buy_gang_afresh(menu, i, refusals)
    }

    /// The same, and free room is left alone.
    pub fn buy_gang_afresh(&mut self, menu: &mut Menu<'a>, i: usize, refusals: &Refusals) -> bool {
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
        let gang = self.standing(i, refusals, |need, pod| pod < need.gang);
        let growth = self.standing(i, refusals, |need, pod| pod >= need.gang);
        let mut left = count;
        let mut orders = Vec::new();
        for mut standing in [gang, growth] {
            for (_, pods) in &mut standing {
                pods.truncate(left);
                left -= pods.len();
            }
            self.order(i, standing, &mut orders);
        }
        self.buy(menu, orders)
    }

    /// Gives up the drafts that are for one application alone; its pods on them stand again. Returns how
    /// many these are.
    pub fn scrap_drafts(&mut self, i: usize) -> usize {
        let own = |draft: &Draft| draft.loads.iter().all(|load| load.ask == i);
        let (scrapped, kept) = std::mem::take(&mut self.drafts).into_iter().partition(own);
        self.drafts = kept;
        let mut count = 0;
        for load in Vec::<Draft>::into_iter(scrapped).flat_map(|draft| draft.loads) {
            count += load.pods.len();
            let freed: BTreeSet<&PodId> = load.pods.iter().collect();
            let pods = &self.asks[i].needs[load.need].pods;
            let seats = self.seats[i][load.need].iter_mut().zip(pods);
            let seats = seats.filter(|(_, pod)| freed.contains(pod));
            seats.for_each(|(seat, _)| *seat = Seat::None);
        }
        count
    }

    /// Gives up all drafts; whoever sits on one stands again.
    pub fn scrap_all_drafts(&mut self) {
        self.drafts.clear();
        let seats = self.seats.iter_mut().flatten().flatten();
        let on_drafts = seats.filter(|seat| **seat == Seat::Draft);
        on_drafts.for_each(|seat| *seat = Seat::None);
    }

    /// Turns pods that stand into orders by zone.
    fn order(&self, i: usize, standing: Vec<(usize, Vec<usize>)>, orders: &mut Vec<Order>) {
        for (need, pods) in standing.into_iter().filter(|(_, pods)| !pods.is_empty()) {
            match &self.zones[i] {
                None => {}
                Some(Zones::One(zone)) => orders.push(Order {
                    ask: i,
                    need,
                    zone: *zone,
                    pods,
                }),
                Some(Zones::Spread(zones)) => {
                    let rule = self
                        .rooms
                        .rules
                        .get((i, need))
                        .filter(|rule| rule.counts_zones());
                    let places = rule.and_then(|rule| rule.deal(pods.len(), zones, zones));
                    let places = places
                        .unwrap_or_else(|| (0..pods.len()).map(|p| p % zones.len()).collect());
                    for (z, zone) in zones.iter().enumerate() {
                        let here = pods.iter().zip(&places).filter(|(_, place)| **place == z);
                        let dealt = here.map(|(pod, _)| *pod).collect();
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
        let mut counters: BTreeMap<(ZoneId, Purpose, usize), Vec<(Order, Answer)>> =
            BTreeMap::new();
        for mut order in orders {
            let need = &self.asks[order.ask].needs[order.need];
            let answer = menu.options(need, order.zone);
            if answer.is_err() {
                return false;
            }
            self.fill_drafts(&mut order, &answer);
            let purpose = purpose_of(need.template.role);
            let who = (order.ask, order.need);
            // Needs that never share a node are bought at counters of their own.
            let is_free = |queue: &usize| {
                let others = counters
                    .get(&(order.zone, purpose, *queue))
                    .into_iter()
                    .flatten();
                self.get_along(who, others.map(|(other, _)| (other.ask, other.need)))
            };
            let queue = (0..).find(is_free).unwrap_or_default();
            let counter = (order.zone, purpose, queue);
            counters.entry(counter).or_default().push((order, answer));
        }
        for orders in counters.into_values() {
            self.buy_at_counter(menu, &orders);
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
            let limit = limit.min(self.allowance(draft, (order.ask, order.need)));
            let copies = need.template.requests.copies_in(&draft.free, limit);
            let taken: Vec<usize> = order
                .pods
                .drain(..usize::try_from(copies).unwrap_or(0))
                .collect();
            self.load(d, order, &taken);
        }
    }

    /// True where the rules let a need share a node with these.
    fn get_along(&self, who: Who, mut others: impl Iterator<Item = Who>) -> bool {
        let rule = self.rooms.rules.get(who);
        rule.is_none_or(|rule| !others.any(|other| rule.apart.contains(&other)))
    }

    /// How many more pods of a need the rules between pods let onto a draft.
    fn allowance(&self, draft: &Draft, who: Who) -> u32 {
        let Some(rule) = self.rooms.rules.get(who) else {
            return u32::MAX;
        };
        let others = draft.loads.iter().map(|load| (load.ask, load.need));
        if rule.together || !self.get_along(who, others) {
            return 0;
        }
        let own = draft
            .loads
            .iter()
            .filter(|load| (load.ask, load.need) == who);
        let here: usize = own.map(|load| load.pods.len()).sum();
        let most = rule
            .most
            .saturating_sub(u32::try_from(here).unwrap_or(u32::MAX));
        let left = self.attachments(draft.kind).saturating_sub(draft.disks);
        most.min(left.checked_div(rule.disks).unwrap_or(u32::MAX))
    }

    fn attachments(&self, kind: usize) -> u32 {
        let cluster = self.view.cluster;
        let kind = &cluster.market().kinds[kind];
        kind.instance_type(&cluster.catalog).disks
    }

    fn buy_at_counter(&mut self, menu: &Menu<'a>, orders: &[(Order, Answer)]) {
        let (items, item_of, lots) = self.items(orders);
        if items.is_empty() {
            return;
        }
        let bins = self.packed(menu, &items, lots);
        let mut queues: Vec<Vec<(usize, Vec<usize>)>> = vec![Vec::new(); items.len()];
        for (o, (order, _)) in orders.iter().enumerate().rev() {
            if let Some(item) = item_of[o].filter(|_| !order.pods.is_empty()) {
                queues[item].push((o, order.pods.clone()));
            }
        }
        for bin in bins.iter() {
            self.draft(bin, orders, &mut queues);
        }
    }

    /// Nodes for the items, as they were found before where the same was asked.
    fn packed(&self, menu: &Menu<'a>, items: &[Item], lots: Lots) -> Arc<[Bin]> {
        let packs = &menu.memo().packs;
        let plain = menu.is_plain() && self.rooms.rules.is_empty();
        if let Some(known) = packs.borrow().get(&lots).filter(|_| plain) {
            return known.clone();
        }
        if !plain {
            return pack::pack(&self.problem(items)).into();
        }
        let sorts = lots.iter().map(|(requests, list, _)| (requests, *list));
        let sorts = sorts.map(|(requests, list)| (requests.clone(), list));
        let mut problems = menu.memo().problems.borrow_mut();
        let problem = problems.entry(sorts.collect());
        let problem = problem.or_insert_with(|| self.problem(items));
        problem.counts = items.iter().map(|item| item.count).collect();
        let bins: Arc<[Bin]> = pack::pack(problem).into();
        packs.borrow_mut().insert(lots, bins.clone());
        bins
    }

    fn problem(&self, items: &[Item]) -> Problem {
        let market = self.view.cluster.market();
        let rooms = self.rooms_with_rules(items);
        Problem::new(items, |kind| {
            let room = rooms.get(&kind).unwrap_or(&market.kinds[kind].room);
            (room, market.kinds[kind].cost)
        })
    }

    /// Orders that may be bought the same kinds and ask for the same are one item.
    fn items(&self, orders: &[(Order, Answer)]) -> (Vec<Item>, Vec<Option<usize>>, Lots) {
        let mut items: Vec<Item> = Vec::new();
        let mut lists: Vec<usize> = Vec::new();
        let mut known: BTreeMap<Alike<'_>, usize> = BTreeMap::new();
        let mut item_of = Vec::with_capacity(orders.len());
        for (order, answer) in orders {
            let (Ok(options), false) = (answer.as_ref(), order.pods.is_empty()) else {
                item_of.push(None);
                continue;
            };
            let requests = &self.asks[order.ask].needs[order.need].template.requests;
            let who = (order.ask, order.need);
            let rule = self.rooms.rules.get(who);
            let item = *known
                .entry((Arc::as_ptr(answer), requests, rule.map(|_| who)))
                .or_insert_with(|| {
                    let item = Item {
                        requests: requests.clone(),
                        count: 0,
                        kinds: options.kinds.as_slice().into(),
                    };
                    items.push(item);
                    lists.push(Arc::as_ptr(answer).addr());
                    items.len() - 1
                });
            let count = u32::try_from(order.pods.len()).unwrap_or(u32::MAX);
            items[item].count += count;
            if let Some(rule) = rule {
                items[item].requests = with_rule(requests, rule, who, count);
                items[item].count = if rule.together { 1 } else { count };
            }
            item_of.push(Some(item));
        }
        let lots = items.iter().zip(lists);
        let lots = lots.map(|(item, list)| (item.requests.clone(), list, item.count));
        let lots = lots.collect();
        (items, item_of, lots)
    }

    /// Rooms of the kinds that items with rules may be bought, with what the rules count: pods of the
    /// need, and attachments.
    fn rooms_with_rules(&self, items: &[Item]) -> BTreeMap<usize, Resources> {
        let market = self.view.cluster.market();
        let mut rooms: BTreeMap<usize, Resources> = BTreeMap::new();
        for item in items {
            let counted = item.requests.extended.keys();
            for name in counted.filter(|name| name.starts_with(COUNTED)) {
                let parsed = parse_counted(name);
                for &kind in item.kinds.iter() {
                    let room = rooms
                        .entry(kind)
                        .or_insert_with(|| market.kinds[kind].room.clone());
                    let most = match parsed {
                        Some(who) => self.rooms.rules.get(who).map_or(u32::MAX, |rule| rule.most),
                        None => self.attachments(kind),
                    };
                    room.extended.insert(name.clone(), u64::from(most));
                }
            }
        }
        rooms
    }

    /// True where all pods of an item go onto one node.
    fn is_together(
        &self,
        item: usize,
        orders: &[(Order, Answer)],
        queues: &[Vec<(usize, Vec<usize>)>],
    ) -> bool {
        queues[item].last().is_some_and(|(o, _)| {
            let order = &orders[*o].0;
            let rule = self.rooms.rules.get((order.ask, order.need));
            rule.is_some_and(|rule| rule.together)
        })
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
            disks: 0,
            free,
        });
        let d = self.drafts.len() - 1;
        for (item, &count) in bin.counts.iter().enumerate() {
            let mut left = usize::try_from(count).unwrap_or(usize::MAX);
            if left > 0 && self.is_together(item, orders, queues) {
                left = queues[item].iter().map(|(_, pods)| pods.len()).sum();
            }
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
        let rule = self.rooms.rules.get((order.ask, order.need));
        let disks = rule.map_or(0, |rule| rule.disks);
        draft.disks += disks * u32::try_from(pods.len()).unwrap_or(u32::MAX);
        let names = pods.iter().map(|&pod| need.pods[pod].clone()).collect();
        draft.loads.push(Load {
            ask: order.ask,
            need: order.need,
            pods: names,
        });
        let seats = &mut self.seats[order.ask][order.need];
        pods.iter().for_each(|&pod| seats[pod] = Seat::Draft);
    }
}
