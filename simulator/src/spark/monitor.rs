//! Which idle executors dynamic allocation gives back, and when: Spark's ExecutorMonitor. An executor
//! goes after the idle timeout; one with cached blocks or shuffle files after the timeout of those,
//! the shorter where it has both; one whose files a running job names stays.

use sparkwright::model::time::Timestamp;

use super::allocation::Allocation;
use super::driver::Driver;
use super::outputs::Outputs;
use super::place;
use super::queue::{Due, Queue};
use super::slots::Slots;
use crate::trace::work::Work;

#[derive(Clone, Debug, Default)]
pub(super) struct Monitor {
    /// By executor: a look is in the queue.
    looks: Vec<bool>,
    /// Executors idle past the shortest timeout, and kept so far; ascending.
    overdue: Vec<u32>,
    look_again: bool,
}

/// What a decision is made from.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub work: &'a Work,
    pub slots: &'a Slots,
    pub outputs: &'a Outputs,
    pub driver: &'a Driver,
    pub allocation: &'a Allocation,
}

impl Monitor {
    /// Something that kept idle executors may have gone.
    pub fn look_again(&mut self) {
        self.look_again = true;
    }

    /// No executor has been idle for longer than the shortest timeout.
    pub fn is_content(&self) -> bool {
        self.overdue.is_empty()
    }

    /// An executor has become idle, if it has.
    pub fn watch(
        &mut self,
        allocation: &Allocation,
        slots: &Slots,
        executor: u32,
        queue: &mut Queue,
    ) {
        if let Some(since) = slots.idle_since(executor) {
            let at = since + allocation.rules.idle;
            self.look_at(executor, at, queue);
        }
    }

    fn look_at(&mut self, executor: u32, at: Timestamp, queue: &mut Queue) {
        if self.looks.len() <= place(executor) {
            self.looks.resize(place(executor) + 1, false);
        }
        let looks = &mut self.looks[place(executor)];
        if !std::mem::replace(looks, true) {
            queue.push(at, Due::Idle(executor));
        }
    }

    /// A look at an executor that may have been idle for the timeout; true where it was.
    pub fn looks(
        &mut self,
        allocation: &Allocation,
        slots: &Slots,
        executor: u32,
        now: Timestamp,
        queue: &mut Queue,
    ) -> bool {
        self.looks[place(executor)] = false;
        let Some(since) = slots.idle_since(executor) else {
            return false;
        };
        if since + allocation.rules.idle > now {
            self.watch(allocation, slots, executor, queue);
            return false;
        }
        if let Err(at) = self.overdue.binary_search(&executor) {
            self.overdue.insert(at, executor);
        }
        self.look_again = true;
        true
    }

    /// Some executors have been idle for long enough, and who of them is kept may have changed.
    pub fn is_due(&mut self) -> bool {
        std::mem::take(&mut self.look_again) && !self.overdue.is_empty()
    }

    /// Executors to give back, those first that have been idle longest. As many are kept as are
    /// wanted.
    pub fn leaving(&mut self, facts: Facts<'_>, now: Timestamp, queue: &mut Queue) -> Vec<u32> {
        let Facts {
            work,
            slots,
            allocation,
            ..
        } = facts;
        self.overdue.retain(|&e| slots.idle_since(e).is_some());
        let mut turns = self.overdue.clone();
        turns.sort_by_key(|&executor| slots.idle_since(executor));
        let mut stay: Vec<u32> = (0..work.profiles.len())
            .map(|profile| slots.executors_of(profile))
            .collect();
        let mut leaving = Vec::new();
        for executor in turns {
            let profile = slots.profile_of(executor);
            if stay[profile] <= allocation.min.max(allocation.target(profile)) {
                continue;
            }
            match kept(facts, executor) {
                Kept::Until(at) if at > now => self.look_at(executor, at, queue),
                Kept::WhileRead => {}
                Kept::Until(_) => {
                    stay[profile] -= 1;
                    leaving.push(executor);
                }
            }
        }
        self.overdue.retain(|executor| !leaving.contains(executor));
        leaving
    }
}

/// How long an idle executor is kept for what it holds.
enum Kept {
    Until(Timestamp),
    /// Until something else happens.
    WhileRead,
}

fn kept(facts: Facts<'_>, executor: u32) -> Kept {
    let rules = &facts.allocation.rules;
    let (work, driver) = (facts.work, facts.driver);
    let holds = |counts: &dyn Fn(usize) -> bool| {
        rules.kubernetes_tracking && facts.outputs.holds(work, executor, counts)
    };
    if holds(&|stage| driver.is_read(work, stage)) {
        return Kept::WhileRead;
    }
    let cached = (facts.slots.cached_until(executor)).is_some_and(|job| !driver.is_over(job));
    // Without a timeout files are kept until the driver's garbage collector drops them, which is
    // after the last job that names them.
    let shuffle = match rules.shuffle_timeout {
        Some(_) => holds(&|_| true),
        None => holds(&|stage| driver.will_be_read(work, stage)),
    };
    let timeouts = [
        cached.then_some(rules.cached_idle),
        shuffle.then_some(rules.shuffle_timeout),
    ];
    let shortest = match timeouts {
        [None, None] => Some(rules.idle),
        _ => timeouts.into_iter().flatten().flatten().min(),
    };
    let since = facts.slots.idle_since(executor).unwrap_or_default();
    shortest.map_or(Kept::WhileRead, |timeout| Kept::Until(since + timeout))
}
