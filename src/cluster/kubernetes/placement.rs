//! A pod's spec to what it asks of its neighbours and of a node beyond labels and room: affinity,
//! spread, ports of the host, claims. None for the pods that ask for nothing of this sort.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::fault::Fault;
use super::neighbours::{self, Owner};
use crate::model::placement::{Claim, HostPort, Placement};
use crate::model::requirement::Labels;

/// What the spec of a pod with these labels asks for.
pub(super) fn placement(
    namespace: &str,
    labels: &Labels,
    spec: &PodSpec,
) -> Result<Option<Arc<Placement>>, Fault> {
    let mut placement = Placement {
        ports: ports(spec)?,
        claims: claims(spec)?,
        never_preempts: never_preempts(spec)?,
        ..Placement::default()
    };
    neighbours::read(Owner { namespace, labels }, spec, &mut placement)?;
    Ok((!placement.is_empty()).then(|| Arc::new(placement)))
}

/// On the host's network every container port is a port of the host. Of init containers only those
/// that stay (sidecars) keep theirs.
fn ports(spec: &PodSpec) -> Result<Vec<HostPort>, Fault> {
    let sidecars = spec.init_containers.iter().flatten().enumerate();
    let sidecars = sidecars.filter(|(_, c)| c.restart_policy.as_deref() == Some("Always"));
    let mut ports = Vec::new();
    for (i, container) in spec.containers.iter().enumerate() {
        container_ports(container, spec.host_network == Some(true), &mut ports)
            .map_err(|fault| fault.under(format_args!("containers[{i}]")))?;
    }
    for (i, container) in sidecars {
        container_ports(container, spec.host_network == Some(true), &mut ports)
            .map_err(|fault| fault.under(format_args!("initContainers[{i}]")))?;
    }
    ports.sort();
    ports.dedup();
    Ok(ports)
}

fn container_ports(
    container: &Container,
    on_host: bool,
    ports: &mut Vec<HostPort>,
) -> Result<(), Fault> {
    for (i, given) in container.ports.iter().flatten().enumerate() {
        let host = given.host_port.filter(|port| *port != 0);
        let Some(wanted) = host.or(on_host.then_some(given.container_port)) else {
            continue;
        };
        let port = u16::try_from(wanted).ok().filter(|port| *port > 0);
        let Some(port) = port else {
            let problem = "is no port; write a whole number from 1 to 65535";
            let field = format!("ports[{i}].hostPort");
            return Err(Fault::new(field, wanted.to_string(), problem));
        };
        let ip = given.host_ip.as_deref().filter(|ip| *ip != "0.0.0.0");
        ports.push(HostPort {
            ip: ip.unwrap_or_default().to_owned(),
            protocol: given.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            port,
        });
    }
    Ok(())
}

/// A generic ephemeral volume's claim is named after its pod and the volume. A claim without name is
/// one that Spark will make for each pod.
fn claims(spec: &PodSpec) -> Result<Vec<Claim>, Fault> {
    let mut claims = Vec::new();
    for (i, volume) in spec.volumes.iter().flatten().enumerate() {
        if let Some(source) = &volume.persistent_volume_claim {
            if source.claim_name.is_empty() {
                let problem = "is missing; write the name of a PersistentVolumeClaim";
                let field = format!("volumes[{i}].persistentVolumeClaim.claimName");
                return Err(Fault::missing(field, problem));
            }
            claims.push(Claim {
                name: source.claim_name.clone(),
                own: false,
                class: None,
            });
        }
        if let Some(source) = &volume.ephemeral {
            let template = source.volume_claim_template.as_ref();
            claims.push(Claim {
                name: format!("-{}", volume.name),
                own: true,
                class: template.and_then(|template| template.spec.storage_class_name.clone()),
            });
        }
    }
    claims.sort();
    claims.dedup();
    Ok(claims)
}

fn never_preempts(spec: &PodSpec) -> Result<bool, Fault> {
    match spec.preemption_policy.as_deref() {
        None | Some("" | "PreemptLowerPriority") => Ok(false),
        Some("Never") => Ok(true),
        Some(other) => {
            let problem = "is unknown; write Never or PreemptLowerPriority";
            Err(Fault::new("preemptionPolicy", other, problem))
        }
    }
}

#[cfg(test)]
mod tests;
