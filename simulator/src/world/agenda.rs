//! What will happen, in order of time; at the same time in the order in which it was decided, so that
//! a run depends on nothing else. What it means when it happens is for the run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::time::Timestamp;

use super::fleet::Upheaval;

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An application's driver pod is created; by position among the submissions.
    Submit(usize),
    /// An application wanted to be woken.
    Wake(usize),
    /// EC2 has an instance running for a node.
    Launched(NodeId),
    /// A node takes pods.
    Ready(NodeId),
    /// An instance is gone.
    Gone(NodeId),
    /// EC2 answers a call, by number.
    Answered(u64),
    /// A throttled call is made again, by number.
    CallAgain(u64),
    /// EC2 says that it takes an instance back.
    Notice(NodeId),
    /// It has taken it.
    Reclaimed(NodeId),
    /// Something that happens whoever asks.
    Upheaval(Upheaval),
    /// A pod's container runs.
    Started(PodId),
    /// The planner looks.
    Round,
}

impl Due {
    /// True for what would go on for ever: a run is over when nothing else is to come.
    fn is_background(&self) -> bool {
        matches!(self, Due::Notice(_) | Due::Upheaval(_))
    }
}

/// The future.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    entries: u64,
    foreground: usize,
}

impl Agenda {
    /// Adds something. A submission comes before all else at its time, whenever it is added.
    pub fn add(&mut self, at: Timestamp, due: Due) {
        self.foreground += usize::from(!due.is_background());
        let entry = match due {
            Due::Submit(_) => 0,
            _ => {
                self.entries += 1;
                self.entries
            }
        };
        self.heap.push(Reverse((at, entry, due)));
    }

    /// When the next thing happens; None once only what goes on for ever is to come.
    pub fn next_time(&self) -> Option<Timestamp> {
        let next = self.next_entry();
        next.filter(|_| self.foreground > 0)
    }

    fn next_entry(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next thing that happens at `now`.
    pub fn take(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_entry() != Some(now) {
            return None;
        }
        let due = self.heap.pop().map(|Reverse((_, _, due))| due)?;
        self.foreground -= usize::from(!due.is_background());
        Some(due)
    }
}
