//! Tasks as work: which attempts count, which of them paid for a fresh executor, and how much that
//! is. Task ids ascend in the order of launch, so no start time is needed to know the first ones.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::Span;

use super::super::recorded::{self, Outcome, Recorded};
use super::{Arrival, CpuShare, Stage, Task};

/// Fills the stages with their tasks; tasks of stages that belong to no job are left out.
pub(super) fn of(
    recorded: &Recorded,
    arrivals: &mut [Arrival],
    mut stages: Vec<Stage>,
) -> (Vec<Task>, Vec<Stage>) {
    let fresh = fresh(recorded, arrivals);
    let mut launches = Vec::new();
    let mut first = Vec::new();
    let mut by_stage: BTreeMap<u32, Vec<&recorded::Task>> = BTreeMap::new();
    for task in &recorded.tasks {
        by_stage.entry(task.stage).or_default().push(task);
    }
    let mut tasks = Vec::with_capacity(recorded.tasks.len());
    for (number, stage) in stages.iter_mut().enumerate() {
        let from = tasks.len();
        let mut recorded = by_stage.remove(&stage.id).unwrap_or_default();
        recorded.sort_by_key(|task| (task.index, task.id));
        stage.writes_shuffle = recorded.iter().any(|task| task.writes_shuffle);
        let mut by_index: Vec<&[&recorded::Task]> =
            recorded.chunk_by(|a, b| a.index == b.index).collect();
        by_index.sort_by_key(|attempts| attempts[0].id);
        for attempts in by_index {
            for (attempt, task) in counting(attempts).into_iter().enumerate() {
                launches.push(Launch {
                    task: task.id,
                    executor: task.executor,
                    stage: number,
                });
                first.push(fresh.contains(&task.id));
                tasks.push(Task {
                    duration: task.duration(),
                    stage: u32::try_from(number).unwrap_or(u32::MAX),
                    retry: attempt > 0,
                    locality: task.locality,
                    cpu_share: CpuShare::of(task.cpu, task.duration()),
                    longest_left: Span::ZERO,
                    all_left: Span::ZERO,
                });
            }
        }
        stage.tasks = from..tasks.len();
        add_what_is_left(&mut tasks[from..]);
        let of_stage = tasks[from..].iter().map(|task| task.locality);
        let retries = tasks[from..].iter().filter(|task| task.retry).count();
        stage.retries = u32::try_from(retries).unwrap_or(u32::MAX);
        stage.nearest = of_stage.min().unwrap_or_default();
    }
    note_last_launches(arrivals, launches);
    measure_cold(&mut stages, &tasks, &first);
    (tasks, stages)
}

/// Tells each task of a stage what is left of the stage when it is the next.
fn add_what_is_left(of_stage: &mut [Task]) {
    let (mut longest, mut all) = (Span::ZERO, Span::ZERO);
    for task in of_stage.iter_mut().rev() {
        if !task.retry {
            longest = longest.max(task.duration);
            all = all + task.duration;
        }
        (task.longest_left, task.all_left) = (longest, all);
    }
}

/// How far the application had come when each executor took its last task, counted in launches. All
/// tasks of that stage count: which of its executors took which task is chance.
fn note_last_launches(arrivals: &mut [Arrival], mut launches: Vec<Launch>) {
    launches.sort_unstable_by_key(|launch| launch.task);
    let mut last_of_stage = BTreeMap::new();
    for (count, launch) in (1..).zip(&launches) {
        last_of_stage.insert(launch.stage, count);
    }
    for launch in &launches {
        arrivals[launch.executor].launches = last_of_stage[&launch.stage];
    }
}

/// A task that counts, with its id.
struct Launch {
    task: u64,
    executor: usize,
    stage: usize,
}

/// The attempts of one index that are work: failures of the application's own code, and the first
/// success. Losses come again from the replay, copies are left out.
fn counting<'a>(attempts: &[&'a recorded::Task]) -> Vec<&'a recorded::Task> {
    let mut counting = Vec::new();
    for &task in attempts {
        let copy = task.speculative && task.outcome == Outcome::Failed;
        if task.outcome == Outcome::Void || copy {
            continue;
        }
        counting.push(task);
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

/// What a first task costs above the others is the median of the first ones above that of the
/// others; a stage that had only one kind takes the median over the stages that had both. `first`
/// tells which tasks were first ones.
fn measure_cold(stages: &mut [Stage], tasks: &[Task], first: &[bool]) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for (number, stage) in stages.iter_mut().enumerate() {
        let own = stage.tasks.clone();
        let of_kind = |fresh: bool| -> Vec<Span> {
            (tasks[own.clone()].iter().zip(&first[own.clone()]))
                .filter(|(_, first)| **first == fresh)
                .map(|(task, _)| task.duration)
                .collect()
        };
        let (fresh, warm) = (of_kind(true), of_kind(false));
        stage.fresh = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
        if let (Some(fresh), Some(warm)) = (median(fresh), median(warm)) {
            stage.cold = (fresh - warm).max(Span::ZERO);
            known.push(stage.cold);
        } else {
            unknown.push(number);
        }
    }
    let overall = median(known).unwrap_or(Span::ZERO);
    for number in unknown {
        stages[number].cold = overall;
    }
}

/// The lower median.
fn median(mut spans: Vec<Span>) -> Option<Span> {
    spans.sort();
    spans.get(spans.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::super::recorded::Locality;
    use super::*;

    #[test]
    fn each_task_tells_what_is_left_of_its_stage_without_retries() {
        let task = |(seconds, retry)| Task {
            duration: Span::from_secs(seconds),
            stage: 0,
            retry,
            locality: Locality::Node,
            cpu_share: CpuShare::default(),
            longest_left: Span::ZERO,
            all_left: Span::ZERO,
        };
        let mut tasks = [(3, false), (9, true), (5, false), (2, false)].map(task);
        add_what_is_left(&mut tasks);
        let left = tasks.map(|task| (task.longest_left, task.all_left));
        let seconds = [(5, 10), (5, 7), (5, 7), (2, 2)];
        let expected =
            seconds.map(|(longest, all)| (Span::from_secs(longest), Span::from_secs(all)));
        assert_eq!(left, expected);
    }
}
