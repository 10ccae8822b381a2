//! A Node object to what planning knows of a node: labels, taints, what it can hold, whether it is
//! ready. Whether it is ours is told by its labels, and decided when the fact is folded.

use k8s_openapi::api::core::v1;

use super::affinity::NODE_NAME;
use super::fault::Refusal;
use super::identity::Identity;
use super::{requests, taint};
use crate::cluster::event::NodeFacts;
use crate::model::label;
use crate::model::name::NodeId;
use crate::model::requirement::Labels;
use crate::model::resources::Resources;

/// The kubelet's own limit where a node does not say one; only hand-written nodes leave it out.
const DEFAULT_PODS: u32 = 110;

/// The node. Its name is among its labels as `metadata.name`, for affinity by field.
pub fn node(object: &v1::Node) -> Result<NodeFacts, Refusal> {
    let identity = Identity::clusterwide("Node", &object.metadata)?;
    let spec = object.spec.as_ref();
    let given = spec.and_then(|spec| spec.taints.as_deref());
    let taints = taint::taints(given.unwrap_or_default())
        .map_err(|fault| identity.refuse(fault.under("spec")))?;
    Ok(NodeFacts {
        id: NodeId::from(identity.name),
        labels: labels(object, identity.name),
        taints,
        allocatable: allocatable(object, &identity)?,
        unschedulable: spec.and_then(|spec| spec.unschedulable).unwrap_or(false)
            || object.metadata.deletion_timestamp.is_some(),
        ready: is_ready(object),
    })
}

/// The node's labels under their present names; where a node carries both, the present one counts.
fn labels(object: &v1::Node, name: &str) -> Labels {
    let given = || object.metadata.labels.iter().flatten();
    let mut labels: Labels = given()
        .map(|(key, value)| (label::canonical(key).to_owned(), value.clone()))
        .collect();
    labels.extend(
        given()
            .filter(|(key, _)| label::canonical(key) == key.as_str())
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    labels.insert(NODE_NAME.to_owned(), name.to_owned());
    labels
}

/// `status.allocatable`, else `status.capacity`.
fn allocatable(object: &v1::Node, identity: &Identity<'_>) -> Result<Resources, Refusal> {
    let status = object.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let capacity = status.and_then(|status| status.capacity.as_ref());
    let (field, list) = match (allocatable, capacity) {
        (Some(list), _) => ("status.allocatable", list),
        (None, Some(list)) => ("status.capacity", list),
        (None, None) => return Ok(Resources::default()),
    };
    let mut room =
        requests::resource_list(list).map_err(|fault| identity.refuse(fault.under(field)))?;
    if !list.contains_key("pods") {
        room.pods = DEFAULT_PODS;
    }
    Ok(room)
}

/// As the kubelet says; a node on which nobody has said anything is hand-written, and taken as ready.
fn is_ready(object: &v1::Node) -> bool {
    let status = object.status.as_ref();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    conditions.is_empty()
        || conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
