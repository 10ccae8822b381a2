//! kube-scheduler as it decides by default (rules as of Kubernetes 1.34): by priority and age, each pod
//! to the feasible node with the highest score, others pushed out where its priority lets it. Ties,
//! which it breaks at random, go to the first name. Images are not scored, and what pods of a
//! Service or ReplicaSet are spread by without asking is not simulated: Spark's pods belong to neither.

mod hosts;
mod index;
mod neighbours;
mod preempt;
mod profile;
mod score;
mod tournament;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparkwright::cluster::event::NodeFacts;
use sparkwright::model::name::{NodeId, PodId, Table};
use sparkwright::model::offering::Catalog;
use sparkwright::model::referent::{Referent, ReferentKind, Referents};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

use hosts::Hosts;
use profile::{Place, Profiles};
pub use score::Scoring;

/// What the scheduler did with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A pod has its node.
    Bind {
        /// The pod.
        pod: PodId,
        /// The node.
        node: NodeId,
    },
    /// A pod loses its node to one of higher priority; it has ended, without grace.
    Preempt {
        /// The pod that ends.
        victim: PodId,
        /// The pod that takes its place.
        by: PodId,
    },
}

/// A pod on a node.
#[derive(Clone, Debug)]
struct Bound {
    node: NodeId,
    template: Arc<PodTemplate>,
    /// EBS volumes that it has attached.
    disks: u32,
    /// Its place in the order of binding: its age, as far as preemption asks.
    since: u64,
}

/// Nodes as the scheduler sees them, and its queue.
///
/// Pods that ask for the same are one profile. While no pod asks anything of its neighbours, each
/// profile keeps the nodes that would take it in order of score, and brings it up to date with the nodes
/// that changed since it was last asked: binding a pod costs about the logarithm of the number of nodes
/// for each such change. A profile that found no node is not asked again before something changed that
/// could help it. Pods with affinity, spread, host ports or claims, and all pods beside them, look at
/// every node and every pod on it.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    scoring: Scoring,
    catalog: Arc<Catalog>,
    referents: Referents,
    hosts: Hosts,
    profiles: Profiles,
    bound: Table<PodId, Bound>,
    /// Nodes that went while pods were bound to them.
    orphaned: BTreeSet<NodeId>,
    bindings: u64,
    arrivals: u64,
    queued: Table<PodId, Queued>,
    /// The first pod of each profile that may find a node.
    ready: BTreeSet<(Place, usize)>,
    /// Profiles that found no node.
    stuck: BTreeSet<usize>,
    /// Bound pods that ask something of their neighbours or of their host's ports.
    particular: u32,
    /// Bound pods by priority, DaemonSets' apart.
    priorities: BTreeMap<i32, u32>,
}

#[derive(Clone, Debug)]
struct Queued {
    template: Arc<PodTemplate>,
    profile: usize,
    place: Place,
}

impl Scheduler {
    /// A scheduler that ranks nodes this way; the catalogue tells how many disks a node can have.
    pub fn new(scoring: Scoring, catalog: Arc<Catalog>) -> Self {
        Scheduler {
            scoring,
            catalog,
            ..Scheduler::default()
        }
    }

    /// An object that pods' rules refer to is there, or has changed. Pods that wait look again.
    pub fn apply_referent(&mut self, name: &str, referent: Referent) {
        self.referents.insert(name, referent);
        self.queue_anew();
    }

    /// Such an object is gone.
    pub fn forget_referent(&mut self, kind: ReferentKind, name: &str) {
        self.referents.remove(kind, name);
        self.queue_anew();
    }

    /// A pod waits to be bound.
    pub fn enqueue(&mut self, pod: PodId, template: Arc<PodTemplate>) {
        let place = (-i64::from(template.priority), self.arrivals);
        self.arrivals += 1;
        if template.placement.is_some() && !self.profiles.mind_labels {
            self.profiles.mind_labels = true;
            self.queue_anew();
        }
        self.queue(pod, template, place);
    }

    fn queue(&mut self, pod: PodId, template: Arc<PodTemplate>, place: Place) {
        if self.profiles.is_stale() {
            self.profiles.clear();
            self.ready.clear();
            self.stuck.clear();
        }
        let profile = self.profiles.intern(&pod, &template, &self.referents);
        let head = self.profiles.first(profile);
        self.profiles.push(profile, place, pod.clone());
        self.queued.insert(
            pod,
            Queued {
                template,
                profile,
                place,
            },
        );
        if !self.stuck.contains(&profile) && head.is_none_or(|head| place < head) {
            self.ready.extend([(place, profile)]);
            head.into_iter().for_each(|head| {
                self.ready.remove(&(head, profile));
            });
        }
    }

    /// Puts every waiting pod into its profile again: what profiles are told apart by has changed.
    fn queue_anew(&mut self) {
        let queued = std::mem::take(&mut self.queued);
        self.ready.clear();
        self.stuck.clear();
        self.profiles.clear();
        for (pod, queued) in queued {
            self.queue(pod, queued.template, queued.place);
        }
    }

    /// A pod is gone, wherever it was.
    pub fn forget(&mut self, pod: &PodId) {
        if let Some(queued) = self.queued.swap_remove(pod) {
            self.unqueue(&queued);
        }
        self.unbind(pod);
    }

    fn unqueue(&mut self, queued: &Queued) {
        let (place, profile) = (queued.place, queued.profile);
        self.profiles.pop(profile, place);
        if self.ready.remove(&(place, profile)) {
            let next = self.profiles.first(profile);
            self.ready.extend(next.map(|next| (next, profile)));
        }
    }

    /// A node is there, or has changed.
    pub fn apply_node(&mut self, facts: &NodeFacts) {
        let is_new = self.hosts.apply(facts, &self.catalog);
        if is_new && self.orphaned.remove(&facts.id) {
            let here = self
                .bound
                .iter()
                .filter(|(_, bound)| bound.node == facts.id);
            let here: Vec<(PodId, Bound)> = here.map(|(p, b)| (p.clone(), b.clone())).collect();
            for (pod, bound) in here {
                self.hosts.take(&pod, &bound);
            }
        }
        self.retry();
    }

    /// A node is gone.
    pub fn remove_node(&mut self, node: &NodeId) {
        if self.hosts.remove(node) {
            self.orphaned.insert(node.clone());
        }
        self.retry();
    }

    /// Takes room for a pod that is on its node without having been queued (a DaemonSet's).
    pub fn occupy(&mut self, pod: &PodId, node: &NodeId, template: &Arc<PodTemplate>) {
        if template.placement.is_some() && !self.profiles.mind_labels {
            self.profiles.mind_labels = true;
            self.queue_anew();
        }
        if self.hosts.contains(node) {
            self.take(pod, node, template, 0);
        }
    }

    fn take(&mut self, pod: &PodId, node: &NodeId, template: &Arc<PodTemplate>, disks: u32) {
        self.bindings += 1;
        let bound = Bound {
            node: node.clone(),
            template: template.clone(),
            disks,
            since: self.bindings,
        };
        self.hosts.take(pod, &bound);
        self.bound.insert(pod.clone(), bound);
        self.particular += u32::from(template.placement.is_some());
        if !template.daemon {
            *self.priorities.entry(template.priority).or_default() += 1;
        }
    }

    fn unbind(&mut self, pod: &PodId) {
        let Some(bound) = self.bound.swap_remove(pod) else {
            return;
        };
        self.hosts.give_back(pod, &bound);
        let template = &bound.template;
        self.particular -= u32::from(template.placement.is_some());
        if let Some(count) = self
            .priorities
            .get_mut(&template.priority)
            .filter(|_| !template.daemon)
        {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&template.priority);
            }
        }
        self.retry();
    }

    /// Something changed that may help: profiles that found no node are asked again.
    fn retry(&mut self) {
        for profile in std::mem::take(&mut self.stuck) {
            let first = self.profiles.first(profile);
            self.ready.extend(first.map(|first| (first, profile)));
        }
    }

    /// A pod got its node: that helps those who want to be near it, or may push it out.
    fn retry_after_binding(&mut self) {
        let lowest = self.priorities.keys().next().copied();
        let helped = |profile: &usize| {
            let profile = self.profiles.get(*profile);
            profile.placement.is_some() || lowest.is_some_and(|lowest| lowest < profile.priority)
        };
        let helped: Vec<usize> = self.stuck.iter().copied().filter(helped).collect();
        for profile in helped {
            self.stuck.remove(&profile);
            let first = self.profiles.first(profile);
            self.ready.extend(first.map(|first| (first, profile)));
        }
    }

    /// Binds every pod that has a feasible node, in order, and pushes out whom its priority lets it.
    pub fn bind(&mut self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        while let Some((place, profile)) = self.ready.pop_first() {
            let Some(pod) = self.profiles.at(profile, place).cloned() else {
                continue;
            };
            let Some(node) = self.find_node(&pod, profile, &mut decisions) else {
                self.stuck.insert(profile);
                continue;
            };
            let Some(queued) = self.queued.swap_remove(&pod) else {
                continue;
            };
            self.profiles.pop(profile, place);
            let next = self.profiles.first(profile);
            self.ready.extend(next.map(|next| (next, profile)));
            let disks = self.profiles.get(profile).disks;
            self.take(&pod, &node, &queued.template, disks);
            if !self.stuck.is_empty() {
                self.retry_after_binding();
            }
            decisions.push(Decision::Bind { pod, node });
        }
        decisions
    }

    fn find_node(
        &mut self,
        pod: &PodId,
        profile: usize,
        decisions: &mut Vec<Decision>,
    ) -> Option<NodeId> {
        if let Some(node) = self.choose(pod, profile) {
            return Some(node);
        }
        let (node, victims) = self.preempt(pod, profile)?;
        for victim in victims {
            self.unbind(&victim);
            decisions.push(Decision::Preempt {
                victim,
                by: pod.clone(),
            });
        }
        Some(node)
    }

    fn choose(&mut self, pod: &PodId, profile: usize) -> Option<NodeId> {
        let is_plain = self.particular == 0
            && self.hosts.with_soft_taints == 0
            && self.profiles.get(profile).is_plain();
        if is_plain {
            return self.profiles.best(profile, &mut self.hosts, self.scoring);
        }
        let template = &self.queued[pod].template;
        self.best_of_all(template, profile)
    }

    /// True where a pod would fit on a host were these pods gone, its neighbours apart.
    fn has_room(
        &self,
        host: &hosts::Host,
        profile: &profile::Profile,
        gone: &BTreeSet<PodId>,
    ) -> bool {
        let mut free: std::borrow::Cow<'_, Resources> = std::borrow::Cow::Borrowed(&host.free);
        let mut disks = host.disks;
        let mut taken = Vec::new();
        for pod in &host.pods {
            let bound = &self.bound[pod];
            if gone.contains(pod) {
                *free.to_mut() += &bound.template.requests;
                disks -= bound.disks;
            } else {
                taken.extend(bound.template.placement.as_deref());
            }
        }
        let beside = |placement: &sparkwright::model::placement::Placement| {
            taken.iter().all(|taken| !placement.shares_port_with(taken))
        };
        profile.requests.fits(&free)
            && disks + profile.disks <= host.most_disks
            && profile.placement.as_deref().is_none_or(beside)
    }
}

#[cfg(test)]
mod tests;
