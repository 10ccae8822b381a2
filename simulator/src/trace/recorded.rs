//! One application as its log tells it: facts only, in the log's own clock. What a replay makes of
//! them is decided in `work`.

use std::collections::BTreeMap;

use sparkwright::model::conf::Conf;
use sparkwright::model::time::{Span, Timestamp};

/// An application run, from its event log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// `spark.app.id`, unique but for attempts.
    pub id: String,
    /// Attempt of the driver, where the cluster manager counts them.
    pub attempt: Option<String>,
    /// The name that its user gave it.
    pub name: String,
    /// `spark.app.submitTime` where it is logged and not after the start, else the start.
    pub submitted: Timestamp,
    /// ApplicationStart.
    pub started: Timestamp,
    /// ApplicationEnd; None where the log stops before.
    pub ended: Option<Timestamp>,
    /// The latest time that any event carries.
    pub last_event: Timestamp,
    /// When the driver's own block manager registered: its scheduler runs from about then.
    pub driver_ready: Option<Timestamp>,
    /// Spark's version, such as `3.5.3`.
    pub version: Option<String>,
    /// "Spark Properties".
    pub properties: Conf,
    /// Executors in the order of their first mention.
    pub executors: Vec<Executor>,
    /// Resource profiles by id; 0 is the default one.
    pub profiles: BTreeMap<u32, Profile>,
    /// Jobs in the order of their start events.
    pub jobs: Vec<Job>,
    /// The RDD that each stage computes, by stage; stages that were skipped are there too. Two stages
    /// that compute one RDD for a shuffle share its files.
    pub rdds: BTreeMap<u32, u32>,
    /// RDDs dropped from the cache, and how many jobs had started before.
    pub unpersisted: Vec<(u32, usize)>,
    /// Stage attempts that were submitted, by stage and attempt.
    pub stages: BTreeMap<(u32, u32), Stage>,
    /// Task attempts that ended, in the order of their end events.
    pub tasks: Vec<Task>,
    /// It ran in one process (`local[…]`), which took so many tasks at once; None where it had
    /// executors of their own.
    pub local_slots: Option<u32>,
    /// Instance family of the machines under its executors, where the record tells it.
    pub machine: Option<String>,
    /// What the reader passed over, in words.
    pub notes: Vec<String>,
}

/// An executor as registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    /// Spark's id for it.
    pub id: String,
    /// When it registered.
    pub added: Timestamp,
    /// When it was first said to be removed, and why.
    pub removed: Option<(Timestamp, Removal)>,
    /// Latest launch of a task on it.
    pub last_launch: Option<Timestamp>,
    /// Cores.
    pub cores: u32,
    /// Resource profile.
    pub profile: u32,
}

/// Why an executor went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Spark gave it back: idle, or a smaller target.
    ScaleDown,
    /// It was lost, whatever the cause.
    Lost,
}

/// A resource profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// What an executor asks for, by name: `cores`, and in MiB `memory`, `memoryOverhead`, `offHeap`,
    /// `pyspark.memory`; anything else is a device.
    pub executor: BTreeMap<String, ExecutorRequest>,
    /// What a task asks for, by name: `cpus`, devices.
    pub task: BTreeMap<String, f64>,
}

/// One line of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecutorRequest {
    /// How much.
    pub amount: u64,
    /// Vendor of a device; empty for others.
    pub vendor: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Spark's id for it.
    pub id: u32,
    /// JobStart.
    pub started: Timestamp,
    /// JobEnd.
    pub ended: Option<Timestamp>,
    /// All its stages, those included that were skipped.
    pub stages: Vec<u32>,
    /// The SQL execution that it belongs to.
    pub execution: Option<u64>,
    /// The pool of `spark.scheduler.pool`; None is the default one.
    pub pool: Option<String>,
}

/// One attempt of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Stages whose output it reads.
    pub parents: Vec<u32>,
    /// When it was submitted.
    pub submitted: Option<Timestamp>,
    /// When it was completed, or failed.
    pub completed: Option<Timestamp>,
    /// Resource profile that its tasks need.
    pub profile: u32,
    /// RDDs that its tasks keep in memory or on disk for later ones.
    pub cached: Vec<u32>,
}

/// One attempt of a task, ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Ids ascend in the order of launch.
    pub id: u64,
    /// Stage.
    pub stage: u32,
    /// Attempt of the stage.
    pub stage_attempt: u32,
    /// Place in the stage.
    pub index: u32,
    /// Attempt of this index.
    pub attempt: u32,
    /// Index into the application's executors.
    pub executor: usize,
    /// Sent to the executor.
    pub launched: Timestamp,
    /// Its end as the driver saw it.
    pub finished: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// How near its data it ran.
    pub locality: Locality,
    /// A second copy, started because the first one was slow.
    pub speculative: bool,
    /// Writes shuffle files that later stages read.
    pub writes_shuffle: bool,
    /// CPU time of the thread that ran it, deserialisation included; None where it was not told.
    pub cpu: Option<Span>,
}

/// How a task attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did its work.
    Success,
    /// The application's code failed: the time was spent all the same.
    Failed,
    /// Ended by something that a replay makes anew or leaves out: executor lost, output lost,
    /// fetch failed, killed.
    Void,
}

/// How near its data a task ran, nearest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Locality {
    /// In the process or on the node that has them, or wherever it liked: Spark calls both
    /// `PROCESS_LOCAL`.
    #[default]
    Node,
    /// In the rack that has them.
    Rack,
    /// Elsewhere.
    Any,
}

impl Recorded {
    /// From submission to the end, or to the last event of a log without one.
    pub fn length(&self) -> Span {
        self.end() - self.submitted
    }

    /// ApplicationEnd, or the last event.
    pub fn end(&self) -> Timestamp {
        self.ended.unwrap_or(self.last_event)
    }

    /// Time inside at least one job. A job without an end lasts to the log's end.
    pub fn in_job(&self) -> Span {
        let mut jobs: Vec<(Timestamp, Timestamp)> = self
            .jobs
            .iter()
            .map(|job| (job.started, job.ended.unwrap_or(self.end())))
            .collect();
        jobs.sort();
        let mut total = Span::ZERO;
        let mut covered = Timestamp::from_millis(i64::MIN);
        for (started, ended) in jobs {
            let from = started.max(covered);
            if ended > from {
                total = total + (ended - from);
                covered = ended;
            }
        }
        total
    }
}

impl Executor {
    /// An executor of which no more is known than that it was there.
    pub(super) fn mentioned(id: &str, time: Timestamp) -> Self {
        Executor {
            id: id.to_owned(),
            added: time,
            removed: None,
            last_launch: None,
            cores: 1,
            profile: 0,
        }
    }
}

impl Removal {
    /// Spark gives the reason in words only.
    pub fn of(words: &str) -> Self {
        let given_back = [
            "Executor decommission",
            "killed by driver",
            "idle for more than",
        ];
        if given_back.iter().any(|known| words.contains(known)) {
            Removal::ScaleDown
        } else {
            Removal::Lost
        }
    }
}

impl Outcome {
    /// From Spark's name of a task's end.
    pub fn of(reason: &str) -> Self {
        match reason {
            "Success" => Outcome::Success,
            "ExceptionFailure" | "TaskResultLost" | "UnknownReason" => Outcome::Failed,
            _ => Outcome::Void,
        }
    }
}

impl Locality {
    /// From Spark's name of it.
    pub fn of(name: &str) -> Self {
        match name {
            "RACK_LOCAL" => Locality::Rack,
            "ANY" => Locality::Any,
            _ => Locality::Node,
        }
    }
}

impl Task {
    /// From launch to end: the work, with everything that comes with a task.
    pub fn duration(&self) -> Span {
        (self.finished - self.launched).max(Span::ZERO)
    }
}
