//! Which gates to lift: those of pods that have a seat on a node that exists or is on its way, once
//! the whole gang of their application has one. What is only planned this round is placed when EC2
//! has answered; so is what awaits its answer, since a gate once lifted holds a pod to its zone.

use crate::cluster::View;
use crate::cluster::node::{Node, Stage};
use crate::model::name::PodId;
use crate::model::spark::{PodPhase, Role};

use super::demand::Ask;
use super::effect::Place;
use super::seat::{Seat, Seating};

/// The gates to lift.
pub fn places(view: &View<'_>, asks: &[Ask<'_>], seating: &Seating<'_, '_>) -> Vec<Place> {
    let mut places = Vec::new();
    for (i, ask) in asks.iter().enumerate() {
        if ask.app.gated.is_empty() || !gang_has_nodes(view, ask, seating, i) {
            continue;
        }
        places.reserve(usize::try_from(ask.app.count_gated()).unwrap_or(0));
        for (n, need) in ask.needs.iter().enumerate() {
            for (pod, seat) in need.pods.iter().zip(&seating.seats[i][n]) {
                let Some(node) = given(view, seat).filter(|_| is_gated(view, pod)) else {
                    continue;
                };
                // A driver is held to the capacity type that it was planned for; executors take either.
                let is_driver = need.template.role == Role::Driver;
                places.push(Place {
                    pod: pod.clone(),
                    zone: seating.zone_of(i),
                    capacity_type: node.capacity_type.filter(|_| is_driver),
                    purpose: node.purpose,
                });
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
        let gang = seating.seats[i][n].iter().take(need.gang);
        gang.into_iter().all(|seat| given(view, seat).is_some())
    })
}

/// The node of a seat, where EC2 has given it.
fn given<'a>(view: &View<'a>, seat: &Seat<'_>) -> Option<&'a Node> {
    let Seat::Node(node) = seat else { return None };
    let node = view.cluster.nodes.get(*node);
    node.filter(|node| node.stage != Stage::Asked)
}

fn is_gated(view: &View<'_>, pod: &PodId) -> bool {
    let pod = view.cluster.pods.get(pod);
    pod.is_some_and(|pod| pod.phase == PodPhase::Gated)
}
