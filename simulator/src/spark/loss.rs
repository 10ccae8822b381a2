//! Executors that go: lost with all that was on them, told to go and given time, or idle and given
//! back. What a decommissioned executor does is Spark's BlockManagerDecommissioner: it hands its
//! shuffle files to another executor, looks again after an interval, and exits when it has no task
//! and found nothing.

use sparkwright::model::time::{Span, Timestamp};

use super::Wish;
use super::queue::Due;
use super::run::Run;

/// From being told to go to the shuffle files' being on another executor: 26 MiB took 0.5 s on a
/// loaded machine (Spark 4.3.0). Larger ones take longer, and no log says how large they are on each
/// executor.
const HAND_ON: Span = Span::from_secs(1);

impl Run {
    /// An executor is lost with all that was on it.
    pub fn executor_lost(&mut self, executor: u32, now: Timestamp, _: &mut Vec<Wish>) {
        self.quiet_until = Timestamp::ZERO;
        if self.pods.gone(executor) {
            self.forget(executor, now);
        }
    }

    /// An executor's pod is being deleted. Without decommission it goes on until it is killed.
    pub fn executor_warned(&mut self, executor: u32, _until: Timestamp, now: Timestamp) {
        self.quiet_until = Timestamp::ZERO;
        if self.work.settings.decommission.is_some() {
            self.decommission(executor, now);
        }
    }

    /// An executor takes no more tasks, and goes once it has none and has handed its files on. For
    /// Spark on Kubernetes it counts as running until it is gone.
    pub(super) fn decommission(&mut self, executor: u32, now: Timestamp) {
        self.slots.stop(executor);
        if !self.leaving.iter().any(|(other, _)| *other == executor) {
            self.leaving.push((executor, false));
            self.queue.push(now + HAND_ON, Due::HandsOn(executor));
        }
    }

    /// A look of a decommissioned executor at what it holds.
    pub(super) fn hands_on(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        let Some(rules) = self.work.settings.decommission else {
            return;
        };
        let idle = self.slots.is_idle(executor);
        let Some(interval) = rules.migration else {
            if idle {
                self.lose(executor, now, wishes);
            } else {
                self.queue.push(now + HAND_ON, Due::HandsOn(executor));
            }
            return;
        };
        let holds = self.outputs.holds(&self.work, executor, |_| true);
        if idle && !holds {
            self.lose(executor, now, wishes);
            return;
        }
        let peer = self.slots.peer_of(executor);
        if peer.is_some() || rules.fallback {
            self.outputs.hand_on(executor, peer);
            self.queue.push(now + interval, Due::HandsOn(executor));
        } else {
            let mut leaving = self.leaving.iter_mut();
            if let Some((_, waits)) = leaving.find(|(other, _)| *other == executor) {
                *waits = true;
            }
        }
    }

    /// Executors that had nobody to hand their files to have somebody.
    pub(super) fn peer_has_come(&mut self, now: Timestamp) {
        for (executor, waits) in &mut self.leaving {
            if std::mem::take(waits) {
                self.queue.push(now + HAND_ON, Due::HandsOn(*executor));
            }
        }
    }

    /// A log's executor that is to go does so once its tasks are done; what it wrote is where it was
    /// in the log.
    pub(super) fn leave_if_idle(&mut self, executor: u32, wishes: &mut Vec<Wish>) {
        let goes = !self.simulated && self.pods.is_leaving(executor);
        if goes && self.slots.is_idle(executor) && self.pods.gone(executor) {
            self.slots.lose(executor, &mut self.queue);
            wishes.push(Wish::DeleteExecutor { executor });
        }
    }

    /// An executor goes at once.
    pub(super) fn lose(&mut self, executor: u32, now: Timestamp, wishes: &mut Vec<Wish>) {
        if self.pods.gone(executor) {
            self.forget(executor, now);
            wishes.push(Wish::DeleteExecutor { executor });
        }
    }

    fn forget(&mut self, executor: u32, now: Timestamp) {
        self.leaving.retain(|(other, _)| *other != executor);
        for task in self.slots.lose(executor, &mut self.queue) {
            self.slots.take_back(&self.work, task);
        }
        self.outputs
            .lose(&self.work, &mut self.slots, executor, now, &mut self.queue);
    }
}
