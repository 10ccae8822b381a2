//! Executors that move before their node is taken away: each is asked to go once there is room for its
//! successor, and a part of an application at a time, so that there are others to take what it has
//! written. Where time runs out all go that hand their work on: a short move is better than none. Those
//! that do not hand it on gain nothing by moving: they work until EC2 takes their node.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::View;
use crate::cluster::app::{App, slot_of};
use crate::cluster::event::Slot;
use crate::cluster::node::{Node, Stage};
use crate::model::name::{AppId, PodId};
use crate::model::spark::Role;
use crate::model::time::{Span, Timestamp};

use super::effect::Effect;
use super::reason::Reason;

/// Of an application's executors one in so many moves at a time, at least one: Spark hands shuffle files to
/// the executors that stay.
const PART: usize = 4;
/// What a move needs: running tasks end, and an executor that holds shuffle files looks twice at what it has
/// handed on, 30 s apart by default (`spark.storage.decommission.replicationReattemptInterval`).
const LAST_CALL: Span = Span::from_secs(75);

/// Pods that are to go, and when time runs out for the next ones.
pub fn drain(view: &View<'_>) -> (Vec<Effect>, Option<Timestamp>) {
    let (mut effects, mut next) = (Vec::new(), None::<Timestamp>);
    if view.cluster.interrupted.is_empty() {
        return (effects, next);
    }
    for (id, pods) in staying(view) {
        let Some(app) = view.cluster.apps.get(id) else {
            continue;
        };
        let mut seats = successors(view, app);
        let executors = app.bound.values();
        let executors = executors.filter(|(role, _)| *role == Role::Executor);
        let mut part = (executors.count() / PART).max(1);
        part = part.saturating_sub(app.leaving.len());
        for (pod, until) in pods {
            let template = &app.doomed[pod];
            let seat = seats.get_mut(&slot_of(template));
            let seat = seat.filter(|seats| **seats > 0);
            let last_call = until - LAST_CALL;
            let reason = match seat {
                _ if last_call <= view.now && template.hands_on => Reason::OutOfTime { until },
                Some(seats) if part > 0 => {
                    *seats -= 1;
                    part -= 1;
                    Reason::SuccessorHasRoom
                }
                _ if !template.hands_on => continue,
                _ => {
                    next = Some(next.map_or(last_call, |next| next.min(last_call)));
                    continue;
                }
            };
            effects.push(Effect::Evict {
                pod: pod.clone(),
                reason,
            });
        }
    }
    (effects, next)
}

/// Executors on nodes that are taken away that nobody has asked to go yet, by application, with the end of
/// their node.
fn staying<'a>(view: &View<'a>) -> BTreeMap<&'a AppId, BTreeSet<(&'a PodId, Timestamp)>> {
    let mut staying: BTreeMap<&AppId, BTreeSet<(&PodId, Timestamp)>> = BTreeMap::new();
    for node in &view.cluster.interrupted {
        let node = view.cluster.nodes.get(node);
        let Some((node, until)) = node.and_then(|node| Some((node, node.interrupted?))) else {
            continue;
        };
        for pod in &node.pods {
            let known = view.cluster.pods.get(pod);
            let Some(app_id) = known.and_then(|pod| pod.template.app.as_ref()) else {
                continue;
            };
            let Some((app_id, app)) = view.cluster.apps.get_key_value(app_id) else {
                continue;
            };
            let doomed = app.doomed.get(pod);
            let moves = doomed.is_some_and(|pod| pod.hands_on || node.draining);
            if moves && !app.leaving.contains(pod) {
                staying.entry(app_id).or_default().insert((pod, until));
            }
        }
    }
    staying
}

/// Room on nodes that are ready, kept for executors that follow others, by what they ask for: what pods
/// that are there wait for is theirs, and so is the room of those who have been asked to go.
fn successors(view: &View<'_>, app: &App) -> BTreeMap<Slot, usize> {
    let ready = |node| {
        let node = view.cluster.nodes.get(node);
        node.is_some_and(|node: &Node| node.stage == Stage::Ready)
    };
    let count = |n: &u32| usize::try_from(*n).unwrap_or(usize::MAX);
    let mut seats: BTreeMap<Slot, usize> = BTreeMap::new();
    for (slot, nodes) in &app.held {
        let here = nodes.iter().filter(|(node, _)| ready(*node));
        seats.insert(slot.clone(), here.map(|(_, n)| count(n)).sum());
    }
    let mut take = |slot: &Slot, taken: usize| {
        if let Some(seats) = seats.get_mut(slot) {
            *seats = seats.saturating_sub(taken);
        }
    };
    for (template, pods) in &app.waiting {
        take(&slot_of(template), pods.len());
    }
    for group in app.shape.iter().flat_map(|shape| &shape.executors) {
        let expected = app.expected_executors(group);
        take(&slot_of(&group.template), count(&expected));
    }
    for pod in &app.leaving {
        if let Some(template) = app.doomed.get(pod) {
            take(&slot_of(template), 1);
        }
    }
    seats
}
