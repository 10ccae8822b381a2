//! A Pod object to a pod that counts. Conditions are not asked: a pod without a node that nobody else
//! holds back is pending, whether or not a scheduler has looked at it.

use std::sync::Arc;

use k8s_openapi::api::core::v1;

use super::fault::{Fault, Refusal};
use super::identity::{self, Identity};
use super::template::template;
use crate::model::name::{NodeId, PodId};
use crate::model::spark::{GATE, Pod, PodPhase};

/// Marks the API's copy of a pod that a kubelet runs from a file of its own.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The pod, or None where it does not count: finished, or without a node and being deleted, held by
/// someone else's gate, or made for one node by a DaemonSet or a kubelet. A pod that is being deleted
/// holds its room until it is gone.
pub fn pod(object: &v1::Pod) -> Result<Option<Pod>, Refusal> {
    let identity = Identity::namespaced("Pod", &object.metadata)?;
    let Some(spec) = &object.spec else {
        return Err(identity.refuse(Fault::missing(
            "spec",
            "is missing; write the pod's containers",
        )));
    };
    let bound_to_node = belongs_to_node(object);
    let Some(phase) = phase(object, spec).filter(|phase| is_bound(phase) || !bound_to_node) else {
        return Ok(None);
    };
    let labels = object.metadata.labels.clone().unwrap_or_default().into();
    let namespace = identity.namespace.unwrap_or_default();
    let mut template =
        template(namespace, labels, spec).map_err(|fault| identity.refuse(fault.under("spec")))?;
    template.daemon = bound_to_node;
    if let Some(placement) = template.placement.as_mut().map(Arc::make_mut) {
        placement.name_claims_after(identity.name);
    }
    if is_bound(&phase) {
        template.not_understood.clear();
    }
    Ok(Some(Pod {
        id: PodId::from(identity.full_name()),
        template: Arc::new(template),
        created: identity::created(&object.metadata),
        phase,
    }))
}

fn phase(object: &v1::Pod, spec: &v1::PodSpec) -> Option<PodPhase> {
    let status = object
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if matches!(status, Some("Succeeded" | "Failed")) {
        return None;
    }
    if let Some(node) = spec.node_name.as_deref().filter(|node| !node.is_empty()) {
        return Some(PodPhase::Bound(NodeId::from(node)));
    }
    let gates = spec.scheduling_gates.as_deref().unwrap_or_default();
    if object.metadata.deletion_timestamp.is_some() || gates.iter().any(|gate| gate.name != GATE) {
        return None;
    }
    Some(if gates.is_empty() {
        PodPhase::Pending
    } else {
        PodPhase::Gated
    })
}

fn is_bound(phase: &PodPhase) -> bool {
    matches!(phase, PodPhase::Bound(_))
}

/// Made by a DaemonSet, or by a kubelet from a file: such a pod is for a node that is there already.
fn belongs_to_node(object: &v1::Pod) -> bool {
    let mirror = object.metadata.annotations.as_ref();
    let owners = object
        .metadata
        .owner_references
        .as_deref()
        .unwrap_or_default();
    mirror.is_some_and(|annotations| annotations.contains_key(MIRROR))
        || owners
            .iter()
            .any(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node"))
}
