//! What a pod asks for, counted as kube-scheduler counts it: containers side by side, init containers
//! one after the other with the sidecars that run by then, pod-level requests before both, and the
//! runtime's overhead on top. What a running pod was resized to is not looked at, only its spec.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::fault::{Fault, entry};
use crate::model::quantity::{self, QuantityError};
use crate::model::resources::{Bytes, Cpu, Resources};

type Quantities = BTreeMap<String, Quantity>;

/// The requests of a pod of this spec, `pods: 1` included.
pub fn pod_requests(spec: &PodSpec) -> Result<Resources, Fault> {
    let mut total = of_containers(spec)?;
    if let Some(resources) = &spec.resources {
        pod_level(resources, &mut total).map_err(|fault| fault.under("resources"))?;
    }
    if let Some(overhead) = &spec.overhead {
        total += &resource_list(overhead).map_err(|fault| fault.under("overhead"))?;
    }
    total.pods = 1;
    let most = i64::MAX.unsigned_abs();
    if total
        .cpu
        .millis()
        .max(total.memory.get())
        .max(total.storage.get())
        > most
    {
        let problem = format!("their requests add up to more than {most} base units; lower them");
        return Err(Fault::missing("containers", problem));
    }
    Ok(total)
}

/// Room that a node's `allocatable` or `capacity` names.
pub fn resource_list(list: &Quantities) -> Result<Resources, Fault> {
    let mut resources = Resources::default();
    for (name, quantity) in list {
        set(&mut resources, name, &quantity.0)?;
    }
    Ok(resources)
}

/// The larger of what runs together at the end and what runs at any moment of initialisation.
fn of_containers(spec: &PodSpec) -> Result<Resources, Fault> {
    let mut running = Resources::default();
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for (i, container) in spec.init_containers.iter().flatten().enumerate() {
        let mut asked = of_container(container)
            .map_err(|fault| fault.under(format_args!("initContainers[{i}]")))?;
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars += &asked;
            peak.raise_to(&sidecars);
        } else {
            asked += &sidecars;
            peak.raise_to(&asked);
        }
    }
    for (i, container) in spec.containers.iter().enumerate() {
        running += &of_container(container)
            .map_err(|fault| fault.under(format_args!("containers[{i}]")))?;
    }
    running += &sidecars;
    running.raise_to(&peak);
    Ok(running)
}

/// Requests, and limits where only a limit is given.
fn of_container(container: &Container) -> Result<Resources, Fault> {
    let Some(given) = &container.resources else {
        return Ok(Resources::default());
    };
    let mut asked = Resources::default();
    let mut read = |list: &Option<Quantities>, field: &str, defaults: Option<&Quantities>| {
        for (name, Quantity(text)) in list.iter().flatten() {
            let known = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
            let fault = if !known && !name.contains('/') && !name.starts_with("hugepages-") {
                let problem = "is no resource of a container; write cpu, memory, \
                               ephemeral-storage or a name such as nvidia.com/gpu";
                Err(Fault::new(entry(name), name, problem))
            } else if defaults.is_some_and(|requests| requests.contains_key(name)) {
                set(&mut Resources::default(), name, text)
            } else {
                set(&mut asked, name, text)
            };
            fault.map_err(|fault| fault.under(field))?;
        }
        Ok(())
    };
    read(&given.requests, "resources.requests", None)?;
    read(&given.limits, "resources.limits", given.requests.as_ref())?;
    Ok(asked)
}

/// Pod-level requests replace what the containers add up to; pod-level limits stand in for what
/// neither names. Only CPU, memory and huge pages can be given for a whole pod.
fn pod_level(given: &ResourceRequirements, total: &mut Resources) -> Result<(), Fault> {
    let whole = |name: &str| name == "cpu" || name == "memory" || name.starts_with("hugepages-");
    let mut stated = Resources::default();
    for (name, Quantity(text)) in given
        .requests
        .iter()
        .flatten()
        .filter(|(name, _)| whole(name))
    {
        set(&mut stated, name, text).map_err(|fault| fault.under("requests"))?;
        replace(total, &stated, name);
    }
    for (name, Quantity(text)) in given
        .limits
        .iter()
        .flatten()
        .filter(|(name, _)| whole(name))
    {
        set(&mut stated, name, text).map_err(|fault| fault.under("limits"))?;
        let requested = given
            .requests
            .as_ref()
            .is_some_and(|list| list.contains_key(name));
        if !requested && is_zero(total, name) {
            replace(total, &stated, name);
        }
    }
    Ok(())
}

fn replace(total: &mut Resources, stated: &Resources, name: &str) {
    match name {
        "cpu" => total.cpu = stated.cpu,
        "memory" => total.memory = stated.memory,
        _ => {
            total.extended.remove(name);
            if let Some(&n) = stated.extended.get(name) {
                total.extended.insert(name.into(), n);
            }
        }
    }
}

fn is_zero(total: &Resources, name: &str) -> bool {
    match name {
        "cpu" => total.cpu == Cpu::default(),
        "memory" => total.memory == Bytes::default(),
        _ => !total.extended.contains_key(name),
    }
}

/// Writes one quantity into its place. An extended resource of zero is left out.
fn set(resources: &mut Resources, name: &str, text: &str) -> Result<(), Fault> {
    let refuse = |error: QuantityError| Fault::new(entry(name), text, error.to_string());
    match name {
        "cpu" => resources.cpu = quantity::cpu(text).map_err(refuse)?,
        "memory" => resources.memory = quantity::bytes(text).map_err(refuse)?,
        "ephemeral-storage" => resources.storage = quantity::bytes(text).map_err(refuse)?,
        "pods" => {
            let pods = quantity::whole(text).map_err(refuse)?;
            resources.pods = u32::try_from(pods).unwrap_or(u32::MAX);
        }
        _ => {
            let n = quantity::whole(text).map_err(refuse)?;
            if n > 0 {
                resources.extended.insert(name.into(), n);
            }
        }
    }
    Ok(())
}
