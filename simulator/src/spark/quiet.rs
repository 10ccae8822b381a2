//! How far an application can be left alone: until when nothing can come of its tasks and executors that
//! the world would have to hear of. What happens until then is done in one go, each thing as of its own
//! time, and executors are counted once after it instead of each time.

use sparkwright::model::time::Timestamp;

use super::Wish;
use super::line::State;
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
        let is_steady = self.looks_ahead
            && !self.waits_for_executors
            && !self.pods.lacks
            && !(self.gave_back && self.outputs.any_lost)
            && self.leaving.is_empty()
            && self.monitor.is_content();
        if !is_steady {
            return None;
        }
        let next = self.queue.next_time()?;
        let mut until = self.queue.next_other();
        let mut not_after = |time| until = Some(until.map_or(time, |until| until.min(time)));
        for &stage in &self.slots.active {
            if self.outputs.any_lost && self.work.stages[stage].retries > 0 {
                return None;
            }
            if let Some(time) = self.not_done_before(stage, next) {
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

    /// A stage takes until the last of its tasks ends that run, and where some wait for slots, which are free at
    /// `next` or later, at least as long from then on as the shortest of them. None where some wait for input.
    fn not_done_before(&self, stage: usize, next: Timestamp) -> Option<Timestamp> {
        let line = &self.slots.lines[stage];
        if line.state == State::Blocked {
            return None;
        }
        if line.waiting() == 0 || self.slots.any_pace {
            return Some(line.until);
        }
        Some(line.until.max(next + self.work.stages[stage].shortest))
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

#[cfg(test)]
mod tests;
