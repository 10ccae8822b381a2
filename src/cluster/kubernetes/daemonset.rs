//! A DaemonSet object to what its pod takes from each node and where it runs. Its status is not read:
//! the pod counts on every node that it will run on, also before it is there.

use k8s_openapi::api::apps::v1::DaemonSet;

use super::fault::{Fault, Refusal};
use super::identity::Identity;
use super::template::template;
use crate::model::daemon::Daemon;
use crate::model::node::{TaintEffect, Toleration};

/// Taints that the DaemonSet controller lets its pods tolerate, whatever the template says.
/// Source: Kubernetes documentation, DaemonSet, taints and tolerations.
const TOLERATED: [(&str, TaintEffect); 6] = [
    ("node.kubernetes.io/not-ready", TaintEffect::NoExecute),
    ("node.kubernetes.io/unreachable", TaintEffect::NoExecute),
    ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule),
    (
        "node.kubernetes.io/memory-pressure",
        TaintEffect::NoSchedule,
    ),
    ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule),
];

/// The same for pods on the host's network only.
const TOLERATED_ON_HOST: (&str, TaintEffect) = (
    "node.kubernetes.io/network-unavailable",
    TaintEffect::NoSchedule,
);

/// The daemon. Host ports and volumes of its pod are not asked: it runs where its node is.
pub fn daemon(object: &DaemonSet) -> Result<Daemon, Refusal> {
    let identity = Identity::namespaced("DaemonSet", &object.metadata)?;
    let spec = object
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let Some(spec) = spec else {
        let fault = Fault::missing("spec.template.spec", "is missing; write a pod's spec");
        return Err(identity.refuse(fault));
    };
    let template = template(identity.namespace.unwrap_or_default(), [].into(), spec)
        .map_err(|fault| identity.refuse(fault.under("spec.template.spec")))?;
    let on_host = spec.host_network == Some(true);
    let mut tolerations = template.tolerations;
    tolerations.extend(
        TOLERATED
            .into_iter()
            .chain(on_host.then_some(TOLERATED_ON_HOST))
            .map(|(key, effect)| Toleration {
                key: Some(key.to_owned()),
                value: None,
                effect: Some(effect),
            }),
    );
    Ok(Daemon {
        name: identity.full_name(),
        requests: template.requests,
        constraints: template.constraints,
        tolerations,
    })
}
