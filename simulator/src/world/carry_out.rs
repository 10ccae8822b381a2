//! A round: the planner looks, and what it decided is done. Nothing is chosen here; what an effect does
//! comes back as facts in the next batch.

use sparkwright::cluster::event::Fact;
use sparkwright::model::spark::PodPhase;
use sparkwright::plan::effect::{Effect, Place, Plan};

use super::agenda::Due;
use super::phase::{Phase, Watched};
use super::run::World;

/// Rounds at one instant before the simulation gives up: a planner that never comes to rest is a
/// fault, and must not hang whoever runs it. A quiet instant takes three.
const ROUNDS_AT_ONE_INSTANT: u32 = 1_000;

impl World {
    pub(super) fn round(&mut self) {
        self.round_at = None;
        self.rounds_here += 1;
        assert!(
            self.rounds_here < ROUNDS_AT_ONE_INSTANT,
            "the planner does not come to rest at {:?}",
            self.now
        );
        self.enter(Phase::Plan);
        self.rounds += 1;
        self.cluster.settle();
        let plan = self.planner.plan(&self.cluster.view(self.now));
        let broken = &plan.broken;
        assert!(
            broken.is_empty(),
            "the plan breaks an invariant: {broken:?}"
        );
        (self.watch)(Watched::Planned(self.now, &plan));
        self.enter(Phase::CarryOut);
        self.carry_out(plan);
    }

    fn carry_out(&mut self, plan: Plan) {
        for effect in plan.effects {
            match effect {
                Effect::Launch(launch) => self.launch(launch),
                Effect::Place(place) => self.place(&place),
                Effect::Cordon { node, .. } => {
                    if let Some(facts) = self.fleet.cordon(&node) {
                        self.scheduler.apply_node(&facts);
                        self.say(Fact::NodeApplied(Box::new(facts)));
                    }
                }
                Effect::Evict { pod, .. } => self.evict(&pod),
                Effect::Terminate { node, .. } => {
                    self.say(Fact::NodeLeaving(node.clone()));
                    self.fleet.terminate(&node);
                    let shutdown = self.fleet.shutdown(&node);
                    self.agenda.add(self.now + shutdown, Due::Gone(node));
                }
            }
        }
        for (node, held) in plan.holds {
            self.say(Fact::RoomHeld {
                node,
                held: Box::new(held),
            });
        }
        self.tally.waits(&plan.waiting, self.now);
        self.waiting = plan.waiting;
        if let Some(at) = plan.next_look {
            self.look_at(at.max(self.now));
        }
    }

    /// The gate is lifted, and the selectors of the placing are the pod's own from here on.
    fn place(&mut self, place: &Place) {
        let Some(key) = self.pods.named(&place.pod) else {
            return;
        };
        let Some(pod) = self.pods.get_mut(key) else {
            return;
        };
        if let Some(placings) = self.applications[pod.part.application()].placings() {
            pod.template = placings.placed(&pod.template, place, &self.cluster.catalog);
        }
        pod.phase = PodPhase::Pending;
        self.scheduler
            .enqueue(key, pod.id.clone(), pod.template.clone());
        self.report(key);
    }
}
