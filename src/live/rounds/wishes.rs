//! What objects need done to them, begun: registration, ends, lookups of NodeClasses. Wishes are looked
//! at again from time to time, so that one that failed, or came while another led, is not lost.

use crate::cluster::event::Fact;
use crate::cluster::kubernetes::shape::ConfigRef;
use crate::live::driver_conf::{self, Configs};
use crate::live::ec2::{ClassProblem, Resolved};
use crate::live::effects::claims;
use crate::live::effects::register;
use crate::live::heard::{Hand, Heard};
use crate::live::translate::Wish;
use crate::model::name::PodId;
use crate::model::nodeclaim::status::{INITIALIZED, REGISTERED};
use crate::model::requirement::Labels;

use super::Rounds;
use super::statuses::Subject;

impl Rounds {
    pub(super) fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Register { claim, node } => self.register(&claim, node),
            Wish::Initialised { claim } => self.initialised(&claim),
            Wish::End { claim } => self.end(&claim),
            Wish::Delete { claim } => self.delete(&claim),
            Wish::Resolve { class } => self.resolve(&class),
            Wish::Configure { driver, config } => self.configure(driver, config),
            Wish::Judged { pool } => {
                self.unsaid.insert(Subject::Pool(pool));
            }
            Wish::Misread { class, problem } => {
                self.problems.insert(class.clone(), problem);
                self.unsaid.insert(Subject::Class(class));
            }
        }
    }

    /// Reads a driver's ConfigMaps; also where we do not lead, so that we are ready to.
    fn configure(&self, driver: PodId, config: ConfigRef) {
        let (world, permits) = (self.world.clone(), self.configs.clone());
        tokio::spawn(async move {
            let read = driver_conf::read(&world.client, &permits, &config).await;
            world.tell(Heard::Configured(driver, read)).await;
        });
    }

    pub(super) fn configured(&mut self, driver: &PodId, read: Result<Configs, String>) {
        if let Err(problem) = self.translator.configured(driver, read) {
            let pod = driver.as_str();
            tracing::warn!(
                pod,
                problem,
                "what an application will ask for is not known"
            );
            if self.epoch.is_some() {
                let what = ("properties-not-read", true);
                self.telling.note(&self.translator, driver, what, problem);
            }
        }
    }

    fn register(&mut self, claim: &str, node: String) {
        let Some(labels) = self.labels(claim) else {
            return;
        };
        let hand = Hand::Register(claim.to_owned());
        let (world, done) = (self.world.clone(), hand.clone());
        self.begin(hand, async move {
            let registered = register::register(&world.client, &node, &labels).await;
            world.ended(done, registered).await;
        });
    }

    /// All labels of a claim's node: those it was asked for with, and those of the type it became.
    fn labels(&self, claim: &str) -> Option<Labels> {
        let object = self.translator.claims.get(claim)?.object.as_ref()?;
        let node = self.cluster.nodes.get(claim)?;
        let catalog = &self.cluster.catalog;
        let kind = node.types.first().filter(|_| node.launched.is_some());
        let kind = kind.and_then(|id| catalog.known_type(*id));
        let mut labels = kind.map(|kind| kind.labels.clone()).unwrap_or_default();
        labels.extend(claims::labels_of(&object.spec));
        Some(labels)
    }

    fn initialised(&mut self, claim: &str) {
        self.join_succeeded(claim);
        let node = self
            .translator
            .claims
            .get(claim)
            .and_then(|known| known.node.clone());
        let status = self.status_of(claim);
        let named = status.node_name != node;
        status.node_name = node;
        let joined = "the node has joined, labels and taints complete";
        let registered = claims::note(status, REGISTERED, true, "Registered", joined);
        let ready = claims::note(
            status,
            INITIALIZED,
            true,
            "Initialized",
            "the node is ready",
        );
        if named || registered || ready {
            self.unsaid.insert(Subject::Claim(claim.to_owned()));
        }
    }

    /// Asks for a claim to be deleted; what follows comes by its watch.
    pub(super) fn delete(&mut self, claim: &str) {
        let hand = Hand::Leave(claim.to_owned());
        let (world, done, name) = (self.world.clone(), hand.clone(), claim.to_owned());
        self.begin(hand, async move {
            let deleted = claims::delete(&world.client, &name).await;
            world.ended(done, deleted).await;
        });
    }

    /// Looks up what a class names; also where we do not lead, so that we are ready to.
    pub(super) fn resolve(&mut self, class: &str) {
        let Some((class, _)) = self.translator.classes.get(class).cloned() else {
            return;
        };
        let world = self.world.clone();
        if !self.resolving.insert(class.name.clone()) {
            return;
        }
        tokio::spawn(async move {
            let resolved = world.ec2.resolve(&class, &world.cluster).await;
            world.tell(Heard::Resolved(class.name, resolved)).await;
        });
    }

    pub(super) fn resolved(&mut self, class: String, resolved: Result<Resolved, ClassProblem>) {
        self.resolving.remove(&class);
        match resolved {
            Ok(resolved) => {
                self.problems.remove(&class);
                self.translator.class_resolved(&class, resolved);
                self.tell_addresses();
            }
            Err(problem @ ClassProblem::Unfit { .. }) => {
                tracing::warn!(class, %problem, "NodeClass cannot be used");
                self.problems.insert(class.clone(), problem.to_string());
                self.translator.class_unfit(&class);
            }
            Err(problem) => {
                tracing::warn!(class, %problem, "what a NodeClass names is not known; it is asked again");
                self.problems.insert(class.clone(), problem.to_string());
            }
        }
        self.unsaid.insert(Subject::Class(class));
    }

    /// How many addresses each zone has left, where that has changed.
    fn tell_addresses(&mut self) {
        let mut subnets = std::collections::BTreeMap::new();
        for resolved in self.translator.resolved.values() {
            subnets.extend(resolved.subnets.iter().map(|subnet| (&subnet.id, subnet)));
        }
        let mut free = std::collections::BTreeMap::new();
        for subnet in subnets.values() {
            if let Some(zone) = self.cluster.catalog.find_zone(&subnet.zone) {
                *free.entry(zone).or_insert(0_u32) += subnet.free;
            }
        }
        let known = &self.cluster.shortages.addresses;
        let news = free
            .into_iter()
            .filter(|(zone, free)| known.get(zone) != Some(free));
        let news: Vec<Fact> = news
            .map(|(zone, free)| Fact::ZoneAddresses { zone, free })
            .collect();
        news.into_iter().for_each(|fact| self.apply(fact));
    }
}
