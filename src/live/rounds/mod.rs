//! The loop: the twin of the simulator's, by the wall's clock. What is heard becomes events; the cluster
//! and the ledger fold them; a moment later the planner looks, and what it decided is handed to those who
//! carry it out, whose outcomes are heard in turn. It alone changes what is known, and never waits.

mod advising;
mod answers;
mod carry_out;
mod observed;
mod requests;
mod statuses;
mod sweep;
mod telling;
mod waits;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{Instrument, field};

use crate::Planner;
use crate::cluster::Cluster;
use crate::cluster::event::{Event, Fact};
use crate::cluster::state::app_of;
use crate::ledger::Ledger;
use crate::model::name::AppId;
use crate::model::nodeclaim::NodeClaimStatus;
use crate::model::time::{Span, Timestamp};
use crate::plan::Plan;

use super::clock;
use super::driver_conf;
use super::heard::{Hand, Heard};
use super::neighbour;
use super::pace::Pace;
use super::translate::Translator;
use super::world::World;
use requests::Requests;
use statuses::Subject;
pub use telling::Telling;

/// Things heard that are folded before the clock is looked at again.
const BATCH: usize = 4096;
/// How often what is unfinished is looked at again.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks at what is unfinished.
const RECONSIDER_EVERY: u64 = 5;
/// Ticks between two looks at what NodeClasses name: subnets fill and empty.
const CLASSES_EVERY: u64 = 60;

/// How the controller is to behave.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// Plans and tells, and does nothing.
    pub dry_run: bool,
    /// From an instance's launch until its node must be there.
    pub join_limit: Span,
    /// How long an instance may be without a claim.
    pub stray_grace: Span,
}

/// Everything that the loop knows.
pub struct Rounds {
    world: World,
    conduct: Conduct,
    inbox: Receiver<Heard>,
    translator: Translator,
    cluster: Cluster,
    ledger: Ledger,
    planner: Planner,
    pace: Pace,
    /// Something was folded that nobody has looked at.
    changed: bool,
    epoch: Option<u64>,
    in_hand: BTreeSet<Hand>,
    /// Objects whose status is to be written.
    unsaid: BTreeSet<Subject>,
    /// Claims' statuses as they are to be.
    statuses: BTreeMap<String, NodeClaimStatus>,
    /// Conditions of ProvisioningRequests as they are to be.
    requests: Requests,
    /// Pools' statuses as they were last written.
    said: BTreeMap<String, Value>,
    /// Why NodeClasses cannot be used.
    problems: BTreeMap<String, String>,
    /// How many ConfigMaps may be asked for at once.
    configs: Arc<Semaphore>,
    /// NodeClasses that are being looked up.
    resolving: BTreeSet<String>,
    /// Claims by the time at which they were first seen without an instance.
    open: BTreeMap<String, Timestamp>,
    /// Instances that nobody claims, by the time at which they were first seen.
    strays: BTreeMap<String, Timestamp>,
    /// Instances that EC2 did not list at the last look.
    missing: BTreeSet<String>,
    /// Those that ask and are none of ours, at the last look.
    foreign: BTreeSet<AppId>,
    /// Applications that advice has been given on.
    advised: BTreeSet<AppId>,
    /// Nodes of a pool that never joined, one after the other.
    unjoined: BTreeMap<String, u32>,
    /// When pools that we paused may try again.
    mends: BTreeMap<String, Timestamp>,
    launches: u64,
    ticks: u64,
    telling: Telling,
}

impl Rounds {
    /// A loop that knows nothing yet.
    pub fn new(
        world: World,
        conduct: Conduct,
        inbox: Receiver<Heard>,
        translator: Translator,
        telling: Telling,
    ) -> Self {
        Rounds {
            world,
            conduct,
            inbox,
            translator,
            cluster: Cluster::default(),
            ledger: Ledger::default(),
            planner: Planner::default(),
            pace: Pace::default(),
            changed: false,
            epoch: None,
            in_hand: BTreeSet::new(),
            unsaid: BTreeSet::new(),
            statuses: BTreeMap::new(),
            requests: Requests::new(),
            said: BTreeMap::new(),
            problems: BTreeMap::new(),
            configs: Arc::new(Semaphore::new(driver_conf::AT_ONCE)),
            resolving: BTreeSet::new(),
            open: BTreeMap::new(),
            strays: BTreeMap::new(),
            missing: BTreeSet::new(),
            foreign: BTreeSet::new(),
            advised: BTreeSet::new(),
            unjoined: BTreeMap::new(),
            mends: BTreeMap::new(),
            launches: 0,
            ticks: 0,
            telling,
        }
    }

    /// Runs until it is told to stop, or nobody speaks any more.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.pace.due().filter(|_| self.may_plan());
            let wait = due.map(|due| due - clock::now());
            tokio::select! {
                heard = self.inbox.recv() => match heard {
                    Some(heard) => self.hear_all(heard),
                    None => break,
                },
                Some(question) = self.telling.questions.recv() => {
                    self.telling.answer(&self.cluster, clock::now(), question);
                }
                () = pause(wait), if wait.is_some() => self.round(),
                _ = ticks.tick() => self.tick(),
                _ = stop.changed() => break,
            }
        }
        self.telling.finish();
    }

    /// Everything that has been heard so far, in its order.
    fn hear_all(&mut self, first: Heard) {
        self.hear(first);
        for _ in 1..BATCH {
            match self.inbox.try_recv() {
                Ok(heard) => self.hear(heard),
                Err(_) => break,
            }
        }
        self.fold();
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Watched(source, said) => self.translator.hear(source, said),
            Heard::Catalog(catalog) => self.translator.catalog(catalog),
            Heard::Fact(fact) => self.apply(fact),
            Heard::Resolved(class, resolved) => self.resolved(class, resolved),
            Heard::Configured(driver, read) => self.configured(&driver, read),
            Heard::Answered(answered) => self.answered(answered),
            Heard::Instances(instances, asked) => self.swept(&instances, asked),
            Heard::Notice(notice) => self.noticed(&notice),
            Heard::OtherAutoscaler(there) => self.telling.breaches.others = there,
            Heard::Leads(epoch) => self.leads(epoch),
            Heard::Done(hand) => {
                self.in_hand.remove(&hand);
                if let Hand::Register(claim) = &hand {
                    self.translator.look_at_claim(claim);
                }
                self.pace.changed(clock::now(), true);
            }
        }
    }

    /// Folds what has come of what was heard, does what objects need, and says what is to be said.
    fn fold(&mut self) {
        while self.take_in() {}
        if std::mem::take(&mut self.changed) {
            let declared = self.all_declared();
            self.pace.changed(clock::now(), declared);
        }
        self.write_statuses();
    }

    /// Folds what there is to tell, so that what follows reads it; false where there was nothing.
    fn take_in(&mut self) -> bool {
        let (facts, wishes) = self.translator.take();
        let any = !facts.is_empty() || !wishes.is_empty();
        facts.into_iter().for_each(|fact| self.apply(fact));
        wishes.into_iter().for_each(|wish| self.fulfil(wish));
        any
    }

    fn apply(&mut self, fact: Fact) {
        let event = Event {
            at: clock::now(),
            fact,
        };
        self.cluster.apply(&event);
        self.ledger.apply(&event);
        self.telling.event(&self.cluster, &event);
        self.changed = true;
        match &event.fact {
            Fact::PodApplied(pod) => self.tolerate(&pod.id),
            Fact::ShapeDeclared { .. } => self.pace.declared(event.at),
            _ => {}
        }
    }

    /// True where every application that asks us for something has said what it will ask for.
    fn all_declared(&self) -> bool {
        let asking = self.cluster.demanding.iter();
        let mut ours = asking.filter(|id| !self.foreign.contains(*id));
        ours.all(|id| {
            let app = self.cluster.apps.get(id);
            app.is_some_and(|app| app.shape.is_some())
        })
    }

    fn may_plan(&self) -> bool {
        let leads = self
            .epoch
            .is_some_and(|epoch| self.world.lease.holds(epoch));
        self.translator.is_ready() && (leads || self.conduct.dry_run)
    }

    fn round(&mut self) {
        let span = tracing::info_span!("round", effects = field::Empty, waiting = field::Empty);
        let _within = span.enter();
        let since = self.pace.since();
        self.pace.looked();
        let now = clock::now();
        self.telling.begin_recording(now, &self.cluster);
        let began = Instant::now();
        let plan = Arc::new(self.planner.plan(&self.cluster.view(now)));
        let took = began.elapsed();
        span.record("effects", plan.effects.len());
        span.record("waiting", plan.waiting.len());
        self.telling
            .round(now, &self.translator, &self.cluster, &plan, took);
        for violation in &plan.broken {
            tracing::error!(
                ?violation,
                "plan breaks an invariant; the effect is taken out"
            );
        }
        self.foreign = self.foreigners(&plan);
        self.pace.look_at(plan.next_look);
        self.carry_out(&plan, now, since.unwrap_or(now));
        self.note_requests(Some(&plan));
        self.note_waits(&plan);
        self.fold();
    }

    /// Pods that the plan found to be none of ours, each an application by itself.
    fn foreigners(&self, plan: &Plan) -> BTreeSet<AppId> {
        let foreign = plan.waiting.iter().filter(|one| one.is_foreign());
        let pods = foreign.filter_map(|one| self.cluster.pods.get(&one.pod));
        pods.filter_map(app_of).collect()
    }

    fn leads(&mut self, epoch: Option<u64>) {
        self.epoch = epoch;
        self.telling.shared.leads(epoch.is_some());
        if epoch.is_some() {
            self.take_over_statuses();
            self.requests.clear();
            self.translator.reconsider();
            self.tolerate_all();
            tokio::spawn(neighbour::look(self.world.clone()));
            self.pace.changed(clock::now(), true);
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        self.translator.at(clock::now());
        self.mend();
        let calls = self.world.ec2.calls();
        self.telling
            .turned(self.translator.is_ready(), self.inbox.len(), &calls);
        if self.epoch.is_some() {
            self.look_at_open_claims();
            self.look_at_notices();
            self.note_requests(None);
            if self.ticks.is_multiple_of(CLASSES_EVERY) {
                let classes: Vec<String> = self.translator.classes.keys().cloned().collect();
                classes.iter().for_each(|class| self.resolve(class));
                tokio::spawn(neighbour::look(self.world.clone()));
            }
            if self.ticks.is_multiple_of(RECONSIDER_EVERY) {
                self.translator.reconsider();
                self.tolerate_all();
                self.forget_statuses();
                self.advise();
                self.note_pools();
            }
        }
        self.fold();
    }

    /// Begins something, unless it is being done already or we only look on.
    fn begin(&mut self, hand: Hand, task: impl Future<Output = ()> + Send + 'static) -> bool {
        if self.conduct.dry_run || self.epoch.is_none() || !self.in_hand.insert(hand.clone()) {
            return false;
        }
        let span = tracing::info_span!("hand", ?hand);
        tokio::spawn(task.instrument(span));
        true
    }
}

/// Waits so long; for ever where nothing is due.
async fn pause(wait: Option<Span>) {
    if let Some(wait) = wait {
        let millis = u64::try_from(wait.millis()).unwrap_or(0);
        sleep(Duration::from_millis(millis)).await;
    }
}
