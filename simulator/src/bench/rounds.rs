//! `bench rounds`: what one round costs in CPU time at the sizes that are promised: a cold plan of ten
//! thousand pods, a cold plan of a hundred thousand, and a steady round beside a hundred thousand that
//! run. Costs and bounds are for `bench plan`.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact, NodeFacts};
use sparkwright::model::name::NodeId;
use sparkwright::model::offering::Catalog;
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::{Pod, PodPhase};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::effect::Effect;
use sparkwright::plan::{Plan, Planner};

use super::figure::Spread;
use super::ours::{self, cpu_time};
use super::scenario::{Capacity, Scenario, Setting};
use super::trial::{self, TrialError};

/// Applications of a hundred pods each that arrive while a hundred thousand pods run.
const ARRIVALS: u32 = 100;
/// Pods of each of them.
const ARRIVING_PODS: u32 = 10;

/// What the rounds cost.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rounds {
    /// Milliseconds of CPU: 10,000 pods of 100 applications, cold, bound included; one for each seed.
    pub ten_thousand: Option<Spread>,
    /// The same of 100,000 pods of 1,000 applications.
    pub hundred_thousand: Option<Spread>,
    /// Nodes that run while the steady rounds are measured.
    pub nodes: usize,
    /// Pods that run there.
    pub pods: usize,
    /// Milliseconds of CPU of a round with ten pods pending, taking them in included.
    pub steady: Option<Spread>,
    /// The most memory of this process so far, in MiB; None where the system does not tell.
    pub peak_mib: Option<u64>,
}

/// Measures the rounds; so many cold plans of ten thousand pods, three of a hundred thousand.
pub fn measure(seed: u64, cold: u32) -> Result<Rounds, TrialError> {
    let ten_thousand: Vec<f64> = (0..cold)
        .map(|number| cold_plan(seed, number, 10_000, 100))
        .collect::<Result<_, _>>()?;
    let hundred_thousand: Vec<f64> = (0..3)
        .map(|number| cold_plan(seed, number, 100_000, 1000))
        .collect::<Result<_, _>>()?;
    let (mut cluster, nodes, pods) = running(seed)?;
    let steady = steady(&mut cluster, seed)?;
    Ok(Rounds {
        ten_thousand: Spread::of(ten_thousand),
        hundred_thousand: Spread::of(hundred_thousand),
        nodes,
        pods,
        steady: Spread::of(steady),
        peak_mib: peak_mib(),
    })
}

/// Writes the rounds for people.
pub fn write(rounds: &Rounds, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |what: &str, spread: &Option<Spread>| match spread {
        Some(spread) => writeln!(
            out,
            "{what}: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms of {}",
            spread.p50, spread.p99, spread.max, spread.count
        ),
        None => Ok(()),
    };
    line(
        "cold, 10,000 pods of 100 applications (bar: p99 ≤ 50 ms)",
        &rounds.ten_thousand,
    )?;
    line(
        "cold, 100,000 pods of 1,000 applications (bar: ≤ 1,000 ms)",
        &rounds.hundred_thousand,
    )?;
    let steady = format!(
        "steady, {} nodes, {} pods, {ARRIVING_PODS} pending (bar: p99 ≤ 10 ms)",
        rounds.nodes, rounds.pods
    );
    line(&steady, &rounds.steady)?;
    let peak = rounds
        .peak_mib
        .map_or("not told".to_owned(), |mib| format!("{mib} MiB"));
    writeln!(out, "peak memory of all that: {peak} (bar: ≤ 1,024 MiB)")
}

fn setting(seed: u64, number: u32, pods: u32, max_vcpu: u32) -> Setting {
    Setting {
        seed,
        number,
        region: "us-east-1",
        max_vcpu: Some(max_vcpu),
        pinned: false,
        zone_prices: false,
        capacity: Capacity::Spot,
        pods,
        shapes: 12,
        limited: false,
        general: false,
    }
}

fn cold_plan(seed: u64, number: u32, pods: u32, apps: u32) -> Result<f64, TrialError> {
    let (scenario, _, catalog) =
        trial::even_scenario(setting(seed, number, pods, 64), pods / apps)?;
    let (_, spent) = ours::run(&scenario, &catalog);
    Ok((spent.folding + spent.planning).as_secs_f64() * 1000.0)
}

/// A cluster in which a hundred thousand pods run on nodes of middling size.
fn running(seed: u64) -> Result<(Cluster, usize, usize), TrialError> {
    let (scenario, _, catalog) = trial::even_scenario(setting(seed, 0, 100_000, 48), 100)?;
    let mut cluster = ours::cluster(&scenario, &catalog);
    for pod in ours::pods(&scenario) {
        ours::apply(&mut cluster, pod);
    }
    let plan = sparkwright::plan::plan(&cluster.view(Timestamp::ZERO));
    carry_out(&mut cluster, &catalog, &plan);
    let pods = plan
        .launches()
        .flat_map(|launch| launch.pods.iter())
        .map(Vec::len)
        .sum();
    let nodes = cluster.nodes.len();
    Ok((cluster, nodes, pods))
}

/// Every node comes as its planned type, is ready, and has its pods.
fn carry_out(cluster: &mut Cluster, catalog: &Catalog, plan: &Plan) {
    for effect in &plan.effects {
        let Effect::Launch(launch) = effect else {
            continue;
        };
        ours::apply(cluster, Fact::LaunchAsked(Box::new(launch.intent.clone())));
        for (node, pods) in launch.intent.nodes.iter().zip(&launch.pods) {
            let launched = Fact::NodeLaunched {
                node: node.id.clone(),
                instance_type: launch.intent.types[0],
                price: launch.planned,
            };
            ours::apply(cluster, launched);
            let ready = ready(cluster, catalog, &node.id);
            ours::apply(cluster, Fact::NodeApplied(Box::new(ready)));
            for pod in pods {
                let pod = Pod {
                    phase: PodPhase::Bound(node.id.clone()),
                    ..cluster.pods[pod].clone()
                };
                ours::apply(cluster, Fact::PodApplied(pod));
            }
        }
    }
}

fn ready(cluster: &Cluster, catalog: &Catalog, id: &NodeId) -> NodeFacts {
    let node = &cluster.nodes[id];
    let instance_type = catalog.instance_type(node.types[0]);
    NodeFacts {
        id: id.clone(),
        labels: node.labels.clone(),
        taints: node.taints.clone(),
        allocatable: Resources {
            storage: instance_type.storage(false),
            ..instance_type.allocatable.clone()
        },
        unschedulable: false,
        ready: true,
    }
}

/// Applications of ten pods come one after another; each is taken in and planned for, and what is
/// launched for it is carried out before the next.
fn steady(cluster: &mut Cluster, seed: u64) -> Result<Vec<f64>, TrialError> {
    let arriving = setting(seed, 1, ARRIVALS * ARRIVING_PODS, 48);
    let (scenario, _, catalog) = trial::even_scenario(arriving, ARRIVING_PODS)?;
    let mut planner = Planner::default();
    planner.plan(&cluster.view(Timestamp::ZERO));
    let mut times = Vec::new();
    for app in 0..ARRIVALS {
        let groups = scenario.groups.iter().filter(|group| group.app == app);
        let groups = groups.map(|group| super::scenario::Group {
            app: app + 5000,
            ..group.clone()
        });
        let one = Scenario {
            groups: groups.collect(),
            ..scenario.clone()
        };
        let pods = ours::pods(&one);
        let begun = cpu_time();
        for fact in pods {
            cluster.apply(&Event {
                at: Timestamp::ZERO,
                fact,
            });
        }
        let plan = planner.plan(&cluster.view(Timestamp::ZERO));
        times.push(cpu_time().saturating_sub(begun).as_secs_f64() * 1000.0);
        let catalog: &Arc<Catalog> = &catalog;
        carry_out(cluster, catalog, &plan);
        for (node, pods) in &plan.existing {
            for pod in pods {
                let phase = PodPhase::Bound(node.clone());
                let pod = Pod {
                    phase,
                    ..cluster.pods[pod].clone()
                };
                ours::apply(cluster, Fact::PodApplied(pod));
            }
        }
    }
    Ok(times)
}

/// Linux tells the most memory that a process has had.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
