//! What executors that come a few at a time cost against all at once, and that what is planned for the
//! first of them is not planned again for the next.

use std::sync::Arc;

use sparkwright::cluster::event::Fact;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::spark::{PodPhase, PodTemplate, Role};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::Plan;

use crate::world::{apply, carry_out, cluster, plan_at, pod, pool, shape, template};

const APP: &str = "default/etl";
const EXECUTORS: u32 = 200;

/// Executors of a case: millicores, MiB, and how many come each second.
const CASES: [(u64, u64, u32); 8] = [
    (1000, 4505, 5),
    (2000, 8090, 10),
    (4000, 9011, 20),
    (4000, 31539, 5),
    (5000, 20275, 10),
    (8000, 31539, 20),
    (4000, 18022, 13),
    (3000, 24576, 7),
];

fn pools() -> [Fact; 2] {
    [
        Fact::PoolApplied(pool("executors", &[Role::Executor], 97).into()),
        Fact::PoolApplied(pool("drivers", &[Role::Driver], 17).into()),
    ]
}

fn driver() -> Arc<PodTemplate> {
    template(APP, Role::Driver, 1000, 4000)
}

fn executors(executor: &Arc<PodTemplate>, from: u32, to: u32) -> Vec<Fact> {
    let name = |n: u32| format!("default-etl-exec-{n}");
    (from..=to)
        .map(|n| pod(&name(n), executor, PodPhase::Pending))
        .collect()
}

fn driver_pod() -> Fact {
    pod("default-etl-driver", &driver(), PodPhase::Pending)
}

/// What all cost together where they are there at once.
fn at_once(executor: &Arc<PodTemplate>) -> UsdPerHour {
    let all = executors(executor, 1, EXECUTORS);
    let facts = pools().into_iter().chain([driver_pod()]).chain(all);
    plan_at(&cluster(facts), Timestamp::ZERO).planned()
}

/// What they cost where so many come each second and each second is planned; the plans' launches.
fn by_and_by(executor: &Arc<PodTemplate>, each: u32, declared: bool) -> (UsdPerHour, Vec<usize>) {
    let shape = declared.then(|| shape(APP, &driver(), executor, EXECUTORS));
    let facts = pools().into_iter().chain(shape).chain([driver_pod()]);
    let mut cluster = cluster(facts);
    let (mut spent, mut launches) = (UsdPerHour::ZERO, Vec::new());
    let mut known = 0;
    for second in 0.. {
        let now = Timestamp::ZERO + Span::from_secs(second);
        let plan: Plan = plan_at(&cluster, now);
        assert!(plan.waiting.is_empty(), "{:?}", plan.waiting);
        spent += plan.planned();
        launches.push(plan.launches().count());
        carry_out(&mut cluster, now, &plan);
        if known == EXECUTORS {
            break;
        }
        let to = (known + each).min(EXECUTORS);
        apply(&mut cluster, now, executors(executor, known + 1, to));
        known = to;
    }
    (spent, launches)
}

/// Nothing tells how many will come, and large nodes are the cheap ones: at 1.76 times of what all cost
/// at once the smallest executors, five a second, are the worst of these.
#[test]
fn executors_that_trickle_in_without_a_shape_never_cost_twice_as_much() {
    for (millis, mib, each) in CASES {
        let executor = template(APP, Role::Executor, millis, mib);
        let (spent, once) = (by_and_by(&executor, each, false).0, at_once(&executor));
        assert!(
            spent.micros() * 100 <= once.micros() * 180,
            "{each} executors of {millis}m and {mib} MiB a second: {spent} against {once}"
        );
    }
}

#[test]
fn executors_that_were_declared_are_bought_once_and_as_cheaply_as_at_once() {
    for (millis, mib, each) in CASES {
        let executor = template(APP, Role::Executor, millis, mib);
        let ((spent, launches), once) = (by_and_by(&executor, each, true), at_once(&executor));
        assert!(
            spent.micros() * 100 <= once.micros() * 102,
            "{each} executors of {millis}m and {mib} MiB a second: {spent} against {once}"
        );
        assert!(launches[1..].iter().all(|&n| n == 0), "{launches:?}");
    }
}
