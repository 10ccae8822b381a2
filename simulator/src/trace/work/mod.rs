//! The work of an application, taken out of the times at which it happened: driver gaps, the graph
//! of stages, task durations, and what a fresh executor adds to its first tasks. Job and stage times
//! and task durations are read; the times at which tasks started are not.

mod jobs;
mod lead;
mod stages;
mod tasks;

use std::collections::BTreeSet;
use std::ops::Range;

use sparkwright::model::conf::ConfError;
use sparkwright::model::time::{Span, Timestamp};

use super::recorded::{Locality, Recorded, Removal};
use super::requests;
use super::settings::{self, Settings, executor_cores, share_of};

/// What an application does, whenever and wherever it is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Timers and counts.
    pub settings: Settings,
    /// From submission to ApplicationStart, as recorded.
    pub submission: Span,
    /// From ApplicationStart until the driver can take executors.
    pub start_up: Span,
    /// From there, or from the end of the wait for executors, to the first jobs.
    pub jobs: Vec<Job>,
    /// Stages that ran.
    pub stages: Vec<Stage>,
    /// Tasks of all stages, a stage's together, by index and attempt.
    pub tasks: Vec<Task>,
    /// From the last job's end to ApplicationEnd; nothing where the log has no end.
    pub tail: Span,
    /// Executors as they came and went.
    pub arrivals: Vec<Arrival>,
    /// Tasks run in the driver, so many at once, and no executor is asked for.
    pub local_slots: Option<u32>,
    /// Resource profiles that stages name and the default one, by id. Stages and executors name
    /// them by their place here.
    pub profiles: Vec<Profile>,
    /// Scheduler pools that jobs name, by name; stages name them by their place here.
    pub pools: Vec<String>,
    /// Instance family of the machines on which it was recorded, where the record tells it.
    pub machine: Option<String>,
}

/// A resource profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Spark's id for it.
    pub id: u32,
    /// Tasks that run at once on an executor that Kubernetes starts.
    pub slots: u32,
}

/// A job: constant driver time around the stages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// The job whose end it hangs on; None hangs on the application's start.
    pub after: Option<usize>,
    /// From that end to this job's start.
    pub gap: Span,
    /// Stages that it runs: it is the first job to need them.
    pub stages: Vec<usize>,
    /// Stages that must be done before it ends, other jobs' included.
    pub awaits: Vec<usize>,
    /// From the last of those to its end, or its whole length where it awaits none.
    pub tail: Span,
    /// Jobs that hang on its end.
    pub followers: Vec<usize>,
}

/// A stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Spark's id for it.
    pub id: u32,
    /// The job that runs it.
    pub job: usize,
    /// Stages that ran and whose output it reads.
    pub parents: Vec<usize>,
    /// Stages that wait for it.
    pub children: Vec<usize>,
    /// Jobs that wait for it.
    pub awaited_by: Vec<usize>,
    /// From the moment it could run to its tasks' being ready for slots.
    pub delay: Span,
    /// Resource profile of its tasks, by its place.
    pub profile: usize,
    /// Scheduler pool of its tasks, by its place.
    pub pool: usize,
    /// Its tasks: a range of `Work::tasks`.
    pub tasks: Range<usize>,
    /// How many of them are retries.
    pub retries: u32,
    /// How many of them were among the first on their executors.
    pub fresh: u32,
    /// How much longer those took than the others.
    pub cold: Span,
    /// The nearest that any of its tasks ran to its data.
    pub nearest: Locality,
    /// Its tasks leave shuffle files.
    pub writes_shuffle: bool,
    /// Jobs that name those files, be it by a stage that was skipped for their sake.
    pub readers: Vec<usize>,
    /// Its tasks leave cached blocks, until this job has ended; `usize::MAX` is to the end.
    pub cached_until: Option<usize>,
}

/// One attempt at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// As recorded, from launch to end.
    pub duration: Span,
    /// Its stage.
    pub stage: u32,
    /// It runs after the attempt before it has failed.
    pub retry: bool,
    /// How near its data it ran.
    pub locality: Locality,
    /// How much of its duration was CPU time.
    pub cpu_share: CpuShare,
    /// What the longest takes of it and the tasks of its stage after it, retries apart.
    pub longest_left: Span,
    /// What all of those take, one after the other.
    pub all_left: Span,
}

/// Part of a duration, in ten-thousandths; nothing where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuShare(u16);

/// An executor as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Registration, from ApplicationStart.
    pub at: Span,
    /// Removal, from ApplicationStart, and why.
    pub gone: Option<(Span, Removal)>,
    /// Tasks that it runs at once.
    pub slots: u32,
    /// Resource profile, by its place.
    pub profile: usize,
    /// Tasks that the application had launched with the stage of this executor's last one.
    pub launches: usize,
}

impl CpuShare {
    const WHOLE: u16 = 10_000;

    /// What CPU time is of a duration, all of it at most.
    pub fn of(cpu: Option<Span>, duration: Span) -> Self {
        let whole = i64::from(Self::WHOLE);
        let share = cpu.map(|cpu| match duration.millis() {
            1.. => cpu.millis().saturating_mul(whole) / duration.millis(),
            _ => 0,
        });
        let share = share.unwrap_or(0).clamp(0, whole);
        CpuShare(u16::try_from(share).unwrap_or(Self::WHOLE))
    }
}

impl Task {
    /// Its CPU time, as far as it is known.
    pub fn cpu(&self) -> Span {
        let part = i128::from(self.duration.millis()) * i128::from(self.cpu_share.0);
        let millis = part / i128::from(CpuShare::WHOLE);
        Span::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

impl Work {
    /// Takes the work out of a record. Fails where a property that rules it cannot be read.
    pub fn of(recorded: &Recorded) -> Result<Work, ConfError> {
        let count = requests::executor_count(recorded)?;
        let settings = Settings::of(recorded, count)?;
        let profiles = profiles(recorded)?;
        let mut arrivals = arrivals(recorded, &profiles)?;
        let start_up = start_up(recorded);
        let ready = start_up + registration_wait(&settings, start_up, &arrivals);
        let order = jobs::in_order(recorded);
        let pools = pools(recorded);
        let graph = stages::graph(recorded, (&order, &arrivals), &profiles, &pools);
        let jobs = jobs::timeline(&order, &graph, recorded.started + ready);
        let (tasks, stages) = tasks::of(recorded, &mut arrivals, graph.stages);
        let last_end = order
            .iter()
            .map(|job| job.ended.unwrap_or(recorded.end()))
            .max();
        let tail = recorded.end() - last_end.unwrap_or(recorded.started + ready);
        Ok(Work {
            settings,
            submission: recorded.started - recorded.submitted,
            start_up,
            jobs,
            stages,
            tasks,
            tail: tail.max(Span::ZERO),
            arrivals,
            local_slots: recorded.local_slots,
            profiles,
            pools,
            machine: recorded.machine.clone(),
        })
    }
}

/// The place of a profile among those known, the default one where it is not.
fn place_of(profiles: &[Profile], id: u32) -> usize {
    profiles.iter().position(|p| p.id == id).unwrap_or(0)
}

/// Pools matter to a FAIR scheduler alone, and then their names decide among equals.
fn pools(recorded: &Recorded) -> Vec<String> {
    let fair = recorded.properties.get("spark.scheduler.mode");
    let named: BTreeSet<String> = match fair {
        Some(mode) if mode.eq_ignore_ascii_case("FAIR") => (recorded.jobs.iter())
            .map(|job| job.pool.clone().unwrap_or_else(|| DEFAULT_POOL.to_owned()))
            .collect(),
        _ => BTreeSet::new(),
    };
    named.into_iter().collect()
}

/// Where jobs go that name no pool: Spark's FairSchedulableBuilder.
const DEFAULT_POOL: &str = "default";

/// Until the driver's block manager is up, which its scheduler is just before; at most until the
/// first job.
fn start_up(recorded: &Recorded) -> Span {
    let first_job = recorded.jobs.iter().map(|job| job.started).min();
    let ready = recorded.driver_ready.unwrap_or(recorded.started);
    let ready = first_job.map_or(ready, |job| ready.min(job));
    (ready - recorded.started).max(Span::ZERO)
}

/// How long the log's driver waited for executors before it went on.
fn registration_wait(settings: &Settings, start_up: Span, arrivals: &[Arrival]) -> Span {
    let needed = share_of(settings.count.initial, settings.recorded_ratio);
    let Some(last) = usize::try_from(needed).ok().and_then(|n| n.checked_sub(1)) else {
        return Span::ZERO;
    };
    let mut times: Vec<Span> = arrivals.iter().map(|arrival| arrival.at).collect();
    times.sort();
    let registered = times.get(last).map(|&at| (at - start_up).max(Span::ZERO));
    registered.map_or(settings.max_registration_wait, |wait| {
        wait.min(settings.max_registration_wait)
    })
}

fn arrivals(recorded: &Recorded, profiles: &[Profile]) -> Result<Vec<Arrival>, ConfError> {
    let since_start = |time: Timestamp| (time - recorded.started).max(Span::ZERO);
    let arrival = |executor: &super::recorded::Executor| {
        Ok(Arrival {
            at: since_start(executor.added),
            gone: executor.removed.map(|(time, why)| (since_start(time), why)),
            slots: match recorded.local_slots {
                Some(slots) => slots,
                None => settings::slots(recorded, executor.cores, executor.profile)?,
            },
            profile: place_of(profiles, executor.profile),
            launches: 0,
        })
    };
    recorded.executors.iter().map(arrival).collect()
}

/// Slots of an executor that Kubernetes would start, for every profile that a stage names.
fn profiles(recorded: &Recorded) -> Result<Vec<Profile>, ConfError> {
    let mut profiles: BTreeSet<u32> = recorded.stages.values().map(|s| s.profile).collect();
    profiles.insert(0);
    let slots_of = |id| {
        let cores = executor_cores(recorded, id)?;
        let slots = settings::slots(recorded, cores, id)?;
        Ok(Profile { id, slots })
    };
    profiles.into_iter().map(slots_of).collect()
}
