//! Advice on how executors fit the nodes that a pool may buy, on the embedded catalogue.

use std::sync::Arc;

use sparkwright::cluster::event::Fact;
use sparkwright::model::advice::Advice;
use sparkwright::model::name::AppId;
use sparkwright::model::spark::{PodPhase, Role};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::advise::advise;

use crate::world::{self, pool, template};

const APP: &str = "default/spark-a";

#[test]
fn whole_vcpus_leave_one_executor_out_and_a_little_less_lets_it_in() {
    let found = of(4000, 12_000);
    let write = found.iter().find_map(|advice| match advice {
        Advice::LowerCpuRequest { write_millis, .. } => Some(*write_millis),
        _ => None,
    });
    let write = write.expect("system and kubelet take a part of each node");
    assert!((3200..4000).contains(&write), "{write}");
    let codes: Vec<&str> = of(write, 12_000).iter().map(Advice::code).collect();
    assert!(!codes.contains(&"lower-cpu-request"), "{codes:?}");
}

#[test]
fn memory_that_no_executor_asks_for_is_told_with_what_each_could_have() {
    let found = of(3400, 1_000);
    let could = found.iter().find_map(|advice| match advice {
        Advice::StrandedMemory {
            could_ask, percent, ..
        } => Some((*could_ask, *percent)),
        _ => None,
    });
    let (could, percent) = could.expect("no type has a gibibyte to four vCPUs");
    assert!(percent >= 25, "{percent}");
    let more = of(3400, could >> 20);
    let codes: Vec<&str> = more.iter().map(Advice::code).collect();
    assert!(!codes.contains(&"stranded-memory"), "{codes:?}");
}

/// Advice on an application whose executors ask for this.
fn of(millis: u64, mib: u64) -> Vec<Advice> {
    let executor = template(APP, Role::Executor, millis, mib);
    let pods = (1..=4).map(|i| world::pod(&format!("a-exec-{i}"), &executor, PodPhase::Pending));
    let pool = Arc::new(pool("executors", &[Role::Executor], 33));
    let cluster = world::cluster(std::iter::once(Fact::PoolApplied(pool)).chain(pods));
    let app = &cluster.apps[&AppId::from(APP)];
    advise(&cluster.view(Timestamp::ZERO), app)
}
