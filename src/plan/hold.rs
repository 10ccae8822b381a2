//! Room that is to be kept: seats on nodes that exist, of pods that cannot go there yet, because they are
//! only expected or the rest of their gang still boots. What a launch keeps is in its call. Without
//! this the same seats would be found anew in every round, and a later application might take them.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::app::slot_of;
use crate::cluster::event::Held;
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
            let stays = |pod: &&PodId| !placed.contains(*pod) && !is_let_go(view, pod);
            let mut nodes: BTreeMap<&NodeId, Vec<&PodId>> = BTreeMap::new();
            let seats = &seating.seats[&(i, n)];
            let seated: Vec<(&Seat<'_>, &PodId)> = seats.iter().zip(&need.pods).collect();
            for beside in seated.chunk_by(|(one, _), (next, _)| one == next) {
                if let Seat::Node(node) = beside[0].0 {
                    let pods = beside.iter().map(|(_, pod)| *pod);
                    nodes.entry(node).or_default().extend(pods);
                }
            }
            let slot = slot_of(&need.template);
            let known = ask.app.held.get(&slot);
            for (node, pods) in nodes {
                let held = known.and_then(|nodes| nodes.get(node)).copied();
                let more = count(pods.len()).saturating_sub(held.unwrap_or(0));
                if more == 0 {
                    continue;
                }
                let count = more.min(count(pods.iter().copied().filter(stays).count()));
                if count > 0 {
                    let (app, slot) = (ask.id.clone(), slot.clone());
                    holds.push((node.clone(), Held { app, slot, count }));
                }
            }
        }
    }
    holds
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

/// True for a pod whose gate has been lifted: where it goes is the scheduler's to say.
fn is_let_go(view: &View<'_>, pod: &PodId) -> bool {
    let pod = view.cluster.pods.get(pod);
    pod.is_some_and(|pod| pod.phase != PodPhase::Gated)
}
