//! Map output: which executor holds what a task wrote for a shuffle, what is gone with an executor,
//! and what is then made again. The rules are those of Spark's DAGScheduler: a stage that runs does
//! its lost tasks again at once; a stage that is done does them again when a stage that reads them
//! has tasks left to launch; that one waits, and keeps the tasks that it has done. A task that runs
//! has fetched its input.

use sparkwright::model::time::{Span, Timestamp};

use super::holdings::Holdings;
use super::line::State;
use super::queue::{Due, Queue};
use super::slots::Slots;
use super::{number, place};
use crate::trace::work::Work;

/// From a failed fetch to the stages' being submitted again: DAGScheduler.RESUBMIT_TIMEOUT.
const RESUBMISSION: Span = Span::from_millis(200);

/// No executor: Spark numbers them from 1.
const NOBODY: u32 = 0;
/// Output that outlives executors: it was handed to the fallback storage.
const STORE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(super) struct Outputs {
    /// By task.
    holders: Vec<u32>,
    holdings: Holdings,
    /// Some output was lost once. Until then no stage can lack any.
    pub any_lost: bool,
}

impl Outputs {
    /// `stays`: shuffle files outlive their executors.
    pub fn new(work: &Work, stays: bool) -> Self {
        let writes = !stays && work.stages.iter().any(|stage| stage.writes_shuffle);
        let tasks = if writes { work.tasks.len() } else { 0 };
        Outputs {
            holders: vec![NOBODY; tasks],
            holdings: Holdings::new(work.stages.len()),
            any_lost: false,
        }
    }

    /// A task of a stage that writes for a shuffle was done here.
    pub fn wrote(&mut self, executor: u32, task: u32, stage: usize) {
        if let Some(holder) = self.holders.get_mut(place(task)) {
            *holder = executor;
            self.holdings.add(executor, stage);
        }
    }

    /// The executor holds output of a stage for which `counts` is true.
    pub fn holds(&self, work: &Work, executor: u32, counts: impl Fn(usize) -> bool) -> bool {
        self.holdings.of(executor).any(|stage| {
            let own = self.holders.get(work.stages[stage].tasks.clone());
            own.is_some_and(|own| counts(stage) && own.contains(&executor))
        })
    }

    /// Hands all that an executor holds to another one, or to a store; true where there was any.
    pub fn hand_on(&mut self, executor: u32, peer: Option<u32>) -> bool {
        let mut any = false;
        for holder in self.holders.iter_mut().filter(|h| **h == executor) {
            *holder = peer.unwrap_or(STORE);
            any = true;
        }
        match peer {
            Some(peer) => self.holdings.move_to(executor, peer),
            None => self.holdings.clear(executor),
        }
        any
    }

    /// All that an executor held is gone. Stages that read it and have tasks to launch notice.
    pub fn lose(
        &mut self,
        work: &Work,
        slots: &mut Slots,
        executor: u32,
        now: Timestamp,
        queue: &mut Queue,
    ) {
        for number in self.holdings.of(executor) {
            let stage = &work.stages[number];
            let Some(own) = self.holders.get_mut(stage.tasks.clone()) else {
                return;
            };
            let mut lost = false;
            for (holder, task) in own.iter_mut().zip(super::number(stage.tasks.start)..) {
                if *holder == executor {
                    *holder = NOBODY;
                    lost = true;
                    slots.lines[number].lose_output(task);
                    if slots.lines[number].state != State::Done {
                        slots.expect(work, number, 1);
                    }
                }
            }
            if lost {
                self.any_lost = true;
                slots.line_up(work, number);
            }
        }
        self.holdings.clear(executor);
        if self.any_lost {
            self.block_readers(work, slots, now, queue);
        }
    }

    fn block_readers(&self, work: &Work, slots: &mut Slots, now: Timestamp, queue: &mut Queue) {
        for stage in 0..work.stages.len() {
            if slots.lines[stage].state == State::Runs && self.lacks_input(work, slots, stage) {
                slots.block(work, stage);
                queue.push(now + RESUBMISSION, Due::Resubmits(number(stage)));
            }
        }
    }

    fn lacks_input(&self, work: &Work, slots: &Slots, stage: usize) -> bool {
        let lacks = |&parent: &usize| {
            let line = &slots.lines[parent];
            line.told && (line.state != State::Done || line.lacks_output())
        };
        self.any_lost
            && slots.lines[stage].has_unlaunched()
            && work.stages[stage].parents.iter().any(lacks)
    }

    /// A stage's tasks get in line, once all of its input is there: what lacks is made again first,
    /// from the farthest stage back that lacks any.
    pub fn submit(&self, work: &Work, slots: &mut Slots, stage: usize) {
        let mut unsure = vec![stage];
        while let Some(stage) = unsure.pop() {
            if !matches!(slots.lines[stage].state, State::Runs | State::Blocked) {
                continue;
            }
            if !self.lacks_input(work, slots, stage) {
                slots.lines[stage].state = State::Runs;
                slots.line_up(work, stage);
                continue;
            }
            slots.block(work, stage);
            for &parent in &work.stages[stage].parents {
                if slots.lines[parent].lacks_output() {
                    slots.reopen(work, parent);
                    unsure.push(parent);
                }
            }
        }
    }

    /// A stage is done: those that waited for its output may go on.
    pub fn made(&self, work: &Work, slots: &mut Slots, stage: usize) {
        if self.any_lost {
            for &child in &work.stages[stage].children {
                if slots.lines[child].state == State::Blocked {
                    self.submit(work, slots, child);
                }
            }
        }
    }
}
