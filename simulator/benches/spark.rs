//! What a task costs: copies of an application with executors that run as soon as they are asked
//! for, each woken only when it wanted to be. Prints nanoseconds per task.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sparkwright::model::time::{Span, Timestamp};
use sparkwright_sim::spark::{Application, Executors, Wish};
use sparkwright_sim::trace::recorded::{self, Executor, Locality, Outcome, Recorded};
use sparkwright_sim::trace::{self, Work};

fn main() {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs");
    for log in trace::open(&logs).filter_map(Result::ok) {
        measure(&log.id, &log, 2000);
    }
    measure("48 stages of 280 tasks on 8 × 16 slots", &wide(), 40);
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that passes"
)]
fn measure(name: &str, recorded: &Recorded, copies: u32) {
    let work = Arc::new(Work::of(recorded).expect("the work of a shipped log"));
    let start = Instant::now();
    let mut wakes = 0;
    for _ in 0..copies {
        wakes += run(&work);
    }
    let took = start.elapsed().as_nanos();
    let tasks = u128::from(copies) * u128::try_from(work.tasks.len()).unwrap_or(1);
    println!(
        "{name}: {} ns per task, {} ns per application of {} tasks, {} wakes",
        took / tasks,
        took / u128::from(copies),
        work.tasks.len(),
        wakes / copies,
    );
}

/// Runs one application; counts how often it was woken.
fn run(work: &Arc<Work>) -> u32 {
    let mut application = Application::new(Arc::clone(work), Executors::Simulated);
    let (mut wishes, mut now, mut wake) = (Vec::new(), Timestamp::ZERO, None);
    let (mut created, mut wakes) = (Vec::new(), 0);
    application.driver_running(now, &mut wishes);
    loop {
        for wish in wishes.drain(..) {
            match wish {
                Wish::CreateExecutor { executor, .. } => created.push(executor),
                Wish::WakeAt(at) => wake = Some(at),
                Wish::DeleteExecutor { .. } => {}
                Wish::Finished => {
                    black_box(application.progress());
                    return wakes;
                }
            }
        }
        if let Some(executor) = created.pop() {
            application.executor_running(executor, now, &mut wishes);
        } else {
            now = wake.expect("an application that runs wants to be woken");
            wakes += 1;
            application.wake(now, &mut wishes);
        }
    }
}

/// As large as NDS q72: stages of many short tasks, one after another.
fn wide() -> Recorded {
    let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
    let (stages, tasks, each) = (48_u32, 280_u32, 2000_i64);
    let mut record = Recorded {
        started: at(0),
        submitted: at(0),
        properties: BTreeMap::from([("spark.executor.instances".into(), "8".into())]),
        executors: vec![Executor {
            id: "1".into(),
            added: at(0),
            removed: None,
            last_launch: None,
            cores: 16,
            profile: 0,
        }],
        ..Recorded::default()
    };
    for stage in 0..stages {
        let from = i64::from(stage) * each;
        let done = Some(at(from + each));
        let parents = stage.checked_sub(1).into_iter().collect();
        record.stages.insert(
            (stage, 0),
            recorded::Stage {
                parents,
                submitted: Some(at(from)),
                completed: done,
                ..recorded::Stage::default()
            },
        );
        record.tasks.extend((0..tasks).map(|index| recorded::Task {
            id: u64::from(stage * tasks + index),
            stage,
            stage_attempt: 0,
            index,
            attempt: 0,
            executor: 0,
            launched: at(from),
            finished: at(from) + Span::from_millis(300 + i64::from(index * 37 % 500)),
            outcome: Outcome::Success,
            locality: Locality::Node,
            speculative: false,
            writes_shuffle: true,
            cpu: None,
        }));
        record.ended = done;
    }
    record.jobs.push(recorded::Job {
        id: 0,
        started: at(0),
        ended: record.ended,
        stages: (0..stages).collect(),
        execution: None,
        pool: None,
    });
    record
}
