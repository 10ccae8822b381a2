//! Rounds on a large cluster: 100,000 pods run, and in each round an application of ten pods comes and
//! ten pods end. The planner goes on from round to round; a round's `plan::check` is in it, the fold of
//! its events apart.

use std::time::Duration;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::spark::{Pod, PodPhase};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::{Plan, Planner};

use crate::clock::{peak_mib, summary, timed};
use crate::scenario::{self, App, Dice};
use crate::world;

const PODS: u64 = 100_000;
const APPS: u64 = 1_000;
/// vCPUs below which is bought: the pods take some ten thousand nodes.
const CPUS: i64 = 65;
const ROUNDS: u32 = 300;
/// Rounds before it is measured: what a planner remembers is then there.
const WARM: u32 = 100;

/// Measures and prints.
pub fn measure() {
    let mut cluster = full();
    println!(
        "steady: {} nodes, {} pods, 10 come and 10 end in each of {ROUNDS} rounds",
        cluster.nodes.len(),
        cluster.pods.len()
    );
    let mut planner = Planner::default();
    let mut dice = Dice(7);
    let (mut planned, mut folded, mut launched) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let now = Timestamp::ZERO + Span::from_secs(1_000 + i64::from(round));
        let facts = changes(&cluster, &mut dice, round, now);
        let ((), fold) = timed(|| world::apply(&mut cluster, now, facts));
        let (plan, took) = timed(|| planner.plan(&cluster.view(now)));
        assert!(plan.waiting.is_empty(), "every pod can be bought a node");
        if round >= WARM {
            planned.push(took);
            folded.push(fold);
            launched += plan.launches().map(|launch| launch.count()).sum::<u32>();
        }
        settle(&mut cluster, now, &plan);
    }
    print("plan", planned);
    print("fold", folded);
    println!("{launched} nodes launched, {} MiB", peak_mib());
}

fn print(name: &str, times: Vec<Duration>) {
    println!("{name}: median, p99 ms {}", summary(times));
}

/// A cluster in which all pods run on the nodes that were planned for them.
fn full() -> Cluster {
    let catalog = scenario::catalog(1);
    let apps = scenario::applications(1, PODS, APPS);
    let facts: Vec<Fact> = apps.iter().flat_map(App::pods).collect();
    let mut cluster = scenario::cluster(&catalog, CPUS, facts);
    let plan = world::plan_at(&cluster, Timestamp::ZERO);
    settle(&mut cluster, Timestamp::ZERO, &plan);
    cluster
}

/// A new application, and the end of ten pods that run.
fn changes(cluster: &Cluster, dice: &mut Dice, round: u32, now: Timestamp) -> Vec<Fact> {
    let mut facts = App::roll(dice, format!("late{round:04}"), 9).pods();
    for fact in &mut facts {
        if let Fact::PodApplied(pod) = fact {
            pod.created = now;
        }
    }
    let running = u64::try_from(cluster.pods.len()).expect("a count of pods");
    for _ in 0..10 {
        let place = usize::try_from(dice.below(running)).expect("a position");
        let pod = cluster.pods.keys().nth(place).expect("a pod that runs");
        facts.push(Fact::PodEnded(pod.clone()));
    }
    facts
}

/// Nodes are there, and the planned pods run on them.
fn settle(cluster: &mut Cluster, at: Timestamp, plan: &Plan) {
    world::carry_out(cluster, at, plan);
    let mut seats: Vec<(NodeId, Vec<PodId>)> = plan.existing.clone();
    for launch in plan.launches() {
        let nodes = launch.intent.nodes.iter().zip(&launch.pods);
        seats.extend(nodes.map(|(node, pods)| (node.id.clone(), pods.clone())));
    }
    for (node, pods) in seats {
        let ready = Fact::NodeApplied(Box::new(world::ready(cluster, node.as_str(), false)));
        let bound = pods.into_iter().map(|pod| {
            Fact::PodApplied(Pod {
                phase: PodPhase::Bound(node.clone()),
                ..cluster.pods[&pod].clone()
            })
        });
        let facts: Vec<Fact> = std::iter::once(ready).chain(bound).collect();
        world::apply(cluster, at, facts);
    }
}
