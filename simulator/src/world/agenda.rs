//! What will happen, in order of time; at the same time in the order in which it was decided, so that
//! a run depends on nothing else. What it means when it happens is for the run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::time::Timestamp;

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
    /// A pod's container runs.
    Started(PodId),
    /// The planner looks.
    Round,
}

/// The future.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    entries: u64,
}

impl Agenda {
    /// Adds something.
    pub fn add(&mut self, at: Timestamp, due: Due) {
        self.heap.push(Reverse((at, self.entries, due)));
        self.entries += 1;
    }

    /// When the next thing happens.
    pub fn next_time(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next thing that happens at `now`.
    pub fn take(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_time() != Some(now) {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }
}
