//! Groups of pods that are to start together, of three makes: Volcano's, scheduler-plugins' and
//! Kubernetes' own. Each says how many; what one pod asks for is known from the pods. What Volcano's sums
//! up in `minResources` is passed over, since it may leave out most of the memory.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use crate::cluster::kubernetes::fault::{Fault, Refusal};
use crate::cluster::kubernetes::identity::Identity;

/// Annotation of pods that Volcano schedules: their group.
const VOLCANO: &str = "scheduling.k8s.io/group-name";
/// Label of pods that scheduler-plugins' coscheduling schedules: their group.
const COSCHEDULING: &str = "scheduling.x-k8s.io/pod-group";
/// Members of one group; more is a slip of the pen.
const MOST_MEMBERS: u32 = 100_000;

/// Whose groups; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Make {
    /// `scheduling.volcano.sh` PodGroup.
    Volcano,
    /// `scheduling.x-k8s.io` PodGroup.
    Coscheduling,
    /// `scheduling.k8s.io` PodGroup.
    Kubernetes,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName {
    /// Whose.
    pub make: Make,
    /// `namespace/name`.
    pub name: String,
}

/// A PodGroup of any make, as far as it counts.
#[derive(Clone, Debug, Deserialize)]
pub struct PodGroup {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What is asked for.
    #[serde(default)]
    pub spec: GroupSpec,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupSpec {
    /// Volcano's and scheduler-plugins' number.
    pub min_member: Option<i64>,
    /// Kubernetes' own.
    pub scheduling_policy: Option<Policy>,
}

/// `spec.schedulingPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// All or nothing; without it pods go one by one.
    pub gang: Option<Gang>,
}

/// `spec.schedulingPolicy.gang`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Gang {
    /// How many are useless without each other.
    pub min_count: Option<i64>,
}

/// A group and its number: pods that are useless without each other.
///
/// # Errors
/// A name that is none, or a number that cannot be.
pub fn members(make: Make, object: &PodGroup) -> Result<(GroupName, u32), Refusal> {
    let identity = Identity::namespaced("PodGroup", &object.metadata)?;
    let spec = &object.spec;
    let gang = spec
        .scheduling_policy
        .as_ref()
        .and_then(|p| p.gang.as_ref());
    let (field, given) = match make {
        Make::Kubernetes => (
            "spec.schedulingPolicy.gang.minCount",
            gang.and_then(|gang| gang.min_count),
        ),
        Make::Volcano | Make::Coscheduling => ("spec.minMember", spec.min_member),
    };
    let given = given.unwrap_or(0);
    let count = u32::try_from(given).ok().filter(|n| *n <= MOST_MEMBERS);
    let count = count.ok_or_else(|| {
        let problem = format!("is no number of pods from 0 to {MOST_MEMBERS}; write one");
        identity.refuse(Fault::new(field, given.to_string(), problem))
    })?;
    let name = identity.full_name();
    Ok((GroupName { make, name }, count))
}

/// The group that a pod is of.
pub fn group_of(pod: &Pod) -> Option<GroupName> {
    let namespace = pod.metadata.namespace.as_deref()?;
    let annotations = pod.metadata.annotations.as_ref();
    let labels = pod.metadata.labels.as_ref();
    let own = pod.spec.as_ref()?.scheduling_group.as_ref();
    let named = [
        (Make::Volcano, annotations.and_then(|all| all.get(VOLCANO))),
        (
            Make::Coscheduling,
            labels.and_then(|all| all.get(COSCHEDULING)),
        ),
        (
            Make::Kubernetes,
            own.and_then(|own| own.pod_group_name.as_ref()),
        ),
    ];
    let mut named = named.into_iter();
    named.find_map(|(make, name)| {
        let name = format!("{namespace}/{}", name.filter(|name| !name.is_empty())?);
        Some(GroupName { make, name })
    })
}
