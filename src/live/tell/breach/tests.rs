//! Which breaches are found, and that each is told once.

use std::sync::Arc;

use crate::cluster::event::NodeFacts;
use crate::model::node::NODEPOOL;
use crate::model::requirement::{Constraints, Labels, Requirement};
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::Pod;
use crate::model::time::Timestamp;
use crate::plan::effect::Waiting;
use crate::plan::reason::Reason;

use super::*;

#[test]
fn a_driver_that_runs_while_its_executor_cannot_be_placed_is_a_split_gang_once() {
    let mut seen = Seen::new();
    seen.pod("driver", Role::Driver, PodPhase::Bound("a".into()), false);
    seen.pod("exec-1", Role::Executor, PodPhase::Pending, false);
    assert!(seen.found(&[]).is_empty(), "a node for it boots");
    assert_eq!(seen.found(&["ns/exec-1"]), [("gang-split", "ns/exec-1")]);
    assert!(seen.found(&["ns/exec-1"]).is_empty());
}

#[test]
fn a_gate_holds_a_gang_together_and_is_no_breach() {
    let mut seen = Seen::new();
    seen.breaches.others = true;
    seen.pod("driver", Role::Driver, PodPhase::Bound("a".into()), false);
    seen.pod("exec-1", Role::Executor, PodPhase::Gated, false);
    assert!(seen.found(&["ns/exec-1"]).is_empty());
}

#[test]
fn an_executor_in_another_zone_or_on_a_drivers_node_is_told_once() {
    let mut seen = Seen::new();
    seen.pod("driver", Role::Driver, PodPhase::Bound("a".into()), false);
    seen.pod("exec-1", Role::Executor, PodPhase::Bound("a".into()), false);
    seen.pod("exec-2", Role::Executor, PodPhase::Bound("b".into()), false);
    let found = [
        ("several-zones", "ns/exec-2"),
        ("beside-driver", "ns/exec-1"),
    ];
    assert_eq!(seen.found(&[]), found);
    seen.pod("exec-3", Role::Executor, PodPhase::Bound("b".into()), false);
    assert!(seen.found(&[]).is_empty());
}

#[test]
fn a_pod_that_karpenter_could_serve_is_told_where_karpenter_is() {
    for (others, selects, told) in [
        (false, false, false),
        (true, true, false),
        (true, false, true),
    ] {
        let mut seen = Seen::new();
        seen.breaches.others = others;
        seen.pod("exec-1", Role::Executor, PodPhase::Pending, selects);
        let found = seen.found(&[]);
        assert_eq!(!found.is_empty(), told, "{others} {selects}: {found:?}");
        assert!(seen.found(&[]).is_empty());
    }
}

/// A cluster of a node in each of two zones, and what is told of it.
struct Seen {
    cluster: Cluster,
    breaches: Breaches,
}

impl Seen {
    fn new() -> Self {
        let mut seen = Seen {
            cluster: Cluster::default(),
            breaches: Breaches::default(),
        };
        for (name, _) in [("a", 0), ("b", 1)] {
            seen.tell(Fact::NodeApplied(Box::new(NodeFacts {
                id: name.into(),
                labels: Labels::from([(NODEPOOL.to_owned(), "pool".to_owned())]),
                taints: Vec::new(),
                allocatable: Resources::pod(Cpu::from_cores(8), Bytes::from_mib(8192)),
                unschedulable: false,
                ready: true,
            })));
        }
        for (name, zone) in [("a", 0), ("b", 1)] {
            let node = seen.cluster.nodes.get_mut(name).unwrap();
            node.zone = Some(ZoneId(zone));
        }
        seen
    }

    fn tell(&mut self, fact: Fact) {
        let event = Event {
            at: Timestamp::ZERO,
            fact,
        };
        self.cluster.apply(&event);
        self.breaches.event(&event);
    }

    fn pod(&mut self, name: &str, role: Role, phase: PodPhase, selects: bool) {
        let managed = Requirement::is(MANAGED, "true");
        let template = PodTemplate {
            constraints: Constraints {
                all: selects.then_some(managed).into_iter().collect(),
                any: Vec::new(),
            },
            ..PodTemplate::plain(role, Some("ns/app".into()), "ns", Resources::default())
        };
        self.tell(Fact::PodApplied(Pod {
            id: format!("ns/{name}").as_str().into(),
            template: Arc::new(template),
            created: Timestamp::ZERO,
            phase,
        }));
    }

    fn found(&mut self, waiting: &[&str]) -> Vec<(&'static str, &'static str)> {
        let waiting = waiting.iter().map(|pod| Waiting {
            pod: PodId::from(*pod),
            reason: Reason::PoolPaused("pool".into()),
        });
        let plan = Plan {
            waiting: waiting.collect(),
            ..Plan::default()
        };
        let names = ["ns/driver", "ns/exec-1", "ns/exec-2", "ns/exec-3"];
        let name = |pod: &PodId| *names.iter().find(|name| **name == pod.as_str()).unwrap();
        let found = self.breaches.round(&self.cluster, &plan);
        found
            .iter()
            .map(|b| (b.kind.code(), name(&b.pod)))
            .collect()
    }
}
