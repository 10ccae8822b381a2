//! Dynamic allocation: how many executors are wanted for the tasks at hand, and which idle ones are
//! given back. Spark's own rule (ExecutorAllocationManager, 3.0 to 4.x), on changes instead of every
//! 100 ms.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::{Span, Timestamp};

use super::driver::Driver;
use super::pods::Pods;
use super::queue::{Due, Queue};
use super::slots::Slots;
use crate::trace::settings::{Dynamic, Settings, executors_for};
use crate::trace::work::Work;

#[derive(Clone, Debug)]
pub(super) struct Allocation {
    rules: Dynamic,
    tracks_shuffle: bool,
    min: u32,
    initial: u32,
    max: u32,
    targets: BTreeMap<u32, Target>,
    /// Before the first stage the initial target stands.
    initializing: bool,
    /// Executors with an `Idle` in the queue.
    watched: BTreeSet<u32>,
    /// Executors idle past the timeout, and kept so far.
    overdue: BTreeSet<u32>,
    look_again: bool,
}

/// What is wanted of one resource profile.
#[derive(Clone, Debug)]
struct Target {
    executors: u32,
    /// How many the next request adds.
    step: u32,
    /// When it is due; None is no backlog.
    request_at: Option<Timestamp>,
}

impl Allocation {
    pub fn new(settings: &Settings, simulated: bool) -> Option<Self> {
        let count = settings.count;
        let rules = settings.dynamic.clone()?;
        let mut allocation = Allocation {
            tracks_shuffle: if simulated {
                rules.kubernetes_tracking
            } else {
                rules.recorded_tracking
            },
            rules,
            min: count.min,
            initial: count.initial,
            max: count.max.unwrap_or(u32::MAX),
            targets: BTreeMap::new(),
            initializing: true,
            watched: BTreeSet::new(),
            overdue: BTreeSet::new(),
            look_again: false,
        };
        allocation.targets.insert(0, Target::of(count.initial));
        Some(allocation)
    }

    /// Executors wanted, by profile.
    pub fn targets(&self) -> BTreeMap<u32, u32> {
        let executors = |(&profile, target): (&u32, &Target)| (profile, target.executors);
        self.targets.iter().map(executors).collect()
    }

    /// Something that kept idle executors may have gone.
    pub fn look_again(&mut self) {
        self.look_again = true;
    }

    /// Brings the targets up to date with the tasks that run and wait.
    pub fn update(&mut self, work: &Work, slots: &Slots, now: Timestamp, queue: &mut Queue) {
        for profile in slots.profiles() {
            let tasks = slots.unfinished(profile);
            self.initializing &= tasks == 0;
            let per_executor = work.slots.get(&profile).copied().unwrap_or(1);
            let needed = executors_for(tasks, self.rules.ratio, per_executor);
            let initial = self.initial;
            let target = (self.targets)
                .entry(profile)
                .or_insert_with(|| Target::of(initial));
            target.watch_backlog(&self.rules, slots.has_backlog(profile), now, queue);
            if self.initializing {
                continue;
            }
            let lower = needed.max(self.min);
            if needed < target.executors && lower < target.executors {
                target.executors = lower;
                target.step = 1;
                self.look_again = true;
            } else if target.request_at.is_some_and(|at| at <= now) {
                let least = target.executors.max(slots.executors_of(profile));
                let most = needed.max(self.min).min(self.max);
                target.raise(least, most);
                target.request_again(&self.rules, most, now, queue);
            }
        }
    }

    /// An executor has become idle, if it has.
    pub fn watch(&mut self, slots: &Slots, executor: u32, queue: &mut Queue) {
        if let Some(since) = slots.idle_since(executor)
            && self.watched.insert(executor)
        {
            queue.push(since + self.rules.idle, Due::Idle(executor));
        }
    }

    /// An executor may have been idle for the timeout.
    pub fn idle(&mut self, slots: &Slots, executor: u32, now: Timestamp, queue: &mut Queue) {
        self.watched.remove(&executor);
        match slots.idle_since(executor) {
            Some(since) if since + self.rules.idle <= now => {
                self.initializing = false;
                self.overdue.insert(executor);
                self.look_again = true;
            }
            Some(_) => self.watch(slots, executor, queue),
            None => {}
        }
    }

    /// Executors to give back, and how long each takes to hand on its shuffle files. As many are
    /// kept as are wanted.
    pub fn leaving(
        &mut self,
        work: &Work,
        slots: &mut Slots,
        driver: &Driver,
        pods: &Pods,
        now: Timestamp,
        queue: &mut Queue,
    ) -> Vec<(u32, Span)> {
        if !std::mem::take(&mut self.look_again) {
            return Vec::new();
        }
        self.overdue
            .retain(|&executor| slots.idle_since(executor).is_some());
        let mut turns: Vec<(Timestamp, u32)> = (self.overdue.iter())
            .filter_map(|&executor| {
                let since = slots.idle_since(executor)?;
                Some((pods.turn_to_leave(work, executor, since, now)?, executor))
            })
            .collect();
        turns.sort_unstable();
        let mut leaving = Vec::new();
        let mut left: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, executor) in turns {
            let profile = slots.profile_of(executor).unwrap_or(0);
            let gone = left.entry(profile).or_default();
            let stay = slots.executors_of(profile).saturating_sub(*gone);
            let wanted = self
                .targets
                .get(&profile)
                .map_or(0, |target| target.executors);
            if stay <= self.min.max(wanted) || self.keeps(work, slots, driver, executor, now, queue)
            {
                continue;
            }
            *gone += 1;
            self.overdue.remove(&executor);
            let holds = slots.holds_shuffle(executor, |_| true);
            let migration = work.settings.migration.filter(|_| holds);
            leaving.push((executor, migration.unwrap_or(Span::ZERO)));
        }
        leaving
    }

    /// Shuffle files keep an executor while jobs may read them, or for a time of their own.
    fn keeps(
        &self,
        work: &Work,
        slots: &mut Slots,
        driver: &Driver,
        executor: u32,
        now: Timestamp,
        queue: &mut Queue,
    ) -> bool {
        if !self.tracks_shuffle {
            return false;
        }
        let Some(timeout) = self.rules.shuffle_timeout else {
            return slots.holds_shuffle(executor, |stage| !driver.has_read(work, stage));
        };
        if slots.wrote_for(executor, |stage| !driver.has_ended(work, stage)) {
            return true;
        }
        let holds = slots.holds_shuffle(executor, |_| true);
        let until = slots.idle_since(executor).map(|since| since + timeout);
        match until.filter(|&until| holds && until > now) {
            Some(until) => {
                queue.push(until, Due::Idle(executor));
                true
            }
            None => false,
        }
    }
}

impl Target {
    fn of(executors: u32) -> Self {
        Target {
            executors,
            step: 1,
            request_at: None,
        }
    }

    fn watch_backlog(&mut self, rules: &Dynamic, backlog: bool, now: Timestamp, queue: &mut Queue) {
        if !backlog {
            self.request_at = None;
            self.step = 1;
        } else if self.request_at.is_none() {
            self.request_at = Some(now + rules.backlog);
            queue.push(now + rules.backlog, Due::Backlog);
        }
    }

    /// Adds 1, then 2, 4, 8 … as long as that much is needed.
    fn raise(&mut self, least: u32, most: u32) {
        let raised = least
            .saturating_add(self.step)
            .min(most)
            .max(self.executors);
        let added = raised - self.executors;
        self.step = if added == self.step {
            self.step.saturating_mul(2)
        } else {
            1
        };
        self.executors = raised;
    }

    fn request_again(&mut self, rules: &Dynamic, most: u32, now: Timestamp, queue: &mut Queue) {
        let next = now + rules.sustained_backlog;
        self.request_at = Some(next);
        if self.executors < most {
            queue.push(next, Due::Backlog);
        }
    }
}
