//! Answers about a small world: an application of which a part waits, nodes in every stage.

use std::sync::Arc;

use crate::cluster::event::{Event, Fact, NodeFacts};
use crate::model::node::NODEPOOL;
use crate::model::requirement::Labels;
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::{Pod, PodPhase, PodTemplate, Role};
use crate::model::time::Span;
use crate::plan::effect::Waiting;
use crate::plan::reason::Reason;
use crate::plan::{Effect, Plan};

use super::*;

struct World {
    cluster: Cluster,
    memory: Memory,
}

impl World {
    fn tell(&mut self, at: Timestamp, fact: Fact) {
        let event = Event { at, fact };
        self.memory.event(&self.cluster, &event);
        self.cluster.apply(&event);
    }

    fn pod(&mut self, name: &str, role: Role, phase: PodPhase) {
        let requests = Resources::pod(Cpu::from_cores(1), Bytes::from_mib(1024));
        let template = PodTemplate::plain(role, Some("spark/etl".into()), "spark", requests);
        let pod = Pod {
            id: format!("spark/{name}").into(),
            template: template.into(),
            created: at(0),
            phase,
        };
        self.tell(at(0), Fact::PodApplied(pod));
    }

    fn round(&mut self, now: Timestamp, plan: Plan) {
        self.memory.round(now, &self.cluster, &Arc::new(plan));
    }

    fn ask(&self, now: Timestamp, subject: Subject) -> Option<Answer> {
        answer(&self.cluster, &self.memory, now, &subject)
    }

    fn text(&self, now: Timestamp, subject: Subject) -> String {
        self.ask(now, subject)
            .map_or_else(String::new, |a| a.to_string())
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::ZERO + Span::from_secs(seconds)
}

fn world() -> World {
    let mut world = World {
        cluster: Cluster::default(),
        memory: Memory::default(),
    };
    let facts = NodeFacts {
        id: "executors-1".into(),
        labels: Labels::from([(NODEPOOL.into(), "executors".into())]),
        taints: Vec::new(),
        allocatable: Resources::pod(Cpu::from_cores(8), Bytes::from_mib(30_000)),
        unschedulable: false,
        ready: true,
    };
    world.tell(at(0), Fact::NodeApplied(Box::new(facts)));
    world.pod("etl-driver", Role::Driver, PodPhase::Gated);
    world.pod(
        "etl-exec-1",
        Role::Executor,
        PodPhase::Bound("executors-1".into()),
    );
    world
}

fn waits(reason: Reason) -> Plan {
    Plan {
        waiting: vec![
            Waiting {
                pod: "spark/etl-driver".into(),
                reason,
            },
            Waiting {
                pod: "spark/etl-exec-2".into(),
                reason: Reason::GangIncomplete {
                    app: "spark/etl".into(),
                },
            },
        ],
        ..Plan::default()
    }
}

#[test]
fn a_pod_says_why_it_waits_since_when_and_what_would_help() {
    let mut world = world();
    world.round(at(10), waits(Reason::PoolPaused("drivers".into())));
    world.round(at(20), waits(Reason::PoolPaused("drivers".into())));
    let pod = || Subject::Pod("spark/etl-driver".into());
    let text = world.text(at(70), pod());
    assert!(text.starts_with("Pod spark/etl-driver: waits\n"), "{text}");
    assert!(
        text.contains("WAITS (pool-paused, 1 pod, since 1 min 0 s ago)"),
        "{text}"
    );
    assert!(
        text.contains("what would help: setting spec.paused"),
        "{text}"
    );
    world.round(at(80), waits(Reason::NoPool { role: Role::Driver }));
    let answer = world.ask(at(80), pod()).unwrap();
    assert_eq!(
        (answer.waits[0].reason, answer.waits[0].since_ms),
        ("no-pool", 80_000)
    );
    world.round(at(90), Plan::default());
    let text = world.text(at(90), pod());
    assert!(
        text.contains("is held by its gate") && !text.contains("WAITS"),
        "{text}"
    );
    let bound = world.text(at(90), Subject::Pod("spark/etl-exec-1".into()));
    assert!(
        bound.starts_with("Pod spark/etl-exec-1: has the node executors-1"),
        "{bound}"
    );
    assert!(world.ask(at(90), Subject::Pod("spark/no".into())).is_none());
}

#[test]
fn an_application_names_what_holds_up_the_rest_first() {
    let mut world = world();
    world.round(at(10), waits(Reason::PoolPaused("drivers".into())));
    for name in ["etl", "spark/etl"] {
        let answer = world.ask(at(20), Subject::App(name.into())).unwrap();
        assert_eq!(answer.name, "spark/etl");
        assert_eq!(answer.waits[0].reason, "pool-paused");
        assert_eq!(answer.known["executorsWithNode"], 1);
        assert!(
            answer.state.contains("NodePool drivers is paused"),
            "{}",
            answer.state
        );
    }
    assert!(world.ask(at(20), Subject::App("other".into())).is_none());
}

#[test]
fn a_node_says_what_keeps_it_and_why_it_went() {
    let mut world = world();
    let node = || Subject::Node("executors-1".into());
    assert!(world.text(at(5), node()).contains("works: 1 pods keep it"));
    world.tell(at(30), Fact::PodEnded("spark/etl-exec-1".into()));
    let text = world.text(at(35), node());
    assert!(
        text.contains("has been empty since 5 s ago; it goes past its TTL of 60s"),
        "{text}"
    );
    let reason = Reason::EmptyPastTtl {
        ttl: Span::from_secs(60),
    };
    let terminate = Effect::Terminate {
        node: "executors-1".into(),
        reason,
    };
    world.round(
        at(95),
        Plan {
            effects: vec![terminate],
            ..Plan::default()
        },
    );
    world.tell(at(96), Fact::NodeLeaving("executors-1".into()));
    world.tell(at(130), Fact::NodeGone("executors-1".into()));
    let answer = world.ask(at(140), node()).unwrap();
    assert_eq!(answer.state, "is gone");
    let past: Vec<&str> = answer.past.iter().map(|past| past.what.as_str()).collect();
    assert_eq!(
        past,
        [
            "it is gone",
            "EC2 was told to end it",
            "terminated: empty for longer than 60s"
        ]
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut world = world();
    for i in 0..30_000 {
        world.tell(at(i), Fact::NodeRefused(format!("executors-{i}").into()));
    }
    assert_eq!(world.memory.decided().count(), 20_000);
    assert!(
        world
            .ask(at(0), Subject::Node("executors-3".into()))
            .is_none()
    );
    assert!(
        world
            .ask(at(0), Subject::Node("executors-29999".into()))
            .is_some()
    );
}
