//! A SparkApplication's fields as the Spark properties that the operator submits, on top of its
//! `sparkConf`, with the field that each came from, so that a fault names what the user wrote.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::object::{Side, Spec};
use crate::cluster::kubernetes::fault::{Fault, entry};
use crate::model::conf::{Conf, ConfError};
use crate::model::spark::Role;

/// Overhead factor for both roles; Spark's own, lower than each role's.
const OVERHEAD_FACTOR: &str = "spark.kubernetes.memoryOverheadFactor";

/// Spark properties of one application.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    /// The properties.
    pub conf: Conf,
    /// Field of each property that a field gave.
    origin: BTreeMap<String, String>,
}

impl Properties {
    /// Properties of an application whose object carries `labels`. Fields replace `sparkConf`, but for
    /// the overhead factor: there the operator lets `sparkConf` have the last word.
    pub fn of(spec: &Spec, labels: &BTreeMap<String, String>) -> Self {
        let mut properties = Properties {
            conf: spec.spark_conf.clone().unwrap_or_default(),
            origin: BTreeMap::new(),
        };
        if !properties.conf.contains_key(OVERHEAD_FACTOR) {
            let factor = spec.memory_overhead_factor.clone();
            properties.set(OVERHEAD_FACTOR, factor, "spec.memoryOverheadFactor");
        }
        properties.set_language(spec);
        for (key, value) in spec.node_selector.iter().flatten() {
            let property = format!("spark.kubernetes.node.selector.{key}");
            properties.set(property, Some(value.clone()), "spec.nodeSelector");
        }
        for (key, value) in labels {
            for role in [Role::Driver, Role::Executor] {
                let property = format!("spark.kubernetes.{role}.label.{key}");
                properties.set(property, Some(value.clone()), "metadata.labels");
            }
        }
        properties.set_side(Role::Driver, &spec.driver);
        properties.set_side(Role::Executor, &spec.executor);
        properties.set_count(spec);
        properties
    }

    /// The fault of a property, in the words of the object.
    pub fn fault(&self, error: ConfError) -> Fault {
        let field = match self.origin.get(&error.property) {
            Some(field) => field.clone(),
            None => format!("spec.sparkConf{}", entry(&error.property)),
        };
        Fault::new(field, error.value, error.problem)
    }

    fn set(&mut self, key: impl Into<String>, value: Option<String>, field: impl Into<String>) {
        if let Some(value) = value {
            let key = key.into();
            self.origin.insert(key.clone(), field.into());
            self.conf.insert(key, value);
        }
    }

    /// Spark's submitter marks Python and R in cluster mode, which sets their overhead factor.
    fn set_language(&mut self, spec: &Spec) {
        let in_cluster = spec.mode.as_deref().is_none_or(|mode| mode == "cluster");
        let kind = match spec.language.as_deref() {
            Some("Python") if in_cluster => "python",
            Some("R") if in_cluster => "r",
            _ => return,
        };
        self.set(
            "spark.kubernetes.resource.type",
            Some(kind.to_owned()),
            "spec.type",
        );
    }

    fn set_side(&mut self, role: Role, side: &Side) {
        let field = |name: &str| format!("spec.{role}.{name}");
        let cores = side.cores.as_ref().map(|cores| match cores {
            IntOrString::Int(cores) => cores.to_string(),
            IntOrString::String(cores) => cores.clone(),
        });
        let spark = |name: &str| format!("spark.{role}.{name}");
        let kubernetes = |name: &str| format!("spark.kubernetes.{role}.{name}");
        self.set(spark("cores"), cores, field("cores"));
        self.set(spark("memory"), side.memory.clone(), field("memory"));
        let overhead = side.memory_overhead.clone();
        self.set(spark("memoryOverhead"), overhead, field("memoryOverhead"));
        let request = side.core_request.clone();
        self.set(kubernetes("request.cores"), request, field("coreRequest"));
        let limit = side.core_limit.clone();
        self.set(kubernetes("limit.cores"), limit, field("coreLimit"));
        for (key, value) in side.node_selector.iter().flatten() {
            let property = kubernetes(&format!("node.selector.{key}"));
            self.set(property, Some(value.clone()), field("nodeSelector"));
        }
        for (key, value) in side.labels.iter().flatten() {
            let property = kubernetes(&format!("label.{key}"));
            self.set(property, Some(value.clone()), field("labels"));
        }
    }

    /// Without dynamic allocation of its own and without a number the operator asks for one executor,
    /// where Spark would ask for two.
    fn set_count(&mut self, spec: &Spec) {
        let dynamic = spec
            .dynamic_allocation
            .as_ref()
            .filter(|dynamic| dynamic.enabled);
        let instances = spec.executor.instances.map(|n| n.to_string());
        let stated = instances.is_some() || self.conf.contains_key("spark.executor.instances");
        let default = (!stated && dynamic.is_none()).then(|| "1".to_owned());
        self.set(
            "spark.executor.instances",
            instances.or(default),
            "spec.executor.instances",
        );
        let Some(dynamic) = dynamic else {
            return;
        };
        let mut set = |name: &str, value: Option<String>| {
            let property = format!("spark.dynamicAllocation.{name}");
            self.set(property, value, format!("spec.dynamicAllocation.{name}"));
        };
        set("enabled", Some("true".to_owned()));
        set(
            "initialExecutors",
            dynamic.initial_executors.map(|n| n.to_string()),
        );
        set("minExecutors", dynamic.min_executors.map(|n| n.to_string()));
        set("maxExecutors", dynamic.max_executors.map(|n| n.to_string()));
    }
}
