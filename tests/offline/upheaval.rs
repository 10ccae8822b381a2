//! What the planner does when EC2 refuses or takes back: zones are left or waited for, quotas and
//! addresses are kept, replacements are asked for while the old nodes still run.

use std::collections::BTreeSet;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::model::cni::Cni;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::offering::{CapacityType, ZoneId};
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::spark::{Pod, PodPhase, Role};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::check;
use sparkwright::plan::effect::{Effect, Plan};

use crate::world::{self, apply, carry_out, plan_at, pool, ready, shape, template};

const APP: &str = "default/spark-a";

#[test]
fn nothing_is_placed_before_ec2_has_answered_for_the_whole_gang() {
    let mut cluster = gated(4);
    let plan = plan_at(&cluster, at(0));
    let asked: Vec<Fact> = plan
        .launches()
        .map(|l| Fact::LaunchAsked(Box::new(l.intent.clone())))
        .collect();
    assert!(
        asked.len() >= 2,
        "a call for the driver and one for executors"
    );
    apply(&mut cluster, at(0), asked);
    assert!(
        plan_at(&cluster, at(0)).effects.is_empty(),
        "nothing is known yet"
    );
    let first: Vec<NodeId> = nodes_of(&plan).into_iter().take(1).collect();
    answer(&mut cluster, at(2), &plan, &first);
    assert!(
        plan_at(&cluster, at(2)).effects.is_empty(),
        "a part is no gang"
    );
    let all = nodes_of(&plan);
    answer(&mut cluster, at(3), &plan, &all[1..]);
    let placed = plan_at(&cluster, at(3));
    assert!(
        placed
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Place(_)))
    );
}

#[test]
fn an_application_without_running_pods_leaves_a_zone_that_has_gone_dry() {
    let mut cluster = gated(4);
    let plan = plan_at(&cluster, at(0));
    let home = zones(&plan);
    assert_eq!(home.len(), 1);
    // The driver's node is given; of executors' nodes there are none, nor anything else in the zone.
    carry_out(&mut cluster, at(0), &plan);
    let work: Vec<NodeId> = plan
        .launches()
        .filter(|launch| launch.intent.capacity_type == CapacityType::Spot)
        .flat_map(|launch| launch.intent.nodes.iter().map(|node| node.id.clone()))
        .collect();
    assert!(!work.is_empty());
    apply(&mut cluster, at(2), work.into_iter().map(Fact::NodeRefused));
    dry(&mut cluster, at(2), *home.first().unwrap());
    // Call by call, since EC2 has refused one of the gang's.
    let mut bought = BTreeSet::new();
    for _ in 0..2 {
        let next = plan_at(&cluster, at(2));
        assert_eq!(next.launches().count(), 1, "{:?}", next.waiting);
        assert!(
            zones(&next).is_disjoint(&home),
            "the whole gang goes elsewhere"
        );
        bought.extend(next.launches().map(|launch| launch.intent.capacity_type));
        carry_out(&mut cluster, at(2), &next);
    }
    assert_eq!(bought.len(), 2, "for the driver and for executors");
    // The zone is believed in again: nobody goes back to it.
    let back = plan_at(&cluster, at(700));
    assert_eq!(back.launches().count(), 0);
}

#[test]
fn an_application_whose_driver_runs_waits_in_its_dry_zone_and_says_until_when() {
    let mut cluster = gated(2);
    let plan = plan_at(&cluster, at(0));
    carry_out(&mut cluster, at(0), &plan);
    let home = *zones(&plan).first().unwrap();
    let driver = plan
        .launches()
        .find(|l| l.intent.capacity_type == CapacityType::OnDemand);
    let driver = driver.unwrap().intent.nodes[0].id.clone();
    let facts = ready(&cluster, driver.as_str(), false);
    apply(
        &mut cluster,
        at(40),
        [
            Fact::NodeApplied(Box::new(facts)),
            bound("spark-a-driver", Role::Driver, &driver),
        ],
    );
    let lost: Vec<NodeId> = nodes_of(&plan)
        .into_iter()
        .filter(|node| *node != driver)
        .collect();
    apply(&mut cluster, at(50), lost.into_iter().map(Fact::NodeGone));
    dry(&mut cluster, at(50), home);
    let waits = plan_at(&cluster, at(50));
    assert_eq!(waits.launches().count(), 0);
    let codes: BTreeSet<&str> = waits.waiting.iter().map(|w| w.reason.code()).collect();
    assert_eq!(
        codes,
        BTreeSet::from(["waiting-for-spot"]),
        "{:?}",
        waits.waiting
    );
    let on_demand = plan_at(&cluster, at(400));
    let codes: BTreeSet<&str> = on_demand.waiting.iter().map(|w| w.reason.code()).collect();
    assert_eq!(
        codes,
        BTreeSet::from(["zone-dry"]),
        "{:?}",
        on_demand.waiting
    );
    assert_eq!(
        on_demand.next_look,
        Some(at(650)),
        "when the zone is believed in again"
    );
    assert!(zones(&plan_at(&cluster, at(650))) == BTreeSet::from([home]));
}

#[test]
fn a_quota_that_is_used_up_bars_its_class_in_every_zone() {
    let mut cluster = gated(2);
    let quota = |class| Fact::QuotaReached {
        class,
        capacity_type: CapacityType::OnDemand,
        until: at(180),
    };
    apply(&mut cluster, at(0), QuotaClass::ALL.map(quota));
    let plan = plan_at(&cluster, at(0));
    assert_eq!(plan.launches().count(), 0, "no driver, no gang");
    let driver = plan
        .waiting
        .iter()
        .find(|w| w.pod.as_str().ends_with("-driver"));
    assert_eq!(
        driver.unwrap().reason.code(),
        "quota-reached",
        "{:?}",
        plan.waiting
    );
    assert_eq!(plan.next_look, Some(at(180)));
    assert!(plan_at(&cluster, at(180)).launches().count() > 0);
}

#[test]
fn no_zone_is_asked_for_more_addresses_than_it_has() {
    let mut cluster = gated(12);
    let home = *zones(&plan_at(&cluster, at(0))).first().unwrap();
    let few = |zone, free| Fact::ZoneAddresses { zone, free };
    apply(&mut cluster, at(0), [few(home, 28)]);
    let moved = plan_at(&cluster, at(0));
    assert!(!zones(&moved).is_empty() && !zones(&moved).contains(&home));
    let everywhere: Vec<Fact> = (0..cluster.catalog.zones.len())
        .map(|zone| few(ZoneId(u8::try_from(zone).unwrap()), 28))
        .collect();
    apply(&mut cluster, at(0), everywhere);
    let none = plan_at(&cluster, at(0));
    assert_eq!(none.launches().count(), 0);
    assert!(
        none.waiting
            .iter()
            .any(|w| w.reason.code() == "no-addresses"),
        "{:?}",
        none.waiting
    );
    // What was planned without knowing it would break the invariant.
    let violations = check::violations(&cluster.view(at(0)), &moved.effects);
    assert!(!violations.is_empty() && violations.iter().all(|found| found.invariant == 7));
    let tight = Cni {
        warm_ips: Some(0),
        minimum_ips: Some(1),
        ..Cni::default()
    };
    apply(&mut cluster, at(0), [Fact::CniConfigured(tight)]);
    assert!(
        plan_at(&cluster, at(0)).launches().count() > 0,
        "lower warm targets fit"
    );
}

#[test]
fn replacements_boot_while_an_interrupted_node_still_runs_and_nothing_is_asked_twice() {
    let mut cluster = gated(3);
    let plan = plan_at(&cluster, at(0));
    carry_out(&mut cluster, at(0), &plan);
    let mut bindings = Vec::new();
    for launch in plan.launches() {
        for (node, pods) in launch.intent.nodes.iter().zip(&launch.pods) {
            bindings.push(Fact::NodeApplied(Box::new(ready(
                &cluster,
                node.id.as_str(),
                false,
            ))));
            for pod in pods {
                let name = pod.as_str().trim_start_matches("default/");
                let role = if name.ends_with("-driver") {
                    Role::Driver
                } else {
                    Role::Executor
                };
                bindings.push(bound(name, role, &node.id));
            }
        }
    }
    apply(&mut cluster, at(45), bindings);
    assert!(plan_at(&cluster, at(45)).effects.is_empty());
    let spot = plan
        .launches()
        .find(|l| l.intent.capacity_type == CapacityType::Spot)
        .unwrap();
    let node = spot.intent.nodes[0].id.clone();
    let lost = spot.pods[0].clone();
    let notice = Fact::NodeInterrupted {
        node: node.clone(),
        until: at(220),
    };
    apply(&mut cluster, at(100), [notice]);
    let next = plan_at(&cluster, at(100));
    let cordoned = |effect: &Effect| matches!(effect, Effect::Cordon { node: n, .. } if *n == node);
    assert!(next.effects.iter().any(cordoned));
    let count: usize = next.launches().flat_map(|l| &l.pods).map(Vec::len).sum();
    assert_eq!(count, lost.len(), "as many as are lost");
    carry_out(&mut cluster, at(100), &next);
    assert_eq!(plan_at(&cluster, at(100)).effects, [], "once");
    // The instance goes; Spark asks for others, which find their seats.
    let ended = lost.iter().cloned().map(Fact::PodEnded);
    let gone = [Fact::NodeReclaimed(node.clone()), Fact::NodeGone(node)];
    apply(&mut cluster, at(220), ended.chain(gone));
    let asked = (0..lost.len()).map(|i| {
        pod(
            &format!("spark-a-exec-{}", 10 + i),
            Role::Executor,
            PodPhase::Gated,
        )
    });
    apply(&mut cluster, at(221), asked);
    let seated = plan_at(&cluster, at(221));
    assert_eq!(
        (seated.launches().count(), seated.waiting.len()),
        (0, 0),
        "{seated:?}"
    );
}

/// An application of a driver and executors whose pods wait behind their gates.
fn gated(executors: u32) -> Cluster {
    let pools = [
        pool("drivers", &[Role::Driver], 17),
        pool("executors", &[Role::Executor], 17),
    ];
    let (driver, executor) = (template_of(Role::Driver), template_of(Role::Executor));
    let declared = shape(APP, &driver, &executor, executors);
    let mut pods = vec![pod("spark-a-driver", Role::Driver, PodPhase::Gated)];
    pods.extend((1..=executors).map(|i| {
        pod(
            &format!("spark-a-exec-{i}"),
            Role::Executor,
            PodPhase::Gated,
        )
    }));
    let pools = pools.map(|pool| Fact::PoolApplied(pool.into()));
    world::cluster(pools.into_iter().chain([declared]).chain(pods))
}

fn template_of(role: Role) -> std::sync::Arc<sparkwright::model::spark::PodTemplate> {
    match role {
        Role::Driver => template(APP, role, 1000, 2048),
        _ => template(APP, role, 14_000, 20_000),
    }
}

fn pod(name: &str, role: Role, phase: PodPhase) -> Fact {
    world::pod(name, &template_of(role), phase)
}

fn bound(name: &str, role: Role, node: &NodeId) -> Fact {
    Fact::PodApplied(Pod {
        id: PodId::from(format!("default/{name}")),
        template: template_of(role),
        created: Timestamp::ZERO,
        phase: PodPhase::Bound(node.clone()),
    })
}

/// EC2 gives these of a plan's nodes.
fn answer(cluster: &mut Cluster, now: Timestamp, plan: &Plan, nodes: &[NodeId]) {
    for launch in plan.launches() {
        for node in launch
            .intent
            .nodes
            .iter()
            .filter(|node| nodes.contains(&node.id))
        {
            let fact = Fact::NodeLaunched {
                node: node.id.clone(),
                instance_type: launch.intent.types[0],
                price: launch.planned,
            };
            cluster.apply(&Event { at: now, fact });
        }
    }
}

/// EC2 has nothing in a zone for ten minutes.
fn dry(cluster: &mut Cluster, now: Timestamp, zone: ZoneId) {
    let catalog = cluster.catalog.clone();
    let here = catalog
        .offerings
        .iter()
        .filter(|offering| offering.zone == zone);
    let facts = here.map(|offering| Fact::OfferingUnavailable {
        instance_type: offering.instance_type,
        zone,
        capacity_type: offering.capacity_type,
        until: now + Span::from_secs(600),
    });
    apply(cluster, now, facts);
}

fn nodes_of(plan: &Plan) -> Vec<NodeId> {
    let nodes = plan.launches().flat_map(|launch| &launch.intent.nodes);
    nodes.map(|node| node.id.clone()).collect()
}

fn zones(plan: &Plan) -> BTreeSet<ZoneId> {
    plan.launches().map(|launch| launch.intent.zone).collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}
