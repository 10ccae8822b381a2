//! Which of a pod's constraints are not understood, so that it waits rather than have them ignored.
//! Says only that they are there, never what they ask for.

use k8s_openapi::api::core::v1::{PodSpec, Volume};

use crate::model::spark::NotUnderstood;

/// Schedulers whose rules planning knows: Kubernetes' own, and the two that schedule Spark in gangs. Those
/// hold pods back in their own way and choose among nodes in their own order, but where a pod may go they
/// leave to Kubernetes' own predicates: selectors, affinity, taints, requests.
const SCHEDULERS: [&str; 3] = ["default-scheduler", "volcano", "yunikorn"];

/// The constraints of a pod of this spec that are not understood, in order.
pub fn not_understood(spec: &PodSpec) -> Vec<NotUnderstood> {
    let volumes = || spec.volumes.iter().flatten();
    [
        (NotUnderstood::Volume, volumes().any(is_somewhere)),
        (
            NotUnderstood::ResourceClaim,
            spec.resource_claims
                .as_ref()
                .is_some_and(|claims| !claims.is_empty()),
        ),
        (NotUnderstood::Scheduler, has_other_scheduler(spec)),
    ]
    .into_iter()
    .filter_map(|(constraint, present)| present.then_some(constraint))
    .collect()
}

/// A disk named directly that hangs on one machine or in one zone, of which the API does not say which.
/// Folders of the node, objects of the API, inline CSI volumes and network file systems bind a pod to
/// no node.
fn is_somewhere(volume: &Volume) -> bool {
    volume.aws_elastic_block_store.is_some()
        || volume.gce_persistent_disk.is_some()
        || volume.azure_disk.is_some()
        || volume.cinder.is_some()
        || volume.vsphere_volume.is_some()
        || volume.photon_persistent_disk.is_some()
        || volume.portworx_volume.is_some()
        || volume.scale_io.is_some()
        || volume.storageos.is_some()
        || volume.flex_volume.is_some()
        || volume.iscsi.is_some()
        || volume.fc.is_some()
        || volume.rbd.is_some()
}

fn has_other_scheduler(spec: &PodSpec) -> bool {
    spec.scheduler_name
        .as_deref()
        .is_some_and(|name| !name.is_empty() && !SCHEDULERS.contains(&name))
}
