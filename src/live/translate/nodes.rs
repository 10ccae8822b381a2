//! Nodes: whose they are, whether they have all that they should, and what of their taints concerns
//! planning. A node of ours is told of under its claim's name, and only once its labels are complete.

use k8s_openapi::api::core::v1;

use crate::cluster::event::{Fact, NodeFacts};
use crate::cluster::kubernetes;
use crate::live::effects::claims::{is_taint, labels_of, taints_of};
use crate::model::name::NodeId;
use crate::model::node::{INSTANCE_TYPE, MANAGED, Taint, UNREGISTERED};
use crate::model::nodeclaim::NodeClaim;
use crate::model::requirement::Labels;
use crate::model::spark::PodPhase;

use super::{Source, Translator, Wish};

/// Taints that Kubernetes itself sets while a node has some trouble; they come and go without us.
const TRANSIENT: &str = "node.kubernetes.io/";

/// A node as it was last seen.
#[derive(Clone, Debug)]
pub struct SeenNode {
    /// Its instance, where it says so.
    pub instance: Option<String>,
    /// It carries our label.
    pub managed: bool,
    /// The name under which the core knows it.
    pub told_as: Option<NodeId>,
    object: Box<v1::Node>,
}

/// How far a node of ours has come.
enum Progress {
    /// Labels or taints are not complete.
    Joined,
    /// It is not ready, or a startup taint or a device is waited for.
    Registered,
    /// It is all that it should be.
    Initialised,
}

impl Translator {
    pub(super) fn node(&mut self, name: String, object: v1::Node) {
        let labels = object.metadata.labels.as_ref();
        let managed = labels.is_some_and(|labels| labels.contains_key(MANAGED));
        let told_as = self.nodes.get(&name).and_then(|seen| seen.told_as.clone());
        let seen = SeenNode {
            instance: instance(&object),
            managed,
            told_as,
            object: Box::new(object),
        };
        self.nodes.insert(name.clone(), seen);
        self.look_at_node(&name);
    }

    /// Nodes that belong to an instance are told of from here on under its claim's name.
    pub(super) fn match_nodes(&mut self, instance: &str) {
        let of = |seen: &SeenNode| seen.instance.as_deref() == Some(instance);
        let found = self.nodes.iter().find(|(_, seen)| of(seen));
        if let Some(name) = found.map(|(name, _)| name.clone()) {
            self.look_at_node(&name);
        }
    }

    fn look_at_node(&mut self, name: &str) {
        let Some(seen) = self.nodes.get(name) else {
            return;
        };
        let claim = seen.instance.as_ref().and_then(|id| self.instances.get(id));
        match (claim.cloned(), seen.managed) {
            (Some(claim), _) => self.our_node(name, &claim),
            // Whose it is will be known when its claim is, or it is a stray that goes.
            (None, true) => {}
            (None, false) => match kubernetes::node(&seen.object) {
                Ok(facts) => self.tell_node(name, facts),
                Err(refusal) => self.refuse(Source::Nodes, name.to_owned(), &refusal),
            },
        }
    }

    fn our_node(&mut self, name: &str, claim_name: &str) {
        let Some((seen, claim)) = self.nodes.get(name).zip(self.claims.get_mut(claim_name)) else {
            return;
        };
        claim.node = Some(name.to_owned());
        let Some(object) = claim.object.clone() else {
            return;
        };
        let mut facts = match kubernetes::node(&seen.object) {
            Ok(facts) => facts,
            Err(refusal) => return self.refuse(Source::Nodes, name.to_owned(), &refusal),
        };
        let startup = taints_of(object.spec.startup_taints.as_deref());
        let progress = progress(&facts, &object, &startup);
        let was = claim.initialised;
        match progress {
            Progress::Joined => {
                let (claim, node) = (claim_name.to_owned(), name.to_owned());
                return self.wishes.push(Wish::Register { claim, node });
            }
            Progress::Registered => {}
            Progress::Initialised => claim.initialised = true,
        }
        let initialised = claim.initialised;
        if initialised && !was {
            if let Some(kind) = facts.labels.get(INSTANCE_TYPE) {
                self.learn(kind, facts.allocatable.memory);
            }
            let claim = claim_name.to_owned();
            self.wishes.push(Wish::Initialised { claim });
        }
        // A node that has lost its kubelet takes no pods; one that has not come so far yet will.
        facts.unschedulable |= was && !facts.ready;
        facts.ready &= initialised;
        facts.taints.retain(|taint| {
            !startup.contains(taint)
                && !taint.key.starts_with(TRANSIENT)
                && taint.key != UNREGISTERED
        });
        facts.id = NodeId::from(claim_name);
        self.tell_node(name, facts);
    }

    /// Tells what has changed of a node, and of the pods that waited for it.
    fn tell_node(&mut self, name: &str, facts: NodeFacts) {
        let id = facts.id.clone();
        if let Some(seen) = self.nodes.get_mut(name) {
            seen.told_as = Some(id.clone());
        }
        if self.told.get(&id) != Some(&facts) {
            self.told.insert(id.clone(), facts.clone());
            self.facts.push(Fact::NodeApplied(Box::new(facts)));
        }
        for (_, (mut pod, uid)) in self.homeless.remove(name).unwrap_or_default() {
            pod.phase = PodPhase::Bound(id.clone());
            self.tell_pod(pod, uid);
        }
    }

    /// A node object is gone. Its instance is still paid for, so its claim goes too.
    pub(super) fn node_gone(&mut self, name: &str) {
        let Some(seen) = self.nodes.remove(name) else {
            return;
        };
        let claim = seen
            .instance
            .and_then(|id| self.instances.get(&id).cloned());
        match (claim, seen.told_as) {
            (Some(claim), _) => self.wishes.push(Wish::Delete { claim }),
            (None, Some(id)) => {
                self.told.remove(&id);
                self.facts.push(Fact::NodeGone(id));
            }
            (None, None) => {}
        }
    }
}

/// The instance that a node runs on: `aws:///us-east-1a/i-0123`.
fn instance(object: &v1::Node) -> Option<String> {
    let provider = object.spec.as_ref()?.provider_id.as_deref()?;
    let id = provider.strip_prefix("aws:///")?.rsplit('/').next()?;
    id.starts_with("i-").then(|| id.to_owned())
}

fn progress(facts: &NodeFacts, claim: &NodeClaim, startup: &[Taint]) -> Progress {
    let wanted: Labels = labels_of(&claim.spec);
    let labelled = wanted
        .iter()
        .all(|(key, value)| facts.labels.get(key) == Some(value));
    let unregistered = facts.taints.iter().any(|taint| taint.key == UNREGISTERED);
    if !labelled || unregistered {
        return Progress::Joined;
    }
    let starting = facts.taints.iter().any(|taint| startup.contains(taint));
    let devices = claim.spec.requests.iter();
    let mut devices = devices.filter(|(key, quantity)| key.contains('/') && quantity.0 != "0");
    let missing = devices.any(|(key, _)| !facts.allocatable.extended.contains_key(key.as_str()));
    if facts.ready && !starting && !missing {
        Progress::Initialised
    } else {
        Progress::Registered
    }
}

/// The taints of a node as the API server wants them, less those that registration takes away.
pub fn registered_taints(object: &v1::Node) -> Vec<v1::Taint> {
    let taints = object.spec.as_ref().and_then(|spec| spec.taints.clone());
    let taints = taints.unwrap_or_default().into_iter();
    taints
        .filter(|taint| !is_taint(taint, UNREGISTERED))
        .collect()
}
