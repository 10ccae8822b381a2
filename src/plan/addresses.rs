//! Addresses that nodes take of their zone's subnets: pods plus what the CNI keeps warm. A zone of which
//! nothing is known has enough. What a node takes later, when more pods come to it than it was planned
//! for, is not foreseen here.

use std::collections::BTreeMap;

use crate::cluster::View;
use crate::cluster::market::Kind;
use crate::cluster::node::Stage;
use crate::model::offering::{TypeId, ZoneId};

use super::buy::Draft;

/// Addresses that are free in each zone, less those of nodes that EC2 has not answered for.
pub fn free(view: &View<'_>) -> BTreeMap<ZoneId, u32> {
    let mut free = view.cluster.shortages.addresses.clone();
    if free.is_empty() {
        return free;
    }
    let asked = |stage| stage == Stage::Asked;
    for node in view.cluster.nodes.values().filter(|node| asked(node.stage)) {
        if let Some(left) = node.zone.and_then(|zone| free.get_mut(&zone)) {
            *left = left.saturating_sub(most(view, &node.types, 0));
        }
    }
    free
}

/// The first zone that has too few addresses for these nodes to be.
pub fn short(view: &View<'_>, drafts: &[Draft]) -> Option<ZoneId> {
    let mut free = free(view);
    drafts.iter().find_map(|draft| {
        let kind = &view.cluster.market().kinds[draft.kind];
        let zone = kind.offering.zone;
        let left = free.get_mut(&zone)?;
        match left.checked_sub(of_kind(view, kind, draft.pods())) {
            Some(rest) => {
                *left = rest;
                None
            }
            None => Some(zone),
        }
    })
}

/// Addresses of a node of a kind with so many pods of applications.
pub fn of_kind(view: &View<'_>, kind: &Kind, pods: u32) -> u32 {
    most(view, &[kind.offering.instance_type], pods)
}

/// The most that a node of one of these types takes, a pod of each DaemonSet included.
pub fn most(view: &View<'_>, types: &[TypeId], pods: u32) -> u32 {
    let cluster = view.cluster;
    let daemons: u32 = cluster.daemons.values().map(|d| d.requests.pods).sum();
    let of = |id: &TypeId| {
        let interfaces = cluster.catalog.instance_type(*id).interfaces;
        cluster.shortages.cni.addresses(interfaces, pods + daemons)
    };
    types.iter().map(of).max().unwrap_or(0)
}
