//! The tables' columns, with what each means and what fills it. Times are milliseconds from the
//! manifest's origin, amounts whole numbers in the unit that the column's name ends in; what is not known
//! is absent, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sparkwright::model::requirement::Labels;

use super::anonymise;
use super::row::{Cell, table};

table! {
    /// An application: one Spark run, or a set of pods that belong together.
    App in "apps" {
        needed {
            /// The application's name in this trace, which no other has. From the id; `#2` for a second log of one id.
            app: String,
        }
        known {
            /// `spark.app.id`, where it differs from `app`. From event logs.
            id: Option<String>,
            /// Attempt of the driver, where the cluster manager counts them. From event logs.
            attempt: Option<String>,
            /// The name that its user gave it. From event logs and owners of pods.
            name: Option<String>,
            /// Namespace of its pods. From pods; from event logs by `properties`.
            namespace: Option<String>,
            /// Submission. From event logs (`spark.app.submitTime`, else the start).
            submit_ms: Option<i64>,
            /// ApplicationStart. From event logs.
            start_ms: Option<i64>,
            /// ApplicationEnd; null where the record stops before. From event logs.
            end_ms: Option<i64>,
            /// The latest time that any event carries. From event logs.
            last_event_ms: Option<i64>,
            /// When the driver's scheduler was up: its block manager registered. From event logs.
            driver_ready_ms: Option<i64>,
            /// It ran in one process (`local[…]`), which took so many tasks at once; null where it had executors. From event logs.
            local_slots: Option<u32>,
            /// Spark's version. From event logs.
            spark_version: Option<String>,
            /// Spark properties; what an application asks for is read from them. From event logs; only those that matter when anonymised.
            properties: BTreeMap<String, String>,
            /// Resource profiles: `{id, executor: {name: {amount, vendor}}, task: {name: amount}}`, memory in MiB. From event logs.
            profiles: Vec<Profile>,
            /// Whatever else is known, by name: team, queue, user. By hand.
            labels: Labels,
            /// What the reader of the source passed over, in words. From importers.
            notes: Vec<String>,
        }
    }
    anonymise(row, names) { anonymise::app(row, names) }
}

table! {
    /// What pods of one kind ask for and where they can run, so that rows of pods stay narrow.
    Template in "templates" {
        needed {
            /// The template's name in this trace.
            template: String,
        }
        known {
            /// CPU, in thousandths of a core. From requests.
            cpu_milli: Option<u64>,
            /// Memory in MiB, rounded up. From requests.
            mem_mib: Option<u64>,
            /// Ephemeral storage in MiB, rounded up. From requests.
            ephemeral_mib: Option<u64>,
            /// Devices and other extended resources by name, whole units: `{"nvidia.com/gpu": 1}`. From requests.
            extended: BTreeMap<String, u64>,
            /// Labels of the pods; NodePools select by them. From pods.
            labels: Labels,
            /// The part of the pods' spec that decides where they run, as Kubernetes writes it: `nodeSelector`, `affinity`, `tolerations`, `topologySpreadConstraints`, `priority`, `priorityClassName`, `schedulerName`. From pods.
            scheduling: Option<Value>,
        }
    }
    anonymise(row, names) { anonymise::template(row, names) }
}

table! {
    /// A pod that was seen, or is declared.
    Pod in "pods" {
        needed {
            /// The pod's name, which no other pod of its namespace has.
            pod: String,
        }
        known {
            /// The application it belongs to: `apps.app`. Null is an application of its own.
            app: Option<String>,
            /// `driver`, `executor` or `other`; null is `other`. From Spark's labels and from event logs.
            role: Option<Role>,
            /// Namespace; null is `default`. From pods.
            namespace: Option<String>,
            /// What it asks for: `templates.template`. Null asks for nothing.
            template: Option<String>,
            /// How it is replayed: `rigid` from `create_ms` for `run_ms`, `dag` once the parents of its `stage` have ended; null is by its application's work.
            replay: Option<Replay>,
            /// Its stage in its application. For `dag`; parents are in `work`.
            stage: Option<u32>,
            /// Spark's id of the executor. From event logs.
            executor: Option<String>,
            /// Cores of the executor. From event logs.
            cores: Option<u32>,
            /// Resource profile of the executor. From event logs.
            profile: Option<u32>,
            /// Creation. From pods; event logs do not hold it.
            create_ms: Option<i64>,
            /// When a node was found for it. From pods and public traces.
            scheduled_ms: Option<i64>,
            /// When its containers ran. From pods.
            started_ms: Option<i64>,
            /// When the executor registered. From event logs.
            registered_ms: Option<i64>,
            /// Latest launch of a task on the executor. From event logs.
            last_launch_ms: Option<i64>,
            /// When it was gone; null where it outlived the record.
            end_ms: Option<i64>,
            /// Why it ended: `finished`, `failed`, `deleted`, `scale-down`, `lost`, `unscheduled` (it never had a node).
            end_reason: Option<EndReason>,
            /// How long it ran or is to run; null where the record does not hold its whole life. For `rigid` and `dag`.
            run_ms: Option<i64>,
            /// The node it was on: `nodes.node`. From pods.
            node: Option<String>,
            /// Whatever else is known, by name. From public traces.
            labels: Labels,
        }
    }
    anonymise(row, names) { anonymise::pod(row, names) }
}

table! {
    /// Work of an application: a job, an attempt of a stage or an attempt of a task. Rows of one application
    /// stand together.
    Work in "work" {
        needed {
            /// The application: `apps.app`.
            app: String,
            /// `job`, `stage` or `task`: what the row tells of.
            kind: WorkKind,
        }
        known {
            /// Spark's id of the job. For jobs.
            job: Option<u32>,
            /// The SQL execution that the job belongs to. For jobs, from event logs.
            execution: Option<u64>,
            /// All stages of the job, skipped ones included. For jobs.
            stages: Vec<u32>,
            /// The RDD that each stage of `stages` computes, in their order; null where it was not told. Stages that compute one RDD share its shuffle files. For jobs.
            rdds: Vec<Option<u32>>,
            /// RDDs dropped from the cache between the job before and this one. For jobs.
            unpersisted: Vec<u32>,
            /// The scheduler pool of the job; null is the default one. For jobs.
            pool: Option<String>,
            /// Spark's id of the stage. For stages and tasks.
            stage: Option<u32>,
            /// Attempt of the stage, from 0. For stages and tasks.
            stage_attempt: Option<u32>,
            /// Stages whose output it reads. For stages.
            parents: Vec<u32>,
            /// Resource profile that the stage's tasks need; null is 0. For stages.
            profile: Option<u32>,
            /// RDDs that the stage's tasks keep in memory or on disk for later ones. For stages.
            cached: Vec<u32>,
            /// Spark's id of the task; ids ascend in the order of launch. For tasks.
            task: Option<u64>,
            /// Place of the task in its stage. For tasks.
            index: Option<u32>,
            /// Attempt of this index, from 0. For tasks.
            attempt: Option<u32>,
            /// `pods.executor` of the executor it ran on. For tasks.
            executor: Option<String>,
            /// Start of the job, submission of the stage, launch of the task.
            start_ms: Option<i64>,
            /// End of the job, completion or failure of the stage, end of the task as the driver saw it.
            end_ms: Option<i64>,
            /// CPU time of the task, deserialisation included; a replay lets it depend on the machine. For tasks, from event logs.
            cpu_ms: Option<i64>,
            /// `success`, `failed` (its own code, the time was spent) or `void` (made anew by a replay). For tasks.
            outcome: Option<TaskOutcome>,
            /// How near its data it ran: `node`, `rack` or `any`. For tasks.
            locality: Option<TaskLocality>,
            /// True for a second copy of a slow task. For tasks.
            speculative: Option<bool>,
            /// True where it wrote shuffle files. For tasks.
            writes_shuffle: Option<bool>,
        }
    }
    anonymise(row, names) { anonymise::work(row, names) }
}

table! {
    /// A node that was there.
    Node in "nodes" {
        needed {
            /// The node's name, which no other has.
            node: String,
        }
        known {
            /// Instance type or machine model. From nodes' labels.
            instance_type: Option<String>,
            /// Zone. From nodes' labels.
            zone: Option<String>,
            /// `spot` or `on-demand`. From nodes' labels.
            capacity_type: Option<String>,
            /// CPU, in thousandths of a core. From nodes and public traces.
            cpu_milli: Option<u64>,
            /// Memory in MiB. From nodes and public traces.
            mem_mib: Option<u64>,
            /// Devices by name, whole units. From nodes and public traces.
            extended: BTreeMap<String, u64>,
            /// When it was asked for. From a recorder.
            requested_ms: Option<i64>,
            /// When its instance ran. From a recorder.
            launched_ms: Option<i64>,
            /// When it registered with the cluster. From a recorder.
            registered_ms: Option<i64>,
            /// When it took pods. From a recorder.
            ready_ms: Option<i64>,
            /// When it was gone. From a recorder.
            removed_ms: Option<i64>,
            /// Why it went, in words. From a recorder.
            reason: Option<String>,
            /// Whatever else is known, by name. From public traces.
            labels: Labels,
        }
    }
    anonymise(row, names) { anonymise::node(row, names) }
}

table! {
    /// Something that the market did.
    Market in "market" {
        needed {
            /// When.
            at_ms: i64,
            /// `price`, `insufficient-capacity`, `interruption`, `rebalance` or `free-addresses`.
            kind: MarketKind,
        }
        known {
            /// Instance type. From a recorder.
            instance_type: Option<String>,
            /// Zone. From a recorder.
            zone: Option<String>,
            /// `spot` or `on-demand`. From a recorder.
            capacity_type: Option<String>,
            /// The price, in millionths of a US dollar per hour. For `price`.
            usd_micros_per_hour: Option<u64>,
            /// Free addresses of the zone's subnets. For `free-addresses`.
            addresses: Option<u64>,
            /// The node that it happened to: `nodes.node`. For `interruption` and `rebalance`.
            node: Option<String>,
        }
    }
    anonymise(row, names) { anonymise::market(row, names) }
}

/// A resource profile of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Spark's id; 0 is the default one.
    pub id: u32,
    /// What an executor asks for.
    #[serde(default)]
    pub executor: BTreeMap<String, Request>,
    /// What a task asks for.
    #[serde(default)]
    pub task: BTreeMap<String, f64>,
}

/// One line of a profile's executor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// How much; memory in MiB.
    pub amount: u64,
    /// Vendor of a device; empty for others.
    #[serde(default)]
    pub vendor: String,
}

/// Words that a column may hold, lower case with dashes.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $word:ident,)+ })+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$doc])* $word,)+ }

        impl Cell for $name {
            const KIND: &'static str = "word";
        }
    )+};
}

words! {
    /// What a pod is in its application.
    Role {
        /// Runs the application.
        Driver,
        /// Runs tasks.
        Executor,
        /// Neither.
        #[default]
        Other,
    }
    /// How a pod is replayed.
    Replay {
        /// From its creation, for its run time.
        #[default]
        Rigid,
        /// Once the parents of its stage have ended, for its run time.
        Dag,
    }
    /// Why a pod ended.
    EndReason {
        /// It did what it had to.
        Finished,
        /// Its containers failed.
        Failed,
        /// Someone deleted it, or its owner wanted fewer.
        #[default]
        Deleted,
        /// Spark gave the executor back.
        ScaleDown,
        /// The executor was lost, whatever the cause.
        Lost,
        /// It went without ever having had a node.
        Unscheduled,
    }
    /// What a row of work tells of.
    WorkKind {
        /// A job.
        Job,
        /// An attempt of a stage.
        Stage,
        /// An attempt of a task.
        #[default]
        Task,
    }
    /// How a task's attempt ended.
    TaskOutcome {
        /// It did its work.
        #[default]
        Success,
        /// The application's code failed.
        Failed,
        /// Ended by what a replay makes anew.
        Void,
    }
    /// How near its data a task ran.
    TaskLocality {
        /// On the node, or wherever it liked.
        #[default]
        Node,
        /// In the rack.
        Rack,
        /// Elsewhere.
        Any,
    }
    /// What the market did.
    MarketKind {
        /// A price changed.
        #[default]
        Price,
        /// EC2 refused for want of capacity.
        InsufficientCapacity,
        /// A node was taken back.
        Interruption,
        /// A node was said to be at risk.
        Rebalance,
        /// A subnet's free addresses changed.
        FreeAddresses,
    }
}
