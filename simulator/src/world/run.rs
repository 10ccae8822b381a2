//! The loop: the twin of the live controller's, in virtual time. Things happen and become events; the
//! cluster and the ledger fold them; a moment later the planner looks, and what it decided is carried
//! out, which makes more things happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::Planner;
use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::ledger::Ledger;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::name::{NodeId, Table};
use sparkwright::model::offering::Catalog;
use sparkwright::model::pool::Pool;
use sparkwright::model::referent::Referent;
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::Waiting;
use sparkwright::plan::reason::Reason;

use crate::spark::{Application, Executors, Wish};
use crate::trace::Work;

use super::agenda::{Agenda, Due};
use super::asking::Call;
use super::conditions::Conditions;
use super::delays::Starts;
use super::fleet::Fleet;
use super::images::Images;
use super::over::Over;
use super::phase::{Phase, Watched};
use super::pod_set::PodSet;
use super::pods::{Part, PodKey, Pods, SimulatedPod};
use super::record::{Records, Runs};
use super::scheduler::{Decision, Scheduler, Scoring};
use super::submissions::{Submissions, place};
use super::tally::Tally;
use super::workload::Running;

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
    /// Objects to which pods' rules refer, by `namespace/name`, or the name alone where there are no namespaces.
    pub referents: Vec<(String, Referent)>,
    /// Applications, and when each is submitted.
    pub submissions: Arc<Submissions>,
    /// Where their executors come from.
    pub executors: ExecutorSource,
    /// What EC2 and the cluster are like.
    pub conditions: Conditions,
    /// How the scheduler ranks nodes.
    pub scoring: Scoring,
    /// Seed of delays and of EC2's choices.
    pub seed: u64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// How each submission went.
    pub runs: Runs,
    /// The money.
    pub ledger: Ledger,
    /// Why nodes were launched, by node.
    pub reasons: BTreeMap<NodeId, Reason>,
    /// Pods that still waited at the end.
    pub waiting: Vec<Waiting>,
    /// What went wrong.
    pub tally: Tally,
    /// Pod events: created, bound, started, ended.
    pub pod_events: u64,
    /// How often the planner looked.
    pub rounds: u64,
    /// The end.
    pub ended: Timestamp,
}

/// Runs it to the end: every application finished, or stuck for good, and every node gone.
/// `watch` is told what it is busy with.
pub fn run(simulation: Simulation, watch: impl FnMut(Watched<'_>) + 'static) -> Outcome {
    let mut world = World::new(simulation, Box::new(watch));
    world.run();
    world.outcome()
}

pub(super) struct World {
    pub(super) watch: Box<dyn FnMut(Watched<'_>)>,
    phase: Option<Phase>,
    pub(super) now: Timestamp,
    pub(super) agenda: Agenda,
    pub(super) batch: Vec<Event>,
    /// Room for events while they are folded, for what the scheduler decides, and for wishes while they are
    /// fulfilled.
    folded: Vec<Event>,
    decisions: Vec<Decision>,
    wishes: Vec<Wish>,
    pub(super) cluster: Cluster,
    pub(super) planner: Planner,
    pub(super) ledger: Ledger,
    pub(super) fleet: Fleet,
    pub(super) scheduler: Scheduler,
    pub(super) starts: Starts,
    pub(super) seed: u64,
    pub(super) calls: BTreeMap<u64, Call>,
    pub(super) calls_made: u64,
    pub(super) addressless: Vec<(PodKey, NodeId, usize)>,
    pub(super) tally: Tally,
    pub(super) pods: Pods,
    pub(super) images: Images,
    /// Some pool's machines are not all alike to Spark.
    pub(super) is_paced: bool,
    pub(super) submissions: Arc<Submissions>,
    /// Who is still to be submitted, the next one last.
    upcoming: Vec<u32>,
    pub(super) applications: Vec<Running>,
    pub(super) over: Over,
    pub(super) records: Records,
    pub(super) executors: Executors,
    pub(super) declares: bool,
    pub(super) round_delay: Span,
    pub(super) round_at: Option<Timestamp>,
    pub(super) rounds: u64,
    pub(super) rounds_here: u32,
    pub(super) waiting: Vec<Waiting>,
    pub(super) reasons: Table<NodeId, Reason>,
    pub(super) finished: usize,
}

impl World {
    pub(super) fn new(simulation: Simulation, watch: Box<dyn FnMut(Watched<'_>)>) -> Self {
        let simulated = matches!(simulation.executors, ExecutorSource::Simulated);
        let executors = match simulation.executors {
            ExecutorSource::Simulated => Executors::Simulated,
            ExecutorSource::AsRecorded => Executors::AsRecorded,
            ExecutorSource::FromLog(work) => Executors::FromLog(work),
        };
        let mut agenda = Agenda::default();
        let submissions = simulation.submissions;
        let conditions = simulation.conditions;
        let fleet = Fleet::new(simulation.catalog.clone(), &conditions, simulation.seed);
        for (at, upheaval) in fleet.upheavals() {
            agenda.add(at, Due::Upheaval(upheaval));
        }
        let scheduler = Scheduler::new(simulation.scoring, simulation.catalog.clone());
        let is_paced = |pool: &Pool| !pool.performance.are_one();
        let is_paced = simulation.pools.iter().any(is_paced);
        let mut world = World {
            watch,
            phase: None,
            rounds: 0,
            now: Timestamp::ZERO,
            agenda,
            batch: Vec::new(),
            folded: Vec::new(),
            decisions: Vec::new(),
            wishes: Vec::new(),
            cluster: Cluster::default(),
            planner: Planner::terse(),
            ledger: Ledger::default(),
            fleet,
            scheduler,
            starts: Starts::new(&conditions.delays, simulation.seed),
            seed: simulation.seed,
            calls: BTreeMap::new(),
            calls_made: 0,
            addressless: Vec::new(),
            tally: Tally::default(),
            pods: Pods::default(),
            images: Images::default(),
            is_paced,
            upcoming: submissions.last_first(),
            applications: vec![Running::NotYet; submissions.len()],
            submissions,
            over: Over::default(),
            records: Records::default(),
            executors,
            declares: simulated,
            round_delay: if simulated { ROUND_DELAY } else { Span::ZERO },
            round_at: None,
            rounds_here: 0,
            waiting: Vec::new(),
            reasons: Table::default(),
            finished: 0,
        };
        world.say(Fact::CatalogListed(simulation.catalog));
        world.say(Fact::CniConfigured(conditions.cni));
        for (&zone, &free) in &conditions.subnets {
            world.say(Fact::ZoneAddresses { zone, free });
        }
        world.say_objects(simulation.pools, simulation.daemons, simulation.referents);
        world.await_next();
        world
    }

    /// What is in the cluster before anything happens.
    fn say_objects(
        &mut self,
        pools: Vec<Pool>,
        daemons: Vec<Daemon>,
        referents: Vec<(String, Referent)>,
    ) {
        for pool in pools {
            self.say(Fact::PoolApplied(pool.into()));
        }
        for daemon in daemons {
            self.say(Fact::DaemonApplied(Box::new(daemon)));
        }
        for (name, referent) in referents {
            self.scheduler.apply_referent(&name, referent.clone());
            self.say(Fact::ReferentApplied {
                name,
                referent: Box::new(referent),
            });
        }
    }

    /// Something has happened, of which the core is to hear.
    pub(super) fn say(&mut self, fact: Fact) {
        let at = self.now;
        self.batch.push(Event { at, fact });
    }

    /// The next application to be submitted is due; those after it wait for that.
    fn await_next(&mut self) {
        if let Some(next) = self.upcoming.pop().map(place) {
            self.agenda.submits(self.submissions.at(next), next);
        }
    }

    /// Turns to a part of the work.
    pub(super) fn enter(&mut self, phase: Phase) {
        if self.phase.replace(phase) != Some(phase) {
            (self.watch)(Watched::Enters(phase));
        }
    }

    pub(super) fn run(&mut self) {
        self.fold();
        while let Some(now) = self.agenda.next_time() {
            self.rounds_here = if now == self.now { self.rounds_here } else { 0 };
            self.now = now;
            self.enter(Phase::Happen);
            while let Some(due) = self.agenda.take(now) {
                self.happen(due);
            }
            if !self.batch.is_empty() {
                self.fold();
            }
            self.put_away();
        }
    }

    /// Folds what has happened, lets the scheduler bind, and asks for a round if anything changed.
    fn fold(&mut self) {
        while !self.batch.is_empty() {
            self.enter(Phase::Fold);
            let mut events = std::mem::take(&mut self.folded);
            std::mem::swap(&mut events, &mut self.batch);
            for event in events.drain(..) {
                (self.watch)(Watched::Happened(&event));
                self.ledger.apply(&event);
                self.cluster.fold(event);
            }
            self.folded = events;
            if !self.scheduler.is_idle() {
                self.bind();
            }
        }
        self.look_at(self.now + self.round_delay);
    }

    fn bind(&mut self) {
        self.enter(Phase::Bind);
        let mut decisions = std::mem::take(&mut self.decisions);
        self.scheduler.bind(&mut decisions);
        for decision in decisions.drain(..) {
            match decision {
                Decision::Bind { pod, node, host } => self.bound(pod, node, host),
                Decision::Preempt { victim, .. } => self.lose(victim),
            }
        }
        self.decisions = decisions;
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
            Due::Wake(i) => match self.applications[i] {
                Running::Spark(..) => self.tell(i, Application::wake),
                Running::Pods(..) => self.tell_pods(i, PodSet::wake),
                Running::NotYet | Running::Over(_) | Running::PutAway(_) => {}
            },
            Due::Started(pod) => self.started(pod),
            Due::Launched(node) => self.launched(node),
            Due::Ready(node) => self.ready(&node),
            Due::Gone(node) => self.gone(&node),
            Due::Answered(call) => self.answered(call),
            Due::CallAgain(call) => self.call_again(call),
            Due::Notice(node) => self.notice(&node),
            Due::Reclaimed(node) => self.reclaimed(&node),
            Due::Upheaval(upheaval) => self.upheaval(upheaval),
            Due::Round if self.round_at == Some(self.now) => self.round(),
            Due::Round => {}
        }
    }

    fn launched(&mut self, node: NodeId) {
        if let Some(fact) = self.fleet.launched(&node) {
            self.say(fact);
        }
        if let Some(after) = self.fleet.interrupted_after(&node) {
            self.agenda.add(self.now + after, Due::Notice(node.clone()));
        }
        let boot = self.fleet.boot(&node);
        self.agenda.add(self.now + boot, Due::Ready(node));
    }

    fn submit(&mut self, i: usize) {
        self.await_next();
        let workload = self.submissions.workload(i);
        self.tally.begins(i, workload.app());
        self.applications[i] = Running::begin(workload, &self.executors);
        let Running::Spark(cast, _) = &mut self.applications[i] else {
            return self.tell_pods(i, PodSet::submitted);
        };
        let (id, template) = cast.driver_pod();
        let pod = self
            .pods
            .add(SimulatedPod::new(id, template, Part::Driver(i), self.now));
        cast.driver = Some(pod);
        if self.declares {
            let (app, shape) = (cast.submission.app.clone(), cast.shape(self.now));
            self.say(Fact::ShapeDeclared {
                app,
                shape: Box::new(shape),
            });
        }
        self.report(pod);
    }

    /// Tells a Spark application something, and fulfils what it wishes for.
    pub(super) fn tell(
        &mut self,
        i: usize,
        what: impl FnOnce(&mut Application, Timestamp, &mut Vec<Wish>),
    ) {
        let Running::Spark(_, application) = &mut self.applications[i] else {
            return;
        };
        what(application, self.now, &mut self.wishes);
        if !self.wishes.is_empty() {
            self.fulfil(i);
        }
    }

    /// Fulfils what an application has wished for.
    fn fulfil(&mut self, i: usize) {
        let mut wishes = std::mem::take(&mut self.wishes);
        for wish in wishes.drain(..) {
            let Running::Spark(cast, _) = &mut self.applications[i] else {
                break;
            };
            match wish {
                Wish::CreateExecutor { executor, profile } => {
                    let (id, template) = cast.executor_pod(executor, profile);
                    let part = Part::Executor(i, executor);
                    let pod = SimulatedPod::new(id, template, part, self.now);
                    let pod = self.pods.add(pod);
                    cast.created(executor, pod);
                    self.report(pod);
                }
                Wish::DeleteExecutor { executor } => {
                    if let Some(pod) = cast.delete_executor(executor) {
                        self.end(pod);
                    }
                }
                Wish::WakeAt(at) => self.agenda.add(at.max(self.now), Due::Wake(i)),
                Wish::Finished => {
                    if let Some(driver) = cast.driver {
                        self.end(driver);
                    }
                    self.finish(i);
                }
            }
        }
        self.wishes = wishes;
    }

    pub(super) fn outcome(mut self) -> Outcome {
        self.tally.waits(&[], self.now);
        Outcome {
            runs: self.put_all_away(),
            ledger: self.ledger,
            reasons: self.reasons.into_iter().collect(),
            waiting: self.waiting,
            tally: self.tally,
            pod_events: self.pods.events,
            rounds: self.rounds,
            ended: self.now,
        }
    }
}
