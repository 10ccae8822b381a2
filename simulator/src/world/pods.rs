//! Pods from created to ended. Each has a place of its own while it is there, by which the world and the
//! scheduler know it; its name is for the core, which knows names alone.

use std::sync::Arc;

use sparkwright::model::name::{PodId, Table};
use sparkwright::model::spark::{PodPhase, PodTemplate};
use sparkwright::model::time::Timestamp;

/// A pod by its place. Once it has ended its key finds nothing, whoever has the place after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodKey {
    /// Places are dense: those that are free are given again.
    pub place: u32,
    /// How many pods have had the place before.
    pub before: u32,
}

/// Whose pod it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An application's driver, by position among the submissions.
    Driver(usize),
    /// An application's executor.
    Executor(usize, u32),
    /// A pod with a life of its own, by place in its application.
    Pod(usize, usize),
}

/// A pod that has not ended.
#[derive(Clone, Debug)]
pub struct SimulatedPod {
    /// Its name.
    pub id: PodId,
    /// Whose it is.
    pub part: Part,
    /// What it is like, placing included.
    pub template: Arc<PodTemplate>,
    /// When it was created.
    pub created: Timestamp,
    /// When its container started.
    pub started: Option<Timestamp>,
    /// Where it is in its life.
    pub phase: PodPhase,
}

/// All pods that have not ended, and a count of what happened to all.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    places: Vec<Place>,
    vacant: Vec<u32>,
    named: Table<PodId, PodKey>,
    /// Created, bound, started and ended, of all pods together.
    pub events: u64,
}

#[derive(Clone, Debug, Default)]
struct Place {
    before: u32,
    pod: Option<SimulatedPod>,
}

impl PodKey {
    /// Where a list by place has it.
    pub fn index(self) -> usize {
        usize::try_from(self.place).unwrap_or(usize::MAX)
    }
}

impl Part {
    /// The application, by position among the submissions.
    pub fn application(self) -> usize {
        let (Part::Driver(i) | Part::Executor(i, _) | Part::Pod(i, _)) = self;
        i
    }
}

impl SimulatedPod {
    /// A pod that nobody has placed.
    pub fn new(id: PodId, template: Arc<PodTemplate>, part: Part, created: Timestamp) -> Self {
        SimulatedPod {
            id,
            part,
            template,
            created,
            started: None,
            phase: PodPhase::Gated,
        }
    }
}

impl Pods {
    /// A pod is created.
    pub fn add(&mut self, pod: SimulatedPod) -> PodKey {
        self.events += 1;
        let next =
            u32::try_from(self.places.len()).expect("pods at one time are numbered in 32 bits");
        let place = self.vacant.pop().unwrap_or(next);
        if place == next {
            self.places.push(Place::default());
        }
        let key = PodKey { place, before: 0 };
        let at = &mut self.places[key.index()];
        let key = PodKey {
            before: at.before,
            ..key
        };
        self.named.insert(pod.id.clone(), key);
        at.pod = Some(pod);
        key
    }

    /// The pod of a name.
    pub fn named(&self, id: &PodId) -> Option<PodKey> {
        self.named.get(id).copied()
    }

    /// A pod, unless it has ended.
    pub fn get(&self, key: PodKey) -> Option<&SimulatedPod> {
        let place = self.places.get(key.index())?;
        place.pod.as_ref().filter(|_| place.before == key.before)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, key: PodKey) -> Option<&mut SimulatedPod> {
        let place = self.places.get_mut(key.index())?;
        place.pod.as_mut().filter(|_| place.before == key.before)
    }

    /// A pod has ended.
    pub fn remove(&mut self, key: PodKey) -> Option<SimulatedPod> {
        self.get(key)?;
        let place = &mut self.places[key.index()];
        let pod = place.pod.take()?;
        place.before = place.before.wrapping_add(1);
        self.vacant.push(key.place);
        self.named.swap_remove(&pod.id);
        self.events += 1;
        Some(pod)
    }
}
