//! Cold plans: nothing runs, nothing is remembered, everything waits. One line for each number of pods
//! and applications, over seeds.

use std::time::Duration;

use sparkwright::cluster::event::Fact;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::time::Timestamp;
use sparkwright::plan::Plan;
use sparkwright::plan::effect::Launch;

use crate::clock::{peak_mib, summary, timed};
use crate::scenario::{self, ANY_SIZE, App};
use crate::world;

/// Pods, applications, vCPUs below which is bought, and seeds.
const CASES: [(u64, u64, i64, u32); 10] = [
    (10, 1, ANY_SIZE, 100),
    (100, 1, ANY_SIZE, 100),
    (100, 10, ANY_SIZE, 100),
    (1_000, 10, ANY_SIZE, 100),
    (1_000, 100, ANY_SIZE, 100),
    (10_000, 10, ANY_SIZE, 20),
    (10_000, 100, ANY_SIZE, 100),
    (10_000, 100, 65, 40),
    (10_000, 1_000, ANY_SIZE, 20),
    (100_000, 1_000, ANY_SIZE, 10),
];

/// Measures and prints.
pub fn measure() {
    println!(
        "{:>7} {:>5} {:>6} {:>6} {:>10} {:>10} {:>7} {:>7} {:>5}",
        "PODS", "APPS", "VCPU<", "NODES", "MEDIAN ms", "P99 ms", "÷BOUND", "WORST", "MiB"
    );
    for (pods, apps, cpus, seeds) in CASES {
        let (mut times, mut ratios, mut nodes) = (Vec::new(), Vec::new(), 0);
        for seed in 1..=seeds {
            let (plan, time) = cold_plan(seed, pods, apps, cpus);
            times.push(time);
            ratios.push(per_mille(plan.planned(), plan.bound));
            nodes = plan.launches().map(Launch::count).sum();
        }
        let mean = ratios.iter().sum::<f64>() / f64::from(seeds);
        let worst = ratios.into_iter().fold(0.0, f64::max);
        let size = if cpus == ANY_SIZE {
            "any".to_owned()
        } else {
            cpus.to_string()
        };
        println!(
            "{pods:>7} {apps:>5} {size:>6} {nodes:>6} {} {:>7.4} {:>7.4} {:>5}",
            summary(times),
            mean / 1e3,
            worst / 1e3,
            peak_mib(),
        );
    }
}

fn cold_plan(seed: u32, pods: u64, apps: u64, cpus: i64) -> (Plan, Duration) {
    let catalog = scenario::catalog(seed.into());
    let apps = scenario::applications(seed.into(), pods, apps);
    let facts: Vec<Fact> = apps.iter().flat_map(App::pods).collect();
    let cluster = scenario::cluster(&catalog, cpus, facts);
    let (plan, time) = timed(|| world::plan_at(&cluster, Timestamp::ZERO));
    assert!(plan.waiting.is_empty(), "every pod can be bought a node");
    (plan, time)
}

/// A ratio in thousandths, to the hundredth of one.
fn per_mille(of: UsdPerHour, to: UsdPerHour) -> f64 {
    let ratio = i128::from(of.micros()) * 100_000 / i128::from(to.micros().max(1));
    f64::from(u32::try_from(ratio).unwrap_or(u32::MAX)) / 1e2
}
