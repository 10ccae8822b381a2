//! A pod's spec and labels to what decides where it can run. The same rules for pods that are there,
//! for pods that a DaemonSet makes, and for pods that an application will ask for.

use k8s_openapi::api::core::v1::PodSpec;

use super::fault::Fault;
use super::{affinity, obstacle, placement, requests, role, taint};
use crate::model::requirement::Labels;
use crate::model::spark::PodTemplate;

/// Spark's label that differs between the executors of one application.
const EXECUTOR_ID: &str = "spark-exec-id";

/// The template of a pod with this spec and these labels. Paths in faults start at the spec.
pub fn template(namespace: &str, mut labels: Labels, spec: &PodSpec) -> Result<PodTemplate, Fault> {
    labels.remove(EXECUTOR_ID);
    Ok(PodTemplate {
        role: role::role(&labels),
        app: role::app(namespace, &labels),
        namespace: namespace.to_owned(),
        requests: requests::pod_requests(spec)?,
        constraints: affinity::constraints(spec)?,
        tolerations: taint::tolerations(spec.tolerations.as_deref().unwrap_or_default())?,
        priority: priority(spec),
        daemon: false,
        hands_on: hands_on(spec),
        placement: placement::placement(namespace, &labels, spec)?,
        not_understood: obstacle::not_understood(spec),
        labels,
    })
}

/// Spark's decommission is a command that is run before a container is stopped
/// (`spark.kubernetes.decommission.script`); its name is the user's to choose.
fn hands_on(spec: &PodSpec) -> bool {
    spec.containers.iter().any(|container| {
        let lifecycle = container.lifecycle.as_ref();
        let before = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        before.is_some_and(|before| before.exec.is_some())
    })
}

/// The admission-time number; the two classes that every cluster has count where it is absent.
fn priority(spec: &PodSpec) -> i32 {
    let by_class = match spec.priority_class_name.as_deref() {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    };
    spec.priority.unwrap_or(by_class)
}
