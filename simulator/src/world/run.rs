//! The loop: the twin of the live controller's, in virtual time. Things happen and become events; the
//! cluster and the ledger fold them; a moment later the planner looks, and what it decided is carried
//! out, which makes more things happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::ledger::Ledger;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::offering::Catalog;
use sparkwright::model::pool::Pool;
use sparkwright::model::spark::{Pod, PodPhase, PodTemplate};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::Waiting;
use sparkwright::plan::reason::Reason;

use crate::spark::{Application, Executors, Progress, Wish};
use crate::trace::Work;

use super::agenda::{Agenda, Due};
use super::delays::Delays;
use super::fleet::Fleet;
use super::pods::{Part, Pods, SimulatedPod};
use super::scheduler::{Decision, Scheduler, Scoring};
use super::submission::Submission;

/// From a change to the planner's look, so that changes that come together are planned together.
const ROUND_DELAY: Span = Span::from_millis(250);

/// Where executors come from.
#[derive(Clone, Debug)]
pub enum ExecutorSource {
    /// Spark asks for them, and nodes decide when they run.
    Simulated,
    /// As each application's own log has them.
    AsRecorded,
    /// As another log has them.
    FromLog(Arc<Work>),
}

/// Everything that a run is made of.
#[derive(Debug)]
pub struct Simulation {
    /// What the region sells.
    pub catalog: Arc<Catalog>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// What DaemonSets take from each node.
    pub daemons: Vec<Daemon>,
    /// Applications, and when each is submitted.
    pub submissions: Vec<(Submission, Timestamp)>,
    /// Where their executors come from.
    pub executors: ExecutorSource,
    /// How the scheduler ranks nodes.
    pub scoring: Scoring,
    /// Seed of delays and of EC2's choices.
    pub seed: u64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Progress of each submission at the end.
    pub progress: Vec<Progress>,
    /// Σ executor pod start to end, by submission.
    pub executor_time: Vec<Span>,
    /// The money.
    pub ledger: Ledger,
    /// Why nodes were launched, by node.
    pub reasons: BTreeMap<NodeId, Reason>,
    /// Pods that still waited at the end.
    pub waiting: Vec<Waiting>,
    /// Pod events: created, bound, started, ended.
    pub pod_events: u64,
    /// The end.
    pub ended: Timestamp,
}

/// Runs it to the end: every application finished, or stuck for good, and every node gone.
pub fn run(simulation: Simulation, tick: impl FnMut(usize)) -> Outcome {
    let mut world = World::new(simulation);
    world.run(tick);
    world.outcome()
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) agenda: Agenda,
    pub(super) batch: Vec<Fact>,
    pub(super) cluster: Cluster,
    pub(super) ledger: Ledger,
    pub(super) fleet: Fleet,
    pub(super) scheduler: Scheduler,
    pub(super) delays: Delays,
    pub(super) pods: Pods,
    pub(super) submissions: Vec<Submission>,
    pub(super) applications: Vec<Application>,
    pub(super) executor_time: Vec<Span>,
    pub(super) declares: bool,
    pub(super) round_delay: Span,
    pub(super) round_at: Option<Timestamp>,
    pub(super) rounds_here: u32,
    pub(super) waiting: Vec<Waiting>,
    pub(super) reasons: BTreeMap<NodeId, Reason>,
    pub(super) finished: usize,
}

impl World {
    fn new(simulation: Simulation) -> Self {
        let simulated = matches!(simulation.executors, ExecutorSource::Simulated);
        let executors = match simulation.executors {
            ExecutorSource::Simulated => Executors::Simulated,
            ExecutorSource::AsRecorded => Executors::AsRecorded,
            ExecutorSource::FromLog(work) => Executors::FromLog(work),
        };
        let mut agenda = Agenda::default();
        let (mut submissions, mut applications) = (Vec::new(), Vec::new());
        for (i, (submission, at)) in simulation.submissions.into_iter().enumerate() {
            agenda.add(at, Due::Submit(i));
            applications.push(Application::new(submission.work.clone(), executors.clone()));
            submissions.push(submission);
        }
        let scheduler = Scheduler::new(simulation.scoring, simulation.catalog.clone());
        let mut batch = vec![Fact::CatalogListed(simulation.catalog)];
        batch.extend(
            simulation
                .pools
                .into_iter()
                .map(|pool| Fact::PoolApplied(pool.into())),
        );
        batch.extend(simulation.daemons.into_iter().map(Fact::DaemonApplied));
        let seed = simulation.seed;
        World {
            now: Timestamp::ZERO,
            agenda,
            batch,
            cluster: Cluster::default(),
            ledger: Ledger::default(),
            fleet: Fleet::default(),
            scheduler,
            delays: if simulated {
                Delays::seeded(seed)
            } else {
                Delays::none(seed)
            },
            pods: Pods::default(),
            executor_time: vec![Span::ZERO; submissions.len()],
            submissions,
            applications,
            declares: simulated,
            round_delay: if simulated { ROUND_DELAY } else { Span::ZERO },
            round_at: None,
            rounds_here: 0,
            waiting: Vec::new(),
            reasons: BTreeMap::new(),
            finished: 0,
        }
    }

    fn run(&mut self, mut tick: impl FnMut(usize)) {
        self.fold();
        while let Some(now) = self.agenda.next_time() {
            self.rounds_here = if now == self.now { self.rounds_here } else { 0 };
            self.now = now;
            while let Some(due) = self.agenda.take(now) {
                self.happen(due);
            }
            self.fold();
            tick(self.finished);
        }
    }

    /// Folds what has happened, lets the scheduler bind, and asks for a round if anything changed.
    fn fold(&mut self) {
        let mut changed = false;
        while !self.batch.is_empty() {
            for fact in std::mem::take(&mut self.batch) {
                match &fact {
                    Fact::ReferentApplied { name, referent } => {
                        self.scheduler.apply_referent(name, referent.clone());
                    }
                    Fact::ReferentDeleted(kind, name) => {
                        self.scheduler.forget_referent(*kind, name);
                    }
                    _ => {}
                }
                let event = Event { at: self.now, fact };
                self.cluster.apply(&event);
                self.ledger.apply(&event);
            }
            changed = true;
            for decision in self.scheduler.bind() {
                match decision {
                    Decision::Bind { pod, node } => self.bound(&pod, node),
                    Decision::Preempt { victim, .. } => self.end(&victim),
                }
            }
        }
        if changed {
            self.look_at(self.now + self.round_delay);
        }
    }

    pub(super) fn look_at(&mut self, at: Timestamp) {
        if self
            .round_at
            .is_none_or(|known| at < known || known < self.now)
        {
            self.round_at = Some(at);
            self.agenda.add(at, Due::Round);
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Submit(i) => self.submit(i),
            Due::Wake(i) => self.tell(i, |application, now, wishes| application.wake(now, wishes)),
            Due::Started(pod) => self.started(&pod),
            Due::Launched(node) => {
                self.batch.extend(self.fleet.launched(&node));
                self.agenda
                    .add(self.now + self.delays.boot(), Due::Ready(node));
            }
            Due::Ready(node) => self.ready(&node),
            Due::Gone(node) => {
                self.fleet.gone(&node);
                self.scheduler.remove_node(&node);
                self.pods.forget_node(&node);
                self.end_daemons(&node);
                self.batch.push(Fact::NodeGone(node));
            }
            Due::Round if self.round_at == Some(self.now) => self.round(),
            Due::Round => {}
        }
    }

    fn submit(&mut self, i: usize) {
        let submission = &self.submissions[i];
        if self.declares {
            let (app, shape) = (submission.app.clone(), submission.shape(self.now));
            self.batch.push(Fact::ShapeDeclared { app, shape });
        }
        let (id, template) = submission.driver_pod();
        self.create(id, template, Part::Driver(i));
    }

    fn create(&mut self, id: PodId, template: Arc<PodTemplate>, part: Part) {
        let phase = PodPhase::Gated;
        let pod = SimulatedPod {
            part,
            template,
            created: self.now,
            started: None,
            phase,
        };
        self.pods.events += 1;
        self.pods.alive.insert(id.clone(), pod);
        self.report(&id);
    }

    /// The pod as it is becomes an event.
    pub(super) fn report(&mut self, id: &PodId) {
        if let Some(pod) = self.pods.alive.get(id) {
            self.batch.push(Fact::PodApplied(Pod {
                id: id.clone(),
                template: pod.template.clone(),
                created: pod.created,
                phase: pod.phase.clone(),
            }));
        }
    }

    fn bound(&mut self, id: &PodId, node: NodeId) {
        let Some(pod) = self.pods.alive.get_mut(id) else {
            return;
        };
        pod.phase = PodPhase::Bound(node.clone());
        let role = pod.template.role;
        self.pods.events += 1;
        let image_is_there = self.pods.pull(&node, role);
        let delay = self.delays.start(image_is_there);
        self.agenda.add(self.now + delay, Due::Started(id.clone()));
        self.report(id);
    }

    fn started(&mut self, id: &PodId) {
        let Some(pod) = self.pods.alive.get_mut(id) else {
            return;
        };
        pod.started = Some(self.now);
        let part = pod.part;
        self.pods.events += 1;
        match part {
            Part::Driver(i) => self.tell(i, Application::driver_running),
            Part::Executor(i, executor) => self.tell(i, |application, now, wishes| {
                application.executor_running(executor, now, wishes);
            }),
        }
    }

    /// Tells an application something, and fulfils what it wishes for.
    fn tell(&mut self, i: usize, what: impl FnOnce(&mut Application, Timestamp, &mut Vec<Wish>)) {
        let mut wishes = Vec::new();
        what(&mut self.applications[i], self.now, &mut wishes);
        for wish in wishes {
            match wish {
                Wish::CreateExecutor { executor, profile } => {
                    let (id, template) = self.submissions[i].executor_pod(executor, profile);
                    self.create(id, template, Part::Executor(i, executor));
                }
                Wish::DeleteExecutor { executor } => {
                    let (id, _) = self.submissions[i].executor_pod(executor, 0);
                    self.end(&id);
                }
                Wish::WakeAt(at) => self.agenda.add(at.max(self.now), Due::Wake(i)),
                Wish::Finished => {
                    self.finished += 1;
                    let (id, _) = self.submissions[i].driver_pod();
                    self.end(&id);
                }
            }
        }
    }

    fn end(&mut self, id: &PodId) {
        let Some(pod) = self.pods.alive.remove(id) else {
            return;
        };
        if let (Part::Executor(i, _), Some(started)) = (pod.part, pod.started) {
            self.executor_time[i] = self.executor_time[i] + (self.now - started);
        }
        self.pods.events += 1;
        self.scheduler.forget(id);
        self.batch.push(Fact::PodEnded(id.clone()));
    }

    fn outcome(self) -> Outcome {
        Outcome {
            progress: self
                .applications
                .iter()
                .map(Application::progress)
                .collect(),
            executor_time: self.executor_time,
            ledger: self.ledger,
            reasons: self.reasons,
            waiting: self.waiting,
            pod_events: self.pods.events,
            ended: self.now,
        }
    }
}
