//! The tasks of one stage in line for slots: in the order in which the log's tasks were launched,
//! near their data first, and those that must run again before those that have not run.

use sparkwright::model::time::{Span, Timestamp};

use super::{number, place};
use crate::trace::recorded::Locality;
use crate::trace::work::{Stage, Work};

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub state: State,
    /// It has been done once: its job and the stages after it know.
    pub told: bool,
    /// Locality of the farthest tasks that may run, and since when none was launched.
    allowed: Locality,
    /// The first task that was not launched yet.
    next: u32,
    end: u32,
    /// Tasks that were never launched and are no retries.
    left: u32,
    /// Tasks to be launched before those: retries, those lost with their executor, and those whose
    /// output was.
    again: Vec<u32>,
    pub unfinished: u32,
    since: Timestamp,
    /// Not all that were launched end before.
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its turn has not come.
    Ahead,
    /// Its tasks run and wait for slots.
    Runs,
    /// Its tasks wait for input that is made again.
    Blocked,
    /// All are done.
    Done,
}

impl Line {
    pub fn of(stage: &Stage) -> Self {
        let tasks = number(stage.tasks.len());
        Line {
            state: State::Ahead,
            told: false,
            allowed: stage.nearest,
            next: number(stage.tasks.start),
            end: number(stage.tasks.end),
            left: tasks - stage.retries,
            again: Vec::new(),
            unfinished: tasks,
            since: Timestamp::ZERO,
            until: Timestamp::ZERO,
        }
    }

    /// The stage is submitted; tells how many tasks it brings.
    pub fn forms(&mut self, now: Timestamp) -> u32 {
        self.since = now;
        self.state = if self.unfinished == 0 {
            State::Done
        } else {
            State::Runs
        };
        self.unfinished
    }

    /// The next task to launch, and whether it is launched for the first time. Retries come up when
    /// the attempt before them has failed.
    pub fn take(&mut self, work: &Work, now: Timestamp) -> Option<(u32, bool)> {
        self.since = now;
        if let Some(task) = self.again.pop() {
            return Some((task, work.tasks[place(task)].retry));
        }
        self.left = self.left.checked_sub(1)?;
        let task = self.next;
        self.next += 1;
        while self.next < self.end && work.tasks[place(self.next)].retry {
            self.next += 1;
        }
        Some((task, true))
    }

    /// A task that ran was lost, and goes to the head of the line. Whether it was the last one to end is
    /// forgotten.
    pub fn take_back(&mut self, task: u32) {
        self.until = Timestamp::ZERO;
        self.again.push(task);
    }

    /// A task that was done has to be done again. While the stage is done it only counts as lacking.
    pub fn lose_output(&mut self, task: u32) {
        self.again.push(task);
        if self.state != State::Done {
            self.unfinished += 1;
        }
    }

    /// The stage is done, and not all of its output is there.
    pub fn lacks_output(&self) -> bool {
        self.state == State::Done && !self.again.is_empty()
    }

    /// What is lacking is to be made again; tells how many tasks that is.
    pub fn reopens(&mut self) -> u32 {
        self.unfinished = number(self.again.len());
        self.state = State::Runs;
        self.unfinished
    }

    /// A task is done. One that failed in the application's own code is followed by its retry.
    pub fn done(&mut self, work: &Work, task: u32) -> Ended {
        let retry = task + 1;
        let failed = retry < self.end && work.tasks[place(retry)].retry;
        if failed {
            self.again.push(retry);
        }
        self.unfinished -= 1;
        if self.unfinished > 0 {
            return Ended {
                failed,
                stage: false,
            };
        }
        self.state = State::Done;
        Ended {
            failed,
            stage: true,
        }
    }

    /// Until when the next task waits for a slot nearer to its data; None is no longer.
    pub fn keeps_near(&mut self, work: &Work, now: Timestamp) -> Option<Timestamp> {
        let next = (self.again.is_empty() && self.left > 0).then_some(place(self.next))?;
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

    /// Tasks that could be launched.
    pub fn waiting(&self) -> u32 {
        match self.state {
            State::Runs => self.left + number(self.again.len()),
            State::Ahead | State::Blocked | State::Done => 0,
        }
    }

    /// What the tasks that wait take at least.
    pub fn left(&self, work: &Work) -> Left {
        let again = self.again.iter();
        let again = again.map(|task| work.tasks[place(*task)].duration);
        let longest = again.max().unwrap_or_default();
        if self.left == 0 {
            return Left {
                longest,
                all: longest,
            };
        }
        let next = &work.tasks[place(self.next)];
        Left {
            longest: next.longest_left.max(longest),
            all: next.all_left,
        }
    }

    /// Tasks that were not launched, whether they could be or not.
    pub fn has_unlaunched(&self) -> bool {
        self.left > 0 || !self.again.is_empty()
    }
}

/// Tasks that wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// What the longest of them takes.
    pub longest: Span,
    /// What all of them take one after the other, or some of them.
    pub all: Span,
}

/// What the end of a task means for its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// It failed, and will be tried again.
    pub failed: bool,
    /// It was the last one.
    pub stage: bool,
}
