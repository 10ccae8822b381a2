//! What a driver takes until it launches the first tasks of its life: classes are loaded, code is compiled and the first
//! broadcast is made after a stage was submitted, and no event tells when that is done. It is what the first stage lasted
//! beyond its tasks on the slots that were there: durations and the stage's own times tell it, not the times at which
//! tasks started. Where other things could have made the stage longer, nothing is told.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sparkwright::model::time::{Span, Timestamp};

use super::super::recorded::{Outcome, Recorded, Stage, Task};
use super::Arrival;

/// The stage that was submitted first, by Spark's id, and how much longer than its tasks it lasted. None where another
/// stage ran beside it, executors came or went meanwhile, or tasks were tried again or waited for their data.
pub(super) fn of_first_stage(recorded: &Recorded, arrivals: &[Arrival]) -> Option<(u32, Span)> {
    let stages = recorded.stages.iter();
    let submitted = stages.filter_map(|(&(id, _), stage)| Some((stage.submitted?, id, stage)));
    let (from, id, stage) = submitted.min_by_key(|(at, id, _)| (*at, *id))?;
    let until = stage.completed?;
    let runs_alone = recorded.stages.iter().all(|(&(other, attempt), stage)| {
        let is_it = (other, attempt) == (id, 0);
        is_it || other != id && stage.submitted.is_none_or(|at| at >= until)
    });
    let tasks = tasks_in_order(recorded, id)?;
    let slots = steady_slots(recorded, arrivals, stage, (from, until))?;
    let busy = makespan(tasks.iter().map(|task| task.duration()), slots)?;
    runs_alone.then(|| (id, (until - from - busy).max(Span::ZERO)))
}

/// The stage's tasks in the order of launch, where each was done at its first attempt and as near its data as any.
fn tasks_in_order(recorded: &Recorded, stage: u32) -> Option<Vec<&Task>> {
    let tasks = recorded.tasks.iter().filter(|task| task.stage == stage);
    let mut tasks: Vec<&Task> = tasks.collect();
    tasks.sort_by_key(|task| task.id);
    let nearest = tasks.first()?.locality;
    let is_plain = |task: &&Task| {
        let first = task.attempt == 0 && !task.speculative;
        first && task.outcome == Outcome::Success && task.locality == nearest
    };
    tasks.iter().all(is_plain).then_some(tasks)
}

/// How many tasks of a stage ran at once, where that did not change.
fn steady_slots(
    recorded: &Recorded,
    arrivals: &[Arrival],
    stage: &Stage,
    (from, until): (Timestamp, Timestamp),
) -> Option<u32> {
    let mut slots = 0;
    for (executor, arrival) in recorded.executors.iter().zip(arrivals) {
        let gone = executor.removed.map(|(at, _)| at);
        let never = executor.added >= until || gone.is_some_and(|at| at <= from);
        let always = executor.added <= from && gone.is_none_or(|at| at >= until);
        if always && executor.profile == stage.profile {
            slots += arrival.slots;
        } else if !always && !never {
            return None;
        }
    }
    Some(slots)
}

/// How long tasks take that are launched in this order, each as soon as a slot is free. None where there is no slot.
fn makespan(tasks: impl Iterator<Item = Span>, slots: u32) -> Option<Span> {
    let mut busy_until: BinaryHeap<Reverse<Span>> = BinaryHeap::new();
    let mut last = Span::ZERO;
    for task in tasks {
        let is_full = busy_until.len() >= usize::try_from(slots).unwrap_or(usize::MAX);
        let start = match is_full {
            true => busy_until.pop()?.0,
            false => Span::ZERO,
        };
        last = last.max(start + task);
        busy_until.push(Reverse(start + task));
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::super::super::recorded::{Executor, Locality, Removal};
    use super::*;

    const FROM: i64 = 100_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(FROM + seconds * 1000)
    }

    /// Two executors of a slot each; a stage that lasts 12 s, and three tasks of 5, 4 and 4 s in it.
    fn record() -> (Recorded, Vec<Arrival>) {
        let executor = |id: &str| Executor {
            added: at(-10),
            ..Executor::mentioned(id, at(-10))
        };
        let task = |(id, seconds): (u32, i64)| Task {
            id: id.into(),
            stage: 7,
            stage_attempt: 0,
            index: id,
            attempt: 0,
            executor: 0,
            launched: at(3),
            finished: at(3 + seconds),
            outcome: Outcome::Success,
            locality: Locality::Node,
            speculative: false,
            writes_shuffle: false,
            cpu: None,
        };
        let stage = |from, until| Stage {
            submitted: Some(at(from)),
            completed: Some(at(until)),
            ..Stage::default()
        };
        let arrival = Arrival {
            at: Span::ZERO,
            gone: None,
            slots: 1,
            profile: 0,
            launches: 0,
        };
        let recorded = Recorded {
            executors: vec![executor("1"), executor("2")],
            stages: [((7, 0), stage(0, 12)), ((8, 0), stage(12, 15))].into(),
            tasks: [(1, 5), (0, 4), (2, 4)].map(task).into(),
            ..Recorded::default()
        };
        (recorded, vec![arrival; 2])
    }

    #[test]
    fn what_the_first_stage_lasts_beyond_its_tasks_is_the_drivers() {
        let (mut recorded, arrivals) = record();
        // In order of launch: 4 s and 5 s at once, then 4 s on the slot that is free first.
        let lead = Some((7, Span::from_secs(4)));
        assert_eq!(of_first_stage(&recorded, &arrivals), lead);
        for task in &mut recorded.tasks {
            let shift = Span::from_secs(i64::from(task.index) * 2);
            (task.launched, task.finished) = (task.launched + shift, task.finished + shift);
        }
        assert_eq!(of_first_stage(&recorded, &arrivals), lead);
    }

    #[test]
    fn nothing_is_told_where_other_things_made_the_stage_longer() {
        let (recorded, arrivals) = record();
        let spoiled = |spoil: &dyn Fn(&mut Recorded)| {
            let mut recorded = recorded.clone();
            spoil(&mut recorded);
            of_first_stage(&recorded, &arrivals)
        };
        let none = [
            spoiled(&|it| it.executors[1].added = at(2)),
            spoiled(&|it| it.executors[1].removed = Some((at(9), Removal::Lost))),
            spoiled(&|it| it.tasks[2].outcome = Outcome::Failed),
            spoiled(&|it| it.tasks[2].locality = Locality::Any),
            spoiled(&|it| {
                it.stages
                    .values_mut()
                    .for_each(|s| s.submitted = Some(at(0)))
            }),
            spoiled(&|it| it.stages.values_mut().for_each(|s| s.completed = None)),
            spoiled(&|it| it.executors.clear()),
        ];
        assert_eq!(none, [None; 7]);
        // One that was gone before, or comes later, is none of this stage's.
        let early = spoiled(&|it| it.executors[1].removed = Some((at(-1), Removal::Lost)));
        assert_eq!(early, Some((7, Span::ZERO)));
    }
}
