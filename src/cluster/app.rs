//! One application as it is known: its declared shape, its pods that wait, those that run, and the
//! room that nodes hold for it. Folded by `state.rs`; it does not know what will be done about it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::name::{Names, NodeId, PodId, Table};
use crate::model::spark::{ExecutorGroup, Pod, PodPhase, PodTemplate, Role, Shape};
use crate::model::time::{Span, Timestamp};

use super::count::Counts;
use super::event::{Held, Slot};

/// Executors that are declared and have not come this long after their driver got a node are no
/// longer waited for. Spark asks for its first executors within seconds of its start; ten minutes
/// leave room for slow images and slow starts, and bound what a driver that never asks can hold.
pub const RESERVATION_LIMIT: Span = Span::from_secs(600);

/// An application, or a single pod that belongs to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// What it said it will ask for.
    pub shape: Option<Shape>,
    /// Its place in the queue: creation of its first pod, or of its declaration.
    pub first_seen: Timestamp,
    /// Pods that are gated or pending, by template; no template twice.
    pub waiting: Vec<(Arc<PodTemplate>, Names<PodId>)>,
    /// How many of them are gated, by kind.
    pub gated: Counts,
    /// Pods that run, or are about to.
    pub bound: Table<PodId, (Role, NodeId)>,
    /// Executors on nodes that are taken away: each is expected once more.
    pub doomed: BTreeMap<PodId, Arc<PodTemplate>>,
    /// Pods with nodes that have been asked to go.
    pub leaving: BTreeSet<PodId>,
    /// How many pods of each kind there have been, ended ones included.
    pub seen: Counts,
    /// Since when its driver has had a node.
    pub driver_since: Option<Timestamp>,
    /// Room that awaited nodes hold for it.
    pub held: BTreeMap<Slot, BTreeMap<NodeId, u32>>,
    /// It is known to ask for something that is not on its way.
    pub(super) demanding: bool,
    /// When it gives up executors that never came, while it is provided for.
    pub(super) reserved_until: Option<Timestamp>,
    /// Its templates, each once.
    templates: Vec<Arc<PodTemplate>>,
    /// Room for the names of pods that wait, kept for the next template of which some do.
    spare: Names<PodId>,
}

impl App {
    pub(super) fn new(first_seen: Timestamp) -> Self {
        App {
            shape: None,
            first_seen,
            waiting: Vec::new(),
            gated: Counts::default(),
            bound: Table::default(),
            doomed: BTreeMap::new(),
            leaving: BTreeSet::new(),
            seen: Counts::default(),
            driver_since: None,
            held: BTreeMap::new(),
            demanding: false,
            reserved_until: None,
            templates: Vec::new(),
            spare: Names::default(),
        }
    }

    /// The application's own copy of a template: thousands of executors share one.
    pub(super) fn intern(&mut self, template: Arc<PodTemplate>) -> Arc<PodTemplate> {
        let mut known = self.templates.iter();
        if known.any(|known| Arc::ptr_eq(known, &template)) {
            return template;
        }
        if let Some(known) = self.templates.iter().find(|known| **known == template) {
            return known.clone();
        }
        self.templates.push(template.clone());
        template
    }

    /// The shape with the application's own copies of its templates.
    pub(super) fn interned(&mut self, mut shape: Shape) -> Shape {
        shape.driver = shape.driver.map(|driver| self.intern(driver));
        for group in &mut shape.executors {
            group.template = self.intern(group.template.clone());
        }
        shape
    }

    /// Its templates whose pods are of a slot.
    pub(super) fn templates_of(&self, slot: &Slot) -> impl Iterator<Item = &PodTemplate> {
        let templates = self.templates.iter().map(AsRef::as_ref);
        templates.filter(|template| slot.is_of(template))
    }

    /// The driver that is declared and has never been there.
    pub fn expected_driver(&self) -> Option<&Arc<PodTemplate>> {
        let driver = self.shape.as_ref()?.driver.as_ref()?;
        let mut seen = self.seen.iter();
        let seen = seen.any(|(slot, _)| slot.role == Role::Driver);
        (!seen).then_some(driver)
    }

    /// Executors of a group that are declared and have never been there.
    pub fn expected_executors(&self, group: &ExecutorGroup) -> u32 {
        group.initial.saturating_sub(self.seen.of(&group.template))
    }

    /// True while anything is asked for: pods that wait, pods that are expected, pods whose nodes are
    /// taken back, room that is held.
    pub fn is_demanding(&self) -> bool {
        let loses = !self.doomed.is_empty();
        !self.waiting.is_empty() || !self.held.is_empty() || loses || self.expects()
    }

    /// True while pods are declared that have never been there.
    pub fn expects(&self) -> bool {
        self.shape
            .as_ref()
            .is_some_and(|shape| self.expected_driver().is_some() || self.expects_executors(shape))
    }

    fn expects_executors(&self, shape: &Shape) -> bool {
        let mut groups = shape.executors.iter();
        groups.any(|group| self.expected_executors(group) > 0)
    }

    /// When its executors are no longer waited for, if its driver runs and some are.
    pub fn gives_up_at(&self) -> Option<Timestamp> {
        let shape = self.shape.as_ref()?;
        let since = self.driver_since?;
        self.expects_executors(shape)
            .then_some(since + RESERVATION_LIMIT)
    }

    /// How many pods of a slot wait or are expected.
    pub fn wanted(&self, slot: &Slot) -> u32 {
        let mut wanted = self.count_waiting(slot);
        if let Some(shape) = &self.shape {
            let groups = shape.executors.iter();
            let expected = groups.filter(|group| slot.is_of(&group.template));
            wanted += expected
                .map(|group| self.expected_executors(group))
                .sum::<u32>();
        }
        let doomed = self.doomed.values();
        let doomed = doomed.filter(|template| slot.is_of(template)).count();
        wanted += u32::try_from(doomed).unwrap_or(u32::MAX);
        let driver = self.expected_driver();
        wanted + u32::from(driver.is_some_and(|driver| slot.is_of(driver)))
    }

    /// How many pods of a slot wait.
    fn count_waiting(&self, slot: &Slot) -> u32 {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|(template, _)| slot.is_of(template));
        let counts = waiting.map(|(_, pods)| u32::try_from(pods.len()).unwrap_or(u32::MAX));
        counts.sum()
    }

    /// How many pods of a slot room is held for.
    pub(super) fn count_held(&self, slot: &Slot) -> u32 {
        self.held.get(slot).map_or(0, |nodes| nodes.values().sum())
    }

    /// How many of its pods are gated.
    pub fn count_gated(&self) -> u32 {
        self.gated.iter().map(|(_, gated)| gated).sum()
    }

    /// A slot for which more room is held than is wanted, where there is one; else whether as much as is wanted is
    /// held for every slot for which any is.
    pub(super) fn surplus(&self) -> Result<bool, &Slot> {
        let mut full = true;
        for (slot, nodes) in &self.held {
            let held = nodes.values().sum::<u32>();
            match held.cmp(&self.wanted(slot)) {
                Ordering::Greater => return Err(slot),
                Ordering::Equal => {}
                Ordering::Less => full = false,
            }
        }
        Ok(full)
    }

    /// True where every pod that waits or is expected is of a slot for which room is held, as much as is wanted,
    /// and waits for nothing but its node, or for EC2's answer to be let to it. `given` tells whether EC2 has given
    /// a node. Pods with rules between them are always looked at, since others come near them.
    pub(super) fn waits_for_nodes(&self, given: impl Fn(&NodeId) -> bool) -> bool {
        let held_for = |template: &Arc<PodTemplate>| {
            let mut slots = self.held.keys();
            slots.any(|slot| slot.is_of(template))
        };
        let groups = self.shape.iter().flat_map(|shape| &shape.executors);
        let mut expected = groups.filter(|group| self.expected_executors(group) > 0);
        let mut templates = self.templates.iter();
        !self.held.is_empty()
            && self.waiting.iter().all(|(template, _)| held_for(template))
            && self.doomed.values().all(held_for)
            && self.expected_driver().is_none_or(held_for)
            && expected.all(|group| held_for(&group.template))
            && templates.all(|template| template.placement.is_none())
            && (self.gates_await_answer(&given) || self.gang_awaits_answer(given))
    }

    /// True while all room that EC2 has given for pods that are gated is that of others like them whose gates
    /// have been lifted: until more is given there is no gate to lift.
    fn gates_await_answer(&self, given: impl Fn(&NodeId) -> bool) -> bool {
        self.gated.iter().all(|(slot, gated)| {
            let waiting: u32 = self.count_waiting(slot);
            self.count_given(slot, &given) <= waiting.saturating_sub(gated)
        })
    }

    /// How many pods of a slot room is held for on nodes that EC2 has given.
    fn count_given(&self, slot: &Slot, given: impl Fn(&NodeId) -> bool) -> u32 {
        let nodes = self.held.get(slot).into_iter().flatten();
        let given = nodes.filter(|(node, _)| given(node));
        given.map(|(_, count)| *count).sum()
    }

    /// True while too little of the room that is held for the gang is on nodes that EC2 has given:
    /// until then no gate is lifted.
    fn gang_awaits_answer(&self, given: impl Fn(&NodeId) -> bool) -> bool {
        let answered = |slot: &Slot| self.count_given(slot, &given);
        let Some(shape) = &self.shape else {
            let mut waiting = self.waiting.iter();
            return !self.has_begun()
                && waiting.any(|(template, pods)| {
                    let count = u32::try_from(pods.len()).unwrap_or(u32::MAX);
                    template.role != Role::Other && answered(&slot_of(template)) < count
                });
        };
        let mut drivers = self.waiting.iter().map(|(template, _)| template);
        let driver = drivers.find(|template| template.role == Role::Driver);
        let executors = self.bound.values();
        let executors = executors
            .filter(|(role, _)| *role == Role::Executor)
            .count();
        let executors = u32::try_from(executors).unwrap_or(u32::MAX);
        driver.is_some_and(|driver| answered(&slot_of(driver)) == 0)
            || shape.executors.iter().any(|group| {
                answered(&slot_of(&group.template)) < group.min.saturating_sub(executors)
            })
    }

    /// True where a driver or an executor has a node.
    pub fn has_begun(&self) -> bool {
        let mut bound = self.bound.values();
        bound.any(|(role, _)| *role != Role::Other)
    }

    /// True where nothing is left to know.
    pub(super) fn is_over(&self) -> bool {
        self.shape.is_none() && self.waiting.is_empty() && self.bound.is_empty()
    }

    /// Counts a pod among those of its phase.
    pub(super) fn add(&mut self, pod: &Pod, at: Timestamp) {
        self.first_seen = self.first_seen.min(pod.created);
        match &pod.phase {
            PodPhase::Gated | PodPhase::Pending => {
                if pod.phase == PodPhase::Gated {
                    self.gated.add(&pod.template);
                }
                let template = &pod.template;
                let mut known = self.waiting.iter_mut();
                match known.find(|(known, _)| Arc::ptr_eq(known, template)) {
                    Some((_, pods)) => {
                        pods.insert(pod.id.clone());
                    }
                    None => {
                        let mut pods = std::mem::take(&mut self.spare);
                        pods.insert(pod.id.clone());
                        self.waiting.push((template.clone(), pods));
                    }
                }
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
        if let PodPhase::Bound(_) = pod.phase {
            self.bound.swap_remove(&pod.id);
            self.doomed.remove(&pod.id);
            self.leaving.remove(&pod.id);
            return;
        }
        if pod.phase == PodPhase::Gated {
            self.gated.take(&pod.template);
        }
        let mut known = self.waiting.iter();
        let place = known.position(|(known, _)| Arc::ptr_eq(known, &pod.template));
        if let Some(place) = place {
            self.waiting[place].1.swap_remove(&pod.id);
            if self.waiting[place].1.is_empty() {
                (_, self.spare) = self.waiting.swap_remove(place);
            }
        }
    }

    /// The node of one of its executors is being taken away. A driver's end is the application's, so
    /// nothing follows it.
    pub(super) fn doom(&mut self, pod: &Pod) {
        if pod.template.role == Role::Executor && self.bound.contains_key(&pod.id) {
            self.doomed.insert(pod.id.clone(), pod.template.clone());
        }
    }

    /// Takes in a pod that was not there; one that has no node yet counts for one that was expected in place of a
    /// doomed one of its kind.
    pub(super) fn meet(&mut self, pod: &Pod, at: Timestamp) {
        // One that has its node already was there before, and follows nobody: at a start all are new.
        if !matches!(pod.phase, PodPhase::Bound(_)) && !self.doomed.is_empty() {
            self.replace_doomed(&slot_of(&pod.template));
        }
        self.seen.add(&pod.template);
        self.add(pod, at);
    }

    fn replace_doomed(&mut self, slot: &Slot) {
        let mut doomed = self.doomed.iter();
        let replaced = doomed.find(|(_, template)| slot.is_of(template));
        if let Some(pod) = replaced.map(|(pod, _)| pod.clone()) {
            self.doomed.remove(&pod);
        }
    }

    /// One less is held for: on that node if it was held there, else on the last one. Tells where.
    pub(super) fn release_one(&mut self, slot: &Slot, node: Option<&NodeId>) -> Option<NodeId> {
        let nodes = self.held.get_mut(slot)?;
        let here = node.filter(|node| nodes.contains_key(*node)).cloned();
        let from = here.or_else(|| nodes.keys().next_back().cloned())?;
        if let Some(count) = nodes.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                nodes.remove(&from);
            }
        }
        if nodes.is_empty() {
            self.held.remove(slot);
        }
        Some(from)
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
