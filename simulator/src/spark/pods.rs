//! Executor pods, as Spark on Kubernetes creates them: a batch at a time, no more than may be
//! pending at once (ExecutorPodsAllocator). Knows how many are wanted, not why.

use sparkwright::model::time::{Span, Timestamp};

use super::queue::{Due, Queue};
use super::{Wish, number, place};
use crate::trace::work::Work;

#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    /// By executor; nothing at 0, since Spark numbers from 1.
    all: Vec<Pod>,
    /// Pods of each profile that are not leaving.
    staying: Vec<u32>,
    alive: u32,
    pending: u32,
    /// No pod before this one is pending.
    first_pending: usize,
    /// From then on pods are created.
    open_from: Option<Timestamp>,
    last_batch: Option<Timestamp>,
    batch_due: bool,
    /// Pods that are wanted were not created yet.
    pub lacks: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pod {
    phase: Phase,
    profile: usize,
    created: Timestamp,
    leaving: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    None,
    Pending,
    Runs,
    Gone,
}

impl Pods {
    pub fn new(work: &Work) -> Self {
        let mut all = Vec::with_capacity(work.arrivals.len() + 1);
        all.push(Pod::default());
        Pods {
            all,
            staying: vec![0; work.profiles.len()],
            ..Pods::default()
        }
    }

    /// From then on pods are created.
    pub fn open(&mut self, from: Timestamp) {
        self.open_from = Some(from);
    }

    /// Creates what is missing of the targets, a batch at a time, and deletes pods that wait for
    /// nothing any more. `target` tells how many of a profile are wanted.
    pub fn ask(
        &mut self,
        work: &Work,
        target: impl Fn(usize) -> u32,
        now: Timestamp,
        queue: &mut Queue,
        wishes: &mut Vec<Wish>,
    ) {
        if self.open_from.is_none_or(|from| now < from) {
            return;
        }
        let mut lacks = false;
        for profile in 0..self.staying.len() {
            let (target, staying) = (target(profile), self.staying[profile]);
            lacks |= staying < target;
            if staying > target && self.pending > 0 {
                self.trim(work, profile, staying - target, now, wishes);
            }
        }
        self.lacks = lacks;
        if lacks {
            self.create(work, target, now, queue, wishes);
        }
    }

    /// When the pod that has been pending longest may be deleted, should it not be wanted any more.
    pub fn surplus_from(&mut self, idle: Span) -> Option<Timestamp> {
        if self.pending == 0 {
            return None;
        }
        let ahead = self.all[self.first_pending..].iter();
        let ahead = ahead.take_while(|pod| pod.phase != Phase::Pending);
        self.first_pending += ahead.count();
        // Pods are numbered in the order in which they are created.
        let oldest = self.all.get(self.first_pending)?;
        Some(oldest.created + idle)
    }

    fn create(
        &mut self,
        work: &Work,
        target: impl Fn(usize) -> u32,
        now: Timestamp,
        queue: &mut Queue,
        wishes: &mut Vec<Wish>,
    ) {
        let profiles = self.staying.len();
        let missing = |pods: &Pods, profile| target(profile).saturating_sub(pods.staying[profile]);
        let next = self.last_batch.map(|last| last + work.settings.batch_delay);
        if next.is_none_or(|next| next <= now) {
            self.batch_due = false;
            for profile in 0..profiles {
                self.batch(work, profile, missing(self, profile), now, wishes);
            }
            self.last_batch = Some(now);
        }
        self.lacks = (0..profiles).any(|profile| missing(self, profile) > 0);
        if self.lacks && !self.batch_due {
            self.batch_due = true;
            queue.push(now + work.settings.batch_delay, Due::Batch);
        }
    }

    /// The executor's container runs; false if it did before or is not wanted any more.
    pub fn runs(&mut self, executor: u32) -> bool {
        let pod = self.all.get_mut(place(executor));
        let Some(pod) = pod.filter(|pod| pod.phase == Phase::Pending) else {
            return false;
        };
        pod.phase = Phase::Runs;
        self.pending -= 1;
        true
    }

    /// An executor of a log comes: its pod runs at once.
    pub fn arrives(&mut self, executor: u32, profile: usize, now: Timestamp) {
        self.insert(executor, profile, now, Phase::Runs);
    }

    /// The profile of an executor that is there to stay.
    pub fn serves(&self, executor: u32) -> Option<usize> {
        let pod = self.all.get(place(executor))?;
        (pod.phase == Phase::Runs && !pod.leaving).then_some(pod.profile)
    }

    /// Spark gives the executor back: it does not count for the target.
    pub fn leaves(&mut self, executor: u32) {
        if let Some(pod) = self.all.get_mut(place(executor))
            && pod.is_alive()
            && !std::mem::replace(&mut pod.leaving, true)
        {
            self.staying[pod.profile] -= 1;
        }
    }

    pub fn is_leaving(&self, executor: u32) -> bool {
        let pod = self.all.get(place(executor));
        pod.is_some_and(|pod| pod.leaving && pod.is_alive())
    }

    /// Forgets an executor; false if it was gone already.
    pub fn gone(&mut self, executor: u32) -> bool {
        let pod = self.all.get_mut(place(executor));
        let Some(pod) = pod.filter(|pod| pod.is_alive()) else {
            return false;
        };
        if !pod.leaving {
            self.staying[pod.profile] -= 1;
        }
        self.pending -= u32::from(pod.phase == Phase::Pending);
        self.alive -= 1;
        pod.phase = Phase::Gone;
        true
    }

    /// Executors that are alive.
    pub fn names(&self) -> impl Iterator<Item = u32> {
        let numbered = self.all.iter().zip(0..);
        numbered
            .filter(|(pod, _)| pod.is_alive())
            .map(|(_, name)| name)
    }

    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// Those whose containers run.
    pub fn running(&self) -> u32 {
        self.alive - self.pending
    }

    fn insert(&mut self, executor: u32, profile: usize, created: Timestamp, phase: Phase) {
        if self.all.len() <= place(executor) {
            self.all.resize(place(executor) + 1, Pod::default());
        }
        self.all[place(executor)] = Pod {
            phase,
            profile,
            created,
            leaving: false,
        };
        self.staying[profile] += 1;
        self.alive += 1;
        self.pending += u32::from(phase == Phase::Pending);
    }

    fn batch(
        &mut self,
        work: &Work,
        profile: usize,
        missing: u32,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        let room = match work.settings.max_pending_pods {
            Some(most) => most.saturating_sub(self.pending),
            None => u32::MAX,
        };
        for _ in 0..missing.min(work.settings.batch_size).min(room) {
            let executor = number(self.all.len());
            self.insert(executor, profile, now, Phase::Pending);
            wishes.push(Wish::CreateExecutor {
                executor,
                profile: work.profiles[profile].id,
            });
        }
    }

    /// Spark deletes surplus pods that have not started within the idle timeout.
    fn trim(
        &mut self,
        work: &Work,
        profile: usize,
        surplus: u32,
        now: Timestamp,
        wishes: &mut Vec<Wish>,
    ) {
        let Some(dynamic) = &work.settings.dynamic else {
            return;
        };
        if self
            .surplus_from(dynamic.idle)
            .is_none_or(|from| from > now)
        {
            return;
        }
        let is_pending = |pod: &Pod| pod.phase == Phase::Pending;
        let old: Vec<u32> = (self.all.iter().zip(0..))
            .skip(self.first_pending)
            .take_while(|(pod, _)| !is_pending(pod) || pod.created + dynamic.idle <= now)
            .filter(|(pod, _)| pod.profile == profile && is_pending(pod))
            .map(|(_, executor)| executor)
            .take(place(surplus))
            .collect();
        for executor in old {
            self.gone(executor);
            wishes.push(Wish::DeleteExecutor { executor });
        }
    }
}

impl Pod {
    fn is_alive(self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Runs)
    }
}
