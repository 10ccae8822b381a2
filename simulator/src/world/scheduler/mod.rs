//! kube-scheduler as it decides by default (rules as of Kubernetes 1.34): by priority and age, each pod
//! to the feasible node with the highest score, others pushed out where its priority lets it. Ties,
//! which it breaks at random, go to the first name. Images are not scored, and what pods of a
//! Service or ReplicaSet are spread by without asking is not simulated: Spark's pods belong to neither.

mod hosts;
mod index;
mod neighbours;
mod preempt;
mod profile;
mod queue;
mod score;
mod tournament;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::cluster::event::NodeFacts;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::offering::Catalog;
use sparkwright::model::placement::Placement;
use sparkwright::model::referent::{Referent, Referents};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

use hosts::{Host, Hosts};
use profile::{Place, Profile, Profiles};
pub use score::Scoring;

use super::pods::PodKey;

/// What the scheduler did with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A pod has its node.
    Bind {
        /// The pod.
        pod: PodKey,
        /// The node.
        node: NodeId,
        /// Where the scheduler has the node, as long as it is there: a small number.
        host: usize,
    },
    /// A pod loses its node to one of higher priority; it has ended, without grace.
    Preempt {
        /// The pod that ends.
        victim: PodKey,
        /// The pod that takes its place.
        by: PodKey,
    },
}

/// A pod that waits or is bound.
#[derive(Clone, Debug)]
struct Known {
    key: PodKey,
    id: PodId,
    template: Arc<PodTemplate>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Queued { profile: usize, place: Place },
    Bound(Bound),
}

#[derive(Clone, Copy, Debug)]
struct Bound {
    /// None once the node is gone.
    host: Option<usize>,
    /// EBS volumes that it has attached.
    disks: u32,
    /// Its place in the order of binding: its age, as far as preemption asks.
    since: u64,
}

/// Pods that are taken to be gone.
type Gone = BTreeSet<PodKey>;

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
    /// By place of their keys.
    pods: Vec<Option<Known>>,
    /// Bound pods whose nodes have gone.
    orphans: Vec<(NodeId, PodKey)>,
    bindings: u64,
    arrivals: u64,
    /// The first pod of each profile that may find a node, the first of all last.
    ready: Vec<(Place, usize)>,
    /// Profiles that found no node.
    stuck: Vec<usize>,
    /// Bound pods that ask something of their neighbours or of their host's ports.
    particular: u32,
    /// Bound pods by priority, DaemonSets' apart.
    priorities: Vec<(i32, u32)>,
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

    /// A pod is gone, wherever it was.
    pub fn forget(&mut self, key: PodKey) {
        let place = self.pods.get_mut(key.index());
        let known = place.and_then(|place| place.take_if(|known| known.key == key));
        let Some(known) = known else {
            return;
        };
        match known.state {
            State::Queued { profile, place } => {
                self.profiles.pop(profile, place);
                if self.take_from_ready(place) {
                    self.make_ready(profile);
                }
            }
            State::Bound(bound) => self.unbind(key, &known.template, bound),
        }
    }

    /// A node is there, or has changed.
    pub fn apply_node(&mut self, facts: &NodeFacts) {
        let (host, is_new) = self.hosts.apply(facts, &self.catalog);
        if is_new && !self.orphans.is_empty() {
            self.take_orphans(&facts.id, host);
        }
        self.retry();
    }

    /// Pods whose node has come back are on it.
    #[cold]
    fn take_orphans(&mut self, node: &NodeId, host: usize) {
        let orphans = std::mem::take(&mut self.orphans).into_iter();
        let (here, rest): (Vec<_>, Vec<_>) = orphans.partition(|(of, _)| of == node);
        self.orphans = rest;
        for (_, key) in here {
            if let Some(known) = &mut self.pods[key.index()]
                && let State::Bound(bound) = &mut known.state
            {
                bound.host = Some(host);
                let requests = &known.template.requests;
                self.hosts.take(host, key, requests, bound.disks);
            }
        }
    }

    /// A node is gone, and DaemonSets' pods with it. Returns where it was.
    pub fn remove_node(&mut self, node: &NodeId) -> Option<usize> {
        let (place, host) = self.hosts.remove(node)?;
        for key in host.pods {
            if let Some(known) = &mut self.pods[key.index()]
                && let State::Bound(bound) = &mut known.state
            {
                bound.host = None;
                self.orphans.push((node.clone(), key));
            }
        }
        let particular = host.others.iter().filter(|other| other.placement.is_some());
        self.particular -= u32::try_from(particular.count()).unwrap_or(0);
        self.retry();
        Some(place)
    }

    /// Takes room for a DaemonSet's pod, which is on its node without having been queued.
    pub fn occupy(&mut self, node: &NodeId, template: &Arc<PodTemplate>) {
        self.mind_labels_for(template);
        if let Some(host) = self.hosts.find(node) {
            self.hosts.occupy(host, template);
            self.particular += u32::from(template.placement.is_some());
        }
    }

    /// A pod that was queued takes its room.
    fn take(&mut self, key: PodKey, host: usize, disks: u32) {
        let Some(known) = &mut self.pods[key.index()] else {
            return;
        };
        self.bindings += 1;
        known.state = State::Bound(Bound {
            host: Some(host),
            disks,
            since: self.bindings,
        });
        let template = &known.template;
        self.hosts.take(host, key, &template.requests, disks);
        self.particular += u32::from(template.placement.is_some());
        let priority = template.priority;
        match self.priorities.iter_mut().find(|(of, _)| *of == priority) {
            Some((_, count)) => *count += 1,
            None => self.priorities.push((priority, 1)),
        }
    }

    fn unbind(&mut self, key: PodKey, template: &PodTemplate, bound: Bound) {
        match bound.host {
            Some(host) => (self.hosts).give_back(host, key, &template.requests, bound.disks),
            None => self.orphans.retain(|(_, orphan)| *orphan != key),
        }
        self.particular -= u32::from(template.placement.is_some());
        let mut priorities = self.priorities.iter_mut();
        if let Some((_, count)) = priorities.find(|(of, _)| *of == template.priority) {
            *count -= 1;
        }
        self.retry();
    }

    /// The lowest priority of a pod that is bound.
    fn lowest_priority(&self) -> Option<i32> {
        let bound = self.priorities.iter().filter(|(_, count)| *count > 0);
        bound.map(|(priority, _)| *priority).min()
    }

    /// True where `bind` has nothing to do.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty()
    }

    /// Binds every pod that has a feasible node, in order, and pushes out whom its priority lets it.
    pub fn bind(&mut self, decisions: &mut Vec<Decision>) {
        while let Some((_, profile)) = self.ready.pop() {
            let Some((_, pod)) = self.profiles.first(profile) else {
                continue;
            };
            let Some(host) = self.find_node(pod, profile, decisions) else {
                self.profiles.set_stuck(profile, true);
                self.stuck.push(profile);
                continue;
            };
            self.profiles.pop_first(profile);
            self.make_ready(profile);
            self.take(pod, host, self.profiles.get(profile).disks);
            if !self.stuck.is_empty() {
                self.retry_after_binding();
            }
            if let Some(node) = self.hosts.at(host).map(|host| host.facts.id.clone()) {
                decisions.push(Decision::Bind { pod, node, host });
            }
        }
    }

    fn find_node(
        &mut self,
        pod: PodKey,
        profile: usize,
        decisions: &mut Vec<Decision>,
    ) -> Option<usize> {
        if let Some(host) = self.choose(pod, profile) {
            return Some(host);
        }
        let (host, victims) = self.preempt(pod, profile)?;
        for victim in victims {
            self.forget(victim);
            decisions.push(Decision::Preempt { victim, by: pod });
        }
        Some(host)
    }

    fn choose(&mut self, pod: PodKey, profile: usize) -> Option<usize> {
        let is_plain = self.particular == 0
            && self.hosts.with_soft_taints == 0
            && self.profiles.get(profile).is_plain();
        if is_plain {
            return self.profiles.best(profile, &self.hosts, self.scoring);
        }
        self.best_of_all(self.template(pod), profile)
    }

    /// The template of a pod that is known.
    fn template(&self, key: PodKey) -> &PodTemplate {
        &self.known(key).template
    }

    fn known(&self, key: PodKey) -> &Known {
        let known = self.pods.get(key.index()).and_then(Option::as_ref);
        known.expect("a pod in line or on a node is known until it is forgotten")
    }

    /// A pod that is on a node.
    fn bound(&self, key: PodKey) -> (&Known, Bound) {
        let known = self.known(key);
        match known.state {
            State::Bound(bound) => (known, bound),
            State::Queued { .. } => unreachable!("a pod on a node is bound"),
        }
    }

    /// True where a pod would fit on a host were these pods gone, its neighbours apart.
    fn has_room(&self, host: &Host, profile: &Profile, gone: &Gone) -> bool {
        let mut free: Cow<'_, Resources> = Cow::Borrowed(&host.free);
        let mut disks = host.disks;
        let others = host.others.iter();
        let mut taken: Vec<&Placement> = others.filter_map(|o| o.placement.as_deref()).collect();
        for pod in &host.pods {
            let (known, bound) = self.bound(*pod);
            if gone.contains(pod) {
                *free.to_mut() += &known.template.requests;
                disks -= bound.disks;
            } else {
                taken.extend(known.template.placement.as_deref());
            }
        }
        let beside = |placement: &Placement| {
            let mut taken = taken.iter();
            taken.all(|taken| !placement.shares_port_with(taken))
        };
        profile.requests.fits(&free)
            && disks + profile.disks <= host.most_disks
            && profile.placement.as_deref().is_none_or(beside)
    }
}

#[cfg(test)]
mod tests;
