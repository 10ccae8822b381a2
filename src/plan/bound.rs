//! The least that the seated pods could cost: the configuration bound over every zone in which each of
//! them may be bought, less the most that free room could be worth to them. At list price, to be held
//! against a bill, and at the prices that are compared, to be held against what was sought.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::market::purpose_of;
use crate::model::money::UsdPerHour;
use crate::model::node::Purpose;
use crate::model::resources::Resources;

use super::constraint::Who;
use super::demand::{Ask, Need};
use super::memo::{Lots, Memo, Prices};
use super::menu::Menu;
use super::pack::{Item, Priced, Problem};
use super::room::Rooms;
use super::seat::{Seat, Seating};
use super::zone;

/// What the seated pods could cost at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// No plan costs less, though nodes could be had in fractions.
    pub fractional: UsdPerHour,
    /// No plan of whole nodes costs less; the same where it is not known better.
    pub whole: UsdPerHour,
    /// No plan costs less at the prices at which offerings are compared; in fractions.
    pub compared: UsdPerHour,
}

/// Pods by what they ask for and what they may be bought, and how many there are.
pub(super) type Counted<'a> = BTreeMap<(&'a Resources, Goods), u32>;

/// Kinds that pods may be bought. The same list is known at once; others are compared kind by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goods(pub Arc<[usize]>);

impl Ord for Goods {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            Ordering::Equal
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl PartialOrd for Goods {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Pods that are bought nodes of their own sort: drivers, or all others.
#[derive(Default)]
struct Sort<'a> {
    lots: Counted<'a>,
    pods: Vec<(&'a Need, Who)>,
}

/// No plan for the pods that have a seat costs less: at list price, where penalties are compared and not
/// paid and a bill knows no performance, and as offerings are compared.
pub fn bound(view: &View<'_>, memo: &Memo, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> Bound {
    let mut bound = Bound::default();
    if seating.drafts.is_empty() {
        return bound;
    }
    let mut menu = Menu::new(*view, memo, BTreeSet::new());
    for sort in sorts(view, &mut menu, asks, seating).into_values() {
        let rooms = Rooms::before(view, asks, &sort.pods);
        let listed = priced(view, &menu, &sort.lots, Prices::Listed);
        let fractional = listed.bound(&rooms);
        bound.fractional += fractional;
        bound.whole += listed.whole_bound(&rooms);
        let compared = priced(view, &menu, &sort.lots, Prices::Compared);
        bound.compared += match Arc::ptr_eq(&listed, &compared) {
            true => fractional,
            false => compared.bound(&rooms),
        };
    }
    bound
}

/// The pods that have a seat and may be bought nodes.
fn sorts<'a>(
    view: &View<'_>,
    menu: &mut Menu<'_>,
    asks: &'a [Ask<'_>],
    seating: &Seating<'_, '_>,
) -> BTreeMap<Purpose, Sort<'a>> {
    let mut sorts: BTreeMap<Purpose, Sort<'a>> = BTreeMap::new();
    for (i, ask) in asks.iter().enumerate() {
        let zone = zone::running(view, ask);
        for (n, need) in ask.needs.iter().enumerate() {
            let seats = seating.seats[i][n].iter();
            let seated = seats.filter(|seat| **seat != Seat::None).count();
            let kinds = menu.kinds(need, zone);
            if seated > 0 && !kinds.is_empty() {
                let sort = sorts.entry(purpose_of(need.template.role)).or_default();
                sort.pods.push((need, (i, n)));
                let lot = sort.lots.entry((&need.template.requests, Goods(kinds)));
                *lot.or_default() += u32::try_from(seated).unwrap_or(u32::MAX);
            }
        }
    }
    sorts
}

/// The pods' problem with its prices, as they were found before where the same was asked.
pub(super) fn priced(
    view: &View<'_>,
    menu: &Menu<'_>,
    lots: &Counted<'_>,
    prices: Prices,
) -> Arc<Priced> {
    let market = view.cluster.market();
    // Compared at list price both are one problem.
    let prices = match market.at_list_price {
        true => Prices::Listed,
        false => prices,
    };
    let address = |goods: &Goods| goods.0.as_ptr().addr();
    let asked: Lots = (lots.iter())
        .map(|((requests, goods), count)| ((*requests).clone(), address(goods), *count))
        .collect();
    let key = (prices, asked);
    let bounds = &menu.memo().bounds;
    let plain = menu.is_plain();
    if let Some(known) = bounds.borrow().get(&key).filter(|_| plain) {
        return known.clone();
    }
    let items: Vec<Item> = (lots.iter())
        .map(|((requests, goods), count)| Item {
            requests: (*requests).clone(),
            count: *count,
            kinds: goods.0.clone(),
        })
        .collect();
    let describe = |kind: usize| {
        let kind = &market.kinds[kind];
        let cost = match prices {
            Prices::Listed => kind.offering.price,
            Prices::Compared => kind.cost,
        };
        (&kind.room, cost)
    };
    let priced = Arc::new(Priced::new(Problem::new(&items, describe)));
    if plain {
        bounds.borrow_mut().insert(key, priced.clone());
    }
    priced
}
