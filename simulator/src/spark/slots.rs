//! Tasks on executors: the oldest stage first, each task on the executor with the most free slots. The
//! first tasks of an executor cost what a cold JVM costs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::Timestamp;

use super::line::Line;
use super::queue::{Due, Queue};
use crate::trace::work::Work;

#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    executors: BTreeMap<u32, Executor>,
    /// By stage.
    lines: Vec<Line>,
    profiles: BTreeMap<u32, Profile>,
    runs: u64,
    running: u32,
    serving: u32,
    first_task: Option<Timestamp>,
    waits_for_data: bool,
}

/// Executors and demand of one resource profile.
#[derive(Clone, Debug, Default)]
struct Profile {
    /// Executors with free slots, those with the most first.
    free: BTreeSet<(Reverse<u32>, u32)>,
    /// Stages with tasks that wait for a slot.
    ready: BTreeSet<usize>,
    /// Tasks of running stages that are not done.
    unfinished: u32,
    /// Executors that take tasks.
    executors: u32,
}

#[derive(Clone, Debug)]
struct Executor {
    profile: u32,
    slots: u32,
    /// First tasks that are still to pay for the cold start.
    fresh: u32,
    takes_tasks: bool,
    running: BTreeMap<u64, (usize, usize)>,
    idle_since: Timestamp,
    /// Stages whose shuffle files it holds.
    shuffles: BTreeSet<usize>,
}

impl Slots {
    /// `waits_for_data`: tasks keep to the localities of their log. Kubernetes' nodes hold no data.
    pub fn new(work: &Work, waits_for_data: bool) -> Self {
        Slots {
            lines: (0..work.stages.len())
                .map(|stage| Line::of(work, stage))
                .collect(),
            waits_for_data,
            ..Slots::default()
        }
    }

    pub fn add(&mut self, executor: u32, profile: u32, slots: u32, now: Timestamp) {
        let new = Executor {
            profile,
            slots,
            fresh: slots,
            takes_tasks: true,
            running: BTreeMap::new(),
            idle_since: now,
            shuffles: BTreeSet::new(),
        };
        self.executors.insert(executor, new);
        self.serving = self.serving.saturating_add(slots);
        let profile = self.profiles.entry(profile).or_default();
        profile.free.insert((Reverse(slots), executor));
        profile.executors += 1;
    }

    /// The executor takes no more tasks.
    pub fn stop(&mut self, executor: u32) {
        let Some(state) = self.executors.get_mut(&executor).filter(|e| e.takes_tasks) else {
            return;
        };
        state.takes_tasks = false;
        self.serving = self.serving.saturating_sub(state.slots);
        if let Some(profile) = self.profiles.get_mut(&state.profile) {
            profile.free.remove(&(Reverse(state.free()), executor));
            profile.executors -= 1;
        }
    }

    /// The executor is gone; its tasks wait again, before those that have not run.
    pub fn lose(&mut self, executor: u32) {
        self.stop(executor);
        let Some(state) = self.executors.remove(&executor) else {
            return;
        };
        for (stage, task) in state.running.into_values() {
            self.running -= 1;
            self.lines[stage].take_back(task);
            let profile = self.profiles.entry(state.profile).or_default();
            profile.ready.insert(stage);
        }
    }

    /// Puts a stage's tasks in line. True when it has none, and so is done.
    pub fn stage_starts(&mut self, work: &Work, stage: usize, now: Timestamp) -> bool {
        let tasks = self.lines[stage].forms(now);
        if tasks > 0 {
            let profile = self.profiles.entry(work.stages[stage].profile).or_default();
            profile.ready.insert(stage);
            profile.unfinished += u32::try_from(tasks).unwrap_or(u32::MAX);
        }
        tasks == 0
    }

    /// Puts a stage that waited for slots near its data back in line.
    pub fn relaxes(&mut self, work: &Work, stage: usize) {
        if self.lines[stage].is_waiting(work) {
            let profile = self.profiles.entry(work.stages[stage].profile).or_default();
            profile.ready.insert(stage);
        }
    }

    /// Gives waiting tasks to free slots.
    pub fn assign(&mut self, work: &Work, now: Timestamp, queue: &mut Queue) {
        for profile in self.profiles.values_mut() {
            while let (Some(&stage), Some(&(Reverse(free), executor))) =
                (profile.ready.first(), profile.free.first())
            {
                let line = &mut self.lines[stage];
                if let Some(until) = line.keeps_near(work, now).filter(|_| self.waits_for_data) {
                    profile.ready.remove(&stage);
                    queue.push(until, Due::Relaxes(stage));
                    continue;
                }
                let taken = line.take(work, now);
                if !line.is_waiting(work) {
                    profile.ready.remove(&stage);
                }
                let Some(task) = taken else {
                    continue;
                };
                profile.free.remove(&(Reverse(free), executor));
                if free > 1 {
                    profile.free.insert((Reverse(free - 1), executor));
                }
                let state = self.executors.get_mut(&executor).expect("free ones exist");
                let run = self.runs;
                let fresh = state.launch(run, stage, task);
                let cost = work.stages[stage].cost(&work.tasks[task], fresh);
                queue.push(now + cost, Due::TaskEnds { executor, run });
                self.runs += 1;
                self.running += 1;
                self.first_task.get_or_insert(now);
            }
        }
    }

    /// A task is done; its stage, if that is done with it. A task whose executor was lost since is
    /// not.
    pub fn task_ends(
        &mut self,
        work: &Work,
        executor: u32,
        run: u64,
        now: Timestamp,
    ) -> Option<usize> {
        let state = self.executors.get_mut(&executor)?;
        let free = state.free();
        let (stage, task) = state.running.remove(&run)?;
        let profile = self.profiles.entry(state.profile).or_default();
        if state.takes_tasks {
            profile.free.remove(&(Reverse(free), executor));
            profile.free.insert((Reverse(free + 1), executor));
        }
        if state.running.is_empty() {
            state.idle_since = now;
        }
        if work.stages[stage].writes_shuffle {
            state.shuffles.insert(stage);
        }
        self.running -= 1;
        profile.unfinished -= 1;
        let line = &mut self.lines[stage];
        let done = line.done(work, task);
        if line.is_waiting(work) {
            profile.ready.insert(stage);
        }
        done.then_some(stage)
    }

    /// Tasks of this profile that run or wait.
    pub fn unfinished(&self, profile: u32) -> u32 {
        self.profiles.get(&profile).map_or(0, |p| p.unfinished)
    }

    /// Tasks of this profile wait for a slot.
    pub fn has_backlog(&self, profile: u32) -> bool {
        self.profiles
            .get(&profile)
            .is_some_and(|p| !p.ready.is_empty())
    }

    /// Profiles that stages or executors have named so far.
    pub fn profiles(&self) -> impl Iterator<Item = u32> {
        self.profiles.keys().copied()
    }

    /// Executors of a profile that take tasks.
    pub fn executors_of(&self, profile: u32) -> u32 {
        self.profiles.get(&profile).map_or(0, |p| p.executors)
    }

    /// Since when an executor that takes tasks has had none.
    pub fn idle_since(&self, executor: u32) -> Option<Timestamp> {
        let state = self.executors.get(&executor)?;
        (state.takes_tasks && state.running.is_empty()).then_some(state.idle_since)
    }

    pub fn is_idle(&self, executor: u32) -> bool {
        self.executors
            .get(&executor)
            .is_none_or(|e| e.running.is_empty())
    }

    /// The executor holds shuffle files of a stage for which `keeps` is true; those for which it is
    /// false are forgotten.
    pub fn holds_shuffle(&mut self, executor: u32, keeps: impl Fn(usize) -> bool) -> bool {
        let Some(state) = self.executors.get_mut(&executor) else {
            return false;
        };
        state.shuffles.retain(|&stage| keeps(stage));
        !state.shuffles.is_empty()
    }

    /// The executor holds shuffle files of a stage for which `counts` is true.
    pub fn wrote_for(&self, executor: u32, counts: impl Fn(usize) -> bool) -> bool {
        let state = self.executors.get(&executor);
        state.is_some_and(|state| state.shuffles.iter().any(|&stage| counts(stage)))
    }

    pub fn profile_of(&self, executor: u32) -> Option<u32> {
        self.executors.get(&executor).map(|state| state.profile)
    }

    pub fn first_task(&self) -> Option<Timestamp> {
        self.first_task
    }

    pub fn serving(&self) -> u32 {
        self.serving
    }

    pub fn running(&self) -> u32 {
        self.running
    }
}

impl Executor {
    /// Notes the task; true when it pays for the cold start.
    fn launch(&mut self, run: u64, stage: usize, task: usize) -> bool {
        let fresh = self.fresh > 0;
        self.fresh = self.fresh.saturating_sub(1);
        self.running.insert(run, (stage, task));
        fresh
    }

    fn free(&self) -> u32 {
        self.slots - u32::try_from(self.running.len()).unwrap_or(self.slots)
    }
}
