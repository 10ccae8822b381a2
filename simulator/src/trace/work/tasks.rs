//! Tasks as work: which attempts count, which of them paid for a fresh executor, and how much that
//! is. Task ids ascend in the order of launch, so no start time is needed to know the first ones.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::Span;

use super::super::recorded::{self, Outcome, Recorded};
use super::{Arrival, Stage, Task};

/// Fills the stages with their tasks; tasks of stages that belong to no job are left out.
pub(super) fn of(
    recorded: &Recorded,
    arrivals: &[Arrival],
    mut stages: Vec<Stage>,
) -> (Vec<Task>, Vec<Stage>) {
    let fresh = fresh(recorded, arrivals);
    let mut by_stage: BTreeMap<u32, Vec<&recorded::Task>> = BTreeMap::new();
    for task in &recorded.tasks {
        by_stage.entry(task.stage).or_default().push(task);
    }
    let mut tasks = Vec::with_capacity(recorded.tasks.len());
    for stage in &mut stages {
        let from = tasks.len();
        let mut recorded = by_stage.remove(&stage.id).unwrap_or_default();
        recorded.sort_by_key(|task| (task.index, task.id));
        stage.writes_shuffle = recorded.iter().any(|task| task.writes_shuffle);
        let mut by_index: Vec<&[&recorded::Task]> =
            recorded.chunk_by(|a, b| a.index == b.index).collect();
        by_index.sort_by_key(|attempts| attempts[0].id);
        for attempts in by_index {
            tasks.extend(counting(attempts, &fresh));
        }
        stage.tasks = from..tasks.len();
    }
    measure_cold(&mut stages, &tasks);
    (tasks, stages)
}

/// The attempts of one index that are work: failures of the application's own code, and the first
/// success. Losses come again from the replay, copies are left out.
fn counting(attempts: &[&recorded::Task], fresh: &BTreeSet<u64>) -> Vec<Task> {
    let mut counting: Vec<Task> = Vec::new();
    for task in attempts {
        if task.outcome == Outcome::Void {
            continue;
        }
        if task.speculative && task.outcome == Outcome::Failed {
            continue;
        }
        counting.push(Task {
            duration: task.duration(),
            fresh: fresh.contains(&task.id),
            retry: !counting.is_empty(),
            locality: task.locality,
        });
        if task.outcome == Outcome::Success {
            break;
        }
    }
    counting
}

/// Ids of the first tasks of each executor, as many as it has slots.
fn fresh(recorded: &Recorded, arrivals: &[Arrival]) -> BTreeSet<u64> {
    let mut by_executor: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for task in &recorded.tasks {
        by_executor.entry(task.executor).or_default().push(task.id);
    }
    let mut fresh = BTreeSet::new();
    for (executor, mut ids) in by_executor {
        ids.sort_unstable();
        let slots = usize::try_from(arrivals[executor].slots).unwrap_or(usize::MAX);
        fresh.extend(ids.into_iter().take(slots));
    }
    fresh
}

/// A stage's cold penalty is the median of its fresh tasks above that of the others; a stage that
/// had only one kind takes the median over the stages that had both.
fn measure_cold(stages: &mut [Stage], tasks: &[Task]) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for (number, stage) in stages.iter_mut().enumerate() {
        let of_kind = |fresh: bool| {
            (tasks[stage.tasks.clone()].iter())
                .filter(|task| task.fresh == fresh)
                .map(|task| task.duration)
                .collect()
        };
        match (median(of_kind(true)), median(of_kind(false))) {
            (Some(first), Some(warm)) => {
                stage.warm = warm;
                stage.cold = (first - warm).max(Span::ZERO);
                known.push(stage.cold);
            }
            (first, warm) => {
                stage.warm = warm.or(first).unwrap_or(Span::ZERO);
                unknown.push(number);
            }
        }
    }
    let overall = median(known).unwrap_or(Span::ZERO);
    for number in unknown {
        let only_fresh = tasks[stages[number].tasks.clone()].iter().any(|t| t.fresh);
        stages[number].cold = overall;
        if only_fresh {
            stages[number].warm = (stages[number].warm - overall).max(Span::ZERO);
        }
    }
}

/// The lower median.
fn median(mut spans: Vec<Span>) -> Option<Span> {
    spans.sort();
    spans.get(spans.len().checked_sub(1)? / 2).copied()
}

impl Stage {
    /// How long a task takes on a fresh executor or on a warm one.
    pub fn cost(&self, task: &Task, fresh: bool) -> Span {
        match (task.fresh, fresh) {
            (false, true) => task.duration + self.cold,
            (true, false) => (task.duration - self.cold).max(self.warm.min(task.duration)),
            _ => task.duration,
        }
    }
}
