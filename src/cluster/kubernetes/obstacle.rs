//! Which of a pod's constraints are not understood yet, so that it waits rather than have them
//! ignored. Says only that they are there, never what they ask for.

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};

use crate::model::spark::NotUnderstood;

/// The scheduler whose rules planning knows.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// The constraints of a pod of this spec that are not understood, in order.
pub fn not_understood(spec: &PodSpec) -> Vec<NotUnderstood> {
    let volumes = || spec.volumes.iter().flatten();
    [
        (NotUnderstood::PodAffinity, needs_pods(spec)),
        (NotUnderstood::TopologySpread, needs_spread(spec)),
        (NotUnderstood::HostPort, needs_host_port(spec)),
        (NotUnderstood::Volume, volumes().any(binds_to_nodes)),
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

fn needs_pods(spec: &PodSpec) -> bool {
    let Some(affinity) = &spec.affinity else {
        return false;
    };
    let near = affinity.pod_affinity.iter().filter_map(|rule| {
        rule.required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    let apart = affinity.pod_anti_affinity.iter().filter_map(|rule| {
        rule.required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    near.chain(apart).any(|terms| !terms.is_empty())
}

fn needs_spread(spec: &PodSpec) -> bool {
    spec.topology_spread_constraints
        .iter()
        .flatten()
        .any(|constraint| constraint.when_unsatisfiable == "DoNotSchedule")
}

/// On the host's network every container port is a port of the host.
fn needs_host_port(spec: &PodSpec) -> bool {
    let on_host = spec.host_network == Some(true);
    let sidecars = spec.init_containers.iter().flatten();
    let taken = |container: &Container| {
        container
            .ports
            .iter()
            .flatten()
            .any(|port| on_host || port.host_port.is_some_and(|port| port > 0))
    };
    spec.containers.iter().any(taken)
        || sidecars
            .filter(|container| container.restart_policy.as_deref() == Some("Always"))
            .any(taken)
}

/// A claim, or a disk that hangs on one machine or in one zone. Folders of the node, objects of the
/// API, inline CSI volumes and network file systems bind a pod to no node.
fn binds_to_nodes(volume: &Volume) -> bool {
    volume.persistent_volume_claim.is_some()
        || volume.ephemeral.is_some()
        || volume.aws_elastic_block_store.is_some()
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
        .is_some_and(|name| !name.is_empty() && name != DEFAULT_SCHEDULER)
}
