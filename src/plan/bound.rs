//! The least that the seated pods could cost: the configuration bound over every zone in which each of
//! them may be bought, less the most that free room could be worth to them. At list price, to be held
//! against a bill, and at the prices that are compared, to be held against what was sought.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::model::money::UsdPerHour;
use crate::model::resources::Resources;
use crate::model::spark::PodTemplate;

use super::constraint::Who;
use super::demand::Ask;
use super::memo::{Lots, Memo, Prices};
use super::menu::Menu;
use super::pack::{Item, Priced, Problem};
use super::room::Rooms;
use super::seat::{Seat, Seating};
use super::zone;

/// What no plan for the pods that have a seat costs less than.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// At list price: penalties are compared and not paid, and a bill knows no performance.
    pub listed: UsdPerHour,
    /// At the prices at which offerings are compared.
    pub compared: UsdPerHour,
}

/// Both bounds; they are one where every offering is compared at its list price.
pub fn bounds(view: &View<'_>, memo: &Memo, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> Bounds {
    if seating.drafts.is_empty() {
        return Bounds::default();
    }
    let mut menu = Menu::new(*view, memo, BTreeSet::new());
    let mut lots: BTreeMap<(&Resources, Arc<[usize]>), u32> = BTreeMap::new();
    let mut seated_pods: Vec<(&PodTemplate, Who)> = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        let zone = zone::running(view, ask);
        for (n, need) in ask.needs.iter().enumerate() {
            let seats = seating.seats[&(i, n)].iter();
            let seated = seats.filter(|seat| **seat != Seat::None).count();
            let kinds = menu.kinds(need, zone);
            if seated > 0 && !kinds.is_empty() {
                seated_pods.push((&need.template, (i, n)));
                *lots.entry((&need.template.requests, kinds)).or_default() +=
                    u32::try_from(seated).unwrap_or(u32::MAX);
            }
        }
    }
    if lots.is_empty() {
        return Bounds::default();
    }
    let rooms = Rooms::before(view, asks, &seated_pods);
    let at = |prices| priced(view, &menu, &lots, prices).bound(&rooms);
    let listed = at(Prices::Listed);
    Bounds {
        listed,
        compared: match view.cluster.market().at_list_price {
            true => listed,
            false => at(Prices::Compared),
        },
    }
}

/// The pods' problem with its prices, as they were found before where the same was asked.
fn priced(
    view: &View<'_>,
    menu: &Menu<'_>,
    lots: &BTreeMap<(&Resources, Arc<[usize]>), u32>,
    prices: Prices,
) -> Arc<Priced> {
    let address = |kinds: &Arc<[usize]>| kinds.as_ptr().addr();
    let asked: Lots = (lots.iter())
        .map(|((requests, kinds), count)| ((*requests).clone(), address(kinds), *count))
        .collect();
    let key = (prices, asked);
    let bounds = &menu.memo().bounds;
    let plain = menu.is_plain();
    if let Some(known) = bounds.borrow().get(&key).filter(|_| plain) {
        return known.clone();
    }
    let items: Vec<Item> = (lots.iter())
        .map(|((requests, kinds), count)| Item {
            requests: (*requests).clone(),
            count: *count,
            kinds: kinds.to_vec(),
        })
        .collect();
    let describe = |kind: usize| {
        let kind = &view.cluster.market().kinds[kind];
        (
            &kind.room,
            match prices {
                Prices::Listed => kind.offering.price,
                Prices::Compared => kind.cost,
            },
        )
    };
    let priced = Arc::new(Priced::new(Problem::new(&items, describe)));
    if plain {
        bounds.borrow_mut().insert(key, priced.clone());
    }
    priced
}
