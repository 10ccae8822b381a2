//! Fifty applications of twenty executors at once, in the simulated world, where the pools' limits leave
//! room for ten: no limit is exceeded at any moment, nobody waits for ever, and those who wait say why.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::model::pool::{Limits, Pool};
use sparkwright::model::resources::Cpu;
use sparkwright::model::spark::Role;
use sparkwright::model::time::Timestamp;
use sparkwright_sim::spark::Outcome;
use sparkwright_sim::trace;
use sparkwright_sim::world::arrivals::Arrivals;
use sparkwright_sim::world::conditions::Conditions;
use sparkwright_sim::world::phase::Watched;
use sparkwright_sim::world::run::{self, ExecutorSource, Simulation};
use sparkwright_sim::world::scheduler::Scoring;
use sparkwright_sim::world::submission::Submission;
use sparkwright_sim::world::submissions::Submissions;
use sparkwright_sim::world::workload::Workload;

use crate::world::{catalog, pool};

const APPLICATIONS: u32 = 50;
const EXECUTORS: u32 = 20;
/// Applications that the limits leave room for.
const ROOM: u64 = 10;

/// What was seen while it ran.
#[derive(Default)]
struct Seen {
    cluster: Cluster,
    codes: BTreeSet<&'static str>,
    most: Cpu,
}

#[test]
fn fifty_applications_at_a_limit_of_ten_all_finish_and_no_limit_is_ever_exceeded() {
    // Four cores to an executor: with whole nodes of at most sixteen vCPUs, five nodes an application.
    let limit = Cpu::from_cores(u32::try_from(ROOM).unwrap() * EXECUTORS * 4);
    let seen = Rc::new(RefCell::new(Seen::default()));
    let watched = seen.clone();
    let outcome = run::run(simulation(limit), move |what| {
        let seen = &mut *watched.borrow_mut();
        match what {
            Watched::Happened(event) => {
                seen.cluster.apply(event);
                let usage = seen.cluster.usages.get("executors").copied();
                seen.most = seen.most.max(usage.unwrap_or_default().cpu);
            }
            Watched::Planned(_, plan) => {
                let waiting = plan.waiting.iter();
                seen.codes
                    .extend(waiting.map(|waiting| waiting.reason.code()));
            }
            _ => {}
        }
    });
    let finished = outcome.runs.iter();
    let finished = finished.filter(|one| one.progress.outcome == Some(Outcome::Completed));
    assert_eq!(finished.count(), usize::try_from(APPLICATIONS).unwrap());
    assert!(outcome.waiting.is_empty(), "{:?}", outcome.waiting);
    let seen = seen.borrow();
    assert!(seen.most <= limit, "{:?} of {limit:?}", seen.most);
    assert!(
        seen.most.millis() * 2 > limit.millis(),
        "the limit was used"
    );
    assert!(seen.codes.contains("limit-reached"), "{:?}", seen.codes);
    // Without the limit the same applications are done sooner: it was the limit that they waited for.
    let free = run::run(simulation(Cpu::from_cores(1_000_000)), |_| ());
    let last = |outcome: &run::Outcome| -> Option<Timestamp> {
        outcome
            .runs
            .iter()
            .filter_map(|one| one.progress.finished)
            .max()
    };
    assert!(last(&free) < last(&outcome));
}

fn simulation(limit: Cpu) -> Simulation {
    let executors = Pool {
        limits: Limits {
            cpu: Some(limit),
            ..Limits::default()
        },
        ..pool("executors", &[Role::Executor], 17)
    };
    let originals = vec![Workload::Spark(Box::new(submission()))];
    let submissions = Submissions::new(originals, APPLICATIONS, Arrivals::Together, 7);
    Simulation {
        catalog: catalog(),
        pools: vec![pool("drivers", &[Role::Driver], 17), executors],
        daemons: Vec::new(),
        referents: Vec::new(),
        submissions: Arc::new(submissions),
        executors: ExecutorSource::Simulated,
        conditions: Conditions::default(),
        scoring: Scoring::default(),
        seed: 7,
    }
}

/// A logged application that asks for twenty executors of four cores, and runs with no fewer.
fn submission() -> Submission {
    let log = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("simulator/data/logs/eventlog_v2_spark-110be3a8424d4a2789cb88134418217b");
    let mut recorded = trace::open(&log)
        .next()
        .expect("the folder holds a log")
        .expect("the log is sound");
    for (name, value) in [
        ("spark.dynamicAllocation.enabled", "false"),
        ("spark.executor.instances", "20"),
        ("spark.executor.cores", "4"),
        ("spark.kubernetes.executor.request.cores", "3400m"),
        ("spark.executor.memory", "9g"),
    ] {
        recorded
            .properties
            .insert(name.to_owned(), value.to_owned());
    }
    Submission::new(&recorded).expect("its properties make pods")
}
