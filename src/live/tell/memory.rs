//! What was decided lately, and since when pods wait: what the cluster as it is cannot tell. Bounded, and
//! lost with the process; it decides nothing.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::cluster::event::{Event, Fact};
use crate::model::name::{AppId, NodeId, PodId, Table};
use crate::model::time::Timestamp;
use crate::plan::effect::{Launch, Place};
use crate::plan::reason::Reason;
use crate::plan::{Effect, Plan};

use super::breach::Breach;

/// Things that are remembered at most.
const MOST_DECIDED: usize = 20_000;
/// Names of pods, nodes and applications in all of them together.
const MOST_NAMES: usize = 400_000;

/// What was decided and what came of it, for as long as there is room.
#[derive(Debug, Default)]
pub struct Memory {
    waits: Table<PodId, Wait>,
    decided: VecDeque<Decided>,
    names: usize,
    plan: Arc<Plan>,
    looked: Timestamp,
}

/// A pod waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Why.
    pub reason: Reason,
    /// Since when for a reason of this code.
    pub since: Timestamp,
}

/// One thing that was decided, or came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// In a sentence.
    pub text: String,
    /// Nodes that it was about.
    pub nodes: Vec<NodeId>,
    /// Pods that it was about.
    pub pods: Vec<PodId>,
    /// Applications that it was about.
    pub apps: BTreeSet<AppId>,
}

impl Decided {
    fn about_node(at: Timestamp, node: &NodeId, text: impl Into<String>) -> Decided {
        Decided {
            at,
            text: text.into(),
            nodes: vec![node.clone()],
            pods: Vec::new(),
            apps: BTreeSet::new(),
        }
    }

    fn names(&self) -> usize {
        self.nodes.len() + self.pods.len() + self.apps.len()
    }
}

impl Memory {
    /// Takes in a look. To be called after its effects are under way: it costs as much as pods wait.
    pub fn round(&mut self, now: Timestamp, cluster: &Cluster, plan: &Arc<Plan>) {
        for waiting in &plan.waiting {
            let begun = || Wait {
                reason: waiting.reason.clone(),
                since: now,
            };
            let wait = self.waits.entry(waiting.pod.clone()).or_insert_with(begun);
            if wait.reason.code() != waiting.reason.code() {
                wait.since = now;
            }
            if wait.reason != waiting.reason {
                wait.reason = waiting.reason.clone();
            }
        }
        if self.waits.len() > plan.waiting.len() {
            let waiting: BTreeSet<&PodId> = plan.waiting.iter().map(|w| &w.pod).collect();
            self.waits.retain(|pod, _| waiting.contains(pod));
        }
        for effect in &plan.effects {
            self.keep(decided(now, cluster, effect));
        }
        (self.plan, self.looked) = (plan.clone(), now);
    }

    /// Takes in what came of a decision; other events say nothing here.
    pub fn event(&mut self, cluster: &Cluster, event: &Event) {
        let at = event.at;
        let known = match &event.fact {
            Fact::NodeLaunched {
                node,
                instance_type,
                price,
            } => {
                let name = cluster.catalog.known_type(*instance_type);
                let name = name.map_or("a type that is not known", |known| known.name.as_str());
                let text = format!("EC2 gave it as {name} at {price} USD/h");
                Decided::about_node(at, node, text)
            }
            Fact::NodeRefused(node) => Decided::about_node(at, node, "EC2 did not give it"),
            Fact::NodeDraining { node, .. } => {
                Decided::about_node(at, node, "its claim is being deleted: it is emptied")
            }
            Fact::NodeLeaving(node) => Decided::about_node(at, node, "EC2 was told to end it"),
            Fact::NodeInterrupted { node, .. } => {
                Decided::about_node(at, node, "EC2 said that it takes it back")
            }
            Fact::NodeReclaimed(node) => Decided::about_node(at, node, "EC2 took it back"),
            Fact::NodeGone(node) => Decided::about_node(at, node, "it is gone"),
            _ => return,
        };
        self.keep(known);
    }

    /// Why a pod waits, where it does.
    pub fn wait(&self, pod: &str) -> Option<&Wait> {
        self.waits.get(pod)
    }

    /// Pods that wait, in no order that means anything.
    pub fn waits(&self) -> impl Iterator<Item = (&PodId, &Wait)> {
        self.waits.iter()
    }

    /// What is remembered, the oldest first.
    pub fn decided(&self) -> impl DoubleEndedIterator<Item = &Decided> {
        self.decided.iter()
    }

    /// The last plan, and when it was made.
    pub fn plan(&self) -> (&Plan, Timestamp) {
        (&self.plan, self.looked)
    }

    /// Something came about otherwise than it should.
    pub fn breach(&mut self, at: Timestamp, breach: &Breach) {
        let (code, note) = (breach.kind.code(), breach.kind.note());
        self.keep(Decided {
            at,
            text: format!("breach ({code}): {note}"),
            nodes: Vec::new(),
            pods: vec![breach.pod.clone()],
            apps: BTreeSet::from([breach.app.clone()]),
        });
    }

    fn keep(&mut self, decided: Decided) {
        self.names += decided.names();
        self.decided.push_back(decided);
        while self.decided.len() > MOST_DECIDED || self.names > MOST_NAMES {
            let Some(oldest) = self.decided.pop_front() else {
                break;
            };
            self.names -= oldest.names();
        }
    }
}

fn decided(at: Timestamp, cluster: &Cluster, effect: &Effect) -> Decided {
    match effect {
        Effect::Launch(launch) => launched(at, cluster, launch),
        Effect::Place(place) => placed(at, cluster, place),
        Effect::Cordon { node, reason } => {
            Decided::about_node(at, node, format!("cordoned: {reason}"))
        }
        Effect::Evict { pod, reason } => evicted(at, cluster, pod, reason),
        Effect::Terminate { node, reason } => {
            Decided::about_node(at, node, format!("terminated: {reason}"))
        }
    }
}

fn launched(at: Timestamp, cluster: &Cluster, launch: &Launch) -> Decided {
    let intent = &launch.intent;
    let types = intent.types.iter();
    let mut names = types.filter_map(|id| cluster.catalog.known_type(*id));
    let first = names.next().map_or("no type", |first| first.name.as_str());
    let zone = cluster.catalog.zones.get(usize::from(intent.zone.0));
    let text = format!(
        "launched {} × {first} or {} other types, {}, {}, NodePool {}, {} USD/h each: {}",
        launch.count(),
        names.count(),
        intent.capacity_type,
        zone.map_or("no zone", |zone| zone.name.as_str()),
        intent.pool,
        launch.planned,
        launch.reason,
    );
    let held = intent.nodes.iter().flat_map(|node| &node.held);
    Decided {
        at,
        text,
        nodes: intent.nodes.iter().map(|node| node.id.clone()).collect(),
        pods: launch.pods.iter().flatten().cloned().collect(),
        apps: held.map(|held| held.app.clone()).collect(),
    }
}

fn evicted(at: Timestamp, cluster: &Cluster, pod: &PodId, reason: &Reason) -> Decided {
    let app = cluster.pods.get(pod);
    let app = app.and_then(|pod| pod.template.app.clone());
    Decided {
        at,
        text: format!("asked to go: {reason}"),
        nodes: Vec::new(),
        pods: vec![pod.clone()],
        apps: app.into_iter().collect(),
    }
}

fn placed(at: Timestamp, cluster: &Cluster, place: &Place) -> Decided {
    let zone = place.zone.map(|zone| usize::from(zone.0));
    let zone = zone.and_then(|zone| cluster.catalog.zones.get(zone));
    let capacity = place.capacity_type.map(|capacity| capacity.as_str());
    let purpose = place.purpose.map(|purpose| purpose.as_str());
    let parts = [zone.map(|zone| zone.name.as_str()), capacity, purpose];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let app = cluster.pods.get(&place.pod);
    Decided {
        at,
        text: format!(
            "let to the scheduler, for nodes with [{}]",
            parts.join(", ")
        ),
        nodes: Vec::new(),
        pods: vec![place.pod.clone()],
        apps: app
            .and_then(|pod| pod.template.app.clone())
            .into_iter()
            .collect(),
    }
}
