//! From what the cluster and EC2 say to facts in the core's words: node names become claims' names, what
//! vanished while nobody watched is told as gone, and until every source has spoken nothing is told at
//! all. Pure: what is to be done about an object comes out as a wish, and is done elsewhere.

mod claims;
mod nodes;
mod pods;
mod pools;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::event::{AwaitedNode, Fact, Intent, NodeFacts};
use crate::cluster::kubernetes::Refusal;
use crate::cluster::kubernetes::shape::{ConfigRef, Join};
use crate::model::name::{NodeId, PodId};
use crate::model::nodeclass::Class;
use crate::model::offering::Catalog;
use crate::model::resources::Bytes;
use crate::model::spark::Pod;

use super::ec2::Resolved;
use super::effects::launch::Given;
use super::heard::{Object, Said, Source};

pub use claims::Claim;
pub use nodes::{SeenNode, registered_taints};
pub use pools::WrittenPool;

/// Something that an object needs done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A node has joined: labels and taints are to be completed.
    Register {
        /// Its claim.
        claim: String,
        /// Its name.
        node: String,
    },
    /// A node is all that it should be.
    Initialised {
        /// Its claim.
        claim: String,
    },
    /// A claim is being deleted: its node is to be emptied and ended.
    End {
        /// The claim.
        claim: String,
    },
    /// The instance or the node of a claim is gone: so is the claim.
    Delete {
        /// The claim.
        claim: String,
    },
    /// What a NodeClass names is to be looked up.
    Resolve {
        /// The class.
        class: String,
    },
    /// A driver is there whose ConfigMaps hold what its application will ask for.
    Configure {
        /// The driver.
        driver: PodId,
        /// The ConfigMaps.
        config: ConfigRef,
    },
    /// A NodePool is understood, or is not: its status should say so.
    Judged {
        /// The pool.
        pool: String,
    },
    /// A NodeClass is not understood: its status should say so.
    Misread {
        /// The class.
        class: String,
        /// Every bad field with its remedy.
        problem: String,
    },
}

/// What is known of objects beside what the core knows of them.
#[derive(Debug, Default)]
pub struct Translator {
    /// Sources that have spoken whole.
    complete: BTreeSet<Source>,
    /// What was said before all had spoken.
    early: Vec<(Source, Said)>,
    awaited: BTreeSet<Source>,
    /// Names known of each source, and those of a listing that is under way.
    known: BTreeMap<Source, BTreeSet<String>>,
    listed: BTreeMap<Source, BTreeSet<String>>,
    /// The catalogue that types are found in.
    pub catalog: Arc<Catalog>,
    /// NodeClasses that are understood.
    pub classes: BTreeMap<String, (Class, i64)>,
    /// What they name in AWS.
    pub resolved: BTreeMap<String, Resolved>,
    /// NodePools as they are written.
    pub pools: BTreeMap<String, WrittenPool>,
    /// NodeClaims, ours all.
    pub claims: BTreeMap<String, Claim>,
    /// Claims by instance.
    pub instances: BTreeMap<String, String>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, SeenNode>,
    /// What is said of applications' shapes.
    pub shapes: Join,
    /// Pods on nodes that are not known yet, by node name.
    homeless: BTreeMap<String, BTreeMap<PodId, (Pod, String)>>,
    /// What was last told of a node.
    told: BTreeMap<NodeId, NodeFacts>,
    /// Objects that are refused, by source and name.
    pub refused: BTreeMap<(Source, String), String>,
    /// Pods that the core knows of, with their own ids.
    pub pods: BTreeMap<PodId, String>,
    /// Why applications wait, as conditions of their pods say it.
    pub waits: BTreeMap<PodId, String>,
    /// Memory that pods can get of a node, by type, where nodes that joined had less than was reckoned.
    learned: BTreeMap<String, Bytes>,
    /// Claims for which EC2 gave nothing.
    refusals: BTreeSet<String>,
    facts: Vec<Fact>,
    wishes: Vec<Wish>,
}

/// Claims without an instance that are remembered until they are gone.
const REFUSALS: usize = 10_000;

impl Translator {
    /// One that tells nothing until all these sources have spoken.
    pub fn new(awaited: impl IntoIterator<Item = Source>) -> Self {
        Translator {
            awaited: awaited.into_iter().collect(),
            ..Translator::default()
        }
    }

    /// True once every source has spoken whole.
    pub fn is_ready(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Sources that have not spoken yet.
    pub fn awaited(&self) -> impl Iterator<Item = &Source> {
        self.awaited.iter()
    }

    /// What there is to tell since the last time.
    pub fn take(&mut self) -> (Vec<Fact>, Vec<Wish>) {
        (
            std::mem::take(&mut self.facts),
            std::mem::take(&mut self.wishes),
        )
    }

    /// Takes in what the region sells.
    pub fn catalog(&mut self, catalog: Catalog) {
        self.catalog = Arc::new(catalog);
        self.reckon();
        self.facts.push(Fact::CatalogListed(self.catalog.clone()));
        self.spoken(Source::Catalog);
    }

    /// A node of this type has joined with so much memory for pods. Where it is less than was reckoned, the
    /// next node of the type is expected to have no more.
    fn learn(&mut self, instance_type: &str, memory: Bytes) {
        let found = self.catalog.find_type(instance_type);
        let reckoned = found.map(|id| self.catalog.instance_type(id).allocatable.memory);
        if memory > Bytes::default() && reckoned.is_some_and(|reckoned| memory < reckoned) {
            tracing::info!(
                instance_type,
                memory = memory.get(),
                "nodes of a type have less memory than was reckoned"
            );
            self.learned.insert(instance_type.to_owned(), memory);
            self.reckon();
            self.facts.push(Fact::CatalogListed(self.catalog.clone()));
        }
    }

    /// The catalogue holds what was learned of its types.
    fn reckon(&mut self) {
        if self.learned.is_empty() {
            return;
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        for kind in &mut catalog.types {
            if let Some(memory) = self.learned.get(&kind.name) {
                kind.allocatable.memory = kind.allocatable.memory.min(*memory);
            }
        }
    }

    /// Takes in what a watch says.
    pub fn hear(&mut self, source: Source, said: Said) {
        if self.is_ready() {
            return self.take_in(source, said);
        }
        let whole = matches!(said, Said::Complete);
        if matches!(said, Said::Began) {
            self.early.retain(|(early, _)| *early != source);
        }
        self.early.push((source, said));
        if whole {
            self.spoken(source);
        }
    }

    fn spoken(&mut self, source: Source) {
        self.complete.insert(source);
        if self.awaited.remove(&source) && self.awaited.is_empty() {
            let mut early = std::mem::take(&mut self.early);
            early.sort_by_key(|(source, _)| *source);
            early
                .into_iter()
                .for_each(|(source, said)| self.take_in(source, said));
        }
    }

    fn take_in(&mut self, source: Source, said: Said) {
        match said {
            Said::Began => {
                self.listed.insert(source, BTreeSet::new());
            }
            Said::Applied(name, object) => {
                if let Some(listed) = self.listed.get_mut(&source) {
                    listed.insert(name.clone());
                }
                self.known.entry(source).or_default().insert(name.clone());
                self.applied(source, name, *object);
            }
            Said::Gone(name) => self.forget(source, &name),
            Said::Complete => {
                let Some(listed) = self.listed.remove(&source) else {
                    return;
                };
                let known = self.known.get(&source).into_iter().flatten();
                let vanished: Vec<String> = known
                    .filter(|name| !listed.contains(*name))
                    .cloned()
                    .collect();
                vanished.iter().for_each(|name| self.forget(source, name));
            }
        }
    }

    fn forget(&mut self, source: Source, name: &str) {
        if let Some(known) = self.known.get_mut(&source) {
            known.remove(name);
        }
        if let Some(listed) = self.listed.get_mut(&source) {
            listed.remove(name);
        }
        self.refused.remove(&(source, name.to_owned()));
        match source {
            Source::Catalog => {}
            Source::Classes => self.class_gone(name),
            Source::Pools => self.pool_gone(name),
            Source::Daemons => self.facts.push(Fact::DaemonDeleted(name.into())),
            Source::Referents(kind) => self.facts.push(Fact::ReferentDeleted(kind, name.into())),
            Source::Claims => self.claim_gone(name),
            Source::Nodes => self.node_gone(name),
            Source::Applications
            | Source::Schedules
            | Source::ApacheApplications
            | Source::Groups(_)
            | Source::Templates
            | Source::Requests => self.silent(source, name),
            Source::Pods => self.pod_gone(name),
        }
    }

    fn applied(&mut self, source: Source, name: String, object: Object) {
        self.refused.remove(&(source, name.clone()));
        match object {
            Object::Class(value) => self.class(name, value),
            Object::Pool(value) => self.pool(name, value),
            Object::Claim(claim) => self.claim(*claim),
            Object::Node(node) => self.node(name, *node),
            Object::Daemon(read, cni) => {
                let fact = read.map(Box::new).map(Fact::DaemonApplied);
                self.tell_or_refuse(source, name.clone(), fact);
                match cni {
                    Ok(cni) => self.facts.extend(cni.map(Fact::CniConfigured)),
                    Err(refusal) => self.refuse(source, name, &refusal),
                }
            }
            Object::Referent(read) => {
                let told = name.clone();
                let fact = read.map(|referent| Fact::ReferentApplied {
                    name: told,
                    referent: Box::new(referent),
                });
                self.tell_or_refuse(source, name, fact);
            }
            Object::Speaker(Ok(speech)) => self.speaks(&name, speech),
            Object::Speaker(Err(refusal)) => {
                self.silent(source, &name);
                self.refuse(source, name, &refusal);
            }
            Object::Pod {
                uid,
                leaving,
                read,
                aside,
            } => match read {
                Ok(Some(pod)) => {
                    let leaves = leaving.then(|| Fact::PodLeaving(pod.id.clone()));
                    self.pod_applied(pod, uid, *aside);
                    self.facts.extend(leaves);
                }
                Ok(None) => self.pod_gone(&name),
                Err(refusal) => {
                    self.pod_gone(&name);
                    self.refuse(source, name, &refusal);
                }
            },
        }
    }

    fn tell_or_refuse(&mut self, source: Source, name: String, fact: Result<Fact, Refusal>) {
        match fact {
            Ok(fact) => self.facts.push(fact),
            Err(refusal) => self.refuse(source, name, &refusal),
        }
    }

    /// An object that is wrong stops no other; it is named where people look.
    fn refuse(&mut self, source: Source, name: String, refusal: &Refusal) {
        let problem = refusal.to_string();
        tracing::warn!(
            ?source,
            name,
            problem,
            "object cannot be read and is left out"
        );
        self.refused.insert((source, name), problem);
    }

    /// A launch is about to be asked for: its nodes are known from here on.
    pub fn expect(&mut self, intent: &Intent) {
        for node in &intent.nodes {
            self.claims
                .entry(node.id.as_str().to_owned())
                .or_default()
                .asked = true;
        }
        self.facts.push(Fact::LaunchAsked(Box::new(intent.clone())));
    }

    /// Looks again at the node of a claim.
    pub fn look_at_claim(&mut self, claim: &str) {
        let instance = self
            .claims
            .get(claim)
            .and_then(|claim| claim.instance.clone());
        if let Some(instance) = instance {
            self.match_nodes(&instance);
        }
    }

    /// Looks again at everything unfinished: nodes that have not come all the way, claims that end, pools
    /// and classes whose status may be old.
    pub fn reconsider(&mut self) {
        let claims = self.claims.iter();
        let ending = claims.clone().filter(|(_, claim)| claim.is_ending());
        let ending = ending.map(|(name, _)| Wish::End {
            claim: name.clone(),
        });
        self.wishes.extend(ending);
        let coming = claims.filter(|(_, claim)| !claim.initialised);
        let coming: Vec<String> = coming
            .filter_map(|(_, claim)| claim.instance.clone())
            .collect();
        coming
            .iter()
            .for_each(|instance| self.match_nodes(instance));
        let unresolved = self
            .classes
            .keys()
            .filter(|name| !self.resolved.contains_key(*name));
        let unresolved = unresolved.map(|class| Wish::Resolve {
            class: class.clone(),
        });
        self.wishes.extend(unresolved);
    }

    /// EC2 gave an instance for a claim.
    pub fn given(&mut self, given: &Given) {
        let instance = &given.instance;
        self.claims.entry(given.claim.clone()).or_default().asked = true;
        let sold = (instance.zone.as_str(), instance.capacity_type);
        self.launched(&given.claim, &instance.id, &instance.instance_type, sold);
    }

    /// EC2 gave nothing for a node: it is not awaited any more.
    pub fn refused_node(&mut self, node: &AwaitedNode) {
        self.facts.push(Fact::NodeRefused(node.id.clone()));
        let name = node.id.as_str();
        // Its claim may be shown by the watch only now, or never.
        if self.refusals.len() >= REFUSALS {
            self.refusals.clear();
        }
        self.refusals.insert(name.to_owned());
        if self
            .claims
            .get(name)
            .is_some_and(|claim| claim.object.is_none())
        {
            self.claims.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
