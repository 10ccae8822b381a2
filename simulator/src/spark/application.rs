//! An application from outside: what the world tells it, and what it wishes for. What is alive of it
//! exists only between its driver's start and its end, so that a million of them cost what runs.

use std::sync::Arc;

use sparkwright::model::time::Timestamp;

use super::run::Run;
use super::{Executors, Outcome, Pace, Progress, Wish};
use crate::trace::Work;

/// An application that waits, runs or is over.
#[derive(Clone, Debug)]
pub struct Application {
    work: Arc<Work>,
    executors: Executors,
    pub(super) run: Option<Box<Run>>,
    /// How it ended.
    last: Progress,
    wished: Option<Timestamp>,
}

impl Application {
    /// An application whose driver does not run yet.
    pub fn new(work: Arc<Work>, executors: Executors) -> Self {
        Application {
            work,
            executors,
            run: None,
            last: Progress::default(),
            wished: None,
        }
    }

    /// The driver's container runs.
    pub fn driver_running(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        if self.run.is_none() && self.last.outcome.is_none() {
            let run = Run::new(Arc::clone(&self.work), self.executors.clone(), now);
            self.run = Some(Box::new(run));
            self.settle(now, wishes);
        }
    }

    /// An executor has a machine of this pace. Told before its container runs; where executors come from a
    /// log, their tasks take as long as there, and this changes nothing.
    pub fn executor_on(&mut self, executor: u32, pace: Pace) {
        if let Some(run) = &mut self.run {
            run.executor_on(executor, pace);
        }
    }

    /// An executor's container runs. Where executors come from a log they register at their
    /// recorded time, and this changes nothing.
    pub fn executor_running(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.tell(now, wishes, |run, _| run.executor_running(executor, now));
    }

    /// An executor is lost with all that was on it: its running tasks wait again, what it wrote for
    /// shuffles is made again where it is needed, and Spark asks for another executor. One that is
    /// gone already changes nothing.
    pub fn executor_lost(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.tell(now, wishes, |run, wishes| {
            run.executor_lost(executor, now, wishes);
        });
    }

    /// An executor's pod is being deleted and ends at `until` at the latest. Where Spark
    /// decommissions, the executor takes no more tasks and hands its shuffle files on; once it has
    /// nothing left to do it goes, with a wish to delete it. At `until` the world has to say that it
    /// is lost where no such wish has come.
    pub fn executor_decommissioned(
        &mut self,
        executor: u32,
        until: Timestamp,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        self.tell(now, wishes, |run, _| {
            run.executor_warned(executor, until, now);
        });
    }

    /// The driver's pod is gone. Kubernetes starts no other: the application has failed, and its
    /// executors go with it.
    pub fn driver_lost(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        if self.run.is_none() && self.last.outcome.is_none() {
            self.last.outcome = Some(Outcome::DriverLost);
            self.last.finished = Some(now);
            wishes.push(Wish::Finished);
        }
        self.tell(now, wishes, |run, wishes| {
            run.ends(now, Outcome::DriverLost, wishes);
        });
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        self.settle(now, wishes);
    }

    /// How far it had come when it was last told something, or woken.
    pub fn progress(&self) -> Progress {
        self.run.as_ref().map_or(self.last, |run| run.progress())
    }

    fn tell(
        &mut self,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
        what: impl FnOnce(&mut Run, &mut Vec<Wish>),
    ) {
        if let Some(run) = &mut self.run {
            run.settle(now, wishes);
            if !run.is_over() {
                what(run, wishes);
                run.settle_told(now, wishes);
            }
        }
        self.settle(now, wishes);
    }

    /// Does everything that is due, and says when it could next have a wish.
    fn settle(&mut self, now: Timestamp, wishes: &mut Vec<Wish>) {
        let Some(run) = &mut self.run else {
            return;
        };
        run.settle(now, wishes);
        let next = run.next_wake();
        if run.is_over() {
            self.last = run.progress();
            self.run = None;
        } else if let Some(time) = next.filter(|_| self.wished != next) {
            wishes.push(Wish::WakeAt(time));
        }
        self.wished = next;
    }
}

#[cfg(test)]
mod tests;
