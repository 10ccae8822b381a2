//! Pods of an instance that is gone. Kubernetes would notice after a minute, and Spark counts an executor
//! that fails as a failure and waits until then. An executor that is first deleted and then marked as failed is
//! replaced within about a second and counted by nobody (seen with Spark 4.3.0: a deletion alone leaves it
//! Terminating and, for Spark, running). What its kubelet will never confirm is removed a little later.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;

use crate::model::spark::Role;

use super::claims::unless_gone;
use super::evict::role;
use crate::live::clock;

/// From an executor's end until its object is removed: Spark has seen it by then.
const REMOVED_AFTER: Duration = Duration::from_secs(10);

/// Tells Spark's pods on a node that their instance is gone; of other pods Kubernetes takes care. What fails is
/// left to Kubernetes too.
pub async fn mourn(client: &Client, node: &str) {
    let api: Api<Pod> = Api::all(client.clone());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let pods = match api.list(&on_node).await {
        Ok(pods) => pods.items,
        Err(error) => {
            tracing::warn!(node, %error, "pods of an instance that is gone cannot be listed");
            return;
        }
    };
    let pods = pods.into_iter().filter(|pod| !has_ended(pod));
    let told = pods.filter(|pod| role(pod) != Role::Other);
    let told = told.map(|pod| tell(client, pod));
    futures::future::join_all(told).await;
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_ref());
    phase.is_some_and(|phase| phase == "Succeeded" || phase == "Failed")
}

/// An executor goes, so that Spark asks for another one; a driver's object stays for whoever submitted it.
async fn tell(client: &Client, pod: Pod) {
    let namespace = pod.namespace().unwrap_or_default();
    let name = pod.name_any();
    let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let executor = role(&pod) == Role::Executor;
    let mut ended = Ok(());
    if executor {
        ended = unless_gone(api.delete(&name, &this_one(&pod)).await);
    }
    if ended.is_ok() {
        let failed = Patch::Strategic(failed());
        let ours = PatchParams::default();
        ended = unless_gone(api.patch_status(&name, &ours, &failed).await);
    }
    match ended {
        Ok(()) => tracing::info!(namespace, name, "pod has ended with its instance"),
        Err(error) => {
            tracing::warn!(namespace, name, %error, "pod of an instance that is gone cannot be ended");
            return;
        }
    }
    if executor {
        tokio::spawn(async move {
            sleep(REMOVED_AFTER).await;
            let at_once = this_one(&pod).grace_period(0);
            if let Err(error) = unless_gone(api.delete(&name, &at_once).await) {
                tracing::info!(namespace, name, %error, "pod is left to Kubernetes to remove");
            }
        });
    }
}

/// Deletes this pod and not another one that has its name by then.
fn this_one(pod: &Pod) -> DeleteParams {
    DeleteParams {
        preconditions: Some(Preconditions {
            uid: pod.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    }
}

/// The status of a pod whose instance is gone, as Kubernetes' own garbage collector would write it.
fn failed() -> serde_json::Value {
    let message = "the instance is gone";
    json!({"status": {
        "phase": "Failed",
        "reason": "InstanceGone",
        "message": message,
        "conditions": [{
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "InstanceGone",
            "message": message,
            "lastTransitionTime": clock::rfc3339(),
        }],
    }})
}
