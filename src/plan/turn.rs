//! Which nodes to be are asked for in this round. All of them at once, the calls of a gang too, until EC2
//! has refused what one of them asks for: then its calls go one after the other, what was refused first and
//! drivers' last, so that nodes that were given do not stand idle again and again beside others that never come.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::node::{Node, Stage};
use crate::cluster::shortage::OfferingKey;
use crate::model::node::Purpose;
use crate::model::offering::ZoneId;

use super::demand::Ask;
use super::effect::Waiting;
use super::place::gang_has_nodes;
use super::reason::Reason;
use super::seat::{Seat, Seating};

/// What an application that asks call by call may ask for: nodes of one kind, by position in the market,
/// or nothing while an answer is awaited.
type Turn = Option<usize>;

/// Nodes to be that are left to later rounds, by position among the drafts.
pub fn held_back(view: &View<'_>, seating: &Seating<'_, '_>) -> BTreeSet<usize> {
    if !view.cluster.shortages.any_lately(view.now) {
        return BTreeSet::new();
    }
    let mut calls: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for draft in &seating.drafts {
        for load in &draft.loads {
            calls.entry(load.ask).or_default().insert(draft.kind);
        }
    }
    let turns = calls.iter();
    let turns = turns.filter_map(|(&i, kinds)| Some((i, turn(view, seating, i, kinds)?)));
    let turns: BTreeMap<usize, Turn> = turns.collect();
    let drafts = seating.drafts.iter().enumerate();
    let held = drafts.filter(|(_, draft)| {
        let mut asks = draft.loads.iter().map(|load| turns.get(&load.ask));
        asks.all(|turn| turn.is_some_and(|turn| *turn != Some(draft.kind)))
    });
    held.map(|(at, _)| at).collect()
}

/// Why the pods of nodes that are left to later rounds wait.
pub fn waiting(
    seating: &Seating<'_, '_>,
    held_back: &BTreeSet<usize>,
) -> impl Iterator<Item = Waiting> {
    let loads = held_back.iter().flat_map(|&at| &seating.drafts[at].loads);
    loads.flat_map(|load| {
        let app = seating.asks[load.ask].id;
        let pods = load.pods.iter().cloned();
        pods.map(|pod| Waiting {
            pod,
            reason: Reason::InTurn { app: app.clone() },
        })
    })
}

/// Whose turn it is among an application's calls; None where all of them may go at once.
fn turn(
    view: &View<'_>,
    seating: &Seating<'_, '_>,
    i: usize,
    kinds: &BTreeSet<usize>,
) -> Option<Turn> {
    let ask = &seating.asks[i];
    if gang_has_nodes(view, ask, seating, i) {
        return None;
    }
    let zones = zones_held_in(view, ask);
    let market = view.cluster.market();
    let doubted = |kind: &usize| {
        let offering = &market.kinds[*kind].offering;
        let key = (
            offering.instance_type,
            offering.zone,
            offering.capacity_type,
        );
        is_doubted(view, key, &zones)
    };
    let awaited = awaited(view, seating, i);
    let awaited_in_doubt = awaited.iter().any(|node| {
        let key = node.types.first().copied().zip(node.zone);
        let key = key.zip(node.capacity_type);
        key.is_some_and(|((of, zone), capacity)| is_doubted(view, (of, zone, capacity), &zones))
    });
    if awaited_in_doubt {
        return Some(None);
    }
    if !kinds.iter().any(doubted) {
        return None;
    }
    if !awaited.is_empty() {
        return Some(None);
    }
    let cost = |kind: usize| {
        let drafts = seating.drafts.iter().filter(|draft| draft.kind == kind);
        market.kinds[kind].cost.micros() * i64::try_from(drafts.count()).unwrap_or(i64::MAX)
    };
    // A driver's node is of no use where its executors' nodes cannot be had, wherever those are tried next.
    let for_driver = |kind: usize| market.kinds[kind].purpose == Purpose::Driver;
    let first = kinds
        .iter()
        .min_by_key(|kind| (!doubted(kind), for_driver(**kind), cost(**kind)));
    Some(first.copied())
}

/// True where EC2 has lately refused an offering, or the same type in a zone that the application comes
/// from.
fn is_doubted(view: &View<'_>, key: OfferingKey, zones: &BTreeSet<ZoneId>) -> bool {
    let (of, zone, capacity_type) = key;
    let mut places = zones.iter().chain([&zone]);
    places.any(|&zone| {
        let shortages = &view.cluster.shortages;
        shortages.was_refused((of, zone, capacity_type), view.now)
    })
}

/// Zones in which nodes hold room for an application.
fn zones_held_in(view: &View<'_>, ask: &Ask<'_>) -> BTreeSet<ZoneId> {
    let nodes = ask.app.held.values().flat_map(BTreeMap::keys);
    let nodes = nodes.filter_map(|id| view.cluster.nodes.get(id));
    nodes.filter_map(|node| node.zone).collect()
}

/// Nodes on which an application has seats and for which EC2 has not answered.
fn awaited<'a>(view: &View<'a>, seating: &Seating<'_, 'a>, i: usize) -> Vec<&'a Node> {
    let seats = seating.seats[i].iter().flatten();
    let nodes: BTreeSet<_> = seats
        .filter_map(|seat| match seat {
            Seat::Node(id) => Some(*id),
            _ => None,
        })
        .collect();
    let nodes = nodes
        .into_iter()
        .filter_map(|id| view.cluster.nodes.get(id));
    nodes.filter(|node| node.stage == Stage::Asked).collect()
}
