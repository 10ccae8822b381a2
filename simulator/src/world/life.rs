//! A pod's life as the world tells it: each step becomes an event for the core, and whoever the pod belongs to hears
//! of it. When a container starts is in `upheaval`, where addresses are short.

use sparkwright::cluster::event::Fact;
use sparkwright::model::name::NodeId;
use sparkwright::model::spark::{Pod, PodPhase};

use super::pods::{Part, PodKey};
use super::run::World;
use crate::spark::Application;

impl World {
    /// The pod as it is becomes an event.
    pub(super) fn report(&mut self, key: PodKey) {
        if let Some(pod) = self.pods.get(key) {
            self.say(Fact::PodApplied(Pod {
                id: pod.id.clone(),
                template: pod.template.clone(),
                created: pod.created,
                phase: pod.phase.clone(),
            }));
        }
    }

    /// The scheduler has found a node for it.
    pub(super) fn bound(&mut self, key: PodKey, node: NodeId, host: usize) {
        let Some(pod) = self.pods.get(key) else {
            return;
        };
        if let Part::Driver(i) = pod.part {
            let known = self.cluster.nodes.get(&node);
            self.tally.app(i).zone = known.and_then(|node| node.zone);
        }
        self.pods.events += 1;
        self.start(key, &node, host);
        if let Some(pod) = self.pods.get_mut(key) {
            pod.phase = PodPhase::Bound(node);
        }
        self.report(key);
    }

    /// Its container runs: whoever it belongs to goes on from there.
    pub(super) fn started(&mut self, key: PodKey) {
        let Some(pod) = self.pods.get_mut(key) else {
            return;
        };
        pod.started = Some(self.now);
        let part = pod.part;
        self.pods.events += 1;
        match part {
            Part::Driver(i) => self.tell(i, Application::driver_running),
            Part::Executor(i, executor) => {
                let pace = self.pace(i, key);
                self.tell(i, |application, now, wishes| {
                    application.executor_on(executor, pace);
                    application.executor_running(executor, now, wishes);
                });
            }
            Part::Pod(i, place) => self.tell_pods(i, |set, now, wishes| {
                set.running(place, now, wishes);
            }),
        }
    }

    /// It is gone, for whatever reason: its room and its address are free.
    pub(super) fn end(&mut self, key: PodKey) {
        let Some(pod) = self.pods.remove(key) else {
            return;
        };
        if let (Part::Executor(i, _), Some(started)) = (pod.part, pod.started) {
            let app = self.tally.app(i);
            app.executor_time = app.executor_time + (self.now - started);
        }
        self.free_address(key, &pod.phase);
        self.scheduler.forget(key);
        self.say(Fact::PodEnded(pod.id));
    }
}
