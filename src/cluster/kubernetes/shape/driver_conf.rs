//! A driver's Spark properties, which spark-submit leaves in a ConfigMap, to the shape of its application.
//! The driver itself is known from its pod; executors are what Spark will make of the properties and of
//! the pod template that it keeps beside them. What the application sets in code is not in either.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{self, PodTemplateSpec};
use serde_json::Value;

use super::operator::object::{Side, Spec};
use super::{java, pods};
use crate::cluster::kubernetes::decode::type_fault;
use crate::cluster::kubernetes::fault::{Fault, Refusal, entry};
use crate::cluster::kubernetes::role::{EXECUTOR_PROFILE, SPARK_APP_NAME, SPARK_VERSION};
use crate::cluster::kubernetes::template::template;
use crate::model::conf::{self, Conf, ConfError};
use crate::model::resources::Resources;
use crate::model::spark::{ExecutorGroup, Pod, PodTemplate, Role, SPARK_APP_SELECTOR, Shape};

/// Volume of the driver's pod that holds its properties.
const CONF_VOLUME: &str = "spark-conf-volume-driver";
/// Volume of the driver's pod that holds the template of its executors, where there is one.
const TEMPLATE_VOLUME: &str = "pod-template-volume";
/// Key of the properties in their ConfigMap.
pub const PROPERTIES: &str = "spark.properties";
/// Least overhead of both roles, a property from Spark 4.0; earlier versions pass over it.
const SINCE_4: [&str; 2] = [
    "spark.driver.minMemoryOverhead",
    "spark.executor.minMemoryOverhead",
];

/// What a ConfigMap holds.
pub type Data = BTreeMap<String, String>;

/// The ConfigMaps that a driver's pod names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRef {
    /// Namespace of both.
    pub namespace: String,
    /// The one with its properties.
    pub name: String,
    /// The one with the template of its executors.
    pub template: Option<String>,
}

/// The ConfigMaps of a driver that spark-submit made in cluster mode; None for other pods.
pub fn config_of(pod: &v1::Pod) -> Option<ConfigRef> {
    let volumes = pod.spec.as_ref()?.volumes.as_deref()?;
    let named = |volume: &str| {
        let volume = volumes.iter().find(|one| one.name == volume)?;
        let name = volume.config_map.as_ref()?.name.clone();
        Some(name).filter(|name| !name.is_empty())
    };
    Some(ConfigRef {
        namespace: pod.metadata.namespace.clone()?,
        name: named(CONF_VOLUME)?,
        template: named(TEMPLATE_VOLUME),
    })
}

/// The shape of the application of a driver, from the ConfigMaps that its pod names.
///
/// # Errors
/// The first bad value found, by its place in the ConfigMap.
pub fn shape(
    driver: &Pod,
    config: &ConfigRef,
    data: &Data,
    template: Option<&Data>,
) -> Result<Shape, Refusal> {
    let refuse = |name: &str, fault| Refusal {
        kind: "ConfigMap",
        name: format!("{}/{name}", config.namespace),
        fault,
    };
    let name = &config.name;
    let conf = conf(driver, data).map_err(|fault| refuse(name, fault))?;
    let side = match (&config.template, template) {
        (Some(name), Some(template)) => {
            side(&config.namespace, template).map_err(|fault| refuse(name, fault))?
        }
        _ => Side::default(),
    };
    let executors = executors(driver, &conf, &side).map_err(|fault| refuse(name, fault))?;
    Ok(Shape {
        name: name_of(driver),
        namespace: driver.template.namespace.clone(),
        declared: driver.created,
        driver: Some(driver.template.clone()),
        executors: vec![executors],
        advice: conf::advice(&conf, pods::grace(&side)),
    })
}

/// An application's name for people, which no other has in its namespace: its driver's, less what Spark
/// adds to that.
pub(super) fn name_of(driver: &Pod) -> String {
    let name = driver.id.as_str().rsplit('/').next().unwrap_or_default();
    name.strip_suffix("-driver").unwrap_or(name).to_owned()
}

/// The driver's properties, less those that its version of Spark does not know.
fn conf(driver: &Pod, data: &Data) -> Result<Conf, Fault> {
    let place = || format!("data{}", entry(PROPERTIES));
    let text = data.get(PROPERTIES).ok_or_else(|| {
        Fault::missing(place(), "is missing; let spark-submit write the ConfigMap")
    })?;
    let mut conf = java::properties(text).map_err(|malformed| {
        let problem = format!("{malformed}; mend it");
        Fault::missing(place(), problem)
    })?;
    let version = driver.template.labels.get(SPARK_VERSION);
    forget_unknown(&mut conf, version.map(String::as_str));
    Ok(conf)
}

/// Takes out what this version of Spark passes over.
pub(super) fn forget_unknown(conf: &mut Conf, version: Option<&str>) {
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < 4) {
        SINCE_4.iter().for_each(|key| drop(conf.remove(*key)));
    }
}

/// The template in its ConfigMap, which has one key: a pod's manifest in YAML.
fn side(namespace: &str, data: &Data) -> Result<Side, Fault> {
    let Some((key, text)) = data.first_key_value() else {
        let problem = "is empty; let spark-submit write the ConfigMap";
        return Err(Fault::missing("data", problem));
    };
    let place = format!("data{}", entry(key));
    let value: Value = serde_saphyr::from_str(text).map_err(|error| {
        let problem = format!("cannot be read: {}; mend the YAML", one_line(&error));
        Fault::missing(place.as_str(), problem)
    })?;
    let template: PodTemplateSpec = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        type_fault(&path, &error.into_inner().to_string()).under(&place)
    })?;
    if let Some(spec) = &template.spec {
        self::template(namespace, [].into(), spec)
            .map_err(|fault| fault.under("spec").under(&place))?;
    }
    Ok(Side {
        template: Some(template),
        ..Side::default()
    })
}

fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The executors that the driver will ask for. They are of its own application by the labels that Spark
/// gives both.
fn executors(driver: &Pod, conf: &Conf, side: &Side) -> Result<ExecutorGroup, Fault> {
    let place = |error: ConfError| {
        let field = format!("data{}{}", entry(PROPERTIES), entry(&error.property));
        Fault::new(field, error.value, error.problem)
    };
    let requests = conf::executor_requests(conf).map_err(place)?;
    let count = conf::executor_count(conf).map_err(place)?;
    let template = executor_template(driver, conf, side, &requests)?;
    Ok(ExecutorGroup {
        template: Arc::new(template),
        min: count.min,
        initial: count.initial,
        max: count.max,
    })
}

fn executor_template(
    driver: &Pod,
    conf: &Conf,
    side: &Side,
    requests: &Resources,
) -> Result<PodTemplate, Fault> {
    let driven = &driver.template.labels;
    let shared = [SPARK_APP_SELECTOR, SPARK_APP_NAME, SPARK_VERSION];
    let mut marks: Vec<(&str, &str)> = shared
        .iter()
        .filter_map(|key| Some((*key, driven.get(*key)?.as_str())))
        .collect();
    marks.push((EXECUTOR_PROFILE, "0"));
    let labels = pods::labels(side, Role::Executor, conf, &marks);
    let spec = pods::pod_spec(&Spec::default(), side, Role::Executor, conf, requests);
    let mut template = template(&driver.template.namespace, labels, &spec)
        .map_err(|fault| fault.under(format_args!("data{}", entry(PROPERTIES))))?;
    template.app = driver.template.app.clone();
    Ok(template)
}

#[cfg(test)]
mod tests;
