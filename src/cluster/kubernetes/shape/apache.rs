//! Apache's own SparkApplication (`spark.apache.org/v1`) to the shape of its application. Spark's
//! properties say almost all of it; pod templates and the numbers that the operator insists on the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::operator::object::{Side, Spec};
use super::{driver_conf, pods};
use crate::cluster::kubernetes::fault::{Fault, Refusal, entry};
use crate::cluster::kubernetes::identity::{self, Identity};
use crate::cluster::kubernetes::role::{APACHE_APP_NAME, named};
use crate::cluster::kubernetes::template::template;
use crate::model::conf::{self, Conf, ConfError, ExecutorCount};
use crate::model::name::AppId;
use crate::model::resources::Resources;
use crate::model::spark::{ExecutorGroup, PodTemplate, Role, Shape};

/// States in which nothing more will be asked for, or not before the operator has cleared up.
const ASKS_NOTHING: [&str; 9] = [
    "Succeeded",
    "Failed",
    "SchedulingFailure",
    "DriverEvicted",
    "DriverStartTimedOut",
    "DriverReadyTimedOut",
    "ExecutorsStartTimedOut",
    "ResourceReleased",
    "TerminatedWithoutReleaseResources",
];
/// States in which the operator has yet to ask for a driver, or to ask again.
const BEGINS: [&str; 3] = ["", "Submitted", "ScheduledToRestart"];
/// Executors that an application may insist on; more is a slip of the pen.
const MOST_EXECUTORS: i64 = 100_000;

/// A SparkApplication of Apache's operator.
#[derive(Clone, Debug, Deserialize)]
pub struct ApacheApplication {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: ApacheSpec,
    /// How far it has come.
    pub status: Option<ApacheStatus>,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApacheSpec {
    /// Spark properties.
    pub spark_conf: BTreeMap<String, String>,
    /// JVM code; where there is none, Python or R.
    pub jars: Option<String>,
    /// Python code.
    pub py_files: Option<String>,
    /// R code.
    pub spark_r_files: Option<String>,
    /// `ClusterMode` or `ClientMode`.
    pub deployment_mode: Option<String>,
    /// True while nothing is to run.
    pub suspend: Option<bool>,
    /// Versions of what runs.
    pub runtime_versions: Option<RuntimeVersions>,
    /// The driver.
    pub driver_spec: Option<TemplateSpec>,
    /// The executors.
    pub executor_spec: Option<TemplateSpec>,
    /// What the operator puts up with.
    pub application_tolerations: Option<Tolerations>,
}

/// `spec.runtimeVersions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimeVersions {
    /// Spark's.
    pub spark_version: Option<String>,
}

/// `spec.driverSpec` or `spec.executorSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateSpec {
    /// A pod that Spark fills in.
    pub pod_template_spec: Option<PodTemplateSpec>,
}

/// `spec.applicationTolerations`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tolerations {
    /// Executors that it must have.
    pub instance_config: Option<InstanceConfig>,
}

/// `spec.applicationTolerations.instanceConfig`. Fewer than the first two, and the operator ends the
/// application.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceConfig {
    /// Until it counts as started.
    pub init_executors: i64,
    /// From then on.
    pub min_executors: i64,
}

/// `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApacheStatus {
    /// `status.currentState`.
    pub current_state: ApacheState,
}

/// `status.currentState`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApacheState {
    /// `RunningHealthy`, `Succeeded` and so on.
    pub current_state_summary: String,
}

/// The application and its shape, or None where it asks for nothing: suspended, finished, or being
/// deleted.
///
/// # Errors
/// The first bad value found.
pub fn shape(object: &ApacheApplication) -> Result<Option<(AppId, Shape)>, Refusal> {
    let identity = Identity::namespaced("SparkApplication", &object.metadata)?;
    let status = object.status.as_ref();
    let state = status.map(|status| status.current_state.current_state_summary.as_str());
    if object.spec.suspend == Some(true)
        || object.metadata.deletion_timestamp.is_some()
        || state.is_some_and(|state| ASKS_NOTHING.contains(&state))
    {
        return Ok(None);
    }
    let mut shape = declared(&identity, &object.spec).map_err(|fault| identity.refuse(fault))?;
    shape.declared = identity::created(&object.metadata);
    let app = named(&shape.namespace, identity.name);
    Ok(Some((app, shape)))
}

/// True where no driver of this run has been submitted yet.
pub fn begins(object: &ApacheApplication) -> bool {
    let status = object.status.as_ref();
    let state = status.map_or("", |status| {
        status.current_state.current_state_summary.as_str()
    });
    BEGINS.contains(&state)
}

fn declared(identity: &Identity<'_>, spec: &ApacheSpec) -> Result<Shape, Fault> {
    let conf = properties(spec);
    let place = |error: ConfError| {
        let field = format!("spec.sparkConf{}", entry(&error.property));
        Fault::new(field, error.value, error.problem)
    };
    let driver = conf::driver_requests(&conf).map_err(place)?;
    let executor = conf::executor_requests(&conf).map_err(place)?;
    let count = insisted(spec, conf::executor_count(&conf).map_err(place)?)?;
    let pods = |role, given: &Option<TemplateSpec>, requests| {
        pod_template(identity, (role, given.as_ref()), &conf, requests).map(Arc::new)
    };
    let template = spec.executor_spec.as_ref();
    let template = template.and_then(|given| given.pod_template_spec.as_ref());
    let grace = template.and_then(pods::grace_of);
    let in_cluster = spec.deployment_mode.as_deref() != Some("ClientMode");
    let driver = in_cluster.then(|| pods(Role::Driver, &spec.driver_spec, &driver));
    Ok(Shape {
        name: identity.name.to_owned(),
        namespace: identity.namespace.unwrap_or_default().to_owned(),
        declared: Default::default(),
        driver: driver.transpose()?,
        executors: vec![ExecutorGroup {
            template: pods(Role::Executor, &spec.executor_spec, &executor)?,
            min: count.min,
            initial: count.initial,
            max: count.max,
        }],
        advice: conf::advice(&conf, grace),
    })
}

/// The properties, with the mark that Spark's submitter makes for Python and R.
fn properties(spec: &ApacheSpec) -> Conf {
    let mut conf = spec.spark_conf.clone();
    let given = |files: &Option<String>| files.as_ref().is_some_and(|files| !files.is_empty());
    let language = match (given(&spec.jars), given(&spec.py_files)) {
        (true, _) => None,
        (false, true) => Some("python"),
        (false, false) => given(&spec.spark_r_files).then_some("r"),
    };
    if let Some(language) = language {
        conf.insert("spark.kubernetes.resource.type".into(), language.into());
    }
    let versions = spec.runtime_versions.as_ref();
    let version = versions.and_then(|versions| versions.spark_version.as_deref());
    driver_conf::forget_unknown(&mut conf, version);
    conf
}

/// The count, with what the operator insists on as its least.
fn insisted(spec: &ApacheSpec, count: ExecutorCount) -> Result<ExecutorCount, Fault> {
    let tolerations = spec.application_tolerations.as_ref();
    let Some(config) = tolerations.and_then(|given| given.instance_config.as_ref()) else {
        return Ok(count);
    };
    let mut least = 0;
    for (name, given) in [
        ("initExecutors", config.init_executors),
        ("minExecutors", config.min_executors),
    ] {
        let known = u32::try_from(given)
            .ok()
            .filter(|_| given <= MOST_EXECUTORS);
        let field = format!("spec.applicationTolerations.instanceConfig.{name}");
        let problem = format!("is no number of executors from 0 to {MOST_EXECUTORS}; write one");
        least = least.max(known.ok_or_else(|| Fault::new(field, given.to_string(), problem))?);
    }
    let fixed = count.max == Some(count.min);
    Ok(ExecutorCount {
        // A fixed number is what Spark asks for; what the application can do without is the operator's word.
        min: match fixed && least > 0 {
            true => least,
            false => count.min.max(least),
        },
        initial: count.initial.max(least),
        max: count.max.map(|max| max.max(least)),
    })
}

fn pod_template(
    identity: &Identity<'_>,
    (role, given): (Role, Option<&TemplateSpec>),
    conf: &Conf,
    requests: &Resources,
) -> Result<PodTemplate, Fault> {
    let namespace = identity.namespace.unwrap_or_default();
    let side = Side {
        template: given.and_then(|given| given.pod_template_spec.clone()),
        ..Side::default()
    };
    let place = format!("spec.{role}Spec.podTemplateSpec.spec");
    if let Some(spec) = side.template.as_ref().and_then(|given| given.spec.as_ref()) {
        template(namespace, [].into(), spec).map_err(|fault| fault.under(&place))?;
    }
    let labels = pods::labels(&side, role, conf, &[(APACHE_APP_NAME, identity.name)]);
    let spec = pods::pod_spec(&Spec::default(), &side, role, conf, requests);
    template(namespace, labels, &spec).map_err(|fault| fault.under("spec.sparkConf"))
}

#[cfg(test)]
mod tests;
