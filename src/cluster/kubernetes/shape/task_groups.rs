//! YuniKorn's task groups, in an annotation of the driver, to the shape of its application; and which
//! pods YuniKorn made to hold a place for others. A group says how many pods and what each asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    self, Affinity, Container, PodSpec, ResourceRequirements, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Deserialize;

use super::driver_conf::name_of;
use crate::cluster::kubernetes::decode::type_fault;
use crate::cluster::kubernetes::fault::{Fault, Refusal, entry};
use crate::cluster::kubernetes::role::named;
use crate::cluster::kubernetes::template::template;
use crate::model::name::AppId;
use crate::model::spark::{ExecutorGroup, Pod, Role, SPARK_APP_SELECTOR, SPARK_ROLE, Shape};

/// Groups of an application, in JSON.
const TASK_GROUPS: &str = "yunikorn.apache.org/task-groups";
/// The group of a pod.
const TASK_GROUP_NAME: &str = "yunikorn.apache.org/task-group-name";
/// Marks of a pod that holds a place: as YuniKorn writes it, and as it wrote it before 1.5.
const PLACEHOLDER: [&str; 2] = [
    "internal.yunikorn.apache.org/placeholder",
    "yunikorn.apache.org/placeholder",
];
/// Labels by which YuniKorn tells applications apart: its own, and an older one.
const APPLICATION: [&str; 2] = ["yunikorn.apache.org/app-id", "applicationId"];
/// Members of all groups of one application; more is a slip of the pen.
const MOST_MEMBERS: u32 = 100_000;

/// A pod's place among task groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The application, as YuniKorn knows it.
    pub app: AppId,
    /// The group.
    pub group: String,
    /// True where the pod only holds the place of another.
    pub is_placeholder: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    min_member: u32,
    #[serde(default)]
    min_resource: BTreeMap<String, Quantity>,
    #[serde(default)]
    node_selector: Option<BTreeMap<String, String>>,
    #[serde(default)]
    tolerations: Option<Vec<Toleration>>,
    #[serde(default)]
    affinity: Option<Affinity>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// The group that a pod is of; None where YuniKorn does not schedule it in groups.
pub fn task_of(pod: &v1::Pod) -> Option<Task> {
    let annotations = pod.metadata.annotations.as_ref()?;
    let group = annotations.get(TASK_GROUP_NAME)?.clone();
    let labels = pod.metadata.labels.as_ref()?;
    let mut keys = APPLICATION.iter().chain([&SPARK_APP_SELECTOR]);
    let app = keys.find_map(|key| labels.get(*key))?;
    let marked = |key: &&str| annotations.get(*key).is_some_and(|mark| mark == "true");
    Some(Task {
        app: named(pod.metadata.namespace.as_deref()?, app),
        group,
        is_placeholder: PLACEHOLDER.iter().any(marked),
    })
}

/// The shape that a driver's annotation gives; None for pods without one.
///
/// # Errors
/// The first bad value of the annotation.
pub fn shape(object: &v1::Pod, driver: &Pod) -> Result<Option<Shape>, Refusal> {
    let annotations = object.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|annotations| annotations.get(TASK_GROUPS)) else {
        return Ok(None);
    };
    if driver.template.role != Role::Driver {
        return Ok(None);
    }
    let own = annotations.and_then(|annotations| annotations.get(TASK_GROUP_NAME));
    let place = format!("metadata.annotations{}", entry(TASK_GROUPS));
    let refuse = |fault: Fault| Refusal {
        kind: "Pod",
        name: driver.id.as_str().to_owned(),
        fault: fault.under(&place),
    };
    let groups = read(text).map_err(refuse)?;
    let mut executors = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        if Some(&group.name) != own && group.min_member > 0 {
            let group = executor_group(driver, group);
            executors.push(group.map_err(|fault| refuse(fault.under(format_args!("[{i}]"))))?);
        }
    }
    Ok(Some(Shape {
        name: name_of(driver),
        namespace: driver.template.namespace.clone(),
        declared: driver.created,
        driver: Some(driver.template.clone()),
        executors,
        advice: Vec::new(),
    }))
}

fn read(text: &str) -> Result<Vec<Group>, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let groups: Vec<Group> =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let mut fault = type_fault(&path, &error.into_inner().to_string());
            if path.len() < 2 {
                fault.field = "[]".to_owned();
            }
            fault
        })?;
    let mut left = MOST_MEMBERS;
    for (i, group) in groups.iter().enumerate() {
        left = left.checked_sub(group.min_member).ok_or_else(|| {
            let problem =
                format!("makes more than {MOST_MEMBERS} pods of one application; lower it");
            let count = group.min_member.to_string();
            Fault::new(format!("[{i}].minMember"), count, problem)
        })?;
    }
    Ok(groups)
}

fn executor_group(driver: &Pod, group: &Group) -> Result<ExecutorGroup, Fault> {
    let mut labels = group.labels.clone().unwrap_or_default();
    let selector = driver.template.labels.get(SPARK_APP_SELECTOR);
    labels.extend(selector.map(|selector| (SPARK_APP_SELECTOR.to_owned(), selector.clone())));
    labels.insert(SPARK_ROLE.to_owned(), Role::Executor.as_str().to_owned());
    let container = Container {
        resources: Some(ResourceRequirements {
            requests: Some(group.min_resource.clone()),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    };
    let spec = PodSpec {
        containers: vec![container],
        node_selector: group.node_selector.clone(),
        tolerations: group.tolerations.clone(),
        affinity: group.affinity.clone(),
        ..PodSpec::default()
    };
    let template = template(&driver.template.namespace, labels.into(), &spec);
    let mut template = template.map_err(in_group)?;
    template.app = driver.template.app.clone();
    template.priority = driver.template.priority;
    Ok(ExecutorGroup {
        template: Arc::new(template),
        min: group.min_member,
        initial: group.min_member,
        max: None,
    })
}

/// A fault of the pod that a group stands for, by the field of the group.
fn in_group(mut fault: Fault) -> Fault {
    let requests = "containers[0].resources.requests";
    if let Some(rest) = fault.field.strip_prefix(requests) {
        fault.field = format!("minResource{rest}");
    }
    fault
}

#[cfg(test)]
mod tests;
