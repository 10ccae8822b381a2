//! Templates of the format and templates of the core: requests in the columns' units, and the part of a
//! pod's spec that says where it can run, read by the same rules as any pod's.

use std::sync::Arc;

use serde_json::{Map, Value};
use sparkwright::cluster::kubernetes::{Fault, template_of};
use sparkwright::model::resources::{Bytes, Cpu, Resources};
use sparkwright::model::spark::{self, PodTemplate, SPARK_ROLE};

use super::tables::{Role, Template};

/// The fields of a pod's spec that a template keeps.
const SCHEDULING: [&str; 7] = [
    "affinity",
    "nodeSelector",
    "priority",
    "priorityClassName",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
];
/// 128 TiB and 4,096 cores: more than any machine has; a larger number is a slip of the pen.
pub(super) const MOST_MIB: u64 = 128 << 20;
pub(super) const MOST_MILLI: u64 = 4_096_000;

impl Template {
    /// A template without a name that asks for `requests`.
    pub fn asking(requests: &Resources) -> Self {
        let mib = |bytes: Bytes| bytes.get().div_ceil(1 << 20);
        let known = |amount: u64| (amount > 0).then_some(amount);
        let devices = requests.extended.iter();
        Template {
            cpu_milli: known(requests.cpu.millis()),
            mem_mib: known(mib(requests.memory)),
            ephemeral_mib: known(mib(requests.storage)),
            extended: devices
                .map(|(name, &amount)| (name.to_string(), amount))
                .collect(),
            ..Template::default()
        }
    }

    /// What it asks for, one pod included.
    pub fn requests(&self) -> Resources {
        let devices = self.extended.iter();
        Resources {
            storage: Bytes::from_mib(self.ephemeral_mib.unwrap_or(0)),
            extended: devices
                .map(|(name, &amount)| (Arc::from(name.as_str()), amount))
                .collect(),
            ..Resources::pod(
                Cpu::from_millis(self.cpu_milli.unwrap_or(0)),
                Bytes::from_mib(self.mem_mib.unwrap_or(0)),
            )
        }
    }

    /// The template of a pod in this role and namespace, of no application yet.
    ///
    /// # Errors
    /// Where `scheduling` holds what the API server would not take.
    pub fn pod_template(&self, role: Role, namespace: &str) -> Result<PodTemplate, Fault> {
        let empty = Value::Object(Map::new());
        let spec = self.scheduling.as_ref().unwrap_or(&empty);
        let mut template = template_of(namespace, self.labels.clone(), spec)?;
        template.role = role.into();
        if role != Role::Other {
            template
                .labels
                .insert(SPARK_ROLE.to_owned(), template.role.as_str().to_owned());
        }
        template.requests = self.requests();
        Ok(template)
    }
}

/// The part of a pod's spec that a template keeps; None where the spec has none of it.
pub fn scheduling(spec: &Value) -> Option<Value> {
    let kept: Map<String, Value> = SCHEDULING
        .iter()
        .filter_map(|&field| Some((field.to_owned(), spec.get(field)?.clone())))
        .filter(|(field, value)| !is_default(field, value))
        .collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn is_default(field: &str, value: &Value) -> bool {
    value.is_null() || (field == "schedulerName" && value == "default-scheduler")
}

impl From<Role> for spark::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Driver => spark::Role::Driver,
            Role::Executor => spark::Role::Executor,
            Role::Other => spark::Role::Other,
        }
    }
}

impl From<spark::Role> for Role {
    fn from(role: spark::Role) -> Self {
        match role {
            spark::Role::Driver => Role::Driver,
            spark::Role::Executor => Role::Executor,
            spark::Role::Other => Role::Other,
        }
    }
}
