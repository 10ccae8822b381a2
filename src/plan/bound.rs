//! The least that the seated pods could cost: the configuration bound over every zone in which each of
//! them may be bought, less the most that free room could be worth to them.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::model::money::UsdPerHour;
use crate::model::offering::ZoneId;
use crate::model::resources::Resources;

use super::demand::{Ask, Need};
use super::menu::Menu;
use super::pack::{self, Item, Problem};
use super::seat::{Seat, Seating};
use super::zone;

/// No plan for the pods that have a seat costs less at list price. Penalties, which are compared but not
/// paid, are left out, so that the bound can be held against a bill.
pub fn bound(view: &View<'_>, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> UsdPerHour {
    if seating.drafts.is_empty() {
        return UsdPerHour::ZERO;
    }
    let mut menu = Menu::new(*view, BTreeSet::new());
    let mut items: BTreeMap<(Resources, Vec<usize>), u32> = BTreeMap::new();
    for (i, ask) in asks.iter().enumerate() {
        let zones = zones(view, ask);
        for (n, need) in ask.needs.iter().enumerate() {
            let seated = seating.seats[&(i, n)]
                .iter()
                .filter(|seat| **seat != Seat::None)
                .count();
            let kinds = kinds(&mut menu, need, &zones);
            if seated > 0 && !kinds.is_empty() {
                *items
                    .entry((need.template.requests.clone(), kinds))
                    .or_default() += u32::try_from(seated).unwrap_or(u32::MAX);
            }
        }
    }
    let items: Vec<Item> = items
        .into_iter()
        .map(|((requests, kinds), count)| Item {
            requests,
            count,
            kinds,
        })
        .collect();
    if items.is_empty() {
        return UsdPerHour::ZERO;
    }
    let market = view.cluster.market();
    let describe = |kind: usize| (&market.kinds[kind].room, market.kinds[kind].offering.price);
    let rooms: Vec<Resources> = seating.rooms.nodes().map(|node| node.free()).collect();
    pack::bound(&Problem::new(&items, describe), &rooms)
}

/// Where an application could be: where it is, or anywhere.
fn zones(view: &View<'_>, ask: &Ask<'_>) -> Vec<ZoneId> {
    zone::running(view, ask).map_or_else(|| zone::all(view), |zone| vec![zone])
}

fn kinds(menu: &mut Menu<'_>, need: &Need, zones: &[ZoneId]) -> Vec<usize> {
    let mut kinds = Vec::new();
    for &zone in zones {
        if let Ok(options) = menu.options(need, zone).as_ref() {
            kinds.extend(&options.kinds);
        }
    }
    kinds.sort_unstable();
    kinds
}
