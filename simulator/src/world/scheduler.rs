//! kube-scheduler as it decides by default: filters on readiness, cordon, taints, selectors, affinity
//! and resources, then the node with the highest score. Of its default scores those for resources
//! (least allocated, balanced allocation) and taints count here; ties, which it breaks at random, go
//! to the first name. Host ports, volumes, pod affinity and spread are not simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparkwright::cluster::event::NodeFacts;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::node::{TaintEffect, tolerated};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

/// Weight of the taint score beside the resource scores, as in kube-scheduler's default profile.
const TAINT_WEIGHT: u64 = 3;

#[derive(Clone, Debug)]
struct Host {
    facts: NodeFacts,
    free: Resources,
}

/// Nodes as the scheduler sees them, and its queue.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    hosts: BTreeMap<NodeId, Host>,
    /// By priority, highest first, then in order of arrival.
    queue: BTreeMap<(i64, u64), (PodId, Arc<PodTemplate>)>,
    arrivals: u64,
    bound: BTreeMap<PodId, (NodeId, Resources)>,
    queued: BTreeMap<PodId, (i64, u64)>,
}

impl Scheduler {
    /// A pod waits to be bound.
    pub fn enqueue(&mut self, pod: PodId, template: Arc<PodTemplate>) {
        let place = (-i64::from(template.priority), self.arrivals);
        self.arrivals += 1;
        self.queued.insert(pod.clone(), place);
        self.queue.insert(place, (pod, template));
    }

    /// A pod is gone, wherever it was.
    pub fn forget(&mut self, pod: &PodId) {
        if let Some(place) = self.queued.remove(pod) {
            self.queue.remove(&place);
        }
        if let Some((node, requests)) = self.bound.remove(pod)
            && let Some(host) = self.hosts.get_mut(&node)
        {
            host.free += &requests;
        }
    }

    /// A node is there, or has changed.
    pub fn apply_node(&mut self, facts: &NodeFacts) {
        let used: Vec<&Resources> = self
            .bound
            .values()
            .filter(|(node, _)| *node == facts.id && !self.hosts.contains_key(&facts.id))
            .map(|(_, requests)| requests)
            .collect();
        let fresh = || {
            let mut free = facts.allocatable.clone();
            used.iter().for_each(|requests| free -= requests);
            free
        };
        let free = self
            .hosts
            .get(&facts.id)
            .map_or_else(fresh, |host| host.free.clone());
        self.hosts.insert(
            facts.id.clone(),
            Host {
                facts: facts.clone(),
                free,
            },
        );
    }

    /// A node is gone.
    pub fn remove_node(&mut self, node: &NodeId) {
        self.hosts.remove(node);
    }

    /// Takes room for a pod that is on its node without having been queued (a DaemonSet's).
    pub fn occupy(&mut self, pod: &PodId, node: &NodeId, requests: &Resources) {
        if let Some(host) = self.hosts.get_mut(node) {
            host.free -= requests;
            self.bound
                .insert(pod.clone(), (node.clone(), requests.clone()));
        }
    }

    /// Binds every pod that has a feasible node, in order.
    pub fn bind(&mut self) -> Vec<(PodId, NodeId)> {
        let mut bindings = Vec::new();
        let mut hopeless: BTreeSet<*const PodTemplate> = BTreeSet::new();
        let places: Vec<(i64, u64)> = self.queue.keys().copied().collect();
        for place in places {
            let (pod, template) = &self.queue[&place];
            if hopeless.contains(&Arc::as_ptr(template)) {
                continue;
            }
            let Some(node) = self.choose(template) else {
                hopeless.insert(Arc::as_ptr(template));
                continue;
            };
            let (pod, requests) = (pod.clone(), template.requests.clone());
            self.queue.remove(&place);
            self.queued.remove(&pod);
            self.occupy(&pod, &node, &requests);
            bindings.push((pod, node));
        }
        bindings
    }

    fn choose(&self, template: &PodTemplate) -> Option<NodeId> {
        self.hosts
            .values()
            .filter(|host| is_feasible(host, template))
            .max_by_key(|host| (score(host, template), std::cmp::Reverse(&host.facts.id)))
            .map(|host| host.facts.id.clone())
    }
}

fn is_feasible(host: &Host, template: &PodTemplate) -> bool {
    let facts = &host.facts;
    facts.ready
        && !facts.unschedulable
        && template.requests.fits(&host.free)
        && template.constraints.hold(&facts.labels)
        && tolerated(&facts.taints, &template.tolerations)
}

/// Scores of 0 to 100 each, weighed and added up.
fn score(host: &Host, template: &PodTemplate) -> u64 {
    let all = &host.facts.allocatable;
    let mut left = host.free.clone();
    left -= &template.requests;
    let percent = |left: u64, all: u64| left.saturating_mul(100).checked_div(all).unwrap_or(0);
    let cpu = percent(left.cpu.millis(), all.cpu.millis());
    let memory = percent(left.memory.get(), all.memory.get());
    let least_allocated = (cpu + memory) / 2;
    // The standard deviation of two fractions is half their distance.
    let balanced = 100 - cpu.abs_diff(memory) / 2;
    least_allocated + balanced + TAINT_WEIGHT * untainted(host, template)
}

/// 100 without a `PreferNoSchedule` taint that the pod does not tolerate, less for each.
fn untainted(host: &Host, template: &PodTemplate) -> u64 {
    let soft = host.facts.taints.iter().filter(|taint| {
        taint.effect == TaintEffect::PreferNoSchedule
            && !template
                .tolerations
                .iter()
                .any(|toleration| toleration.tolerates(taint))
    });
    100 / (1 + u64::try_from(soft.count()).unwrap_or(u64::MAX).min(99))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright::model::node::{Taint, Toleration};
    use sparkwright::model::requirement::{Constraints, Labels, Requirement};
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
        PodTemplate {
            role: Role::Executor,
            app: None,
            namespace: "default".into(),
            labels: Labels::new(),
            requests: Resources::pod(
                Cpu::from_cores(cores),
                Bytes::from_mib(u64::from(cores) * 4096),
            ),
            constraints: Constraints::default(),
            tolerations: Vec::new(),
            priority: 0,
            daemon: false,
            not_understood: Vec::new(),
        }
    }

    fn bound(nodes: &[NodeFacts], pods: &[PodTemplate]) -> Vec<String> {
        let mut scheduler = Scheduler::default();
        nodes.iter().for_each(|node| scheduler.apply_node(node));
        for (i, pod) in pods.iter().enumerate() {
            scheduler.enqueue(PodId::from(format!("p{i}")), Arc::new(pod.clone()));
        }
        scheduler
            .bind()
            .iter()
            .map(|(pod, node)| format!("{pod}@{node}"))
            .collect()
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
        let mut scheduler = Scheduler::default();
        scheduler.apply_node(&node("n", 4));
        scheduler.enqueue("first".into(), Arc::new(template(4)));
        scheduler.enqueue("urgent".into(), Arc::new(urgent));
        assert_eq!(scheduler.bind(), [("urgent".into(), "n".into())]);
        scheduler.forget(&"urgent".into());
        assert_eq!(scheduler.bind(), [("first".into(), "n".into())]);
    }
}
