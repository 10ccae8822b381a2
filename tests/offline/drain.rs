//! How executors move before their node is taken away: successors first, a part at a time, all at once when
//! time runs out; and who gains nothing by moving stays.

use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::offering::CapacityType;
use sparkwright::model::requirement::Condition;
use sparkwright::model::spark::{Pod, PodPhase, PodTemplate, Role};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::effect::{Effect, Plan};
use sparkwright::plan::reason::Reason;

use crate::world::{self, apply, carry_out, plan_at, pool, ready, shape, template};

const APP: &str = "default/spark-a";
/// Executors of the application: a part of it is two.
const EXECUTORS: u32 = 8;

#[test]
fn executors_follow_their_successors_a_part_at_a_time() {
    let (mut cluster, node) = running(true);
    let lost = on(&cluster, &node);
    assert!(lost.len() > 2, "more than a part: {lost:?}");
    let next = interrupted(&mut cluster, &node);
    assert!(evictions(&next).is_empty(), "their successors' nodes boot");
    assert_eq!(next.next_look, Some(at(145)), "the last call");
    let asked = boot(&mut cluster, &next, at(130));
    assert!(asked > 0);
    let first = plan_at(&cluster, at(130));
    let moved = evictions(&first);
    assert_eq!(moved.len(), 2, "a quarter of {EXECUTORS}");
    assert!(moved.iter().all(|(pod, _)| lost.contains(pod)));
    assert!(
        moved
            .iter()
            .all(|(_, reason)| **reason == Reason::SuccessorHasRoom)
    );
    carry_out(&mut cluster, at(130), &first);
    assert_eq!(plan_at(&cluster, at(131)).effects, [], "no churn");
    let gone = moved.iter().map(|(pod, _)| Fact::PodEnded(pod.clone()));
    apply(&mut cluster, at(135), gone);
    let second = plan_at(&cluster, at(135));
    let followed = evictions(&second);
    assert_eq!(followed.len(), 1, "a quarter of the six that are left");
    assert!(moved.iter().all(|(pod, _)| *pod != followed[0].0));
}

#[test]
fn when_time_runs_out_all_go_that_hand_their_work_on() {
    let (mut cluster, node) = running(true);
    let lost = on(&cluster, &node);
    let next = interrupted(&mut cluster, &node);
    carry_out(&mut cluster, at(100), &next);
    assert!(evictions(&plan_at(&cluster, at(144))).is_empty());
    let last = plan_at(&cluster, at(145));
    let until = at(220);
    let moved = evictions(&last);
    assert_eq!(moved.len(), lost.len());
    assert!(
        moved
            .iter()
            .all(|(_, reason)| **reason == Reason::OutOfTime { until })
    );
}

#[test]
fn who_hands_nothing_on_works_until_ec2_takes_the_node_and_moves_where_somebody_ends_it() {
    let (mut cluster, node) = running(false);
    let next = interrupted(&mut cluster, &node);
    boot(&mut cluster, &next, at(130));
    assert!(evictions(&plan_at(&cluster, at(130))).is_empty());
    assert!(evictions(&plan_at(&cluster, at(219))).is_empty());

    let (mut cluster, node) = running(false);
    let (id, until) = (node.clone(), at(700));
    apply(
        &mut cluster,
        at(100),
        [Fact::NodeDraining { node: id, until }],
    );
    let next = plan_at(&cluster, at(100));
    let cordons = |effect: &Effect| matches!(effect, Effect::Cordon { .. });
    assert!(
        !next.effects.iter().any(cordons),
        "who ends a node cordons it"
    );
    boot(&mut cluster, &next, at(130));
    assert_eq!(evictions(&plan_at(&cluster, at(130))).len(), 2);
}

#[test]
fn what_was_asked_to_go_is_known_after_it_is_written_out_and_read_back() {
    let (mut cluster, node) = running(true);
    let next = interrupted(&mut cluster, &node);
    boot(&mut cluster, &next, at(130));
    let first = plan_at(&cluster, at(130));
    carry_out(&mut cluster, at(130), &first);
    let again = Cluster::restored(&cluster.snapshot());
    assert_eq!(plan_at(&again, at(131)).effects, []);
}

/// A cluster in which an application runs whole, and one of the nodes of its executors.
fn running(hands_on: bool) -> (Cluster, NodeId) {
    let mut executors = pool("executors", &[Role::Executor], 17);
    for large in &mut executors.requirements {
        large.requirement.condition = Condition::Gt(15);
    }
    let pools = [pool("drivers", &[Role::Driver], 17), executors];
    let driver = template(APP, Role::Driver, 1000, 2048);
    let executor = PodTemplate {
        hands_on,
        ..(*template(APP, Role::Executor, 1_500, 2_000)).clone()
    };
    let executor = Arc::new(executor);
    let mut pods = vec![world::pod("a-driver", &driver, PodPhase::Gated)];
    let executors = (1..=EXECUTORS).map(|i| format!("a-exec-{i}"));
    pods.extend(executors.map(|name| world::pod(&name, &executor, PodPhase::Gated)));
    let pools = pools.map(|pool| Fact::PoolApplied(pool.into()));
    let declared = shape(APP, &driver, &executor, EXECUTORS);
    let mut cluster = world::cluster(pools.into_iter().chain([declared]).chain(pods));
    let plan = plan_at(&cluster, at(0));
    carry_out(&mut cluster, at(0), &plan);
    let mut facts = Vec::new();
    let mut node = None;
    for launch in plan.launches() {
        for (awaited, pods) in launch.intent.nodes.iter().zip(&launch.pods) {
            facts.push(Fact::NodeApplied(Box::new(ready(
                &cluster,
                awaited.id.as_str(),
                false,
            ))));
            if launch.intent.capacity_type == CapacityType::Spot {
                node.get_or_insert(awaited.id.clone());
            }
            facts.extend(pods.iter().map(|pod| {
                Fact::PodApplied(Pod {
                    phase: PodPhase::Bound(awaited.id.clone()),
                    ..cluster.pods[pod].clone()
                })
            }));
        }
    }
    apply(&mut cluster, at(45), facts);
    assert!(plan_at(&cluster, at(45)).effects.is_empty());
    (cluster, node.expect("executors are on spot"))
}

/// EC2 says that it takes the node back two minutes later; what the planner does about it.
fn interrupted(cluster: &mut Cluster, node: &NodeId) -> Plan {
    let notice = Fact::NodeInterrupted {
        node: node.clone(),
        until: at(220),
    };
    apply(cluster, at(100), [notice]);
    plan_at(cluster, at(100))
}

/// Nodes of a plan are asked for and are there; how many they are.
fn boot(cluster: &mut Cluster, plan: &Plan, when: Timestamp) -> usize {
    carry_out(cluster, at(100), plan);
    let nodes = plan.launches().flat_map(|launch| &launch.intent.nodes);
    let nodes: Vec<Fact> = nodes
        .map(|node| Fact::NodeApplied(Box::new(ready(cluster, node.id.as_str(), false))))
        .collect();
    let count = nodes.len();
    apply(cluster, when, nodes);
    count
}

fn on(cluster: &Cluster, node: &NodeId) -> Vec<PodId> {
    cluster.nodes[node].pods.iter().cloned().collect()
}

fn evictions(plan: &Plan) -> Vec<(PodId, &Reason)> {
    let effects = plan.effects.iter();
    let evictions = effects.filter_map(|effect| match effect {
        Effect::Evict { pod, reason } => Some((pod.clone(), reason)),
        _ => None,
    });
    evictions.collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}
