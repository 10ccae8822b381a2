//! One pod: where it is, what it waits for, which node it was planned onto. From what the cluster and the
//! memory hold; of a pod that is none of ours nothing is known.

use crate::cluster::node::Stage;
use crate::model::name::NodeId;
use crate::model::spark::{Pod, PodPhase};

use super::super::moment::{ago, utc};
use super::{Answer, Known, Told};

pub(super) fn answer(told: &Told<'_>, name: &str) -> Option<Answer> {
    let pod = told.cluster.pods.get(name);
    let wait = told.memory.wait(name);
    let past = told.past(|decided| decided.pods.iter().any(|pod| pod.as_str() == name));
    if pod.is_none() && wait.is_none() && past.is_empty() {
        return None;
    }
    let mut known = Known::default();
    if let Some(pod) = pod {
        tell(told, pod, &mut known);
    }
    let seat = seat(told, name);
    let planned = seat.and_then(|id| describe(told, id));
    known.say("plannedOnto", planned.clone());
    let state = match pod.map(|pod| &pod.phase) {
        Some(PodPhase::Bound(node)) => format!("has the node {node}"),
        _ if wait.is_some() => "waits".to_owned(),
        Some(phase) => {
            let held = match phase {
                PodPhase::Gated => "is held by its gate",
                _ => "waits for kube-scheduler",
            };
            planned.map_or_else(
                || format!("{held}; it is looked at in the next round"),
                |planned| format!("{held}; there is room for it on {planned}"),
            )
        }
        None => "does not count, or no longer: it has ended, is being deleted, or has not come yet"
            .to_owned(),
    };
    Some(Answer {
        kind: "Pod",
        name: name.to_owned(),
        state,
        known: known.0,
        waits: wait.map(|wait| told.waits(wait, 1)).into_iter().collect(),
        past,
    })
}

fn tell(told: &Told<'_>, pod: &Pod, known: &mut Known) {
    let template = &pod.template;
    known.say("role", template.role.as_str());
    known.say("application", template.app.as_ref().map(|app| app.as_str()));
    known.say("requests", template.requests.to_string());
    known.say("priority", template.priority);
    known.say("created", utc(pod.created));
    if let PodPhase::Bound(node) = &pod.phase {
        known.say("node", node.as_str());
        let node = told.cluster.nodes.get(node);
        known.say("zone", node.and_then(|node| told.zone(node.zone)));
        known.say(
            "capacityType",
            node.and_then(|node| node.capacity_type.map(|c| c.as_str())),
        );
    }
}

/// The node that the last plan had in mind for a pod.
fn seat<'a>(told: &'a Told<'_>, name: &str) -> Option<&'a NodeId> {
    let (plan, _) = told.memory.plan();
    let has = |pods: &[crate::model::name::PodId]| pods.iter().any(|pod| pod.as_str() == name);
    let there = plan.existing.iter().find(|(_, pods)| has(pods));
    let launched = plan.launches().find_map(|launch| {
        let mut nodes = launch.intent.nodes.iter().zip(&launch.pods);
        nodes.find(|(_, pods)| has(pods)).map(|(node, _)| &node.id)
    });
    there.map(|(node, _)| node).or(launched)
}

fn describe(told: &Told<'_>, id: &NodeId) -> Option<String> {
    let node = told.cluster.nodes.get(id)?;
    let stage = match node.stage {
        Stage::Asked => "EC2 is being asked for it".to_owned(),
        Stage::Booting => node.launched.map_or("it boots".to_owned(), |launched| {
            format!("it boots, launched {}", ago(launched, told.now))
        }),
        Stage::Ready => "it is ready".to_owned(),
        Stage::Leaving => "it leaves".to_owned(),
    };
    Some(format!("{id} ({stage})"))
}
