//! The tasks of one stage in line for slots: in the order in which the log's tasks were launched,
//! near their data first, and those that must run again before those that have not run.

use sparkwright::model::time::Timestamp;

use crate::trace::recorded::Locality;
use crate::trace::work::Work;

#[derive(Clone, Debug)]
pub(super) struct Line {
    stage: usize,
    /// The first task that was not launched yet.
    next: usize,
    /// Tasks to be launched before that one: retries, and those lost with their executor.
    again: Vec<usize>,
    unfinished: usize,
    /// How far from their data its tasks may run, and since when none was launched.
    allowed: Locality,
    since: Timestamp,
}

impl Line {
    pub fn of(work: &Work, stage: usize) -> Self {
        let tasks = work.stages[stage].tasks.clone();
        let nearest = work.tasks[tasks.clone()]
            .iter()
            .map(|task| task.locality)
            .min();
        Line {
            stage,
            next: tasks.start,
            again: Vec::new(),
            unfinished: tasks.len(),
            allowed: nearest.unwrap_or_default(),
            since: Timestamp::ZERO,
        }
    }

    /// The stage is submitted; tells how many tasks it brings.
    pub fn forms(&mut self, now: Timestamp) -> usize {
        self.since = now;
        self.unfinished
    }

    /// The next task to launch. Retries come up when the attempt before them has failed.
    pub fn take(&mut self, work: &Work, now: Timestamp) -> Option<usize> {
        let task = match self.again.pop() {
            Some(task) => task,
            None => self.next_in_order(work)?,
        };
        self.since = now;
        Some(task)
    }

    /// A task was lost, and goes to the head of the line.
    pub fn take_back(&mut self, task: usize) {
        self.again.push(task);
    }

    /// A task is done; true when the stage is.
    pub fn done(&mut self, work: &Work, task: usize) -> bool {
        let retry = task + 1;
        if work.stages[self.stage].tasks.contains(&retry) && work.tasks[retry].retry {
            self.again.push(retry);
        }
        self.unfinished -= 1;
        self.unfinished == 0
    }

    /// Until when the next task waits for a slot nearer to its data; None is no longer.
    pub fn keeps_near(&mut self, work: &Work, now: Timestamp) -> Option<Timestamp> {
        let end = work.stages[self.stage].tasks.end;
        let next = (self.again.is_empty() && self.next < end).then_some(self.next)?;
        let wanted = work.tasks[next].locality;
        let [rack, any] = work.settings.locality_waits;
        let wait = match (self.allowed, wanted) {
            (Locality::Node, Locality::Rack) => rack,
            (Locality::Node, Locality::Any) => rack + any,
            (Locality::Rack, Locality::Any) => any,
            _ => return None,
        };
        let until = self.since + wait;
        if until > now {
            return Some(until);
        }
        self.allowed = wanted;
        None
    }

    pub fn is_waiting(&self, work: &Work) -> bool {
        !self.again.is_empty() || self.next < work.stages[self.stage].tasks.end
    }

    fn next_in_order(&mut self, work: &Work) -> Option<usize> {
        let end = work.stages[self.stage].tasks.end;
        let task = (self.next < end).then_some(self.next)?;
        self.next += 1;
        while self.next < end && work.tasks[self.next].retry {
            self.next += 1;
        }
        Some(task)
    }
}
