//! Room that is to be kept: seats on nodes that exist, of pods that cannot go there yet, because they are
//! only expected, or the rest of their gang still boots, or the node itself does. What a launch keeps is in its
//! call. Without this the same seats would be found anew in every round, and a later application might take them.

use std::cell::LazyCell;

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::Held;
use crate::cluster::node::Stage;
use crate::model::name::{NodeId, PodId};
use crate::model::spark::PodPhase;

use super::demand::Ask;
use super::place::gang_has_nodes;
use super::seat::{Seat, Seating};

/// The room to be kept beyond what is kept already, by node.
pub fn holds(view: &View<'_>, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> Vec<(NodeId, Held)> {
    let mut holds = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        if !seating.gang_sits(i) {
            continue;
        }
        let is_placed = LazyCell::new(|| gang_has_nodes(view, ask, seating, i));
        for (n, need) in ask.needs.iter().enumerate() {
            // Pods with rules between them are looked at anew, since others come near them.
            if seating.rooms.rules.get((i, n)).is_some() {
                continue;
            }
            let mut known = ask.app.held.iter();
            let known = known.find(|(slot, _)| slot.is_of(&need.template));
            let seated = seated(&seating.seats[i][n], &need.pods);
            for pods in seated.chunk_by(|(one, _), (next, _)| one == next) {
                let node = pods[0].0;
                let held = known.and_then(|(_, nodes)| nodes.get(node)).copied();
                let more = count(pods.len()).saturating_sub(held.unwrap_or(0));
                if more == 0 {
                    continue;
                }
                // The scheduler binds to no node that boots: until then a seat there is kept for whoever is to
                // have it.
                let staying = if boots(view, node) {
                    pods.len()
                } else {
                    let stays = |pod: &PodId| !is_let_go(view, pod, *is_placed);
                    pods.iter().filter(|(_, pod)| stays(pod)).count()
                };
                let count = more.min(count(staying));
                if count > 0 {
                    let (app, slot) = (ask.id.clone(), slot_of(&need.template));
                    holds.push((node.clone(), Held { app, slot, count }));
                }
            }
        }
    }
    holds
}

/// Pods with seats on nodes that exist, in order of the nodes' names.
fn seated<'n, 'p>(seats: &[Seat<'n>], pods: &'p [PodId]) -> Vec<(&'n NodeId, &'p PodId)> {
    let all = seats.iter().zip(pods);
    let mut seated: Vec<_> = all
        .filter_map(|(seat, pod)| match seat {
            Seat::Node(node) => Some((*node, pod)),
            _ => None,
        })
        .collect();
    seated.sort_by_key(|(node, _)| *node);
    seated
}

/// True for a node that is on its way.
fn boots(view: &View<'_>, node: &NodeId) -> bool {
    let node = view.cluster.nodes.get(node);
    node.is_some_and(|node| node.stage != Stage::Ready)
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

/// True for a pod whose gate has been lifted, or is in this round since its gang `is_placed`: where it goes
/// is the scheduler's to say.
fn is_let_go(view: &View<'_>, pod: &PodId, is_placed: bool) -> bool {
    let pod = view.cluster.pods.get(pod);
    pod.is_some_and(|pod| is_placed || pod.phase != PodPhase::Gated)
}
