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

/// Completes a node's labels, then its taints. Another writer in between is noticed by the object's
/// version, and the next look does it again.
///
/// # Errors
/// The API server's refusal, a conflict included; a node that is gone is none.
pub async fn register(client: &Client, name: &str, labels: &Labels) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    let labels = json!({"metadata": {"labels": labels}});
    let labelled = api
        .patch(name, &PatchParams::default(), &Patch::Merge(labels))
        .await;
    let node = match labelled {
        Ok(node) => node,
        Err(error) => return unless_gone(Err::<(), _>(error)),
    };
    let taints = json!({
        "metadata": {"resourceVersion": node.resource_version()},
        "spec": {"taints": registered_taints(&node)},
    });
    unless_gone(
        api.patch(name, &PatchParams::default(), &Patch::Merge(taints))
            .await,
    )
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
