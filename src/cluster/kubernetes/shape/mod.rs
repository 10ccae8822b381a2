//! What applications will ask for, each source a pure function from its real object to a shape or a
//! refusal. Sources do not know of each other: who counts where several speak is for `join.rs`. What pods
//! that are there ask for is the truth, whatever a source says.

pub mod apache;
pub mod aside;
pub mod bookings;
pub mod driver_conf;
pub mod group;
mod java;
pub mod join;
pub mod moment;
pub mod operator;
mod placeholders;
mod pods;
pub mod request;
pub mod scheduled;
pub mod task_groups;

use std::sync::Arc;

use crate::model::name::AppId;
use crate::model::spark::{PodTemplate, Shape};

pub use aside::{Aside, aside};
pub use driver_conf::{ConfigRef, Data};
pub use group::{GroupName, Make};
pub use join::{Join, Turn};
pub use request::Request;
pub use scheduled::Scheduled;

/// Who says what an application will ask for, the best first. Groups of pods, which hold a number and no
/// more, are no source of their own: they raise the least of what the best one says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The Spark Operator's SparkApplication.
    Operator,
    /// Apache's SparkApplication.
    Apache,
    /// YuniKorn's task groups in the driver's annotations.
    TaskGroups,
    /// The driver's Spark properties, in its ConfigMap.
    DriverConf,
    /// A ScheduledSparkApplication whose next run is near.
    Schedule,
    /// A ProvisioningRequest of our class.
    Request,
}

/// What an object says of applications, as [`Join`] takes it in.
#[derive(Clone, Debug)]
pub enum Speech {
    /// An application and its shape.
    Declares {
        /// Who says so.
        origin: Origin,
        /// The two; None asks for nothing.
        declared: Option<(AppId, Shape)>,
        /// No driver of this run has been submitted, so that one which has ended was an earlier run's.
        begins: bool,
        /// The ProvisioningRequest that its pods come for, by `namespace/name`.
        consumes: Option<String>,
    },
    /// When an application runs next.
    Schedules(Option<Scheduled>),
    /// How many pods of a group are useless without each other.
    Groups(GroupName, u32),
    /// Room that is asked for before pods are let go; None where that is for others to serve.
    Requests(Option<Request>),
    /// What pods of a PodTemplate are like.
    Template(Arc<PodTemplate>),
    /// What a pod says beside what decides where it can run.
    Pod(Box<Aside>),
    /// A ConfigMap.
    Config(Data),
}
