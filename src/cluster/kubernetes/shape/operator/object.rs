//! The Spark Operator's SparkApplication (`sparkoperator.k8s.io/v1beta2`), as far as it says what its
//! pods will ask for. Field names and meanings are the operator's; all else in the object is passed over.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Container, PodTemplateSpec, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;

/// A SparkApplication object.
#[derive(Clone, Debug, Deserialize)]
pub struct SparkApplication {
    /// Name, namespace and labels; the labels go to its pods.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: Spec,
    /// How far it has come.
    pub status: Option<Status>,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// `Java`, `Scala`, `Python` or `R`.
    #[serde(rename = "type")]
    pub language: Option<String>,
    /// `cluster`, `client` or `in-cluster-client`.
    pub mode: Option<String>,
    /// True while nothing is to run.
    pub suspend: Option<bool>,
    /// Spark properties.
    pub spark_conf: Option<BTreeMap<String, String>>,
    /// For all pods.
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Overhead as a share of the heap.
    pub memory_overhead_factor: Option<String>,
    /// A scheduler for all pods, in the operator's own words.
    pub batch_scheduler: Option<String>,
    /// Volumes that `volumeMounts` name.
    pub volumes: Option<Vec<Volume>>,
    /// The driver.
    #[serde(default)]
    pub driver: Side,
    /// The executors.
    #[serde(default)]
    pub executor: Side,
    /// Dynamic allocation.
    pub dynamic_allocation: Option<DynamicAllocation>,
}

/// `spec.driver` or `spec.executor`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Cores as Spark counts them.
    pub cores: Option<IntOrString>,
    /// CPU request, where it is not `cores`.
    pub core_request: Option<String>,
    /// CPU limit.
    pub core_limit: Option<String>,
    /// Heap.
    pub memory: Option<String>,
    /// Memory beside the heap.
    pub memory_overhead: Option<String>,
    /// Number of executors; of no meaning to a driver.
    pub instances: Option<i32>,
    /// GPUs.
    pub gpu: Option<Gpu>,
    /// Labels of nodes.
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Affinity.
    pub affinity: Option<Affinity>,
    /// Tolerations.
    pub tolerations: Option<Vec<Toleration>>,
    /// Labels of pods.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of pods.
    pub annotations: Option<BTreeMap<String, String>>,
    /// A pod that Spark fills in.
    pub template: Option<PodTemplateSpec>,
    /// The pods' scheduler.
    pub scheduler_name: Option<String>,
    /// The pods' priority class.
    pub priority_class_name: Option<String>,
    /// On the host's network.
    pub host_network: Option<bool>,
    /// Which of the volumes its pods mount.
    pub volume_mounts: Option<Vec<VolumeMount>>,
    /// Containers beside Spark's.
    pub sidecars: Option<Vec<Container>>,
    /// Containers before Spark's.
    pub init_containers: Option<Vec<Container>>,
}

/// `gpu`.
#[derive(Clone, Debug, Deserialize)]
pub struct Gpu {
    /// Name of the extended resource.
    pub name: String,
    /// How many per pod.
    pub quantity: i64,
}

/// `spec.dynamicAllocation`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DynamicAllocation {
    /// Without it the rest means nothing.
    pub enabled: bool,
    /// Executors at the start.
    pub initial_executors: Option<i32>,
    /// Executors kept.
    pub min_executors: Option<i32>,
    /// Executors at most.
    pub max_executors: Option<i32>,
}

/// `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// `status.applicationState`.
    pub application_state: ApplicationState,
}

/// `status.applicationState`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApplicationState {
    /// `RUNNING`, `COMPLETED` and so on, in capitals.
    pub state: String,
}
