//! One Spark application as a pure state machine: the simulator tells it when its pods run, it says
//! which executors it wants and when to be woken. Later executors make it longer, because what is
//! replayed is work. It knows no node and no price, and draws no random number.

mod allocation;
mod application;
mod driver;
pub mod fidelity;
mod free;
mod holdings;
mod line;
mod loss;
mod monitor;
mod outputs;
mod pace;
mod pods;
mod queue;
mod quiet;
mod ready;
mod run;
mod slots;

use std::sync::Arc;

use sparkwright::model::time::{Span, Timestamp};

use crate::trace::Work;

pub use application::Application;
pub use fidelity::{Fidelity, fidelity};
pub use pace::Pace;
pub use run::{DRIVER_START, EXECUTOR_START};

/// Where executors come from.
#[derive(Clone, Debug)]
pub enum Executors {
    /// Spark on Kubernetes asks for them, and the simulator's nodes decide when they run.
    Simulated,
    /// As the application's own log has them.
    AsRecorded,
    /// As another application's log has them.
    FromLog(Arc<Work>),
}

/// What an application wants of the world around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An executor's pod. Executors are numbered from 1.
    CreateExecutor {
        /// Its number.
        executor: u32,
        /// Its resource profile.
        profile: u32,
    },
    /// An executor's pod is not wanted any more.
    DeleteExecutor {
        /// Its number.
        executor: u32,
    },
    /// A call of `wake` then, at the latest; it replaces the wish before it.
    WakeAt(Timestamp),
    /// The driver exits. Its executors have been deleted.
    Finished,
}

/// How an application ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its last job was done.
    Completed,
    /// Its driver's pod was lost. Spark on Kubernetes starts no other by itself; what an operator's
    /// restart policy would do, no log tells.
    DriverLost,
    /// Tasks waited for executors, and the log that they come from brought no more.
    OutOfExecutors,
}

impl Outcome {
    /// As the replay's document names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::DriverLost => "driver-lost",
            Outcome::OutOfExecutors => "out-of-executors",
        }
    }
}

/// How far an application has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// ApplicationStart.
    pub started: Option<Timestamp>,
    /// The first task's launch.
    pub first_task: Option<Timestamp>,
    /// Completion of the latest stage.
    pub last_stage: Option<Timestamp>,
    /// ApplicationEnd.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Time inside at least one job, up to the latest moment when there was none.
    pub in_job: Span,
    /// Executor pods asked for and not deleted or lost.
    pub executor_pods: u32,
    /// Slots of executors that take tasks.
    pub slots: u32,
    /// Tasks running.
    pub running_tasks: u32,
}

/// Where something numbered is in a table.
fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The number of a place. A log of four thousand million tasks does not fit into memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
