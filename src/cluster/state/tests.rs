//! The fold, fact by fact.

use super::*;
use crate::cluster::event::{AwaitedNode, Held, Intent, NodeFacts, Slot};
use crate::model::node::{NODEPOOL, Purpose, Taint, TaintEffect};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::requirement::Labels;
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::ExecutorGroup;
use crate::model::spark::{PodPhase, Role, Shape};

fn template(role: Role, cores: u32) -> Arc<PodTemplate> {
    let requests = Resources::pod(Cpu::from_cores(cores), Bytes::from_mib(1024));
    Arc::new(PodTemplate::plain(
        role,
        Some("ns/app".into()),
        "ns",
        requests,
    ))
}

fn pod(name: &str, role: Role, phase: PodPhase) -> Fact {
    let created = Timestamp::ZERO;
    Fact::PodApplied(Pod {
        id: name.into(),
        template: template(role, 1),
        created,
        phase,
    })
}

fn node(name: &str) -> Fact {
    Fact::NodeApplied(Box::new(NodeFacts {
        id: name.into(),
        labels: Labels::from([(NODEPOOL.to_owned(), "pool".to_owned())]),
        taints: Vec::new(),
        allocatable: Resources {
            pods: 10,
            ..Resources::pod(Cpu::from_cores(8), Bytes::from_mib(8192))
        },
        unschedulable: false,
        ready: true,
    }))
}

/// A launch of two nodes, each kept for one executor.
fn asked() -> Fact {
    let slot = Slot {
        role: Role::Executor,
        requests: template(Role::Executor, 1).requests.clone(),
    };
    let awaited = |name: &str| AwaitedNode {
        id: name.into(),
        room: slot.requests.clone(),
        held: vec![Held {
            app: "ns/app".into(),
            slot: slot.clone(),
            count: 1,
        }],
    };
    Fact::LaunchAsked(Box::new(Intent {
        pool: "pool".into(),
        purpose: Purpose::Work,
        zone: ZoneId(0),
        capacity_type: CapacityType::Spot,
        types: vec![TypeId(0)],
        labels: Labels::new(),
        taints: Vec::new(),
        nodes: vec![awaited("one"), awaited("two")],
    }))
}

fn folded(facts: impl IntoIterator<Item = Fact>) -> Cluster {
    let mut cluster = Cluster::default();
    for (second, fact) in facts.into_iter().enumerate() {
        let at = Timestamp::from_millis(i64::try_from(second).unwrap() * 1000);
        cluster.apply(&Event { at, fact });
    }
    cluster
}

fn held_on(cluster: &Cluster) -> Vec<String> {
    let held = cluster.apps["ns/app"].held.values();
    held.flat_map(|nodes| nodes.keys().map(ToString::to_string))
        .collect()
}

#[test]
fn a_pod_counts_on_its_node_whichever_is_known_first() {
    let bound = pod("ns/e", Role::Executor, PodPhase::Bound("n".into()));
    for facts in [[bound.clone(), node("n")], [node("n"), bound]] {
        let cluster = folded(facts);
        let node = &cluster.nodes["n"];
        assert_eq!(
            (node.working, node.used.cpu, node.empty_since),
            (1, Cpu::from_cores(1), None)
        );
    }
}

#[test]
fn a_node_is_empty_from_the_moment_its_last_pod_ends() {
    let bound = pod("ns/e", Role::Executor, PodPhase::Bound("n".into()));
    let cluster = folded([node("n"), bound, Fact::PodEnded("ns/e".into())]);
    let node = &cluster.nodes["n"];
    assert_eq!((node.working, node.used.cpu), (0, Cpu::default()));
    assert_eq!(node.empty_since, Some(Timestamp::from_millis(2000)));
    assert!(
        cluster.apps.is_empty() && cluster.demanding.is_empty(),
        "nothing is left of it"
    );
}

#[test]
fn room_is_held_until_a_pod_binds_there_or_elsewhere_or_the_node_does_not_come() {
    let waits = |name: &str| pod(name, Role::Executor, PodPhase::Pending);
    let bind = |name: &str| pod("ns/e", Role::Executor, PodPhase::Bound(name.into()));
    let waiting = [waits("ns/e"), waits("ns/f"), asked()];
    let after = |facts: &[Fact]| held_on(&folded(waiting.iter().chain(facts).cloned()));
    assert_eq!(after(&[]), ["one", "two"]);
    assert_eq!(after(&[bind("two")]), ["one"]);
    assert_eq!(after(&[node("n"), bind("n")]), ["one"]);
    assert_eq!(after(&[Fact::NodeRefused("one".into())]), ["two"]);
    assert_eq!(after(&[Fact::PodEnded("ns/e".into())]), ["one"]);
}

#[test]
fn an_application_asks_for_nothing_while_nodes_that_keep_their_promises_are_on_their_way() {
    let waits = |name: &str| pod(name, Role::Executor, PodPhase::Pending);
    let stranger = |node: &str| pod("ns/x", Role::Other, PodPhase::Bound(node.into()));
    let waiting = [waits("ns/e"), waits("ns/f"), asked()];
    let Fact::NodeApplied(mut facts) = node("one") else {
        panic!("node() makes a node");
    };
    facts.taints.push(Taint {
        key: "team".into(),
        value: "a".into(),
        effect: TaintEffect::NoSchedule,
    });
    let tainted = Fact::NodeApplied(facts);
    let asks = |facts: &[Fact]| {
        let cluster = folded(waiting.iter().chain(facts).cloned());
        cluster.demanding.contains("ns/app")
    };
    assert!(!asks(&[]));
    assert!(asks(&[waits("ns/g")]), "one more pod than room");
    assert!(
        asks(&[Fact::NodeRefused("one".into())]),
        "a node does not come"
    );
    assert!(asks(&[Fact::NodeLeaving("one".into())]), "a node goes");
    assert!(!asks(&[node("one")]), "a node came as it was asked for");
    assert!(asks(&[tainted]), "a node came with a taint");
    assert!(asks(&[stranger("two")]), "a stranger took the room");
    let gated = pod("ns/f", Role::Executor, PodPhase::Gated);
    assert!(!asks(std::slice::from_ref(&gated)), "EC2 has not answered");
    assert!(
        asks(&[node("one"), node("two"), gated]),
        "a gate is to be lifted"
    );
}

#[test]
fn growth_that_awaits_answers_is_looked_at_when_one_leaves_a_gate_to_lift() {
    let executor = |name: &str, phase| pod(name, Role::Executor, phase);
    let driver = pod("ns/d", Role::Driver, PodPhase::Bound("n".into()));
    let [e, f] = ["ns/e", "ns/f"].map(|name| executor(name, PodPhase::Gated));
    let begun = [node("n"), driver, e, f, asked()];
    let asks = |facts: &[Fact]| {
        let cluster = folded(begun.iter().chain(facts).cloned());
        cluster.demanding.contains("ns/app")
    };
    let let_go = executor("ns/e", PodPhase::Pending);
    assert!(!asks(&[]), "EC2 has not answered");
    assert!(asks(&[node("one")]), "a gate is to be lifted");
    assert!(
        !asks(&[node("one"), let_go.clone()]),
        "what was given is spoken for"
    );
    assert!(asks(&[node("one"), let_go, node("two")]), "the other gate");
}

#[test]
fn a_driver_that_ends_takes_the_declaration_and_the_held_room_with_it() {
    let group = ExecutorGroup {
        template: template(Role::Executor, 1),
        min: 2,
        initial: 2,
        max: None,
    };
    let shape = Shape {
        name: "app".into(),
        namespace: "ns".into(),
        declared: Timestamp::ZERO,
        driver: Some(template(Role::Driver, 1)),
        executors: vec![group],
        advice: Vec::new(),
    };
    let declared = Fact::ShapeDeclared {
        app: "ns/app".into(),
        shape: Box::new(shape),
    };
    let driver = pod("ns/d", Role::Driver, PodPhase::Bound("n".into()));
    let running = [declared, node("n"), driver, asked()];
    let started = folded(running.clone());
    assert!(!started.apps["ns/app"].held.is_empty());
    assert_eq!(started.reservations.len(), 1);
    let ended = folded(running.into_iter().chain([Fact::PodEnded("ns/d".into())]));
    assert!(ended.demanding.is_empty() && ended.apps.is_empty());
    assert!(ended.reservations.is_empty());
    let promised = ended.nodes.values().map(|node| node.promised.clone());
    assert!(
        promised
            .into_iter()
            .all(|promised| promised == Resources::default())
    );
}

#[test]
fn executors_that_have_been_there_are_not_expected_again() {
    let group = ExecutorGroup {
        template: template(Role::Executor, 1),
        min: 0,
        initial: 3,
        max: None,
    };
    let shape = Shape {
        name: "app".into(),
        namespace: "ns".into(),
        declared: Timestamp::ZERO,
        driver: None,
        executors: vec![group.clone()],
        advice: Vec::new(),
    };
    let declared = Fact::ShapeDeclared {
        app: "ns/app".into(),
        shape: Box::new(shape),
    };
    let seen = pod("ns/e", Role::Executor, PodPhase::Pending);
    let cluster = folded([declared, seen, Fact::PodEnded("ns/e".into())]);
    assert_eq!(cluster.apps["ns/app"].expected_executors(&group), 2);
}

/// What is kept beside the nodes: room by what is free, and who has nothing to do.
fn beside(cluster: &Cluster) -> Vec<String> {
    let space = &cluster.space;
    let makes = space.makes().filter_map(|(make, _)| space.shelf(make));
    let open = makes.flat_map(|(make, open)| {
        let groups = open.iter();
        groups.map(move |(free, nodes)| format!("{make:?}: {free:?} {nodes:?}"))
    });
    let idle = cluster.idle.groups().map(|group| format!("{group:?}"));
    let mut all: Vec<String> = open.chain(idle).collect();
    all.sort();
    all
}

#[test]
fn what_is_kept_beside_the_nodes_is_that_of_a_cluster_rebuilt() {
    let on = |name: &str, node: &str| pod(name, Role::Executor, PodPhase::Bound(node.into()));
    let facts = [
        asked(),
        node("three"),
        on("ns/a", "three"),
        on("ns/b", "three"),
        on("ns/c", "one"),
        node("one"),
        on("ns/d", "four"),
        node("four"),
        Fact::NodeGone("four".into()),
        Fact::PodEnded("ns/a".into()),
        Fact::PodEnded("ns/b".into()),
        node("four"),
    ];
    for count in 1..=facts.len() {
        let cluster = folded(facts[..count].iter().cloned());
        let rebuilt = Cluster::restored(&cluster.snapshot());
        assert_eq!(beside(&rebuilt), beside(&cluster), "after {count}");
        assert_eq!(rebuilt.snapshot(), cluster.snapshot());
        let mut together = Cluster::default();
        for (second, fact) in facts[..count].iter().cloned().enumerate() {
            let at = Timestamp::from_millis(i64::try_from(second).unwrap() * 1000);
            together.fold(Event { at, fact });
        }
        together.settle();
        assert_eq!(beside(&together), beside(&cluster), "at once, {count}");
    }
}
