//! Room that is to be kept: seats on nodes that exist, of pods that cannot go there yet, because they are
//! only expected, or the rest of their gang still boots, or the node itself does. What a launch keeps is in its
//! call. Without this the same seats would be found anew in every round, and a later application might take them.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::Held;
use crate::cluster::node::Stage;
use crate::model::name::{NodeId, PodId};
use crate::model::spark::PodPhase;

use super::demand::Ask;
use super::effect::Place;
use super::seat::{Seat, Seating};

/// The room to be kept beyond what is kept already, by node.
pub fn holds(
    view: &View<'_>,
    asks: &[Ask<'_>],
    seating: &Seating<'_, '_>,
    places: &[Place],
) -> Vec<(NodeId, Held)> {
    let placed: BTreeSet<&PodId> = places.iter().map(|place| &place.pod).collect();
    let stays = |pod: &PodId| !placed.contains(pod) && !is_let_go(view, pod);
    let mut holds = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        if !seating.gang_sits(i) {
            continue;
        }
        for (n, need) in ask.needs.iter().enumerate() {
            // Pods with rules between them are looked at anew, since others come near them.
            if seating.rooms.rules.get((i, n)).is_some() {
                continue;
            }
            let slot = slot_of(&need.template);
            let known = ask.app.held.get(&slot);
            for (node, pods) in seated(&seating.seats[&(i, n)], &need.pods) {
                let held = known.and_then(|nodes| nodes.get(node)).copied();
                let more = count(pods.len()).saturating_sub(held.unwrap_or(0));
                if more == 0 {
                    continue;
                }
                // The scheduler binds to no node that boots: until then a seat there is kept for whoever is to
                // have it.
                let staying = if boots(view, node) {
                    pods.len()
                } else {
                    pods.iter().filter(|pod| stays(pod)).count()
                };
                let count = more.min(count(staying));
                if count > 0 {
                    let (app, slot) = (ask.id.clone(), slot.clone());
                    holds.push((node.clone(), Held { app, slot, count }));
                }
            }
        }
    }
    holds
}

/// Pods with seats on nodes that exist, by node.
fn seated<'n, 'p>(seats: &[Seat<'n>], pods: &'p [PodId]) -> BTreeMap<&'n NodeId, Vec<&'p PodId>> {
    let mut nodes: BTreeMap<&NodeId, Vec<&PodId>> = BTreeMap::new();
    let mut rest = pods;
    for beside in seats.chunk_by(|one, next| one == next) {
        let (here, others) = rest.split_at(beside.len());
        rest = others;
        if let Seat::Node(node) = beside[0] {
            nodes.entry(node).or_default().extend(here);
        }
    }
    nodes
}

/// True for a node that is on its way.
fn boots(view: &View<'_>, node: &NodeId) -> bool {
    let node = view.cluster.nodes.get(node);
    node.is_some_and(|node| node.stage != Stage::Ready)
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

/// True for a pod whose gate has been lifted: where it goes is the scheduler's to say.
fn is_let_go(view: &View<'_>, pod: &PodId) -> bool {
    let pod = view.cluster.pods.get(pod);
    pod.is_some_and(|pod| pod.phase != PodPhase::Gated)
}
