//! Whether a pod that is being created gets our gate: Spark's drivers and executors that a NodePool is for,
//! whose rules are understood, and that nobody has bound or opted out. Pure, and the same however often it
//! is asked: a pod that has the gate stays as it is.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::cluster::kubernetes::template::template;
use crate::live::effects::place::tolerates_drivers_nodes;
use crate::model::pool::Pool;
use crate::model::spark::{GATE, Role};

use super::OPT_OUT;

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It gets our gate.
    Gate {
        /// And the toleration of nodes for drivers.
        toleration: bool,
    },
    /// It stays as it is.
    Leave(Why),
}

/// Why a pod stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody leads who would lift the gate.
    NoLeader,
    /// It is no creation of a pod.
    NotCreated,
    /// Neither a driver nor an executor of Spark's.
    NotSpark,
    /// Its labels or annotations say `sparkwright.dev/placement: observe`.
    OptedOut,
    /// It has the gate.
    HasGate,
    /// It has a node.
    Bound,
    /// Another scheduler than Kubernetes' own binds it, and may hold its gang in its own way.
    OtherScheduler,
    /// It asks for what planning does not understand.
    NotUnderstood,
    /// No NodePool that can be used is for it.
    NoPool,
    /// A field has a bad value.
    Unreadable,
}

impl Why {
    /// For metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Why::NoLeader => "no-leader",
            Why::NotCreated => "not-created",
            Why::NotSpark => "not-spark",
            Why::OptedOut => "opted-out",
            Why::HasGate => "has-gate",
            Why::Bound => "bound",
            Why::OtherScheduler => "other-scheduler",
            Why::NotUnderstood => "not-understood",
            Why::NoPool => "no-pool",
            Why::Unreadable => "unreadable",
        }
    }
}

/// Decides for a pod of a namespace, by the NodePools that can be used.
pub fn decide(namespace: &str, pod: &Pod, pools: &[Arc<Pool>]) -> Verdict {
    match refused(namespace, pod, pools) {
        Err(why) => Verdict::Leave(why),
        Ok(role) => {
            let spec = pod.spec.as_ref();
            let held = spec.and_then(|spec| spec.tolerations.as_deref());
            let tolerates = tolerates_drivers_nodes(held.unwrap_or_default());
            Verdict::Gate {
                toleration: role == Role::Driver && !tolerates,
            }
        }
    }
}

fn refused(namespace: &str, pod: &Pod, pools: &[Arc<Pool>]) -> Result<Role, Why> {
    let spec = pod.spec.as_ref().ok_or(Why::Unreadable)?;
    if has_opted_out(pod) {
        return Err(Why::OptedOut);
    }
    if spec
        .node_name
        .as_deref()
        .is_some_and(|node| !node.is_empty())
    {
        return Err(Why::Bound);
    }
    let scheduler = spec.scheduler_name.as_deref().unwrap_or_default();
    if !matches!(scheduler, "" | "default-scheduler") {
        return Err(Why::OtherScheduler);
    }
    let mut gates = spec.scheduling_gates.iter().flatten();
    if gates.any(|gate| gate.name == GATE) {
        return Err(Why::HasGate);
    }
    let labels = pod.metadata.labels.clone().unwrap_or_default().into();
    let template = template(namespace, labels, spec).map_err(|_| Why::Unreadable)?;
    if template.role == Role::Other {
        return Err(Why::NotSpark);
    }
    if !template.not_understood.is_empty() {
        return Err(Why::NotUnderstood);
    }
    match pools.iter().any(|pool| pool.serves(&template)) {
        true => Ok(template.role),
        false => Err(Why::NoPool),
    }
}

fn has_opted_out(pod: &Pod) -> bool {
    let (key, value) = OPT_OUT;
    let said = [&pod.metadata.labels, &pod.metadata.annotations];
    let mut said = said.into_iter().flatten();
    said.any(|words| words.get(key).is_some_and(|word| word == value))
}

#[cfg(test)]
mod tests;
