//! What a pod says beside what decides where it can run: where its application's properties are, the
//! groups that it is of, since when it runs. Read where the pod arrives; put together in `join.rs`.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::driver_conf::{self, ConfigRef};
use super::group::{self, GroupName};
use super::request;
use super::task_groups::{self, Task};
use crate::cluster::kubernetes::fault::Refusal;
use crate::model::spark::{Pod, Role, Shape};
use crate::model::time::Timestamp;

/// Type of the condition in which a pod says what its application waits for.
pub const PLACED: &str = "sparkwright.dev/Placed";

/// Beside a pod's template and phase.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Where a driver's properties are.
    pub config: Option<ConfigRef>,
    /// What a driver's task groups come to.
    pub task_groups: Option<Result<Shape, Refusal>>,
    /// Its place among task groups.
    pub task: Option<Task>,
    /// The group that it is to start with.
    pub group: Option<GroupName>,
    /// The ProvisioningRequest that it comes for, by `namespace/name`.
    pub consumes: Option<String>,
    /// Why its application waits, as its condition says it in one word.
    pub waits: Option<String>,
    /// Since when a kubelet has had it.
    pub started: Option<Timestamp>,
}

/// What `object`, which reads as `pod`, says beside.
pub fn aside(object: &v1::Pod, pod: &Pod) -> Aside {
    let task = task_groups::task_of(object);
    let annotations = object.metadata.annotations.as_ref();
    let request = annotations.and_then(request::consumed);
    let consumes = request.map(|name| format!("{}/{name}", pod.template.namespace));
    if pod.template.role == Role::Other && task.is_none() {
        return Aside {
            consumes,
            ..Aside::default()
        };
    }
    let driver = pod.template.role == Role::Driver;
    let task_groups = driver.then(|| task_groups::shape(object, pod).transpose());
    let status = object.status.as_ref();
    let started = status.and_then(|status| status.start_time.as_ref());
    Aside {
        config: driver.then(|| driver_conf::config_of(object)).flatten(),
        task_groups: task_groups.flatten(),
        task,
        group: group::group_of(object),
        consumes,
        waits: status.and_then(waits),
        started: started.map(|Time(at)| Timestamp::from_millis(at.as_millisecond())),
    }
}

fn waits(status: &v1::PodStatus) -> Option<String> {
    let mut conditions = status.conditions.iter().flatten();
    let placed = conditions.find(|one| one.type_ == PLACED)?;
    placed.reason.clone().filter(|_| placed.status == "False")
}
