//! How the applications of a round share the zones. Where prices differ by zone, what a pod costs in one
//! depends on who else is there: pods of unlike requests fill a cheap type together that none of them
//! fills alone. The linear programme over all zones says how many pods of each sort go where; whole
//! applications follow it as near as they can. Says nothing of those whose zone is given.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::ledger::weight::weight;
use crate::model::node::Purpose;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::bound::{self, Counted, Goods};
use super::demand::{Ask, Need};
use super::memo::Prices;
use super::menu::Menu;
use super::room::Rooms;
use super::zone;

/// By application: the zone that the whole round would have it in.
pub type Preferred = BTreeMap<usize, ZoneId>;

/// Pods of one sort, and the applications that mostly consist of them, with how many.
type Members<'a> = BTreeMap<(&'a Resources, Goods), Vec<(usize, usize)>>;

/// The zones that the whole round would have applications in. Empty where there is nothing to share out.
pub fn preferred(
    view: &View<'_>,
    menu: &mut Menu<'_>,
    rooms: &Rooms<'_>,
    asks: &[Ask<'_>],
) -> Preferred {
    if has_one_sort(menu, asks) {
        return Preferred::new();
    }
    let mut lots: Counted<'_> = BTreeMap::new();
    let mut members: Members<'_> = BTreeMap::new();
    for (i, ask) in asks.iter().enumerate() {
        if !is_free(view, menu, rooms, (ask, i)) {
            continue;
        }
        let mut main: Option<(i128, usize, usize)> = None;
        for (n, need) in ask.needs.iter().enumerate() {
            let goods = Goods(menu.kinds(need, None));
            if purpose_of(need.template.role) == Purpose::Driver || goods.0.is_empty() {
                continue;
            }
            let count = u32::try_from(need.pods.len()).unwrap_or(u32::MAX);
            *lots.entry((&need.template.requests, goods)).or_default() += count;
            main = main.max(Some((size(need), n, need.pods.len())));
        }
        if let Some((_, n, count)) = main {
            let need = &ask.needs[n];
            let sort = (&need.template.requests, Goods(menu.kinds(need, None)));
            members.entry(sort).or_default().push((count, i));
        }
    }
    if lots.len() < 2 {
        return Preferred::new();
    }
    let places = places(view, menu, &lots);
    let mut preferred = Preferred::new();
    for (sort, zones) in lots.keys().zip(places) {
        if let Some(apps) = members.remove(sort) {
            deal(apps, zones, &mut preferred);
        }
    }
    preferred
}

/// True where all pods but drivers ask for the same and may be bought the same.
fn has_one_sort(menu: &Menu<'_>, asks: &[Ask<'_>]) -> bool {
    let needs = asks.iter().flat_map(|ask| &ask.needs);
    let mut sorts = needs
        .filter(|need| purpose_of(need.template.role) != Purpose::Driver)
        .map(|need| (need.class, menu.patience(need)));
    let first = sorts.next();
    sorts.all(|sort| Some(sort) == first)
}

/// True where nothing says yet in which zone an application is.
fn is_free(
    view: &View<'_>,
    menu: &Menu<'_>,
    rooms: &Rooms<'_>,
    (ask, i): (&Ask<'_>, usize),
) -> bool {
    let has_rules = (0..ask.needs.len()).any(|n| rooms.rules.get((i, n)).is_some());
    let is_bound = !ask.app.held.is_empty() || zone::running(view, ask).is_some();
    !has_rules && !is_bound && !menu.is_spread(&ask.needs)
}

/// What the pods of a need ask for together, as the ledger weighs it.
fn size(need: &Need) -> i128 {
    let count = i128::try_from(need.pods.len()).unwrap_or(i128::MAX);
    weight(&need.template.requests).saturating_mul(count)
}

/// By sort of pods: how many of them the programme has in which zone.
fn places(view: &View<'_>, menu: &Menu<'_>, lots: &Counted<'_>) -> Vec<BTreeMap<ZoneId, f64>> {
    let market = view.cluster.market();
    let priced = bound::priced(view, menu, lots, Prices::Compared);
    let mut places = vec![BTreeMap::new(); lots.len()];
    for (kind, amount, counts) in priced.cover() {
        let zone = market.kinds[kind].offering.zone;
        for (place, &count) in places.iter_mut().zip(counts) {
            if count > 0 {
                *place.entry(zone).or_insert(0.0) += amount * f64::from(count);
            }
        }
    }
    places
}

/// The largest applications first, each to where most pods are still to go.
fn deal(mut apps: Vec<(usize, usize)>, mut zones: BTreeMap<ZoneId, f64>, to: &mut Preferred) {
    apps.sort_by_key(|&(count, i)| (Reverse(count), i));
    for (count, i) in apps {
        let emptiest =
            (zones.iter_mut()).max_by(|(a, left), (b, other)| left.total_cmp(other).then(b.cmp(a)));
        let Some((zone, left)) = emptiest else { return };
        *left -= f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        to.insert(i, *zone);
    }
}
