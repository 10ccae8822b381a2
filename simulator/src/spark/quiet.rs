//! How far an application can be left alone: until when nothing can come of its tasks and executors that
//! the world would have to hear of. What happens until then is done in one go, each thing as of its own
//! time, and executors are counted once after it instead of each time.

use sparkwright::model::time::{Span, Timestamp};

use super::Wish;
use super::line::{Left, State};
use super::queue::Due;
use super::run::Run;

impl Run {
    /// Finds out until when it can be left alone.
    pub(super) fn look_ahead(&mut self) {
        self.quiet_until = self.foresees().unwrap_or(Timestamp::ZERO);
    }

    /// What can change how many executors are wanted, or who of them is kept, is either one of the other
    /// things to come, or the end of a stage, or some executor's having been idle. A task that ends makes
    /// fewer wanted, and that matters to pods alone that have been pending for long. Where more can happen
    /// than that, each thing is told: None.
    ///
    /// Output that was lost changes none of it: it is missed at the moment of the loss, where a stage
    /// starts or is done, and at a time that is among the other things to come. But where it was, a task
    /// that fails may find that its retry lacks input; and what went with executors that were given back
    /// is in line again only after slots and targets were looked at, so they are once more.
    fn foresees(&mut self) -> Option<Timestamp> {
        let is_unsettled = self.gave_back && self.outputs.any_lost;
        let is_steady = self.looks_ahead
            && !self.waits_for_executors
            && !self.pods.lacks
            && !is_unsettled
            && self.leaving.is_empty()
            && self.monitor.is_content();
        if !is_steady {
            return None;
        }
        let next = self.queue.next_time()?;
        let mut until = self.queue.next_other();
        let mut not_after = |time| until = Some(until.map_or(time, |until| until.min(time)));
        let at_once = self.most_at_once();
        for &stage in &self.slots.active {
            if self.outputs.any_lost && self.work.stages[stage].retries > 0 {
                return None;
            }
            if let Some(time) = self.not_done_before(stage, next, at_once) {
                not_after(time);
            }
        }
        if let Some(allocation) = &self.allocation {
            let idle = allocation.rules.idle;
            not_after(next + idle);
            if let Some(time) = self.pods.surplus_from(idle) {
                not_after(time);
            }
        }
        until
    }

    /// As many tasks as can run at once while no other container starts.
    fn most_at_once(&self) -> u32 {
        let profiles = self.work.profiles.iter();
        let per_executor = profiles.map(|profile| profile.slots).max().unwrap_or(0);
        let all = self.pods.running().saturating_mul(per_executor);
        self.slots.serving().max(all)
    }

    /// A stage takes until the last of its tasks ends that run, and where some wait for slots, which are free at
    /// `next` or later, at least as long from then on as all of those take on the slots that there can be. None where
    /// some wait for input.
    fn not_done_before(&self, stage: usize, next: Timestamp, at_once: u32) -> Option<Timestamp> {
        let line = &self.slots.lines[stage];
        if line.state == State::Blocked {
            return None;
        }
        if line.waiting() == 0 || self.slots.any_pace {
            return Some(line.until);
        }
        let left = line.left(&self.work);
        let alone = left.longest.max(shared(left.all, at_once));
        let behind = self.work_before(stage).map_or(Span::ZERO, |before| {
            shared(before.all + left.all, at_once) - before.longest
        });
        Some(line.until.max(next + alone.max(behind)))
    }

    /// Tasks that wait and are launched before those of a stage. When it is done, all of these have been launched, and
    /// those that still run take no longer than the longest. None where pools take turns.
    fn work_before(&self, stage: usize) -> Option<Left> {
        if self.work.pools.len() > 1 {
            return None;
        }
        let stages = &self.work.stages;
        let is_before =
            |&other: &usize| other < stage && stages[other].profile == stages[stage].profile;
        let before = (self.slots.active.iter().copied()).filter(is_before);
        let lines = before.map(|other| &self.slots.lines[other]);
        let waiting = lines.filter(|line| line.waiting() > 0);
        let left = waiting.map(|line| line.left(&self.work));
        left.reduce(|one, other| Left {
            longest: one.longest.max(other.longest),
            all: one.all + other.all,
        })
    }

    /// Does what happens on executors from `instant` on, up to `now` and as long as nothing else comes of it.
    pub(super) fn settle_quietly(
        &mut self,
        mut instant: Timestamp,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        loop {
            while let Some(due) = self.queue.pop_on_executors(instant) {
                match due {
                    Due::TaskEnds { executor, task } => {
                        self.task_ends(executor, task, instant, wishes);
                    }
                    due => self.handle(due, instant, wishes),
                }
            }
            self.slots.assign(&self.work, instant, &mut self.queue);
            match self.queue.next_on_executors() {
                Some(next) if next <= now && next < self.quiet_until => instant = next,
                _ => break,
            }
        }
        if let Some(allocation) = &mut self.allocation {
            allocation.update(&self.work, &self.slots, instant, &mut self.queue);
        }
    }
}

/// How long so many slots take at least for what takes one of them so long.
fn shared(work: Span, slots: u32) -> Span {
    Span::from_millis(work.millis() / i64::from(slots.max(1)))
}

#[cfg(test)]
mod tests;
