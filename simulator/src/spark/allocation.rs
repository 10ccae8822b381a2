//! Dynamic allocation: how many executors are wanted for the tasks at hand. Spark's own rule
//! (ExecutorAllocationManager, 3.0 to 4.x), on changes instead of every 100 ms.

use sparkwright::model::time::Timestamp;

use super::queue::{Due, Queue};
use super::slots::Slots;
use crate::trace::settings::{Dynamic, Settings, executors_for};
use crate::trace::work::Work;

#[derive(Clone, Debug)]
pub(super) struct Allocation {
    pub rules: Dynamic,
    pub min: u32,
    max: u32,
    /// By profile.
    targets: Vec<Target>,
    /// When more are asked for, of every profile; None is no backlog.
    add_at: Option<Timestamp>,
    /// Before the first stage the initial target stands.
    initializing: bool,
}

/// What is wanted of one resource profile.
#[derive(Clone, Copy, Debug)]
struct Target {
    executors: u32,
    /// How many the next request adds.
    step: u32,
}

impl Allocation {
    pub fn new(settings: &Settings, profiles: usize) -> Option<Self> {
        let count = settings.count;
        let target = Target {
            executors: count.initial,
            step: 1,
        };
        Some(Allocation {
            rules: settings.dynamic.clone()?,
            min: count.min,
            max: count.max.unwrap_or(u32::MAX),
            targets: vec![target; profiles],
            add_at: None,
            initializing: true,
        })
    }

    /// Executors wanted of a profile.
    pub fn target(&self, profile: usize) -> u32 {
        self.targets[profile].executors
    }

    /// The first stage, or the first executor that was idle for too long, ends the start.
    pub fn initialized(&mut self) {
        self.initializing = false;
    }

    /// Brings the targets up to date with the tasks that run and wait; true where one fell.
    pub fn update(
        &mut self,
        work: &Work,
        slots: &Slots,
        now: Timestamp,
        queue: &mut Queue,
    ) -> bool {
        self.watch_backlog(slots, now, queue);
        if self.initializing {
            return false;
        }
        let due = self.add_at.is_some_and(|at| at <= now);
        let (mut rose, mut fell) = (false, false);
        for (profile, target) in self.targets.iter_mut().enumerate() {
            if !slots.is_named(profile, &work.profiles) {
                continue;
            }
            let per_executor = work.profiles[profile].slots;
            let needed = executors_for(slots.unfinished(profile), self.rules.ratio, per_executor);
            if needed < target.executors {
                let lower = needed.max(self.min);
                fell |= lower < target.executors;
                target.executors = lower;
                target.step = 1;
            } else if due {
                let registered = slots.executors_of(profile);
                rose |= target.raise(registered, needed, self.min, self.max);
            }
        }
        if rose {
            let next = now + self.rules.sustained_backlog;
            self.add_at = Some(next);
            queue.push(next, Due::Backlog);
        }
        fell
    }

    fn watch_backlog(&mut self, slots: &Slots, now: Timestamp, queue: &mut Queue) {
        if !slots.has_backlog() {
            self.add_at = None;
            self.targets.iter_mut().for_each(|target| target.step = 1);
        } else if self.add_at.is_none() {
            let first = now + self.rules.backlog;
            self.add_at = Some(first);
            queue.push(first, Due::Backlog);
        }
    }
}

impl Target {
    /// Adds 1, then 2, 4, 8 … as long as that much is needed; true where it asks for more.
    fn raise(&mut self, registered: u32, needed: u32, min: u32, max: u32) -> bool {
        if self.executors >= max {
            self.step = 1;
            return false;
        }
        let raised = (self.executors.max(registered).saturating_add(self.step))
            .min(needed)
            .min(max)
            .max(min)
            .max(self.executors);
        let added = raised - self.executors;
        self.step = if added > 0 && added == self.step {
            self.step.saturating_mul(2)
        } else {
            1
        };
        self.executors = raised;
        added > 0
    }
}
