//! The pods of an application before they exist: the pod template, filled in as Spark and the Spark
//! Operator's webhook fill it in, so that the rules for real pods apply to them too.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, EphemeralVolumeSource, ExecAction, Lifecycle,
    LifecycleHandler, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate,
    PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, ResourceRequirements, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::operator::object::{Side, Spec};
use crate::model::conf::{self, Conf, value};
use crate::model::requirement::Labels;
use crate::model::resources::Resources;
use crate::model::spark::{Role, SPARK_ROLE};
use crate::model::time::Span;

/// The block manager's port, which every Spark pod opens.
const BLOCK_MANAGER_PORT: i32 = 7079;
/// Claim name by which Spark makes a claim for each pod.
const ON_DEMAND: &str = "OnDemand";
/// Stands for the executor's number in a claim's name.
const EXECUTOR_ID: &str = "SPARK_EXECUTOR_ID";

/// Labels of the pods of a role: the template's, the properties', and those that whoever submits puts on
/// all of them, which nothing replaces.
pub fn labels(side: &Side, role: Role, conf: &Conf, marks: &[(&str, &str)]) -> Labels {
    let metadata = side
        .template
        .as_ref()
        .and_then(|template| template.metadata.as_ref());
    let mut labels = metadata
        .and_then(|metadata| metadata.labels.clone())
        .unwrap_or_default();
    labels.extend(conf::labels(conf, role));
    let role = (SPARK_ROLE, role.as_str());
    for (key, value) in marks.iter().chain([&role]) {
        labels.insert((*key).to_owned(), (*value).to_owned());
    }
    labels.into()
}

/// Spec of the pods of a role, whose Spark container asks for `requests`.
pub fn pod_spec(
    spec: &Spec,
    side: &Side,
    role: Role,
    conf: &Conf,
    requests: &Resources,
) -> PodSpec {
    let template = side
        .template
        .as_ref()
        .and_then(|template| template.spec.as_ref());
    let mut pod = template.cloned().unwrap_or_default();
    let container = spark_container(&mut pod, role, conf);
    fill_container(container, side, requests);
    if role == Role::Executor {
        container.lifecycle = decommission(conf).or(container.lifecycle.take());
    }
    pod.containers
        .extend(side.sidecars.iter().flatten().cloned());
    let init_containers = pod.init_containers.get_or_insert_default();
    init_containers.extend(side.init_containers.iter().flatten().cloned());
    let selector = pod.node_selector.get_or_insert_default();
    selector.extend(conf::selectors(conf, role));
    pod.affinity = merged(side.affinity.clone(), pod.affinity.take());
    let tolerations = pod.tolerations.get_or_insert_default();
    tolerations.extend(side.tolerations.iter().flatten().cloned());
    pod.host_network = side.host_network.or(pod.host_network);
    pod.priority_class_name = side.priority_class_name.clone().or(pod.priority_class_name);
    pod.scheduler_name = scheduler(spec, side, role, conf).or(pod.scheduler_name);
    let volumes = pod.volumes.get_or_insert_default();
    volumes.extend(mounted(spec, side));
    volumes.extend(claims(role, conf));
    pod
}

/// What pods of this side have for ending, where their template says it.
pub fn grace(side: &Side) -> Option<Span> {
    side.template.as_ref().and_then(grace_of)
}

/// The same of a template.
pub fn grace_of(template: &PodTemplateSpec) -> Option<Span> {
    let spec = template.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.termination_grace_period_seconds);
    seconds.map(Span::from_secs)
}

/// The command that Spark has run before an executor is stopped, where its decommission is on.
fn decommission(conf: &Conf) -> Option<Lifecycle> {
    let on = value::flag(conf, "spark.decommission.enabled") == Ok(true);
    let script = conf.get("spark.kubernetes.decommission.script");
    let script = script.map_or("/opt/decom.sh", String::as_str).to_owned();
    on.then(|| Lifecycle {
        pre_stop: Some(LifecycleHandler {
            exec: Some(ExecAction {
                command: Some(vec![script]),
            }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    })
}

/// The container that Spark runs in: by the name that the properties give, by its usual one, else the
/// first, else a new one.
fn spark_container<'a>(pod: &'a mut PodSpec, role: Role, conf: &Conf) -> &'a mut Container {
    let named = conf.get(&format!("spark.kubernetes.{role}.podTemplateContainerName"));
    let name = named.cloned();
    let name = name.unwrap_or_else(|| format!("spark-kubernetes-{role}"));
    let found = pod
        .containers
        .iter()
        .position(|container| container.name == name);
    if pod.containers.is_empty() {
        pod.containers.push(Container {
            name,
            ..Container::default()
        });
    }
    &mut pod.containers[found.unwrap_or(0)]
}

/// Spark sets CPU and memory whatever the template says, and leaves other resources as they are.
fn fill_container(container: &mut Container, side: &Side, requests: &Resources) {
    let resources: &mut ResourceRequirements = container.resources.get_or_insert_default();
    let asked = resources.requests.get_or_insert_default();
    let mut set = |name: &str, text: String| asked.insert(name.to_owned(), Quantity(text));
    set("cpu", requests.cpu.to_string());
    set("memory", requests.memory.get().to_string());
    for (name, n) in requests.extended.iter() {
        set(name, n.to_string());
    }
    if let Some(gpu) = &side.gpu {
        set(&gpu.name, gpu.quantity.to_string());
    }
    for limits in resources.limits.iter_mut() {
        limits.retain(|name, _| name != "cpu" && name != "memory");
    }
    container.ports.get_or_insert_default().push(ContainerPort {
        container_port: BLOCK_MANAGER_PORT,
        ..ContainerPort::default()
    });
}

/// The application's own affinity, each kind of it, before the template's.
fn merged(own: Option<Affinity>, template: Option<Affinity>) -> Option<Affinity> {
    match (own, template) {
        (Some(own), Some(template)) => Some(Affinity {
            node_affinity: own.node_affinity.or(template.node_affinity),
            pod_affinity: own.pod_affinity.or(template.pod_affinity),
            pod_anti_affinity: own.pod_anti_affinity.or(template.pod_anti_affinity),
        }),
        (own, template) => own.or(template),
    }
}

fn scheduler(spec: &Spec, side: &Side, role: Role, conf: &Conf) -> Option<String> {
    let by_role = format!("spark.kubernetes.{role}.scheduler.name");
    side.scheduler_name
        .clone()
        .or_else(|| conf.get(&by_role).cloned())
        .or_else(|| conf.get("spark.kubernetes.scheduler.name").cloned())
        .or_else(|| spec.batch_scheduler.clone())
        .filter(|name| !name.is_empty())
}

/// The application's volumes that pods of this side mount.
fn mounted(spec: &Spec, side: &Side) -> Vec<Volume> {
    let mounts = || side.volume_mounts.iter().flatten();
    let volumes = spec.volumes.iter().flatten();
    volumes
        .filter(|volume| mounts().any(|mount| mount.name == volume.name))
        .cloned()
        .collect()
}

/// Claims that the properties ask for: `spark.kubernetes.<role>.volumes.persistentVolumeClaim.*`. Where
/// each executor gets a claim of its own, Spark makes it (`OnDemand`) or names it by the executor.
fn claims(role: Role, conf: &Conf) -> Vec<Volume> {
    let prefix = format!("spark.kubernetes.{role}.volumes.persistentVolumeClaim.");
    let mut claims = BTreeMap::new();
    for key in conf.keys() {
        let name = key
            .strip_prefix(&prefix)
            .and_then(|rest| rest.split('.').next());
        claims.extend(name.map(|name| (name.to_owned(), ())));
    }
    let option = |name: &str, option: &str| {
        let value = conf.get(&format!("{prefix}{name}.options.{option}"));
        value.cloned()
    };
    let claim = |name: String| {
        let shared = option(&name, "claimName")
            .filter(|claim| claim != ON_DEMAND && !claim.contains(EXECUTOR_ID));
        let own = || EphemeralVolumeSource {
            volume_claim_template: Some(PersistentVolumeClaimTemplate {
                spec: PersistentVolumeClaimSpec {
                    storage_class_name: option(&name, "storageClass"),
                    ..PersistentVolumeClaimSpec::default()
                },
                ..PersistentVolumeClaimTemplate::default()
            }),
        };
        Volume {
            ephemeral: shared.is_none().then(own),
            persistent_volume_claim: shared.map(|claim_name| PersistentVolumeClaimVolumeSource {
                claim_name,
                read_only: None,
            }),
            name,
            ..Volume::default()
        }
    };
    claims.into_keys().map(claim).collect()
}
