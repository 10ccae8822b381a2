//! Spark's side of a cluster: roles, pods, and the shape of an application, which is what it will
//! ask for, known before its pods exist.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::advice::Advice;
use super::name::{AppId, NodeId, PodId};
use super::node::Toleration;
use super::placement::Placement;
use super::requirement::{Constraints, Labels};
use super::resources::Resources;
use super::time::Timestamp;

/// Label by which Spark tells drivers from executors.
pub const SPARK_ROLE: &str = "spark-role";
/// Label that all pods of one Spark run share.
pub const SPARK_APP_SELECTOR: &str = "spark-app-selector";
/// The scheduling gate that we add and lift; a pod held by any other gate is not ours yet.
pub const GATE: &str = "sparkwright.dev/placement";

/// What a pod is in its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the application; its loss is the application's loss.
    Driver,
    /// Runs tasks.
    Executor,
    /// Any other pod that a NodePool's `podSelector` names.
    Other,
}

/// A scheduling constraint that is not understood: the pod waits rather than have it ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotUnderstood {
    /// A disk named directly in the pod, whose place the API does not tell.
    Volume,
    /// A resource claim (dynamic resource allocation).
    ResourceClaim,
    /// A scheduler other than the default one.
    Scheduler,
}

/// Everything about a pod that decides where it can run; equal for all executors of one profile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodTemplate {
    /// Driver, executor or other.
    pub role: Role,
    /// The application, for pods of one.
    pub app: Option<AppId>,
    /// Namespace.
    pub namespace: String,
    /// Labels, less those that differ between executors of one application.
    pub labels: Labels,
    /// What it asks for, `pods: 1` included.
    pub requests: Resources,
    /// `nodeSelector` and required node affinity.
    pub constraints: Constraints,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Higher goes first.
    pub priority: i32,
    /// Belongs to a DaemonSet: takes room, but keeps no node from being empty.
    pub daemon: bool,
    /// Hands what it has done to others when it is asked to go: Spark's decommission is on.
    pub hands_on: bool,
    /// What it asks of other pods, ports and disks; most pods ask for nothing.
    pub placement: Option<Arc<Placement>>,
    /// Constraints that are not understood.
    pub not_understood: Vec<NotUnderstood>,
}

impl PodTemplate {
    /// One that asks for room and for nothing else.
    pub fn plain(
        role: Role,
        app: Option<AppId>,
        namespace: impl Into<String>,
        requests: Resources,
    ) -> Self {
        PodTemplate {
            role,
            app,
            namespace: namespace.into(),
            labels: Labels::new(),
            requests,
            constraints: Constraints::default(),
            tolerations: Vec::new(),
            priority: 0,
            daemon: false,
            hands_on: false,
            placement: None,
            not_understood: Vec::new(),
        }
    }
}

/// Where a pod is in its life, as far as planning cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    /// Waits for our gate to be lifted.
    Gated,
    /// Waits for the scheduler.
    Pending,
    /// Bound to a node; holds its room until it ends.
    Bound(NodeId),
}

/// A pod that counts: not finished, not being deleted, and not held by someone else's gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// `namespace/name`.
    pub id: PodId,
    /// What decides where it can run.
    pub template: Arc<PodTemplate>,
    /// When it was created.
    pub created: Timestamp,
    /// Where it is in its life.
    pub phase: PodPhase,
}

/// Executors of one template that an application will ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorGroup {
    /// What one of them is like.
    pub template: Arc<PodTemplate>,
    /// The application is useless with fewer.
    pub min: u32,
    /// Asked for at the start.
    pub initial: u32,
    /// Asked for at most; None is without bound.
    pub max: Option<u32>,
}

/// What an application will ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The application's name for people, without its namespace.
    pub name: String,
    /// The namespace its pods will be in.
    pub namespace: String,
    /// When it was declared: its place in the queue.
    pub declared: Timestamp,
    /// The driver; None where it runs elsewhere (client mode).
    pub driver: Option<Arc<PodTemplate>>,
    /// The executors, by resource profile.
    pub executors: Vec<ExecutorGroup>,
    /// What in its properties should be otherwise.
    #[serde(default)]
    pub advice: Vec<Advice>,
}

impl Role {
    /// Lower-case name, as in Spark's label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Driver => "driver",
            Role::Executor => "executor",
            Role::Other => "other",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl NotUnderstood {
    /// The field of the pod that holds it.
    pub const fn field(self) -> &'static str {
        match self {
            NotUnderstood::Volume => "spec.volumes[]",
            NotUnderstood::ResourceClaim => "spec.resourceClaims",
            NotUnderstood::Scheduler => "spec.schedulerName",
        }
    }
}
