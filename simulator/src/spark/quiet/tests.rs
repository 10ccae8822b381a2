//! Applications that are left alone while nothing can come of what they do, beside the same ones to which
//! each thing happens at its own time: the world must hear the same of both.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::model::performance::Performance;
use sparkwright::model::time::{Span, Timestamp};

use crate::spark::tests::logs;
use crate::spark::{Application, Executors, Pace, Progress, Wish};
use crate::trace::{self, Work};

#[test]
fn the_world_hears_the_same_of_those_that_are_left_alone() {
    let (mut few, mut many) = (0, 0);
    for work in works() {
        for (seed, settings) in (1..).zip([
            usual, eager, eager, hasty, hasty, bounded, bounded, moving, moving, fixed,
        ]) {
            let mut work = Work::clone(&work);
            settings(&mut work);
            let work = Arc::new(work);
            let left_alone = heard(&work, true, seed);
            let in_steps = heard(&work, false, seed);
            let named = format!("{} tasks, seed {seed}", work.tasks.len());
            assert_eq!(left_alone.0, in_steps.0, "{named}");
            assert_eq!(left_alone.1, in_steps.1, "{named}");
            few += left_alone.2;
            many += in_steps.2;
        }
    }
    println!("{few} wakes in place of {many}");
    assert!(few * 3 < many * 2, "{few} of {many}");
}

fn usual(_: &mut Work) {}

/// Idle executors go while others still come.
fn eager(work: &mut Work) {
    if let Some(dynamic) = &mut work.settings.dynamic {
        dynamic.idle = Span::from_secs(4);
        dynamic.kubernetes_tracking = false;
    }
}

/// Backlogs are answered at once, and executors given back for each pause.
fn hasty(work: &mut Work) {
    if let Some(dynamic) = &mut work.settings.dynamic {
        dynamic.backlog = Span::from_millis(100);
        dynamic.sustained_backlog = Span::from_millis(300);
        dynamic.idle = Span::from_millis(700);
        dynamic.ratio = 0.5;
    }
}

/// Few pods at a time, and few in all.
fn bounded(work: &mut Work) {
    work.settings.batch_size = 1;
    work.settings.max_pending_pods = Some(2);
    work.settings.count.max = Some(3);
}

/// Executors that are told to go hand on what they have.
fn moving(work: &mut Work) {
    work.settings.decommission = Some(trace::settings::Decommission {
        migration: Some(Span::from_secs(2)),
        fallback: false,
    });
    work.settings.kubernetes_files_stay = false;
}

fn fixed(work: &mut Work) {
    work.settings.dynamic = None;
    work.settings.count.initial = 3;
}

/// What the world may do to an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Runs,
    IsWarned,
    IsLost,
}

/// What an application wished for and when, how it went, and how often it was woken. How long its pods take
/// to start, and which of them are lost, is drawn.
fn heard(work: &Arc<Work>, alone: bool, seed: u64) -> (Vec<(Timestamp, Wish)>, Progress, u32) {
    let mut application = Application::new(Arc::clone(work), Executors::Simulated);
    let (mut wishes, mut heard, mut wakes) = (Vec::new(), Vec::new(), 0);
    let (mut now, mut wake, mut fates) = (Timestamp::ZERO, None, BTreeSet::new());
    application.driver_running(now, &mut wishes);
    application.run.as_mut().unwrap().looks_ahead = alone;
    loop {
        for wish in wishes.drain(..) {
            match wish {
                Wish::WakeAt(at) => wake = Some(at),
                Wish::CreateExecutor { executor, .. } => {
                    fates.extend(fates_of(seed, executor, now));
                    heard.push((now, wish));
                }
                Wish::DeleteExecutor { executor } => {
                    fates.retain(|(_, other, _)| *other != executor);
                    heard.push((now, wish));
                }
                Wish::Finished => {
                    heard.push((now, wish));
                    return (heard, application.progress(), wakes);
                }
            }
        }
        let fate: Option<(Timestamp, u32, Fate)> = fates.first().copied();
        let fate = fate.filter(|(at, ..)| wake.is_none_or(|wake| *at <= wake));
        if let Some((at, executor, fate)) = fate {
            now = at;
            fates.pop_first();
            match fate {
                Fate::Runs => {
                    application.executor_on(executor, pace(seed, executor));
                    application.executor_running(executor, now, &mut wishes);
                }
                Fate::IsWarned => {
                    let until = now + WARNING;
                    application.executor_decommissioned(executor, until, now, &mut wishes);
                }
                Fate::IsLost => {
                    fates.retain(|(_, other, _)| *other != executor);
                    application.executor_lost(executor, now, &mut wishes);
                }
            }
        } else {
            now = wake.take().expect("something is to come");
            wakes += 1;
            application.wake(now, &mut wishes);
        }
    }
}

const WARNING: Span = Span::from_secs(15);

fn fates_of(seed: u64, executor: u32, now: Timestamp) -> Vec<(Timestamp, u32, Fate)> {
    let longest = if seed.is_multiple_of(2) {
        5_000
    } else {
        90_000
    };
    let starts = now + Span::from_millis(500 + drawn(seed, executor, 1) % longest);
    let ends = now + Span::from_millis(drawn(seed, executor, 2) % 200_000);
    let fates = match drawn(seed, executor, 3) % 12 {
        0 if seed > 1 => vec![(starts, Fate::Runs), (ends, Fate::IsLost)],
        1 if seed > 1 => {
            let lost = (ends + WARNING, Fate::IsLost);
            vec![(starts, Fate::Runs), (ends, Fate::IsWarned), lost]
        }
        _ => vec![(starts, Fate::Runs)],
    };
    let of = |(at, fate)| (at, executor, fate);
    fates.into_iter().map(of).collect()
}

fn pace(seed: u64, executor: u32) -> Pace {
    let here = match drawn(seed, executor, 4) % 3 {
        0 => "1.3",
        _ => "1",
    };
    Pace {
        here: Performance::parse(here).unwrap(),
        recorded: Performance::ONE,
    }
}

fn drawn(seed: u64, executor: u32, what: u64) -> i64 {
    let mut state = seed << 40 | what << 32 | u64::from(executor);
    for _ in 0..3 {
        state = (state ^ state >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    i64::try_from(state >> 20).unwrap()
}

/// Of logs that ship, and of more where they are.
fn works() -> Vec<Arc<Work>> {
    let logs = trace::open(&logs()).filter_map(Result::ok);
    let works = logs.filter_map(|log| Work::of(&log).ok());
    let works = works.filter(|work| work.local_slots.is_none());
    works.map(Arc::new).collect()
}
