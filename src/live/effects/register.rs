//! A node that has joined gets what its user data could not give: labels of its type, and at last the
//! taint goes that kept everything away until then.

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::model::requirement::Labels;

use super::claims::unless_gone;
use crate::live::crash;
use crate::live::translate::registered_taints;

/// How often a node is tried at once when another writer comes in between: kubelet and the node controllers
/// write to a node that has just joined several times a second.
const TRIES: u32 = 4;

/// Completes a node's labels, then its taints. Another writer in between is noticed by the object's
/// version, and then it is done again.
///
/// # Errors
/// The API server's refusal, a conflict included that came at each try; a node that is gone is none.
pub async fn register(client: &Client, name: &str, labels: &Labels) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    for _ in 1..TRIES {
        match complete(&api, name, labels).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            done => return unless_gone(done),
        }
    }
    unless_gone(complete(&api, name, labels).await)
}

async fn complete(api: &Api<Node>, name: &str, labels: &Labels) -> Result<(), kube::Error> {
    let labels = json!({"metadata": {"labels": labels}});
    let node = api
        .patch(name, &PatchParams::default(), &Patch::Merge(labels))
        .await?;
    let taints = json!({
        "metadata": {"resourceVersion": node.resource_version()},
        "spec": {"taints": registered_taints(&node)},
    });
    api.patch(name, &PatchParams::default(), &Patch::Merge(taints))
        .await?;
    Ok(())
}

/// Lets nothing new onto a node.
///
/// # Errors
/// The API server's refusal; a node that is gone is none.
pub async fn cordon(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    let patch = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    crash::point("before-cordon");
    let cordoned = unless_gone(api.patch(name, &PatchParams::default(), &patch).await);
    crash::point("after-cordon");
    cordoned
}
