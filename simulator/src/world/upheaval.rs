//! What EC2 does of its own accord: instances are taken back after a notice, prices move, pods wait for
//! addresses. What runs on an instance that is taken back dies with it; the planner and Spark are told
//! and do what they would do.

use sparkwright::cluster::event::Fact;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::spark::PodPhase;

use super::agenda::Due;
use super::fleet::Upheaval;
use super::pods::{Part, PodKey};
use super::run::World;
use super::workload::Running;
use crate::spark::Application;

impl World {
    /// Something that happens whoever asks.
    pub(super) fn upheaval(&mut self, upheaval: Upheaval) {
        if let Upheaval::Interruption(position) = upheaval {
            for node in self.fleet.scripted_interruption(position) {
                self.notice(&node);
            }
            return;
        }
        let changes = self.fleet.moved(upheaval);
        self.tally.price_changes += u64::try_from(changes.len()).unwrap_or(0);
        if !changes.is_empty() {
            self.say(Fact::PricesChanged(changes));
        }
        let next = self.fleet.next_drift(self.now);
        if let (Upheaval::PriceDrift, Some(at)) = (upheaval, next) {
            self.agenda.add(at, Due::Upheaval(upheaval));
        }
    }

    /// EC2 says that it will take an instance back.
    pub(super) fn notice(&mut self, node: &NodeId) {
        let Some(offering) = self.fleet.interrupt(node) else {
            return;
        };
        self.tally.interruptions.nodes += 1;
        let until = self.now + self.fleet.notice();
        self.say(Fact::NodeInterrupted {
            node: node.clone(),
            until,
        });
        self.believe_dry(offering);
        self.agenda.add(until, Due::Reclaimed(node.clone()));
    }

    /// An executor is asked to go before its node does.
    pub(super) fn evict(&mut self, id: &PodId) {
        let key = self.pods.named(id);
        let Some(pod) = key.and_then(|key| self.pods.get(key)) else {
            return;
        };
        let PodPhase::Bound(node) = &pod.phase else {
            return;
        };
        let until = self
            .cluster
            .nodes
            .get(node)
            .and_then(|node| node.interrupted);
        let (Part::Executor(i, executor), Some(until)) = (pod.part, until) else {
            return;
        };
        self.say(Fact::PodLeaving(id.clone()));
        self.tell(i, |application, now, wishes| {
            application.executor_decommissioned(executor, until, now, wishes);
        });
    }

    fn pods_on(&self, node: &NodeId) -> Vec<PodKey> {
        let pods = self.cluster.nodes.get(node).map(|node| &node.pods);
        let known = pods.into_iter().flatten();
        known.filter_map(|id| self.pods.named(id)).collect()
    }

    /// The notice is over: the instance is gone, and what ran on it.
    pub(super) fn reclaimed(&mut self, node: &NodeId) {
        if !self.fleet.is_there(node) {
            return;
        }
        self.say(Fact::NodeReclaimed(node.clone()));
        for pod in self.pods_on(node) {
            match self.pods.get(pod).map(|pod| pod.part) {
                Some(Part::Driver(_)) => self.tally.interruptions.drivers += 1,
                Some(Part::Executor(..)) => self.tally.interruptions.executors += 1,
                Some(Part::Pod(..)) | None => {}
            }
            self.lose(pod);
        }
        self.gone(node);
    }

    /// A pod dies with its node, or makes way for another.
    pub(super) fn lose(&mut self, pod: PodKey) {
        let part = self.pods.get(pod).map(|pod| pod.part);
        match part {
            Some(Part::Driver(i)) => self.driver_lost(i),
            Some(Part::Executor(i, executor)) => self.executor_lost(i, executor),
            Some(Part::Pod(..)) | None => {}
        }
        self.end(pod);
        if let Some(Part::Pod(i, place)) = part {
            self.tell_pods(i, |set, now, wishes| set.lost(place, now, wishes));
        }
    }

    fn executor_lost(&mut self, i: usize, executor: u32) {
        self.tally.app(i).lost_executors += 1;
        self.tell(i, |application, now, wishes| {
            application.executor_lost(executor, now, wishes);
        });
    }

    /// An application ends with its driver; whether somebody submits it again is not known here.
    fn driver_lost(&mut self, i: usize) {
        self.tally.app(i).lost_driver = Some(self.now);
        self.tell(i, Application::driver_lost);
    }

    /// An instance is gone, and its node with it.
    pub(super) fn gone(&mut self, node: &NodeId) {
        self.fleet.gone(node);
        if let Some(host) = self.scheduler.remove_node(node) {
            self.images.forget(host);
        }
        self.end_daemons(node);
        self.say(Fact::NodeGone(node.clone()));
        self.start_addressless();
        self.tell_addresses();
    }

    /// A pod's container starts once its pod has an address and its image is there.
    pub(super) fn start(&mut self, pod: PodKey, node: &NodeId, host: usize) {
        if !self.fleet.pod_comes(node) {
            self.tally.pods_without_address += 1;
            self.addressless.push((pod, node.clone(), host));
            return;
        }
        self.start_on(pod, host);
        self.tell_addresses();
    }

    fn start_on(&mut self, key: PodKey, host: usize) {
        let Some(pod) = self.pods.get(key) else {
            return;
        };
        let image_is_there = self.images.pull(host, pod.template.role);
        let name = pod.id.as_str();
        let mut random = match &mut self.applications[pod.part.application()] {
            Running::Spark(cast, _) => cast.start_of(&pod.id, &self.starts),
            _ => self.starts.streams(name).stream(""),
        };
        let delay = self.starts.draw(&mut random, name, image_is_there);
        self.agenda.add(self.now + delay, Due::Started(key));
    }

    /// Pods that wait for an address try again, in the order in which they came.
    fn start_addressless(&mut self) {
        for (pod, node, host) in std::mem::take(&mut self.addressless) {
            if self.pods.get(pod).is_none() {
                continue;
            }
            if self.fleet.pod_comes(&node) {
                self.start_on(pod, host);
            } else {
                self.addressless.push((pod, node, host));
            }
        }
    }

    /// A pod that has ended leaves its address to others on its node.
    pub(super) fn free_address(&mut self, key: PodKey, phase: &PodPhase) {
        let PodPhase::Bound(node) = phase else { return };
        if self.addressless.is_empty() {
            return self.fleet.pod_goes(node);
        }
        let before = self.addressless.len();
        self.addressless.retain(|(waiting, ..)| *waiting != key);
        if self.addressless.len() == before {
            self.fleet.pod_goes(node);
        }
        self.start_addressless();
    }
}
