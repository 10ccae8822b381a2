//! What old versions and cut logs leave out, told from what they hold: executors from their tasks (until
//! Spark 1.3 they are not logged), a job's start from its stages, a stage's parents from the order in
//! which stages ran, and the slots of an application that ran in one process.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::conf::value;
use sparkwright::model::time::{Span, Timestamp};

use super::super::recorded::{Executor, Recorded, Task};

/// The driver gives a slot away when a task reports its end, and notes the end once it has taken the
/// result: two tasks of one slot seem to overlap. By less than 50 ms in 18 of 20 logs of Spark 1.5 to
/// 4.1, by 200 ms on a machine at ten times its load; counted plainly, 16 slots look like 25.
const HANDING_OVER: Span = Span::from_millis(100);
/// No machine runs more tasks at once; more is a log without sense.
const MOST_AT_ONCE: usize = 4096;

/// What was missing while a log was read.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Ids of executors that were added.
    pub added: BTreeSet<String>,
    /// When block managers of executors registered, by executor.
    pub managers: BTreeMap<String, Timestamp>,
    /// Places of jobs that started at no known time.
    pub jobs: Vec<usize>,
    /// Some stage names its parents.
    pub parents_are_told: bool,
}

impl Gaps {
    /// Fills in what can be told.
    pub fn fill(&self, recorded: &mut Recorded) {
        recorded.local_slots = self.local_slots(recorded);
        if recorded.local_slots.is_some() {
            one_profile(recorded);
        } else {
            self.executors(recorded);
        }
        self.jobs(recorded);
        if !self.parents_are_told {
            parents(recorded);
        }
    }

    /// Executors that no event adds: from their block manager or first task on, with as many cores as
    /// they were seen to use.
    fn executors(&self, recorded: &mut Recorded) {
        if self.added.is_empty() {
            let known: BTreeSet<String> = recorded.executors.iter().map(|e| e.id.clone()).collect();
            let unknown = self.managers.keys().filter(|id| !known.contains(*id));
            let mentioned = unknown.map(|id| Executor::mentioned(id, recorded.started));
            recorded.executors.extend(mentioned);
        }
        let is_added = |executor: &Executor| self.added.contains(&executor.id);
        if recorded.executors.iter().all(is_added) {
            return;
        }
        let mut tasks: Vec<Vec<&Task>> = vec![Vec::new(); recorded.executors.len()];
        for task in &recorded.tasks {
            tasks[task.executor].push(task);
        }
        let used = |tasks: &Vec<&Task>| most_at_once(tasks.iter().copied());
        let most = tasks.iter().map(used).max().unwrap_or(1);
        let cpus = cpus_per_task(recorded);
        for (executor, tasks) in recorded.executors.iter_mut().zip(&tasks) {
            if is_added(executor) {
                continue;
            }
            let manager = self.managers.get(&executor.id).copied();
            let first = tasks.iter().map(|task| task.launched).min();
            let since = manager.into_iter().chain(first).min();
            executor.added = since.unwrap_or(executor.added);
            let slots = if tasks.is_empty() { most } else { used(tasks) };
            executor.cores = slots.saturating_mul(cpus);
        }
    }

    /// A job begins with its first stage, where the stage was not run before it.
    fn jobs(&self, recorded: &mut Recorded) {
        for &place in &self.jobs {
            let job = &recorded.jobs[place];
            let stages: BTreeSet<u32> = job.stages.iter().copied().collect();
            let own = recorded
                .stages
                .iter()
                .filter(|((id, _), _)| stages.contains(id));
            let submitted = own.filter_map(|(_, stage)| stage.submitted);
            let first = submitted.filter(|&time| time >= job.started).min();
            recorded.jobs[place].started = first.unwrap_or(job.started);
        }
    }

    /// `local[…]` runs tasks inside the driver: as many as were seen at once, and no more than its
    /// master or its cores say. Where the master is hidden, the executor of the tasks tells.
    fn local_slots(&self, recorded: &Recorded) -> Option<u32> {
        let inside = |e: &&Executor| matches!(e.id.as_str(), "driver" | "<driver>" | "localhost");
        let executor = recorded.executors.iter().find(inside);
        let master = recorded.properties.get("spark.master").map(String::as_str);
        let threads = match master {
            Some("local") => Some(Some(1)),
            Some(master) => master.strip_prefix("local[").map(threads),
            None => None,
        };
        if threads.is_none() && executor.is_none() {
            return None;
        }
        let cores = executor.filter(|executor| self.added.contains(&executor.id));
        let cores = cores.map(|executor| executor.cores / cpus_per_task(recorded));
        let said = [threads.flatten(), cores].into_iter().flatten().min();
        let seen = most_at_once(recorded.tasks.iter());
        Some(seen.min(said.unwrap_or(u32::MAX)).max(1))
    }
}

/// One process serves every resource profile.
fn one_profile(recorded: &mut Recorded) {
    for stage in recorded.stages.values_mut() {
        stage.profile = 0;
    }
    for executor in &mut recorded.executors {
        executor.profile = 0;
    }
}

/// Until Spark 1.3 stages do not name their parents: each waits for the one of its job that was
/// completed last before it was submitted.
fn parents(recorded: &mut Recorded) {
    let mut found: Vec<((u32, u32), u32)> = Vec::new();
    for job in &recorded.jobs {
        let own: Vec<_> = (job.stages.iter())
            .flat_map(|&id| recorded.stages.range((id, 0)..=(id, u32::MAX)))
            .collect();
        let mut completed: Vec<(Timestamp, u32)> = (own.iter())
            .filter_map(|((id, _), stage)| Some((stage.completed?, *id)))
            .collect();
        completed.sort_unstable();
        for (key, stage) in own {
            let Some(submitted) = stage.submitted else {
                continue;
            };
            let before = completed.partition_point(|&(time, _)| time <= submitted);
            if let Some(&(_, parent)) = completed[..before].last()
                && parent != key.0
            {
                found.push((*key, parent));
            }
        }
    }
    for (key, parent) in found {
        if let Some(stage) = recorded.stages.get_mut(&key) {
            stage.parents = vec![parent];
        }
    }
}

/// The number in `N]` or `N,F]`; none in `*]`.
fn threads(rest: &str) -> Option<u32> {
    let number = rest.split([',', ']']).next()?;
    number.trim().parse().ok()
}

fn cpus_per_task(recorded: &Recorded) -> u32 {
    let cpus = value::positive(&recorded.properties, "spark.task.cpus");
    cpus.ok().flatten().unwrap_or(1)
}

/// The most tasks that ran side by side; 1 where there were none.
fn most_at_once<'a>(tasks: impl Iterator<Item = &'a Task>) -> u32 {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for task in tasks {
        starts.push(task.launched);
        let handing_over = HANDING_OVER.min(Span::from_millis(task.duration().millis() / 2));
        ends.push(task.launched + task.duration() - handing_over);
    }
    starts.sort_unstable();
    ends.sort_unstable();
    let (mut most, mut ended) = (0, 0);
    for (started, start) in (1_usize..).zip(&starts) {
        while ends.get(ended).is_some_and(|end| end <= start) {
            ended += 1;
        }
        // Tasks of no length may have ended before they are counted.
        most = most.max(started.saturating_sub(ended));
    }
    u32::try_from(most.clamp(1, MOST_AT_ONCE)).unwrap_or(1)
}
