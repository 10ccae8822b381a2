//! From nodes to be to calls to EC2: which nodes are alike enough to be asked for together, and what
//! each call says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::{AwaitedNode, Held, Intent};
use crate::cluster::market::{Kind, taints};
use crate::model::name::{NodeId, PodId};
use crate::model::node::{CAPACITY_TYPE, MANAGED, NODEPOOL, PURPOSE, Purpose, ZONE, ZONE_ID};
use crate::model::requirement::Labels;
use crate::model::resources::Resources;

use super::alternatives;
use super::buy::Draft;
use super::demand::Ask;
use super::effect::Launch;
use super::expected;
use super::gang;
use super::memo::Memo;
use super::reason::Reason;
use super::slack::Slack;

/// The launches for these drafts but those that are held back: the largest first, those for drivers last, so
/// that a driver's node is the one that is there for nothing where others are refused.
pub fn launches<'a>(
    view: &View<'a>,
    memo: &'a Memo,
    asks: &[Ask<'_>],
    drafts: &[Draft],
    held_back: &BTreeSet<usize>,
) -> Vec<Launch> {
    if drafts.is_empty() {
        return Vec::new();
    }
    let mut slack = Slack::new(view, drafts);
    let mut merged: BTreeMap<_, (Vec<&Draft>, Option<Reason>)> = BTreeMap::new();
    let mut suitable = alternatives::Suitable::new(view, memo);
    let in_turn = drafts.iter().enumerate();
    let in_turn = in_turn.filter(|(at, _)| !held_back.contains(at));
    for (_, draft) in in_turn {
        let kinds = suitable.kinds(view, asks, draft);
        let choice = alternatives::choose(view, &kinds, draft, &mut slack);
        // Loads that differ may be narrow for different reasons; the first is told for all.
        let (alike, _) = merged
            .entry((choice.kinds, draft.note.clone()))
            .or_insert_with(|| (Vec::new(), choice.narrow));
        alike.push(draft);
    }
    let mut calls: Vec<_> = merged.into_iter().collect();
    let market = view.cluster.market();
    calls.sort_by_key(|((kinds, _), (alike, _))| {
        let for_driver = market.kinds[kinds[0]].purpose == Purpose::Driver;
        (for_driver, Reverse(alike.len()))
    });
    let mut next = view.cluster.asked;
    calls
        .into_iter()
        .map(|((kinds, note), (mut drafts, narrow))| {
            let minimum = gang::minimum(asks, &mut drafts);
            Launch {
                minimum,
                narrow: narrow.map(Box::new),
                ..launch((view, memo), asks, &kinds, note, &drafts, &mut next)
            }
        })
        .collect()
}

/// What nodes have in common whichever of some kinds they are.
#[derive(Debug)]
pub(super) struct Common {
    labels: Labels,
    /// The least room.
    room: Resources,
}

fn launch(
    (view, memo): (&View<'_>, &Memo),
    asks: &[Ask<'_>],
    kinds: &[usize],
    note: Option<Reason>,
    drafts: &[&Draft],
    next: &mut u64,
) -> Launch {
    let common = common(view, memo, kinds);
    let market = view.cluster.market();
    let kinds: Vec<&Kind> = kinds.iter().map(|&i| &market.kinds[i]).collect();
    let planned = kinds[0];
    let nodes = drafts.iter().map(|draft| {
        *next += 1;
        let id = NodeId::from(format!("{}-{next}", planned.pool.name));
        AwaitedNode {
            id,
            room: common.room.clone(),
            held: held(asks, draft),
        }
    });
    let intent = Intent {
        pool: planned.pool.name.clone(),
        purpose: planned.purpose,
        zone: planned.offering.zone,
        capacity_type: planned.offering.capacity_type,
        types: kinds
            .iter()
            .map(|kind| kind.offering.instance_type)
            .collect(),
        labels: common.labels.clone(),
        taints: taints(&planned.pool, planned.purpose),
        nodes: nodes.collect(),
    };
    let strategy = expected::strategy(&kinds);
    Launch {
        intent,
        strategy,
        planned: planned.offering.price,
        expected: expected::price(strategy, kinds.iter().map(|kind| kind.offering.price)),
        compared: planned.cost,
        performance: planned.performance,
        pods: drafts.iter().map(|draft| pods(draft)).collect(),
        minimum: None,
        reason: note.unwrap_or_else(|| cheapest(drafts)),
        narrow: None,
    }
}

/// What the kinds have in common, as it was found before where the same were named.
fn common(view: &View<'_>, memo: &Memo, kinds: &[usize]) -> Arc<Common> {
    if let Some(known) = memo.common.borrow().get(kinds) {
        return known.clone();
    }
    let market = view.cluster.market();
    let all: Vec<&Kind> = kinds.iter().map(|&i| &market.kinds[i]).collect();
    let mut room = all[0].room.clone();
    all.iter().for_each(|kind| room = least(&room, &kind.room));
    let labels = labels(view, &all);
    let common = Arc::new(Common { labels, room });
    let mut known = memo.common.borrow_mut();
    known.insert(kinds.to_vec(), common.clone());
    common
}

fn pods(draft: &Draft) -> Vec<PodId> {
    draft
        .loads
        .iter()
        .flat_map(|load| load.pods.iter().cloned())
        .collect()
}

fn cheapest(drafts: &[&Draft]) -> Reason {
    let loads = || drafts.iter().flat_map(|draft| &draft.loads);
    let apps: BTreeSet<usize> = loads().map(|load| load.ask).collect();
    Reason::Cheapest {
        pods: loads().map(|load| load.pods.len()).sum(),
        apps: apps.len(),
    }
}

fn held(asks: &[Ask<'_>], draft: &Draft) -> Vec<Held> {
    let mut held: BTreeMap<_, u32> = BTreeMap::new();
    for load in &draft.loads {
        let ask = &asks[load.ask];
        let key = (ask.id.clone(), slot_of(&ask.needs[load.need].template));
        *held.entry(key).or_default() += u32::try_from(load.pods.len()).unwrap_or(u32::MAX);
    }
    held.into_iter()
        .map(|((app, slot), count)| Held { app, slot, count })
        .collect()
}

/// The smaller of each resource.
fn least(a: &Resources, b: &Resources) -> Resources {
    Resources {
        cpu: a.cpu.min(b.cpu),
        memory: a.memory.min(b.memory),
        pods: a.pods.min(b.pods),
        storage: a.storage.min(b.storage),
        extended: a
            .extended
            .iter()
            .filter_map(|(name, n)| b.extended.get(name).map(|m| (name.clone(), *n.min(m))))
            .collect(),
    }
}

/// Labels that nodes carry whichever of these kinds they are.
fn labels(view: &View<'_>, kinds: &[&Kind]) -> Labels {
    let catalog = &view.cluster.catalog;
    let planned = kinds[0];
    let mut labels = planned.instance_type(catalog).labels.clone();
    labels.retain(|key, value| {
        kinds
            .iter()
            .all(|kind| kind.instance_type(catalog).labels.get(key) == Some(value))
    });
    labels.extend(planned.pool.labels.clone());
    let zone = catalog.zone(planned.offering.zone);
    for (key, value) in [
        (ZONE, zone.name.as_str()),
        (ZONE_ID, zone.id.as_str()),
        (CAPACITY_TYPE, planned.offering.capacity_type.as_str()),
        (MANAGED, "true"),
        (NODEPOOL, planned.pool.name.as_str()),
        (PURPOSE, planned.purpose.as_str()),
    ] {
        labels.insert(key.into(), value.into());
    }
    labels
}
