//! A ProvisioningRequest, by which Kueue and others ask for room before they let pods go, and the
//! PodTemplates that it names. What it asks for is a gang: all of it, or nothing. Requests of other classes
//! are for others, and none of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;

use crate::cluster::kubernetes::fault::{Fault, Refusal};
use crate::cluster::kubernetes::identity::{self, Identity};
use crate::cluster::kubernetes::role::EMR_COMPONENT;
use crate::cluster::kubernetes::template::template;
use crate::model::object::condition::Condition;
use crate::model::requirement::Labels;
use crate::model::spark::{PodTemplate, SPARK_ROLE};
use crate::model::time::Timestamp;

/// `spec.provisioningClassName` of what we serve; the field takes a domain name, and no slash.
pub const CLASS: &str = "atomic.sparkwright.dev";
/// Annotations of pods that a request has made room for: its name, the usual one first.
const CONSUMES: [&str; 2] = [
    "autoscaling.x-k8s.io/consume-provisioning-request",
    "cluster-autoscaler.kubernetes.io/consume-provisioning-request",
];
/// Pods of one request; more is a slip of the pen.
const MOST_PODS: u32 = 100_000;
/// Names of Spark's own containers. Kueue makes templates of a SparkApplication's pods without Spark's labels.
const CONTAINERS: [(&str, &str); 2] = [
    ("spark-kubernetes-driver", "driver"),
    ("spark-kubernetes-executor", "executor"),
];

/// The condition that it was seen, and is understood.
pub const ACCEPTED: &str = "Accepted";
/// The condition that its nodes are there.
pub const PROVISIONED: &str = "Provisioned";
/// The condition that its nodes will never be there.
pub const FAILED: &str = "Failed";
/// The condition that its nodes are kept no longer.
pub const BOOKING_EXPIRED: &str = "BookingExpired";
/// The condition that its nodes are gone again.
pub const CAPACITY_REVOKED: &str = "CapacityRevoked";

/// A ProvisioningRequest (`autoscaling.x-k8s.io/v1`), as far as it counts.
#[derive(Clone, Debug, Deserialize)]
pub struct ProvisioningRequest {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: RequestSpec,
    /// What has come of it.
    pub status: Option<RequestStatus>,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestSpec {
    /// Who is to serve it.
    pub provisioning_class_name: String,
    /// Pods, by template.
    pub pod_sets: Vec<PodSet>,
}

/// `spec.podSets[]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSet {
    /// What one is like.
    pub pod_template_ref: Reference,
    /// How many.
    pub count: i64,
}

/// A PodTemplate of the same namespace.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    /// Its name.
    pub name: String,
}

/// `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RequestStatus {
    /// What is so, and what is not.
    pub conditions: Vec<Condition>,
}

/// A request of our class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name, without its namespace.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// When it was made: its place in the queue.
    pub created: Timestamp,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// PodTemplates by `namespace/name`, and how many pods of each.
    pub sets: Vec<(String, u32)>,
    /// How far it has come.
    pub standing: Standing,
    /// Its conditions as they are written.
    pub conditions: Vec<Condition>,
}

/// How far a request has come, by its own conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its nodes are not all there.
    Asks,
    /// Its nodes are there, and kept since then.
    Booked(Timestamp),
    /// Nothing is kept for it any more.
    Over,
}

/// What an object asks for; None where it is of another class.
///
/// # Errors
/// A name that is none, or a number of pods that cannot be.
pub fn request(object: &ProvisioningRequest) -> Result<Option<Request>, Refusal> {
    let identity = Identity::namespaced("ProvisioningRequest", &object.metadata)?;
    if object.spec.provisioning_class_name != CLASS {
        return Ok(None);
    }
    let namespace = identity.namespace.unwrap_or_default();
    let (mut sets, mut left) = (Vec::new(), MOST_PODS);
    for (i, set) in object.spec.pod_sets.iter().enumerate() {
        let count = u32::try_from(set.count).ok().filter(|n| *n > 0);
        let counted = count.and_then(|count| Some((count, left.checked_sub(count)?)));
        let Some((count, rest)) = counted else {
            let problem =
                format!("is no number of pods from 1 to {MOST_PODS} for all sets; write one");
            let field = format!("spec.podSets[{i}].count");
            return Err(identity.refuse(Fault::new(field, set.count.to_string(), problem)));
        };
        left = rest;
        sets.push((format!("{namespace}/{}", set.pod_template_ref.name), count));
    }
    let conditions = object.status.clone().unwrap_or_default().conditions;
    Ok(Some(Request {
        name: identity.name.to_owned(),
        namespace: namespace.to_owned(),
        created: identity::created(&object.metadata),
        generation: object.metadata.generation,
        sets,
        standing: match object.metadata.deletion_timestamp {
            Some(_) => Standing::Over,
            None => standing(&conditions),
        },
        conditions,
    }))
}

fn standing(conditions: &[Condition]) -> Standing {
    use crate::model::object::condition::ConditionStatus;
    let holds = |kind: &str| {
        let found = conditions.iter().find(|one| one.kind == kind);
        found.filter(|one| one.status == ConditionStatus::True)
    };
    let over = [FAILED, BOOKING_EXPIRED, CAPACITY_REVOKED];
    if over.iter().any(|kind| holds(kind).is_some()) {
        return Standing::Over;
    }
    let since = holds(PROVISIONED).map(|one| serde_json::json!(one.last_transition_time));
    let since = since.map(|at| serde_json::from_value(at).ok());
    match since {
        None => Standing::Asks,
        // One that does not say since when has been kept for long.
        Some(at) => Standing::Booked(at.map_or(Timestamp::ZERO, |Time(at)| {
            Timestamp::from_millis(at.as_millisecond())
        })),
    }
}

/// What pods of a PodTemplate are like.
///
/// # Errors
/// The first bad value found.
pub fn pod_template(object: &v1::PodTemplate) -> Result<Arc<PodTemplate>, Refusal> {
    let identity = Identity::namespaced("PodTemplate", &object.metadata)?;
    let given = object.template.as_ref();
    let spec = given.and_then(|given| given.spec.as_ref()).ok_or_else(|| {
        identity.refuse(Fault::missing(
            "template.spec",
            "is missing; write the pods' containers",
        ))
    })?;
    let labels = given.and_then(|given| given.metadata.as_ref()?.labels.clone());
    let labels = with_role(labels.unwrap_or_default().into(), spec);
    let read = template(identity.namespace.unwrap_or_default(), labels, spec);
    let read = read.map_err(|fault| identity.refuse(fault.under("template.spec")))?;
    Ok(Arc::new(read))
}

/// Labels with Spark's of the role, which its container tells where no label does.
fn with_role(mut labels: Labels, spec: &v1::PodSpec) -> Labels {
    let mut names = spec.containers.iter().map(|one| one.name.as_str());
    let role = names.find_map(|name| CONTAINERS.iter().find(|(known, _)| *known == name));
    if let Some((_, role)) = role.filter(|_| !labels.contains_key(EMR_COMPONENT)) {
        let label = labels.entry(SPARK_ROLE.to_owned());
        label.or_insert_with(|| (*role).to_owned());
    }
    labels
}

/// The request that pods with these annotations come for.
pub fn consumed(annotations: &BTreeMap<String, String>) -> Option<&str> {
    let mut named = CONSUMES.iter().filter_map(|key| annotations.get(*key));
    let name = named.find(|name| !name.is_empty())?;
    Some(name)
}
