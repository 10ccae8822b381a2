//! Advice to those who write applications: what in a request or a setting costs money or work, and what to
//! write instead. It changes no plan. `code` is stable and for machines; the text is for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::resources::{Bytes, Cpu};
use super::time::Span;

/// One piece of advice on an application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "code",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Advice {
    /// Executors ask for whole vCPUs, so that one less fits on a node than it has vCPUs for: system and
    /// DaemonSets take a part of each node.
    LowerCpuRequest {
        /// What an executor asks for, in thousandths of a vCPU.
        asks_millis: u64,
        /// What it should ask for: the same number of tasks run in it, as `spark.executor.cores` says.
        write_millis: u64,
        /// Of the types on which they fit, so many in a hundred hold one more then.
        percent_of_types: u64,
    },
    /// The cheapest nodes for executors have memory that none of them asks for.
    StrandedMemory {
        /// The type that is cheapest for them.
        instance_type: String,
        /// So much of its memory in a hundred is left.
        percent: u64,
        /// What an executor could ask for, at no cost, overhead included, in bytes.
        could_ask: u64,
    },
    /// Local directories are in memory, and count as such: the pod is killed when they fill.
    LocalDirsInMemory,
    /// Nothing gives executors a place of their own to spill to, and nodes may come without local disks.
    SpillsToRootVolume,
    /// An executor that is asked to go is killed before it has handed its shuffle files on.
    DecommissionCutShort {
        /// From one look at what it holds to the next one, of which it needs two, in milliseconds.
        interval_millis: i64,
        /// What its pod has for ending, in milliseconds.
        grace_millis: i64,
    },
}

impl Advice {
    /// Stable name, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Advice::LowerCpuRequest { .. } => "lower-cpu-request",
            Advice::StrandedMemory { .. } => "stranded-memory",
            Advice::LocalDirsInMemory => "local-dirs-in-memory",
            Advice::SpillsToRootVolume => "spills-to-root-volume",
            Advice::DecommissionCutShort { .. } => "decommission-cut-short",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::LowerCpuRequest {
                asks_millis,
                write_millis,
                percent_of_types,
            } => write!(
                f,
                "executors ask for {}, and system and DaemonSets take a part of each node: with \
                 spark.kubernetes.executor.request.cores={write_millis}m one more fits on {percent_of_types}% of types",
                Cpu::from_millis(*asks_millis)
            ),
            Advice::StrandedMemory {
                instance_type,
                percent,
                could_ask,
            } => write!(
                f,
                "{percent}% of the memory of {instance_type}, the cheapest node for executors, is asked for by \
                 none of them: {} MiB each, overhead included, would cost nothing",
                Bytes::new(*could_ask).mib()
            ),
            Advice::LocalDirsInMemory => f.write_str(
                "spark.kubernetes.local.dirs.tmpfs=true: what executors spill counts as their memory; raise \
                 spark.executor.memoryOverhead by it, or use local disks",
            ),
            Advice::SpillsToRootVolume => f.write_str(
                "the pool may buy nodes without local disks, and executors spill to the root volume there; set \
                 its spec.minLocalStorage, or give executors spark-local-dir volumes",
            ),
            Advice::DecommissionCutShort {
                interval_millis,
                grace_millis,
            } => write!(
                f,
                "an executor that is asked to go needs more than {} to hand its shuffle files on, and its pod \
                 has {}; set spark.storage.decommission.replicationReattemptInterval=2s and a \
                 terminationGracePeriodSeconds of 110",
                Span::from_millis(*interval_millis),
                Span::from_millis(*grace_millis)
            ),
        }
    }
}

/// A piece of advice as documents have it.
#[derive(Debug, Serialize)]
pub struct Written<'a> {
    #[serde(flatten)]
    advice: &'a Advice,
    message: String,
}

impl<'a> From<&'a Advice> for Written<'a> {
    fn from(advice: &'a Advice) -> Self {
        Written {
            advice,
            message: advice.to_string(),
        }
    }
}
