//! Rules one by one, and the ranking against a plain scan of every node on random cases.

use super::*;
use sparkwright::model::node::{Taint, TaintEffect, Toleration};
use sparkwright::model::requirement::{Labels, Requirement};
use sparkwright::model::resources::{Bytes, Cpu};
use sparkwright::model::spark::Role;

fn node(name: &str, cores: u32) -> NodeFacts {
    let room = Resources::pod(
        Cpu::from_cores(cores),
        Bytes::from_mib(u64::from(cores) * 4096),
    );
    NodeFacts {
        id: name.into(),
        labels: Labels::from([("name".to_owned(), name.to_owned())]),
        taints: Vec::new(),
        allocatable: Resources { pods: 10, ..room },
        unschedulable: false,
        ready: true,
    }
}

fn template(cores: u32) -> PodTemplate {
    let memory = Bytes::from_mib(u64::from(cores) * 4096);
    let requests = Resources::pod(Cpu::from_cores(cores), memory);
    PodTemplate::plain(Role::Executor, None, "default", requests)
}

/// A scheduler whose pods go by name.
#[derive(Default)]
struct Named {
    scheduler: Scheduler,
    names: Vec<String>,
}

impl Named {
    fn enqueue(&mut self, name: &str, template: Arc<PodTemplate>) {
        self.names.push(name.to_owned());
        let key = self.key(name).expect("it was named one line above");
        self.scheduler.enqueue(key, name.into(), template);
    }

    fn forget(&mut self, name: &str) {
        if let Some(key) = self.key(name) {
            self.scheduler.forget(key);
        }
    }

    fn bind(&mut self) -> Vec<String> {
        let mut decisions = Vec::new();
        self.scheduler.bind(&mut decisions);
        let told = decisions.iter().map(|decision| match decision {
            Decision::Bind { pod, node, .. } => format!("{}@{node}", self.name(*pod)),
            Decision::Preempt { victim, by } => {
                format!("{} ends for {}", self.name(*victim), self.name(*by))
            }
        });
        told.collect()
    }

    fn key(&self, name: &str) -> Option<PodKey> {
        let place = self.names.iter().position(|known| known == name)?;
        let place = u32::try_from(place).ok()?;
        Some(PodKey { place, before: 0 })
    }

    fn name(&self, key: PodKey) -> &str {
        &self.names[key.index()]
    }
}

fn bound(nodes: &[NodeFacts], pods: &[PodTemplate]) -> Vec<String> {
    let mut pending = Named::default();
    let nodes = nodes.iter();
    nodes.for_each(|node| pending.scheduler.apply_node(node));
    for (i, pod) in pods.iter().enumerate() {
        pending.enqueue(&format!("p{i}"), Arc::new(pod.clone()));
    }
    pending.bind()
}

#[test]
fn pods_are_spread_to_the_least_allocated_node() {
    let pods = [template(2), template(2), template(2)];
    assert_eq!(
        bound(&[node("a", 8), node("b", 4)], &pods),
        ["p0@a", "p1@a", "p2@b"]
    );
}

#[test]
fn cordons_taints_selectors_and_room_keep_pods_away() {
    let cordoned = NodeFacts {
        unschedulable: true,
        ..node("cordoned", 64)
    };
    let booting = NodeFacts {
        ready: false,
        ..node("booting", 64)
    };
    let effect = TaintEffect::NoSchedule;
    let taint = Taint {
        key: "team".into(),
        value: "a".into(),
        effect,
    };
    let tainted = NodeFacts {
        taints: vec![taint],
        ..node("tainted", 32)
    };
    let nodes = [
        cordoned,
        booting,
        tainted,
        node("small", 2),
        node("plain", 4),
    ];
    let mut tolerant = template(8);
    tolerant.tolerations = vec![Toleration {
        key: Some("team".into()),
        value: None,
        effect: None,
    }];
    let mut picky = template(1);
    picky.constraints.all = vec![Requirement::is("name", "small")];
    assert_eq!(
        bound(&nodes, &[template(4), tolerant, picky, template(16)]),
        ["p0@plain", "p1@tainted", "p2@small"]
    );
}

#[test]
fn higher_priority_goes_first_and_a_pod_that_ends_frees_its_room() {
    let urgent = PodTemplate {
        priority: 9,
        ..template(4)
    };
    let mut pending = Named::default();
    pending.scheduler.apply_node(&node("n", 4));
    pending.enqueue("first", Arc::new(template(4)));
    pending.enqueue("urgent", Arc::new(urgent));
    assert_eq!(pending.bind(), ["urgent@n"]);
    pending.forget("urgent");
    assert_eq!(pending.bind(), ["first@n"]);
}

mod constraints;
mod ranking;
