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
