//! An application's events in the order of time, handed to the driver's timeline, the slots, the
//! allocation and the pods; it holds nothing of their rules but how long containers take to start.

use std::collections::BTreeMap;
use std::sync::Arc;

use sparkwright::model::time::{Span, Timestamp};

use super::allocation::Allocation;
use super::driver::Driver;
use super::pods::Pods;
use super::queue::{Due, Queue};
use super::slots::Slots;
use super::{Executors, Outcome, Progress, Wish};
use crate::trace::Work;
use crate::trace::settings::share_of;

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
const FIRST_OFFER: Span = Span::from_millis(200);

/// A running application.
#[derive(Clone, Debug)]
pub struct Application {
    work: Arc<Work>,
    executors: Executors,
    queue: Queue,
    driver: Driver,
    slots: Slots,
    allocation: Option<Allocation>,
    pods: Pods,
    waits_for_executors: bool,
    registered: u32,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    outcome: Option<Outcome>,
    wished: Option<Timestamp>,
}

impl Application {
    /// An application whose driver does not run yet.
    pub fn new(work: Arc<Work>, executors: Executors) -> Self {
        let simulated = matches!(executors, Executors::Simulated);
        let arrivals = match &executors {
            Executors::Simulated => Vec::new(),
            Executors::AsRecorded => work.arrivals.clone(),
            Executors::FromLog(other) => other.arrivals.clone(),
        };
        Application {
            driver: Driver::new(&work),
            slots: Slots::new(&work, !simulated),
            allocation: Allocation::new(&work.settings, matches!(executors, Executors::Simulated)),
            pods: Pods::new(arrivals),
            executors,
            work,
            queue: Queue::default(),
            waits_for_executors: false,
            registered: 0,
            started: None,
            finished: None,
            outcome: None,
            wished: None,
        }
    }

    /// The driver's container runs.
    pub fn driver_running(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        let delay = match self.executors {
            Executors::Simulated => DRIVER_START,
            Executors::AsRecorded | Executors::FromLog(_) => self.work.submission,
        };
        self.queue.push(now + delay, Due::ApplicationStart);
        self.settle(now, wishes);
    }

    /// An executor's container runs. Where executors come from a log they register at their
    /// recorded time, and this changes nothing.
    pub fn executor_running(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.settle(now, wishes);
        if matches!(self.executors, Executors::Simulated) && self.pods.runs(executor) {
            self.queue
                .push(now + EXECUTOR_START, Due::Registers(executor));
            self.settle(now, wishes);
        }
    }

    /// An executor is lost with all that was on it: its running tasks wait again, and Spark asks for
    /// another. One that is gone already changes nothing.
    pub fn executor_lost(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.settle(now, wishes);
        if self.pods.gone(executor) {
            self.slots.lose(executor);
            self.settle_instant(now, wishes);
            self.settle(now, wishes);
        }
    }

    /// An executor's pod is being deleted and ends at `until` at the latest: where Spark
    /// decommissions, it takes no more tasks, and a wish to delete it may come before. The world
    /// still has to say that it is lost where none came.
    pub fn executor_decommissioned(
        &mut self,
        executor: u32,
        _until: Timestamp,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        self.settle(now, wishes);
        if self.work.settings.migration.is_some() {
            self.slots.stop(executor);
        }
    }

    /// The driver's pod is gone. Kubernetes starts no other: the application has failed, and its
    /// executors go with it.
    pub fn driver_lost(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.settle(now, wishes);
        if self.finished.is_none() {
            self.ends(now, Outcome::DriverLost, wishes);
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.settle(now, wishes);
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress {
            started: self.started,
            first_task: self.slots.first_task(),
            last_stage: self.driver.last_stage(),
            finished: self.finished,
            outcome: self.outcome,
            in_job: self.driver.in_job(),
            executor_pods: self.pods.alive(),
            slots: self.slots.serving(),
            running_tasks: self.slots.running(),
        }
    }

    /// Does everything that is due, instant by instant, and says when the next thing is.
    fn settle(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        while let Some(instant) = self.queue.next_time().filter(|&time| time <= now) {
            while let Some(due) = self.queue.pop_at(instant) {
                self.handle(due, instant, wishes);
            }
            self.settle_instant(instant, wishes);
        }
        if self.is_stranded() {
            self.ends(now, Outcome::OutOfExecutors, wishes);
        }
        let next = self.queue.next_time();
        if let Some(time) = next.filter(|_| self.wished != next) {
            wishes.push(Wish::WakeAt(time));
        }
        self.wished = next;
    }

    /// Tasks wait for executors that no log will bring: the recorded run got no further either.
    fn is_stranded(&self) -> bool {
        let recorded = !matches!(self.executors, Executors::Simulated);
        let running = self.started.is_some() && self.finished.is_none();
        recorded && running && self.queue.next_time().is_none()
    }

    /// After all that happened at one instant: free slots take tasks, and Spark counts executors.
    fn settle_instant(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        if self.finished.is_some() || self.started.is_none() {
            return;
        }
        if self.waits_for_executors && self.registered >= self.executors_to_wait_for() {
            self.context_ready(now);
        }
        self.slots.assign(&self.work, now, &mut self.queue);
        if let Some(allocation) = &mut self.allocation {
            allocation.update(&self.work, &self.slots, now, &mut self.queue);
            let leaving = allocation.leaving(
                &self.work,
                &mut self.slots,
                &self.driver,
                &self.pods,
                now,
                &mut self.queue,
            );
            for (executor, delay) in leaving {
                self.slots.stop(executor);
                if matches!(self.executors, Executors::Simulated) {
                    self.pods.leaves(executor);
                    self.queue.push(now + delay, Due::Leaves(executor));
                }
            }
        }
        if matches!(self.executors, Executors::Simulated) {
            let targets = self.targets();
            self.pods
                .ask(&self.work, &targets, now, &mut self.queue, wishes);
        }
    }

    /// Executors wanted, by profile. A static application wants its number of each that a stage has
    /// named.
    fn targets(&self) -> BTreeMap<u32, u32> {
        match &self.allocation {
            Some(allocation) => allocation.targets(),
            None => {
                let count = self.work.settings.count.initial;
                let named = self.slots.profiles().chain([0]);
                named.map(|profile| (profile, count)).collect()
            }
        }
    }

    fn handle(&mut self, due: Due, now: Timestamp, wishes: &mut Vec<Wish>) {
        let (work, queue) = (&*self.work, &mut self.queue);
        match due {
            Due::ApplicationStart => self.application_starts(now),
            Due::SchedulerUp => self.waits_for_executors = true,
            Due::RegistrationTimeout if self.waits_for_executors => self.context_ready(now),
            Due::JobStarts(job) => self.driver.job_starts(work, job, now, queue),
            Due::JobEnds(job) => {
                self.driver.job_ends(work, job, now, queue);
                if let Some(allocation) = &mut self.allocation {
                    allocation.look_again();
                }
            }
            Due::StageStarts(stage) => {
                if self.slots.stage_starts(work, stage, now) {
                    self.driver.stage_done(work, stage, now, queue);
                }
            }
            Due::Relaxes(stage) => self.slots.relaxes(work, stage),
            Due::TaskEnds { executor, run } => {
                let done = self.slots.task_ends(work, executor, run, now);
                if let Some(stage) = done {
                    self.driver.stage_done(work, stage, now, queue);
                }
                if let Some(allocation) = &mut self.allocation {
                    allocation.watch(&self.slots, executor, queue);
                }
                self.leave_if_idle(executor, wishes);
            }
            Due::Registers(executor) => self.registers(executor, now, wishes),
            Due::TakesTasks(executor) => self.takes_tasks(executor, now),
            Due::Leaves(executor) => {
                self.slots.stop(executor);
                self.pods.leaves(executor);
                self.leave_if_idle(executor, wishes);
            }
            Due::Lost(executor) => {
                self.slots.lose(executor);
                self.delete(executor, wishes);
            }
            Due::Idle(executor) => {
                if let Some(allocation) = &mut self.allocation {
                    allocation.idle(&self.slots, executor, now, queue);
                }
            }
            Due::RegistrationTimeout | Due::Backlog | Due::Batch => {}
            Due::ApplicationEnd => self.ends(now, Outcome::Completed, wishes),
        }
    }

    fn application_starts(&mut self, now: Timestamp) {
        self.started = Some(now);
        self.queue.push(now + self.work.start_up, Due::SchedulerUp);
        let timeout = self.work.start_up + self.work.settings.max_registration_wait;
        self.queue.push(now + timeout, Due::RegistrationTimeout);
        self.pods.start(&self.work, now, &mut self.queue);
    }

    /// The rule of the cluster manager under which the executors came.
    fn executors_to_wait_for(&self) -> u32 {
        let settings = &self.work.settings;
        let ratio = match self.executors {
            Executors::Simulated => settings.kubernetes_ratio,
            Executors::AsRecorded | Executors::FromLog(_) => settings.recorded_ratio,
        };
        share_of(settings.count.initial, ratio)
    }

    fn context_ready(&mut self, now: Timestamp) {
        self.waits_for_executors = false;
        self.driver.starts(&self.work, now, &mut self.queue);
    }

    fn registers(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        if let Some(profile) = self.pods.arrives(executor, now) {
            wishes.push(Wish::CreateExecutor { executor, profile });
        }
        self.registered += 1;
        self.queue
            .push(now + FIRST_OFFER, Due::TakesTasks(executor));
    }

    fn takes_tasks(&mut self, executor: u32, now: Timestamp) {
        let Some((profile, recorded)) = self.pods.serves(executor) else {
            return;
        };
        let own = self.work.slots.get(&profile).copied().unwrap_or(1);
        self.slots
            .add(executor, profile, recorded.unwrap_or(own), now);
        if let Some(allocation) = &mut self.allocation {
            allocation.watch(&self.slots, executor, &mut self.queue);
        }
    }

    /// An executor that is to go does so once its tasks are done.
    fn leave_if_idle(&mut self, executor: u32, wishes: &mut Vec<Wish>) {
        if self.pods.is_leaving(executor) && self.slots.is_idle(executor) {
            self.delete(executor, wishes);
        }
    }

    fn delete(&mut self, executor: u32, wishes: &mut Vec<Wish>) {
        self.slots.lose(executor);
        if self.pods.gone(executor) {
            wishes.push(Wish::DeleteExecutor { executor });
        }
    }

    fn ends(&mut self, now: Timestamp, outcome: Outcome, wishes: &mut Vec<Wish>) {
        self.finished = Some(now);
        self.outcome = Some(outcome);
        self.queue.clear();
        for executor in self.pods.drain() {
            self.slots.lose(executor);
            wishes.push(Wish::DeleteExecutor { executor });
        }
        wishes.push(Wish::Finished);
    }
}

#[cfg(test)]
mod tests;
