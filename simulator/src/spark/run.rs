//! A running application's events in the order of time, handed to the driver's timeline, the slots,
//! the allocation and the pods; it holds nothing of their rules but how long containers take to
//! start.

use std::sync::Arc;

use sparkwright::model::time::{Span, Timestamp};

use super::allocation::Allocation;
use super::driver::Driver;
use super::monitor::{Facts, Monitor};
use super::outputs::Outputs;
use super::pods::Pods;
use super::queue::{Due, Queue};
use super::slots::Slots;
use super::{Executors, Outcome, Pace, Progress, Wish, place};
use crate::trace::Work;
use crate::trace::recorded::Removal;
use crate::trace::settings::share_of;
use crate::trace::work::Arrival;

/// From the driver's container running to ApplicationStart, when pods are simulated: a JVM runs
/// spark-submit, then the application's main up to its SparkContext. Logs do not hold it; 3 s is
/// assumed. A slower start moves the application and its first executors by the difference.
pub const DRIVER_START: Span = Span::from_secs(3);
/// From an executor's container running to its registration. On a warm EKS node an executor
/// registered 3.5 s after its driver's scheduler was up, pod creation and start included (Spark
/// 3.5.3, the PythonPi log of the shared set); 2 s of it are taken for the JVM.
pub const EXECUTOR_START: Span = Span::from_secs(2);

/// From an executor's registration to the first tasks offered to it: it still sets itself up and
/// says so. 90 to 280 ms in the logs of the shared set (Spark 3.1 to 3.5).
pub(super) const FIRST_OFFER: Span = Span::from_millis(200);

/// The number under which a driver takes its own tasks, where an application runs in one process and
/// has no executors.
const DRIVER_ITSELF: u32 = 1;

/// A running application.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) work: Arc<Work>,
    pub(super) simulated: bool,
    /// Executors of a log; the executor numbered n is at n − 1.
    arrivals: Vec<Arrival>,
    pub(super) queue: Queue,
    pub(super) driver: Driver,
    pub(super) slots: Slots,
    pub(super) outputs: Outputs,
    pub(super) allocation: Option<Allocation>,
    pub(super) monitor: Monitor,
    pub(super) pods: Pods,
    /// Decommissioned executors, and whether each waits for another to hand its files to.
    pub(super) leaving: Vec<(u32, bool)>,
    pub(super) waits_for_executors: bool,
    registered: u32,
    /// It may be left alone where nothing can come of it; those with executors of a log are not.
    pub(super) looks_ahead: bool,
    /// Executors were given back, and slots and targets do not answer to that yet.
    pub(super) gave_back: bool,
    /// Until then nothing happens of which the world would have to hear.
    pub(super) quiet_until: Timestamp,
    started: Option<Timestamp>,
    finished: Option<(Timestamp, Outcome)>,
}

impl Run {
    /// The driver's container runs.
    pub fn new(work: Arc<Work>, executors: Executors, now: Timestamp) -> Self {
        let simulated = matches!(executors, Executors::Simulated);
        let arrivals = arrivals(&work, &executors);
        let stays = if simulated {
            work.settings.kubernetes_files_stay
        } else {
            work.settings.recorded_files_stay
        };
        let mut run = Run {
            driver: Driver::new(&work),
            slots: Slots::new(&work, !simulated),
            outputs: Outputs::new(&work, stays),
            allocation: Allocation::new(&work.settings, work.profiles.len())
                .filter(|_| simulated && work.local_slots.is_none()),
            monitor: Monitor::default(),
            pods: Pods::new(&work),
            work,
            simulated,
            arrivals,
            queue: Queue::default(),
            leaving: Vec::new(),
            waits_for_executors: false,
            registered: 0,
            looks_ahead: simulated,
            gave_back: false,
            quiet_until: Timestamp::ZERO,
            started: None,
            finished: None,
        };
        let delay = if simulated {
            DRIVER_START
        } else {
            run.work.submission
        };
        run.queue.push(now + delay, Due::ApplicationStart);
        run
    }

    /// When something happens next of which the world may have to hear.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let next = self.queue.next_time()?;
        Some(next.max(self.quiet_until))
    }

    /// It has ended.
    pub fn is_over(&self) -> bool {
        self.finished.is_some()
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let alive = u32::from(self.finished.is_none());
        Progress {
            started: self.started,
            first_task: self.slots.first_task(),
            last_stage: self.driver.last_stage(),
            finished: self.finished.map(|(at, _)| at),
            outcome: self.finished.map(|(_, outcome)| outcome),
            in_job: self.driver.in_job(),
            executor_pods: self.pods.alive() * alive,
            slots: self.slots.serving() * alive,
            running_tasks: self.slots.running() * alive,
        }
    }

    /// Does everything that is due, instant by instant.
    pub fn settle(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        while self.finished.is_none() {
            let Some(instant) = self.queue.next_time().filter(|&time| time <= now) else {
                break;
            };
            if instant < self.quiet_until {
                self.settle_quietly(instant, now, wishes);
            } else {
                while let Some(due) = self.queue.pop_at(instant) {
                    self.handle(due, instant, wishes);
                }
                self.settle_instant(instant, wishes);
            }
            self.look_ahead();
        }
        if self.is_stranded() {
            self.slots.relent();
            self.settle_instant(now, wishes);
            if self.is_stranded() {
                self.ends(now, Outcome::OutOfExecutors, wishes);
            }
        }
    }

    /// Tasks wait for executors that no log will bring: the recorded run got no further either.
    fn is_stranded(&self) -> bool {
        let running = self.started.is_some() && self.finished.is_none();
        !self.simulated && running && self.queue.next_time().is_none()
    }

    /// After the world has told something. That an executor's container runs matters once it registers.
    pub fn settle_told(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        if now >= self.quiet_until {
            self.settle_instant(now, wishes);
        }
        self.look_ahead();
    }

    /// After all that happened at one instant: free slots take tasks, and Spark counts executors.
    pub fn settle_instant(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        if self.finished.is_some() || self.started.is_none() {
            return;
        }
        if self.waits_for_executors && self.registered >= self.executors_to_wait_for() {
            self.context_ready(now);
        }
        self.gave_back = false;
        self.slots.assign(&self.work, now, &mut self.queue);
        if !self.simulated {
            return;
        }
        if let Some(allocation) = &mut self.allocation {
            if allocation.update(&self.work, &self.slots, now, &mut self.queue) {
                self.monitor.look_again();
            }
            if self.monitor.is_due() {
                self.give_back(now, wishes);
            }
        }
        let Run {
            pods,
            work,
            queue,
            allocation,
            slots,
            ..
        } = self;
        let (allocation, slots) = (&*allocation, &*slots);
        let initial = work.settings.count.initial;
        let target = |profile| match allocation {
            _ if !slots.is_named(profile, &work.profiles) => 0,
            Some(allocation) => allocation.target(profile),
            None => initial,
        };
        pods.ask(work, target, now, queue, wishes);
    }

    /// Dynamic allocation gives idle executors back.
    fn give_back(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        let Some(allocation) = &self.allocation else {
            return;
        };
        let facts = Facts {
            work: &self.work,
            slots: &self.slots,
            outputs: &self.outputs,
            driver: &self.driver,
            allocation,
        };
        for executor in self.monitor.leaving(facts, now, &mut self.queue) {
            self.gave_back = true;
            self.pods.leaves(executor);
            match self.work.settings.decommission {
                Some(_) => self.decommission(executor, now),
                None => self.lose(executor, now, wishes),
            }
        }
    }

    pub(super) fn handle(&mut self, due: Due, now: Timestamp, wishes: &mut Vec<Wish>) {
        match due {
            Due::TaskEnds { executor, task } => self.task_ends(executor, task, now, wishes),
            Due::Warm(executor) => {
                if self.slots.warm(executor, now) {
                    self.rests(executor, wishes);
                }
            }
            Due::StageStarts(stage) => self.stage_starts(place(stage), now),
            Due::Resubmits(stage) => {
                self.outputs
                    .submit(&self.work, &mut self.slots, place(stage));
            }
            Due::Relaxes(stage) => self.slots.line_up(&self.work, place(stage)),
            Due::JobStarts(job) => {
                (self.driver).job_starts(&self.work, place(job), now, &mut self.queue);
            }
            Due::JobEnds(job) => {
                (self.driver).job_ends(&self.work, place(job), now, &mut self.queue);
                self.monitor.look_again();
            }
            Due::ApplicationStart => self.application_starts(now),
            Due::SchedulerUp => {
                self.waits_for_executors = true;
                if let Some(slots) = self.work.local_slots {
                    self.slots.add(DRIVER_ITSELF, 0, slots, now);
                }
            }
            Due::RegistrationTimeout if self.waits_for_executors => self.context_ready(now),
            Due::Registers(executor) => self.registers(executor, now, wishes),
            Due::TakesTasks(executor) => self.takes_tasks(executor, now),
            Due::Leaves(executor) => {
                self.slots.stop(executor);
                self.pods.leaves(executor);
                self.leave_if_idle(executor, wishes);
            }
            Due::HandsOn(executor) => self.hands_on(executor, now, wishes),
            Due::Lost(executor) => self.lose(executor, now, wishes),
            Due::Idle(executor) => self.looks_at(executor, now),
            Due::RegistrationTimeout | Due::Backlog | Due::Batch => {}
            Due::ApplicationEnd => self.ends(now, Outcome::Completed, wishes),
        }
    }

    fn application_starts(&mut self, now: Timestamp) {
        self.started = Some(now);
        let up = now + self.work.start_up;
        self.queue.push(up, Due::SchedulerUp);
        let timeout = up + self.work.settings.max_registration_wait;
        self.queue.push(timeout, Due::RegistrationTimeout);
        if self.simulated {
            self.pods.open(up);
        }
        for (executor, arrival) in (1..).zip(&self.arrivals) {
            self.queue.push(now + arrival.at, Due::Registers(executor));
            match arrival.gone {
                Some((at, Removal::Lost)) => self.queue.push(now + at, Due::Lost(executor)),
                Some((at, Removal::ScaleDown)) => {
                    self.queue.push(now + at, Due::Leaves(executor));
                }
                None => {}
            }
        }
        self.slots.refuse(self.refusals());
    }

    /// Executors that a log's driver gave back refuse tasks after the stage of the last one that they
    /// had: they were told to go some time before, and only their end is logged. What counts is
    /// the order of launches, scaled where the log is another application's.
    fn refusals(&self) -> Vec<(usize, u32)> {
        let all = self.arrivals.iter().map(|arrival| arrival.launches).max();
        let (all, own) = (all.unwrap_or(0).max(1), self.work.tasks.len());
        let given_back = |arrival: &Arrival| matches!(arrival.gone, Some((_, Removal::ScaleDown)));
        (self.arrivals.iter().zip(1..))
            .filter(|(arrival, _)| given_back(arrival))
            .map(|(arrival, executor)| ((arrival.launches * own).div_ceil(all), executor))
            .collect()
    }

    /// The rule of the cluster manager under which the executors came.
    fn executors_to_wait_for(&self) -> u32 {
        let settings = &self.work.settings;
        let ratio = if self.simulated {
            settings.kubernetes_ratio
        } else {
            settings.recorded_ratio
        };
        share_of(settings.count.initial, ratio)
    }

    fn context_ready(&mut self, now: Timestamp) {
        self.waits_for_executors = false;
        self.driver.starts(&self.work, now, &mut self.queue);
    }

    fn stage_starts(&mut self, stage: usize, now: Timestamp) {
        if let Some(allocation) = &mut self.allocation {
            allocation.initialized();
        }
        if self.slots.stage_starts(&self.work, stage, now) {
            self.stage_done(stage, now);
        }
        self.outputs.submit(&self.work, &mut self.slots, stage);
    }

    pub(super) fn task_ends(
        &mut self,
        executor: u32,
        task: u32,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        let done = self.slots.task_ends(&self.work, executor, task, now);
        if done.failed {
            self.outputs.submit(&self.work, &mut self.slots, done.stage);
        } else if self.work.stages[done.stage].writes_shuffle {
            self.outputs.wrote(executor, task, done.stage);
        }
        if done.stage_done {
            self.stage_done(done.stage, now);
        }
        if done.idle {
            self.rests(executor, wishes);
        }
    }

    fn stage_done(&mut self, stage: usize, now: Timestamp) {
        let told = &mut self.slots.lines[stage].told;
        if !std::mem::replace(told, true) {
            (self.driver).stage_done(&self.work, stage, now, &mut self.queue);
        }
        self.outputs.made(&self.work, &mut self.slots, stage);
    }

    /// An executor has a machine.
    pub fn executor_on(&mut self, executor: u32, pace: Pace) {
        if self.simulated {
            self.slots.set_pace(executor, pace);
        }
    }

    /// An executor's container runs.
    pub fn executor_running(&mut self, executor: u32, now: Timestamp) {
        if self.simulated && self.pods.runs(executor) {
            let registers = now + EXECUTOR_START;
            self.queue.push(registers, Due::Registers(executor));
        }
    }

    fn registers(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        if let Some(arrival) = self.arrival(executor) {
            let profile = self.work.profiles[arrival.profile].id;
            self.pods.arrives(executor, arrival.profile, now);
            wishes.push(Wish::CreateExecutor { executor, profile });
        }
        self.registered += 1;
        let offer = now + FIRST_OFFER;
        self.queue.push(offer, Due::TakesTasks(executor));
    }

    fn takes_tasks(&mut self, executor: u32, now: Timestamp) {
        let Some(profile) = self.pods.serves(executor) else {
            return;
        };
        let recorded = self.arrival(executor).map(|arrival| arrival.slots);
        let slots = recorded.unwrap_or(self.work.profiles[profile].slots);
        self.slots.add(executor, profile, slots, now);
        if let Some(allocation) = &self.allocation {
            (self.monitor).watch(allocation, &self.slots, executor, &mut self.queue);
        }
        self.peer_has_come(now);
    }

    fn arrival(&self, executor: u32) -> Option<&Arrival> {
        self.arrivals.get(place(executor).checked_sub(1)?)
    }

    /// An executor has become idle.
    fn rests(&mut self, executor: u32, wishes: &mut Vec<Wish>) {
        if let Some(allocation) = &self.allocation {
            (self.monitor).watch(allocation, &self.slots, executor, &mut self.queue);
        }
        self.leave_if_idle(executor, wishes);
    }

    fn looks_at(&mut self, executor: u32, now: Timestamp) {
        if let Some(allocation) = &mut self.allocation
            && (self.monitor).looks(allocation, &self.slots, executor, now, &mut self.queue)
        {
            allocation.initialized();
        }
    }

    /// The driver exits, or is gone.
    pub fn ends(&mut self, now: Timestamp, outcome: Outcome, wishes: &mut Vec<Wish>) {
        if self.finished.is_none() {
            self.finished = Some((now, outcome));
            let names = self.pods.names();
            wishes.extend(names.map(|executor| Wish::DeleteExecutor { executor }));
            wishes.push(Wish::Finished);
        }
    }
}

/// Executors of a log, with the profiles of this work.
fn arrivals(work: &Work, executors: &Executors) -> Vec<Arrival> {
    let other = match executors {
        _ if work.local_slots.is_some() => return Vec::new(),
        Executors::Simulated => return Vec::new(),
        Executors::AsRecorded => return work.arrivals.clone(),
        Executors::FromLog(other) => other,
    };
    let profile = |arrival: &Arrival| {
        let id = other.profiles.get(arrival.profile).map(|p| p.id);
        let own = work.profiles.iter().position(|p| Some(p.id) == id);
        own.unwrap_or(0)
    };
    (other.arrivals.iter())
        .map(|arrival| Arrival {
            profile: profile(arrival),
            ..*arrival
        })
        .collect()
}
