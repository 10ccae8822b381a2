//! One node: what it is, what is on it, why it was launched, when it goes or what keeps it. From what the
//! cluster and the memory hold; EC2 is not asked.

use crate::cluster::node::{Node, Stage};
use crate::plan::leave;

use super::super::moment::{ago, utc};
use super::{Answer, Known, Told};

/// Pods of a node that are named.
const MOST_PODS: usize = 50;

pub(super) fn answer(told: &Told<'_>, name: &str) -> Option<Answer> {
    let node = told.cluster.nodes.get(name);
    let past = told.past(|decided| decided.nodes.iter().any(|node| node.as_str() == name));
    if node.is_none() && past.is_empty() {
        return None;
    }
    let mut known = Known::default();
    if let Some(node) = node {
        tell(told, node, &mut known);
    }
    Some(Answer {
        kind: "Node",
        name: name.to_owned(),
        state: node.map_or_else(|| "is gone".to_owned(), |node| state(told, node)),
        known: known.0,
        waits: Vec::new(),
        past,
    })
}

fn tell(told: &Told<'_>, node: &Node, known: &mut Known) {
    known.say("nodePool", node.pool.as_ref().map(|pool| pool.as_str()));
    known.say("purpose", node.purpose.map(|purpose| purpose.as_str()));
    known.say("zone", told.zone(node.zone));
    known.say("capacityType", node.capacity_type.map(|c| c.as_str()));
    let types = node.types.iter();
    let types = types.filter_map(|id| told.cluster.catalog.known_type(*id));
    let types: Vec<&str> = types.map(|known| known.name.as_str()).collect();
    match &types[..] {
        [one] => known.say("instanceType", *one),
        several => known.say("instanceTypeIsOneOf", several.to_vec()),
    }
    if node.launched.is_some() {
        known.say("usdPerHour", node.price.to_string());
    }
    known.say("launched", node.launched.map(utc));
    known.say("allocatable", node.allocatable.to_string());
    known.say("free", node.free().to_string());
    let mut pods: Vec<&str> = node.pods.iter().map(|pod| pod.as_str()).collect();
    pods.sort_unstable();
    known.say("podCount", pods.len());
    pods.truncate(MOST_PODS);
    known.say("pods", pods);
    let holders: Vec<&str> = node.held_by.iter().map(|app| app.as_str()).collect();
    if !holders.is_empty() {
        known.say("holdsRoomFor", holders);
    }
    if node.strayed {
        known.say("strayed", "a label or taint is not as it was asked for");
    }
}

fn state(told: &Told<'_>, node: &Node) -> String {
    let cordoned = if node.unschedulable { ", cordoned" } else { "" };
    if !node.is_ours() {
        return format!("is not ours: it is counted as room, and never changed{cordoned}");
    }
    if let Some(until) = node.interrupted {
        let when = ago(until, told.now);
        return format!("EC2 takes it back {when}{cordoned}");
    }
    match node.stage {
        Stage::Asked => "EC2 is being asked for it".to_owned(),
        Stage::Booting => match node.launched {
            Some(launched) => format!("boots, launched {}", ago(launched, told.now)),
            None => format!("is not ready{cordoned}"),
        },
        Stage::Leaving => "leaves: EC2 has been told to end it".to_owned(),
        Stage::Ready if node.drivers > 0 => {
            let drivers = node.drivers;
            format!("works: {drivers} drivers run on it, and it stays while they do{cordoned}")
        }
        Stage::Ready if node.working > 0 => {
            let working = node.working;
            format!("works: {working} pods keep it{cordoned}")
        }
        Stage::Ready => empty(told, node, cordoned),
    }
}

fn empty(told: &Told<'_>, node: &Node, cordoned: &str) -> String {
    let since = node.empty_since.unwrap_or(told.now);
    let since = ago(since, told.now);
    let due = leave::goes_at(&told.cluster.view(told.now), node);
    let goes = match due {
        Some((due, ttl)) => {
            let when = ago(due, told.now);
            format!("past its TTL of {ttl} (or its paid minute) {when}, unless it is needed")
        }
        None => "never, since its NodePool's spec.emptyTTL says so".to_owned(),
    };
    format!("has been empty since {since}{cordoned}; it goes {goes}")
}
