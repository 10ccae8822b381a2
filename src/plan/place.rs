//! Which gates to lift: those of pods that have a seat on a node that exists or is on its way, once
//! the whole gang of their application has one. What is only planned this round is placed when EC2
//! has answered; so is what awaits its answer, since a gate once lifted holds a pod to its zone.

use crate::cluster::View;
use crate::cluster::node::Stage;
use crate::model::name::NodeId;
use crate::model::node::Purpose;
use crate::model::offering::{CapacityType, ZoneId};
use crate::model::spark::{PodPhase, Role};

use super::demand::Ask;
use super::effect::Place;
use super::seat::{Seat, Seating};
use super::zone::Zones;

/// The gates to lift.
pub fn places(view: &View<'_>, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> Vec<Place> {
    let mut places = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        if !gang_has_nodes(view, ask, seating, i) {
            continue;
        }
        for (n, need) in ask.needs.iter().enumerate() {
            for (pod, seat) in need.pods.iter().zip(&seating.seats[&(i, n)]) {
                let gated = view
                    .cluster
                    .pods
                    .get(pod)
                    .is_some_and(|pod| pod.phase == PodPhase::Gated);
                if let (true, Seat::Node(node)) = (gated && is_answered(view, seat), seat) {
                    let (purpose, spot) = target(view, node, need.template.role);
                    places.push(Place {
                        pod: pod.clone(),
                        zone: zone(seating, i),
                        capacity_type: spot,
                        purpose,
                    });
                }
            }
        }
    }
    places
}

/// True where every member of an application's gang has a seat on a node that EC2 has given.
pub(super) fn gang_has_nodes(
    view: &View<'_>,
    ask: &Ask<'_>,
    seating: &Seating<'_, '_>,
    i: usize,
) -> bool {
    ask.needs.iter().enumerate().all(|(n, need)| {
        let gang = seating.seats[&(i, n)].iter().take(need.gang);
        gang.into_iter().all(|seat| is_answered(view, seat))
    })
}

/// True where the seat is on a node that EC2 has given.
fn is_answered(view: &View<'_>, seat: &Seat<'_>) -> bool {
    let Seat::Node(node) = seat else { return false };
    let node = view.cluster.nodes.get(*node);
    node.is_some_and(|node| node.stage != Stage::Asked)
}

fn zone(seating: &Seating<'_, '_>, i: usize) -> Option<ZoneId> {
    match seating.zones.get(&i) {
        Some(Zones::One(zone)) => Some(*zone),
        _ => None,
    }
}

/// A driver is held to the capacity type that it was planned for; executors take either.
fn target(view: &View<'_>, node: &NodeId, role: Role) -> (Option<Purpose>, Option<CapacityType>) {
    let node = view.cluster.nodes.get(node);
    let capacity_type = node
        .and_then(|node| node.capacity_type)
        .filter(|_| role == Role::Driver);
    (node.and_then(|node| node.purpose), capacity_type)
}
