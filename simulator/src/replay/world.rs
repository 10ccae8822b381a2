//! What went wrong in the simulated world, as the document tells it: interruptions, refusals, throttled
//! calls, prices that moved; and for each application what it waited for and where it went instead.

use serde::Serialize;
use sparkwright::model::money::Cost;
use sparkwright::model::offering::ZoneId;

use crate::world::tally::AppTally;
use sparkwright::model::decimal::Decimal;

use super::Answer;

/// Types listed with their capacity errors; the rest is in the zones' counts.
const MOST_TYPES: usize = 20;

/// What went wrong in all.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct World<'a> {
    pub interruptions: Interruptions,
    pub capacity_errors: CapacityErrors<'a>,
    pub refused_nodes: u64,
    pub quota_errors: u64,
    pub address_errors: u64,
    pub pods_without_address: u64,
    pub throttled_calls: u64,
    pub price_changes: u64,
}

/// Instances that EC2 took back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interruptions {
    pub nodes: u64,
    pub drivers_lost: u64,
    pub executors_lost: u64,
    /// Taken back in their first hour, and not charged for.
    pub free: u64,
    pub usd_not_charged: Decimal,
}

/// Pools that EC2 had none of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapacityErrors<'a> {
    pub count: u64,
    pub by_zone: Vec<InZone<'a>>,
    pub by_type: Vec<OfType<'a>>,
}

/// Capacity errors of a zone.
#[derive(Serialize)]
pub(super) struct InZone<'a> {
    pub zone: &'a str,
    pub count: u64,
}

/// Capacity errors of a type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfType<'a> {
    pub instance_type: &'a str,
    pub count: u64,
}

/// How long pods of an application waited for one reason.
#[derive(Serialize)]
pub(super) struct Wait {
    pub reason: &'static str,
    pub seconds: Decimal,
}

/// What hit one application.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppWorld<'a> {
    /// Where its driver ran; null where it never did.
    pub zone: Option<&'a str>,
    /// Zones in which nodes were asked for it before, and which it left.
    pub moved_from: Vec<&'a str>,
    /// How long at least one of its pods waited for more than a node's boot.
    pub delayed_seconds: Decimal,
    pub waited: Vec<Wait>,
    pub lost_executors: u32,
    pub lost_driver_seconds: Option<Decimal>,
}

/// What went wrong in a run.
pub(super) fn world(answer: &Answer) -> World<'_> {
    let (tally, catalog) = (&answer.outcome.tally, &answer.catalog);
    let (zones, types) = &tally.capacity_errors;
    let mut by_type: Vec<OfType<'_>> = types
        .iter()
        .map(|(id, count)| OfType {
            instance_type: &catalog.instance_type(*id).name,
            count: *count,
        })
        .collect();
    by_type.sort_by(|a, b| (b.count, a.instance_type).cmp(&(a.count, b.instance_type)));
    by_type.truncate(MOST_TYPES);
    World {
        interruptions: interruptions(answer),
        capacity_errors: CapacityErrors {
            count: zones.values().sum(),
            by_zone: zones
                .iter()
                .map(|(zone, count)| InZone {
                    zone: &catalog.zone(*zone).name,
                    count: *count,
                })
                .collect(),
            by_type,
        },
        refused_nodes: tally.refused_nodes,
        quota_errors: tally.quota_errors,
        address_errors: tally.address_errors,
        pods_without_address: tally.pods_without_address,
        throttled_calls: tally.throttled_calls,
        price_changes: tally.price_changes,
    }
}

fn interruptions(answer: &Answer) -> Interruptions {
    let counted = answer.outcome.tally.interruptions;
    let ledger = &answer.outcome.ledger;
    let nodes = ledger.nodes.values().filter_map(|node| node.forgiven);
    let nodes = nodes.map(|cost| (1, cost));
    let forgiven = nodes.chain(ledger.bygone.values().map(|sum| sum.forgiven));
    let (mut free, mut cost) = (0, Cost::ZERO);
    for (nodes, forgiven) in forgiven {
        free += nodes;
        cost += forgiven;
    }
    Interruptions {
        nodes: counted.nodes,
        drivers_lost: counted.drivers,
        executors_lost: counted.executors,
        free,
        usd_not_charged: cost.rounded().into(),
    }
}

/// What hit one application.
pub(super) fn app<'a>(answer: &'a Answer, tally: &AppTally) -> AppWorld<'a> {
    let name = |zone: ZoneId| answer.catalog.zone(zone).name.as_str();
    let mut left: Vec<ZoneId> = Vec::new();
    for zone in &tally.zones {
        if tally.zone.is_some_and(|own| own != *zone) && !left.contains(zone) {
            left.push(*zone);
        }
    }
    let waited = tally.waited.iter().filter(|(reason, _)| !reason.is_empty());
    AppWorld {
        zone: tally.zone.map(name),
        moved_from: left.into_iter().map(name).collect(),
        delayed_seconds: tally.waited.get("").copied().unwrap_or_default().into(),
        waited: waited
            .map(|(reason, span)| Wait {
                reason,
                seconds: (*span).into(),
            })
            .collect(),
        lost_executors: tally.lost_executors,
        lost_driver_seconds: tally.lost_driver.map(super::document::since_start),
    }
}
