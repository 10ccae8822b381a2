//! One application as it is known: its declared shape, its pods that wait, those that run, and the
//! room that nodes hold for it. Folded by `state.rs`; it does not know what will be done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::name::{NodeId, PodId};
use crate::model::spark::{ExecutorGroup, Pod, PodPhase, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

use super::event::{Held, Slot};

/// An application, or a single pod that belongs to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// What it said it will ask for.
    pub shape: Option<Shape>,
    /// Its place in the queue: creation of its first pod, or of its declaration.
    pub first_seen: Timestamp,
    /// Pods that are gated or pending, by template.
    pub waiting: BTreeMap<Arc<PodTemplate>, BTreeSet<PodId>>,
    /// Pods that run, or are about to.
    pub bound: BTreeMap<PodId, (Role, NodeId)>,
    /// Executors on nodes that EC2 takes back: each is expected once more.
    pub doomed: BTreeMap<PodId, Arc<PodTemplate>>,
    /// How many pods of each kind there have been, ended ones included.
    pub seen: BTreeMap<Slot, u32>,
    /// Since when its driver has had a node.
    pub driver_since: Option<Timestamp>,
    /// Room that awaited nodes hold for it.
    pub held: BTreeMap<Slot, BTreeMap<NodeId, u32>>,
}

impl App {
    pub(super) fn new(first_seen: Timestamp) -> Self {
        App {
            shape: None,
            first_seen,
            waiting: BTreeMap::new(),
            bound: BTreeMap::new(),
            doomed: BTreeMap::new(),
            seen: BTreeMap::new(),
            driver_since: None,
            held: BTreeMap::new(),
        }
    }

    /// The driver that is declared and has never been there.
    pub fn expected_driver(&self) -> Option<&Arc<PodTemplate>> {
        let driver = self.shape.as_ref()?.driver.as_ref()?;
        let seen = self.seen.keys().any(|slot| slot.role == Role::Driver);
        (!seen).then_some(driver)
    }

    /// Executors of a group that are declared and have never been there.
    pub fn expected_executors(&self, group: &ExecutorGroup) -> u32 {
        group.initial.saturating_sub(
            self.seen
                .get(&slot_of(&group.template))
                .copied()
                .unwrap_or(0),
        )
    }

    /// True while anything is asked for: pods that wait, pods that are expected, pods whose nodes are
    /// taken back, room that is held.
    pub fn is_demanding(&self) -> bool {
        let expects = self.shape.as_ref().is_some_and(|shape| {
            self.expected_driver().is_some()
                || shape
                    .executors
                    .iter()
                    .any(|group| self.expected_executors(group) > 0)
        });
        let loses = !self.doomed.is_empty();
        expects || loses || !self.waiting.is_empty() || !self.held.is_empty()
    }

    /// True where nothing is left to know.
    pub(super) fn is_over(&self) -> bool {
        self.shape.is_none() && self.waiting.is_empty() && self.bound.is_empty()
    }

    /// Takes in a pod that was not known, or not in this phase.
    pub(super) fn add(&mut self, pod: &Pod, at: Timestamp) {
        self.first_seen = self.first_seen.min(pod.created);
        match &pod.phase {
            PodPhase::Gated | PodPhase::Pending => {
                self.waiting
                    .entry(pod.template.clone())
                    .or_default()
                    .insert(pod.id.clone());
            }
            PodPhase::Bound(node) => {
                self.bound
                    .insert(pod.id.clone(), (pod.template.role, node.clone()));
                if pod.template.role == Role::Driver {
                    self.driver_since.get_or_insert(at);
                }
            }
        }
    }

    /// Forgets a pod in the phase in which it was known.
    pub(super) fn remove(&mut self, pod: &Pod) {
        if let Some(pods) = self.waiting.get_mut(&pod.template) {
            pods.remove(&pod.id);
            if pods.is_empty() {
                self.waiting.remove(&pod.template);
            }
        }
        self.bound.remove(&pod.id);
        self.doomed.remove(&pod.id);
    }

    /// The node of one of its executors is being taken back. A driver's end is the application's, so
    /// nothing follows it.
    pub(super) fn doom(&mut self, pod: &Pod) {
        if pod.template.role == Role::Executor && self.bound.contains_key(&pod.id) {
            self.doomed.insert(pod.id.clone(), pod.template.clone());
        }
    }

    /// A new pod counts for one that was expected in place of a doomed one of its kind.
    pub(super) fn replace_doomed(&mut self, slot: &Slot) {
        let mut doomed = self.doomed.iter();
        let replaced = doomed.find(|(_, template)| slot_of(template) == *slot);
        if let Some(pod) = replaced.map(|(pod, _)| pod.clone()) {
            self.doomed.remove(&pod);
        }
    }

    /// A pod has found its place: one less is held for, on that node if it was held there.
    pub(super) fn release_one(&mut self, slot: &Slot, node: &NodeId) {
        let Some(nodes) = self.held.get_mut(slot) else {
            return;
        };
        let found = nodes.contains_key(node).then(|| node.clone());
        let Some(from) = found.or_else(|| nodes.keys().next().cloned()) else {
            return;
        };
        if let Some(count) = nodes.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                nodes.remove(&from);
            }
        }
        if nodes.is_empty() {
            self.held.remove(slot);
        }
    }

    /// Room is held for it on a node.
    pub(super) fn hold(&mut self, node: &NodeId, held: &Held) {
        *self
            .held
            .entry(held.slot.clone())
            .or_default()
            .entry(node.clone())
            .or_default() += held.count;
    }

    /// A node that held room is not coming, or is going.
    pub(super) fn forget_node(&mut self, node: &NodeId) {
        self.held.retain(|_, nodes| {
            nodes.remove(node);
            !nodes.is_empty()
        });
    }
}

/// What makes pods of this template interchangeable with others of their application.
pub fn slot_of(template: &PodTemplate) -> Slot {
    Slot {
        role: template.role,
        requests: template.requests.clone(),
    }
}
