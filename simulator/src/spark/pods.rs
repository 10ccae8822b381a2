//! Executor pods: created in batches as Spark on Kubernetes creates them, or coming and going as a
//! log has them. Knows how many are wanted, not why.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::time::{Span, Timestamp};

use super::Wish;
use super::queue::{Due, Queue};
use crate::trace::recorded::Removal;
use crate::trace::work::{Arrival, Work};

/// YARN confirms the end of an executor 10 to 14 s after Spark asked for it (seen in a log of Spark
/// 3.2.1 with an idle timeout of 10 s); twice that is allowed for.
const CONFIRMATION: Span = Span::from_secs(28);

#[derive(Clone, Debug)]
pub(super) struct Pods {
    /// Executors of a log; the executor numbered n is at n − 1.
    arrivals: Vec<Arrival>,
    started: Timestamp,
    /// From then on pods are created.
    open_from: Timestamp,
    alive: BTreeMap<u32, Pod>,
    /// Pods of a profile that are not leaving.
    staying: BTreeMap<u32, u32>,
    leaving: BTreeSet<u32>,
    created: u32,
    last_batch: Option<Timestamp>,
    batch_due: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pod {
    profile: u32,
    created: Timestamp,
    runs: bool,
}

impl Pods {
    pub fn new(arrivals: Vec<Arrival>) -> Self {
        Pods {
            arrivals,
            started: Timestamp::ZERO,
            open_from: Timestamp::ZERO,
            alive: BTreeMap::new(),
            staying: BTreeMap::new(),
            leaving: BTreeSet::new(),
            created: 0,
            last_batch: None,
            batch_due: false,
        }
    }

    /// The application has started: puts the executors of a log in line.
    pub fn start(&mut self, work: &Work, now: Timestamp, queue: &mut Queue) {
        self.started = now;
        self.open_from = now + work.start_up;
        for (executor, arrival) in (1..).zip(&self.arrivals) {
            queue.push(now + arrival.at, Due::Registers(executor));
            match arrival.gone {
                Some((at, Removal::Lost)) => queue.push(now + at, Due::Lost(executor)),
                Some((at, Removal::ScaleDown)) => {
                    let window = give_back_window(work);
                    queue.push(now + at - window, Due::Idle(executor));
                    queue.push(now + at, Due::Leaves(executor));
                }
                None => {}
            }
        }
    }

    /// Creates what is missing of the targets by profile, a batch at a time, and deletes pods that wait
    /// for nothing any more.
    pub fn ask(
        &mut self,
        work: &Work,
        targets: &BTreeMap<u32, u32>,
        now: Timestamp,
        queue: &mut Queue,
        wishes: &mut Vec<Wish>,
    ) {
        if now < self.open_from {
            return;
        }
        let missing = |pods: &Pods| -> Vec<(u32, u32)> {
            (targets.iter())
                .map(|(&profile, &target)| (profile, target.saturating_sub(pods.staying(profile))))
                .filter(|&(_, missing)| missing > 0)
                .collect()
        };
        self.trim(work, targets, now, wishes);
        let wanted = missing(self);
        if wanted.is_empty() {
            return;
        }
        let next = self
            .last_batch
            .map_or(now, |last| last + work.settings.batch_delay);
        if next <= now {
            self.batch_due = false;
            self.batch(work, &wanted, now, wishes);
        }
        if !self.batch_due && !missing(self).is_empty() {
            self.batch_due = true;
            queue.push(now + work.settings.batch_delay, Due::Batch);
        }
    }

    /// The executor's container runs; false if it is not wanted any more.
    pub fn runs(&mut self, executor: u32) -> bool {
        match self.alive.get_mut(&executor) {
            Some(pod) => {
                let first = !pod.runs;
                pod.runs = true;
                first
            }
            None => false,
        }
    }

    /// The profile of a log's executor that comes now; None where pods were created before.
    pub fn arrives(&mut self, executor: u32, now: Timestamp) -> Option<u32> {
        let profile = self.arrival(executor)?.profile;
        self.insert(executor, profile, now, true);
        Some(profile)
    }

    /// The profile of an executor that is there to stay, and its slots where a log says.
    pub fn serves(&self, executor: u32) -> Option<(u32, Option<u32>)> {
        let pod = self.alive.get(&executor)?;
        let slots = self.arrival(executor).map(|arrival| arrival.slots);
        (!self.leaving.contains(&executor)).then_some((pod.profile, slots))
    }

    pub fn leaves(&mut self, executor: u32) {
        if let Some(pod) = self.alive.get(&executor)
            && self.leaving.insert(executor)
        {
            *self.staying.entry(pod.profile).or_default() -= 1;
        }
    }

    pub fn is_leaving(&self, executor: u32) -> bool {
        self.leaving.contains(&executor)
    }

    /// Forgets an executor; false if it was gone already.
    pub fn gone(&mut self, executor: u32) -> bool {
        let Some(pod) = self.alive.remove(&executor) else {
            return false;
        };
        if !self.leaving.remove(&executor) {
            *self.staying.entry(pod.profile).or_default() -= 1;
        }
        true
    }

    /// Forgets all executors, and names them.
    pub fn drain(&mut self) -> Vec<u32> {
        self.staying.clear();
        self.leaving.clear();
        std::mem::take(&mut self.alive).into_keys().collect()
    }

    pub fn alive(&self) -> u32 {
        u32::try_from(self.alive.len()).unwrap_or(u32::MAX)
    }

    /// Which idle executor is given back first, smallest first; None is not yet. Of a log's executors
    /// those that it gave back, in its order, and not long before: decommission takes its time, and
    /// only its end is logged.
    pub fn turn_to_leave(
        &self,
        work: &Work,
        executor: u32,
        idle_since: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.arrivals.is_empty() {
            return Some(idle_since);
        }
        let (gone, removal) = self.arrival(executor)?.gone?;
        let window = give_back_window(work);
        let given_back = removal == Removal::ScaleDown && now >= self.started + gone - window;
        given_back.then_some(self.started + gone)
    }

    fn arrival(&self, executor: u32) -> Option<&Arrival> {
        let place = usize::try_from(executor).ok()?.checked_sub(1)?;
        self.arrivals.get(place)
    }

    fn staying(&self, profile: u32) -> u32 {
        self.staying.get(&profile).copied().unwrap_or(0)
    }

    fn insert(&mut self, executor: u32, profile: u32, created: Timestamp, runs: bool) {
        let pod = Pod {
            profile,
            created,
            runs,
        };
        self.alive.insert(executor, pod);
        *self.staying.entry(profile).or_default() += 1;
    }

    fn batch(
        &mut self,
        work: &Work,
        wanted: &[(u32, u32)],
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        for &(profile, missing) in wanted {
            let room = match work.settings.max_pending_pods {
                Some(most) => most.saturating_sub(self.pending()),
                None => u32::MAX,
            };
            for _ in 0..missing.min(work.settings.batch_size).min(room) {
                self.created += 1;
                let executor = self.created;
                self.insert(executor, profile, now, false);
                wishes.push(Wish::CreateExecutor { executor, profile });
            }
        }
        self.last_batch = Some(now);
    }

    fn pending(&self) -> u32 {
        let pending = self.alive.values().filter(|pod| !pod.runs).count();
        u32::try_from(pending).unwrap_or(u32::MAX)
    }

    /// Spark deletes surplus pods that have not started within the idle timeout.
    fn trim(
        &mut self,
        work: &Work,
        targets: &BTreeMap<u32, u32>,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        let Some(dynamic) = &work.settings.dynamic else {
            return;
        };
        for (&profile, &target) in targets {
            let surplus = self.staying(profile).saturating_sub(target);
            if surplus == 0 {
                continue;
            }
            let old: Vec<u32> = (self.alive.iter())
                .filter(|(_, pod)| pod.profile == profile && !pod.runs)
                .filter(|(_, pod)| pod.created + dynamic.idle <= now)
                .map(|(&executor, _)| executor)
                .take(usize::try_from(surplus).unwrap_or(usize::MAX))
                .collect();
            for executor in old {
                self.gone(executor);
                wishes.push(Wish::DeleteExecutor { executor });
            }
        }
    }
}

/// How long before its logged removal an executor may have been told to go: one migration to hand
/// its files on, one more for what was in flight, or what the cluster manager takes to confirm.
fn give_back_window(work: &Work) -> Span {
    let migration = work.settings.migration.unwrap_or(Span::ZERO);
    (migration + migration).max(CONFIRMATION)
}
