//! What an application has ahead of it, by time. Things of one instant come in the order in which
//! they were put in, so that a replay has one answer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sparkwright::model::time::Timestamp;

/// Something that will happen inside an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    ApplicationStart,
    /// The driver's scheduler takes executors.
    SchedulerUp,
    /// The driver goes on with what executors it has.
    RegistrationTimeout,
    JobStarts(usize),
    JobEnds(usize),
    StageStarts(usize),
    /// Tasks of this stage may run farther from their data.
    Relaxes(usize),
    TaskEnds {
        executor: u32,
        run: u64,
    },
    Registers(u32),
    /// A registered executor is offered its first tasks.
    TakesTasks(u32),
    /// An executor takes no more tasks and goes once it has none.
    Leaves(u32),
    /// An executor goes at once.
    Lost(u32),
    /// An executor may have been idle for long enough.
    Idle(u32),
    /// Dynamic allocation may ask for more.
    Backlog,
    /// The next batch of pods may be created.
    Batch,
    ApplicationEnd,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    pushed: u64,
}

impl Queue {
    pub fn push(&mut self, time: Timestamp, due: Due) {
        self.heap.push(Reverse((time, self.pushed, due)));
        self.pushed += 1;
    }

    pub fn next_time(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((time, _, _))| *time)
    }

    /// The next thing, if it is due at exactly this time.
    pub fn pop_at(&mut self, time: Timestamp) -> Option<Due> {
        if self.next_time() != Some(time) {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }

    pub fn clear(&mut self) {
        self.heap.clear();
    }
}
