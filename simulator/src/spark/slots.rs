//! Tasks on executors: which slot takes which task, and what a fresh executor costs. Knows the times
//! of no log, only how long tasks took.

use sparkwright::model::time::Timestamp;

use super::free::Free;
use super::line::{Line, State};
use super::pace::Pace;
use super::queue::{Due, Queue};
use super::ready::Ready;
use super::{number, place};
use crate::trace::work::{Profile as WorkProfile, Work};

/// Slots, and the tasks that run and wait for them.
///
/// Tasks cost what they cost in their log, whatever slot they run on; their CPU time by the pace of the
/// machine where that is known to be another (`pace`). The first tasks of an executor
/// are slow ones (class loading, compilation, broadcasts); those that the log had stay slow, so that
/// the whole of what warming up cost is charged as it was observed, at the stage where it was. A slot
/// beyond as many fresh ones as the log's tasks have paid for by then warms up before it takes a
/// task: that is as long as the stage's first tasks were slower than its others, and meanwhile any
/// other slot may take the task. So a fresh executor costs time, and more executors do not make a
/// stage longer, which binding a task to a slow slot would. With fewer executors than the log had,
/// the charge is too high by the starts that were saved.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// By number.
    executors: Vec<Executor>,
    /// By stage.
    pub lines: Vec<Line>,
    /// Stages that have been submitted and are not done, or are done again.
    pub active: Vec<usize>,
    /// By place in the work.
    profiles: Vec<Profile>,
    /// Tasks that run, by pool of a FAIR scheduler.
    by_pool: Vec<u32>,
    /// Executors that take no task once so many were launched, the next of them last.
    refusals: Vec<(usize, u32)>,
    launches: usize,
    running: u32,
    serving: u32,
    first_task: Option<Timestamp>,
    waits_for_data: bool,
    /// Some tasks take longer than recorded, or less long.
    pub any_pace: bool,
}

/// Executors and demand of one resource profile.
#[derive(Clone, Debug, Default)]
struct Profile {
    warm: Free,
    fresh: Free,
    /// Slots that warm up.
    warming: u32,
    /// Slots that may go without, because a task of the log was as slow as a first one is.
    paid: u32,
    ready: Ready,
    /// Tasks of running stages that are not done.
    unfinished: u32,
    /// Executors that take tasks.
    executors: u32,
    /// A stage has named it.
    named: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Executor {
    there: bool,
    takes_tasks: bool,
    /// It took its last task in the log, and would take more.
    refuses: bool,
    profile: usize,
    slots: u32,
    pace: Pace,
    /// Free slots that have run tasks or warmed up.
    warm: u32,
    /// Free slots that have not.
    fresh: u32,
    /// Slots that run tasks or warm up.
    busy: u32,
    idle_since: Timestamp,
    /// The job whose end drops the blocks that it has cached.
    cached_until: Option<usize>,
}

impl Slots {
    /// `waits_for_data`: tasks keep to the localities of their log. Kubernetes' nodes hold no data.
    pub fn new(work: &Work, waits_for_data: bool) -> Self {
        Slots {
            // The log's own executors tell about how many there will be.
            executors: Vec::with_capacity(work.arrivals.len() + 1),
            lines: work.stages.iter().map(Line::of).collect(),
            profiles: vec![Profile::default(); work.profiles.len()],
            by_pool: vec![0; work.pools.len()],
            waits_for_data,
            ..Slots::default()
        }
    }

    /// Executors of a log that took their last task when so many had been launched.
    pub fn refuse(&mut self, mut refusals: Vec<(usize, u32)>) {
        refusals.sort_unstable_by(|a, b| b.cmp(a));
        self.refusals = refusals;
    }

    /// Executors that refuse take tasks after all: nothing else would.
    pub fn relent(&mut self) {
        self.refusals.clear();
        for (state, executor) in self.executors.iter_mut().zip(0..) {
            if std::mem::take(&mut state.refuses) && state.there {
                state.takes_tasks = true;
                self.serving = self.serving.saturating_add(state.slots);
                let profile = &mut self.profiles[state.profile];
                profile.warm.shift(executor, 0, state.warm);
                profile.fresh.shift(executor, 0, state.fresh);
                profile.executors += 1;
            }
        }
    }

    /// The executor's tasks take as long as its machine takes for them.
    pub fn set_pace(&mut self, executor: u32, pace: Pace) {
        self.any_pace |= pace.here != pace.recorded;
        self.make_place(executor).pace = pace;
    }

    fn make_place(&mut self, executor: u32) -> &mut Executor {
        let at = place(executor);
        if self.executors.len() <= at {
            self.executors.resize(at + 1, Executor::default());
        }
        &mut self.executors[at]
    }

    pub fn add(&mut self, executor: u32, profile: usize, slots: u32, now: Timestamp) {
        let state = self.make_place(executor);
        let (refuses, pace) = (state.refuses, state.pace);
        *state = Executor {
            there: true,
            takes_tasks: !refuses,
            refuses,
            profile,
            slots,
            pace,
            fresh: slots,
            idle_since: now,
            ..Executor::default()
        };
        if refuses {
            return;
        }
        self.serving = self.serving.saturating_add(slots);
        self.profiles[profile].fresh.shift(executor, 0, slots);
        self.profiles[profile].executors += 1;
    }

    /// The executor takes no more tasks.
    pub fn stop(&mut self, executor: u32) {
        let Some(state) = self.executors.get_mut(place(executor)) else {
            return;
        };
        if std::mem::take(&mut state.takes_tasks) {
            self.serving = self.serving.saturating_sub(state.slots);
            let profile = &mut self.profiles[state.profile];
            profile.warm.shift(executor, state.warm, 0);
            profile.fresh.shift(executor, state.fresh, 0);
            profile.executors -= 1;
        }
    }

    /// The executor is gone; names the tasks that ran on it.
    pub fn lose(&mut self, executor: u32, queue: &mut Queue) -> Vec<u32> {
        self.stop(executor);
        let Some(state) = self.executors.get_mut(place(executor)) else {
            return Vec::new();
        };
        if !std::mem::take(&mut state.there) {
            return Vec::new();
        }
        let lost = queue.forget(executor);
        self.profiles[state.profile].warming -= lost.warming;
        self.running -= number(lost.tasks.len());
        lost.tasks
    }

    /// A task that was lost waits again.
    pub fn take_back(&mut self, work: &Work, task: u32) {
        let stage = place(work.tasks[place(task)].stage);
        if let Some(running) = self.by_pool.get_mut(work.stages[stage].pool) {
            *running -= 1;
        }
        self.lines[stage].take_back(task);
        self.line_up(work, stage);
    }

    /// Puts a stage's tasks in line. True when it has none, and so is done.
    pub fn stage_starts(&mut self, work: &Work, stage: usize, now: Timestamp) -> bool {
        let tasks = self.lines[stage].forms(now);
        self.expect(work, stage, tasks);
        let rules = &work.stages[stage];
        self.profiles[rules.profile].paid += rules.fresh;
        self.line_up(work, stage);
        if tasks > 0 {
            self.active.push(stage);
        }
        tasks == 0
    }

    /// What a stage that is done has lost is made again.
    pub fn reopen(&mut self, work: &Work, stage: usize) {
        let tasks = self.lines[stage].reopens();
        self.expect(work, stage, tasks);
        self.active.push(stage);
    }

    /// So many tasks more of a stage are to be done.
    pub fn expect(&mut self, work: &Work, stage: usize, tasks: u32) {
        let profile = &mut self.profiles[work.stages[stage].profile];
        profile.named = true;
        profile.unfinished += tasks;
    }

    /// A stage takes part in the next offers if it has tasks that could be launched, and not
    /// otherwise.
    pub fn line_up(&mut self, work: &Work, stage: usize) {
        let ready = &mut self.profiles[work.stages[stage].profile].ready;
        if self.lines[stage].waiting() > 0 {
            ready.insert(number(stage));
        } else {
            ready.remove(number(stage));
        }
    }

    /// Gives waiting tasks to free slots.
    pub fn assign(&mut self, work: &Work, now: Timestamp, queue: &mut Queue) {
        for profile in 0..self.profiles.len() {
            while self.launch(work, profile, now, queue) {}
        }
    }

    /// The next task of a profile gets a slot, or a slot warms up for it; false where nothing was to be done.
    fn launch(&mut self, work: &Work, profile: usize, now: Timestamp, queue: &mut Queue) -> bool {
        let own = &mut self.profiles[profile];
        let pool_of = |stage| work.stages[place(stage)].pool;
        let Some(stage) = own.ready.next(&self.by_pool, pool_of) else {
            return false;
        };
        if own.paid > 0 {
            self.begin(profile);
        }
        match self.profiles[profile].warm.first() {
            Some(executor) => self.offer(work, (profile, stage), executor, now, queue),
            None => match self.profiles[profile].fresh.first() {
                Some(executor) => self.warm_up(work, (profile, stage), executor, now, queue),
                None => false,
            },
        }
    }

    /// A slot of a fresh executor counts as warm where a task of the log pays for that.
    fn begin(&mut self, profile: usize) {
        let own = &mut self.profiles[profile];
        if let Some(executor) = own.fresh.first() {
            let state = &mut self.executors[place(executor)];
            own.fresh.shift(executor, state.fresh, state.fresh - 1);
            own.warm.shift(executor, state.warm, state.warm + 1);
            state.fresh -= 1;
            state.warm += 1;
            own.paid -= 1;
        }
    }

    /// A free slot takes the stage's next task, unless that waits for a slot near its data.
    fn offer(
        &mut self,
        work: &Work,
        (profile, stage): (usize, u32),
        executor: u32,
        now: Timestamp,
        queue: &mut Queue,
    ) -> bool {
        let own = &mut self.profiles[profile];
        let line = &mut self.lines[place(stage)];
        if self.waits_for_data
            && let Some(until) = line.keeps_near(work, now)
        {
            own.ready.remove(stage);
            queue.push(until, Due::Relaxes(stage));
            return true;
        }
        let taken = line.take(work, now);
        if line.waiting() == 0 {
            own.ready.remove(stage);
        }
        if let Some((task, first)) = taken {
            let state = &mut self.executors[place(executor)];
            own.warm.shift(executor, state.warm, state.warm - 1);
            state.warm -= 1;
            state.busy += 1;
            let cost = state.pace.duration(&work.tasks[place(task)]);
            let ends = now + cost;
            queue.push(ends, Due::TaskEnds { executor, task });
            line.until = line.until.max(ends);
            self.running += 1;
            if let Some(running) = self.by_pool.get_mut(work.stages[place(stage)].pool) {
                *running += 1;
            }
            self.first_task.get_or_insert(now);
            self.launches += usize::from(first);
            self.refuse_when_due();
        }
        true
    }

    /// A slot of a fresh executor warms up for a task that no slot awaits yet; false where there is none.
    #[inline(never)]
    fn warm_up(
        &mut self,
        work: &Work,
        (profile, stage): (usize, u32),
        executor: u32,
        now: Timestamp,
        queue: &mut Queue,
    ) -> bool {
        let own = &mut self.profiles[profile];
        if !own.has_backlog(&self.lines) {
            return false;
        }
        let state = &mut self.executors[place(executor)];
        own.fresh.shift(executor, state.fresh, state.fresh - 1);
        state.fresh -= 1;
        state.busy += 1;
        own.warming += 1;
        self.first_task.get_or_insert(now);
        queue.push(now + work.stages[place(stage)].cold, Due::Warm(executor));
        true
    }

    /// A slot has warmed up; true where its executor has become idle.
    pub fn warm(&mut self, executor: u32, now: Timestamp) -> bool {
        let state = &mut self.executors[place(executor)];
        let idle = state.rests(now);
        let profile = &mut self.profiles[state.profile];
        profile.warming -= 1;
        if state.takes_tasks {
            profile.warm.shift(executor, state.warm, state.warm + 1);
        }
        state.warm += 1;
        idle
    }

    fn refuse_when_due(&mut self) {
        while let Some(&(launches, executor)) = self.refusals.last()
            && launches <= self.launches
        {
            self.refusals.pop();
            self.stop(executor);
            self.make_place(executor).refuses = true;
        }
    }

    /// A task is done, and its slot is free. Tells what that means.
    #[inline]
    pub fn task_ends(&mut self, work: &Work, executor: u32, task: u32, now: Timestamp) -> Done {
        let stage = place(work.tasks[place(task)].stage);
        let rules = &work.stages[stage];
        let state = &mut self.executors[place(executor)];
        let profile = &mut self.profiles[state.profile];
        if state.takes_tasks {
            profile.warm.shift(executor, state.warm, state.warm + 1);
        }
        state.warm += 1;
        profile.unfinished -= 1;
        let idle = state.rests(now);
        state.cached_until = state.cached_until.max(rules.cached_until);
        self.running -= 1;
        if let Some(running) = self.by_pool.get_mut(rules.pool) {
            *running -= 1;
        }
        let ended = self.lines[stage].done(work, task);
        if ended.failed {
            self.line_up(work, stage);
        }
        if ended.stage {
            self.active.retain(|&other| other != stage);
        }
        Done {
            stage,
            failed: ended.failed,
            stage_done: ended.stage,
            idle,
        }
    }

    /// Tasks of this profile that run or wait.
    pub fn unfinished(&self, profile: usize) -> u32 {
        self.profiles[profile].unfinished
    }

    /// Tasks wait for a slot.
    pub fn has_backlog(&self) -> bool {
        self.profiles.iter().any(|own| own.has_backlog(&self.lines))
    }

    /// Executors of this profile are wanted: it is the default one, or a stage has named it.
    pub fn is_named(&self, profile: usize, work: &[WorkProfile]) -> bool {
        self.profiles[profile].named || work[profile].id == 0
    }

    /// Executors of a profile that take tasks.
    pub fn executors_of(&self, profile: usize) -> u32 {
        self.profiles[profile].executors
    }

    /// An executor that takes tasks, other than this one, from this one's number on.
    pub fn peer_of(&self, executor: u32) -> Option<u32> {
        let (before, after) = self
            .executors
            .split_at(place(executor).min(self.executors.len()));
        let after = after.iter().zip(executor..).skip(1);
        let mut others = after.chain(before.iter().zip(0..));
        others.find(|(e, _)| e.takes_tasks).map(|(_, peer)| peer)
    }

    /// Since when an executor that takes tasks has had none.
    pub fn idle_since(&self, executor: u32) -> Option<Timestamp> {
        let state = self.executors.get(place(executor))?;
        (state.takes_tasks && state.busy == 0).then_some(state.idle_since)
    }

    pub fn is_idle(&self, executor: u32) -> bool {
        let state = self.executors.get(place(executor));
        state.is_none_or(|e| !e.there || e.busy == 0)
    }

    /// The job whose end drops the blocks that an executor has cached.
    pub fn cached_until(&self, executor: u32) -> Option<usize> {
        self.executors.get(place(executor))?.cached_until
    }

    pub fn profile_of(&self, executor: u32) -> usize {
        self.executors.get(place(executor)).map_or(0, |e| e.profile)
    }

    /// The stage's tasks wait for input that is made again.
    pub fn block(&mut self, work: &Work, stage: usize) {
        self.lines[stage].state = State::Blocked;
        self.line_up(work, stage);
    }

    pub fn first_task(&self) -> Option<Timestamp> {
        self.first_task
    }

    pub fn serving(&self) -> u32 {
        self.serving
    }

    pub fn running(&self) -> u32 {
        self.running
    }
}

impl Profile {
    /// More tasks could be launched than slots warm up.
    fn has_backlog(&self, lines: &[Line]) -> bool {
        let mut warming = self.warming;
        self.ready.iter().any(|stage| {
            let waiting = lines[place(stage)].waiting();
            let exceeds = waiting > warming;
            warming = warming.saturating_sub(waiting);
            exceeds
        })
    }
}

impl Executor {
    /// A slot is busy no longer; true where that was the last one.
    fn rests(&mut self, now: Timestamp) -> bool {
        self.busy -= 1;
        if self.busy == 0 {
            self.idle_since = now;
        }
        self.busy == 0
    }
}

/// What the end of a task means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub stage: usize,
    pub failed: bool,
    pub stage_done: bool,
    /// The executor has become idle.
    pub idle: bool,
}
