//! The written form of a NodePool's template, in Karpenter v1's names: what nodes are bought, and what
//! they carry. What is needed and in range is decided in [`super::check`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::Length;

/// Nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TemplateSpec {
    /// Labels and annotations.
    pub metadata: Option<TemplateMetadata>,
    /// What nodes are bought, and how they start.
    pub spec: Option<NodeSpec>,
}

/// Labels and annotations of nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TemplateMetadata {
    /// Labels; one that is well known counts as a requirement.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// What nodes are bought, and how they start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Taints for good.
    pub taints: Option<Vec<TaintSpec>>,
    /// Taints until the node is initialised; pods need not tolerate them.
    pub startup_taints: Option<Vec<TaintSpec>>,
    /// Which offerings may be bought: all of these must hold.
    #[schemars(length(max = 100))]
    pub requirements: Option<Vec<RequirementSpec>>,
    /// The NodeClass: image, network, disks.
    pub node_class_ref: Option<NodeClassRef>,
    /// Age at which a node is replaced, such as 720h, or Never.
    pub expire_after: Option<Length>,
    /// The longest that draining a node may take.
    pub termination_grace_period: Option<Length>,
}

/// A taint.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TaintSpec {
    /// Its name.
    #[schemars(required)]
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// What it does to pods that do not tolerate it.
    #[schemars(required)]
    pub effect: Option<Effect>,
}

/// The effects of taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Effect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled there last.
    PreferNoSchedule,
    /// They are not scheduled there, and evicted.
    NoExecute,
}

/// A condition on a node's label.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequirementSpec {
    /// The label.
    #[schemars(required)]
    pub key: Option<String>,
    /// The operator; Gt and Lt are strict and on integers.
    #[schemars(required)]
    pub operator: Option<Operator>,
    /// Its values.
    pub values: Option<Vec<String>>,
    /// Least number of distinct values among the types of one launch.
    #[schemars(range(min = 1, max = 50))]
    pub min_values: Option<i64>,
}

/// Operators of requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
    /// An integer above the value.
    Gt,
    /// An integer below the value.
    Lt,
}

/// A reference to a NodeClass.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct NodeClassRef {
    /// Its API group.
    #[schemars(required)]
    pub group: Option<String>,
    /// Its kind.
    #[schemars(required)]
    pub kind: Option<String>,
    /// Its name.
    #[schemars(required)]
    pub name: Option<String>,
}
