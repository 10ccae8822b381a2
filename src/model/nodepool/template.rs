//! The written form of a NodePool's template, in Karpenter v1's names: what nodes are bought, and what
//! they carry. What is needed and in range is decided in [`super::check`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::rule::rules;
use super::super::object::scalar::Length;

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
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "!has(self.labels) || self.labels.all(key, !key.startsWith('sparkwright.dev/') && \
     key != 'karpenter.sh/nodepool' && key != 'kubernetes.io/hostname')",
    "labels of sparkwright.dev, karpenter.sh/nodepool and kubernetes.io/hostname are not for a NodePool to \
     set; take them out",
)])))]
pub struct TemplateMetadata {
    /// Labels; one that is well known counts as a requirement.
    #[schemars(extend("maxProperties" = 100))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// What nodes are bought, and how they start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Taints for good.
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = once_each()))]
    pub taints: Option<Vec<TaintSpec>>,
    /// Taints until the node is initialised; pods need not tolerate them.
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = once_each()))]
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

/// A taint may stand once with one effect.
fn once_each() -> serde_json::Value {
    rules(&[(
        "self.all(one, self.exists_one(other, one.key == other.key && one.effect == other.effect))",
        "a taint stands twice with one effect; keep one",
    )])
}

/// A taint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "!self.key.startsWith('sparkwright.dev/')",
    "taints of sparkwright.dev are set by Sparkwright itself; take it out",
)])))]
pub struct TaintSpec {
    /// Its name.
    #[schemars(required, length(min = 1, max = 317))]
    pub key: Option<String>,
    /// Its value.
    #[schemars(length(max = 63))]
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
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
        "In and NotIn need values; write at least one",
    ),
    (
        "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0",
        "Exists and DoesNotExist take no values; take them out",
    ),
    (
        "!(self.operator in ['Gt', 'Lt']) || \
         (has(self.values) && size(self.values) == 1 && self.values[0].matches('^-?[0-9]+$'))",
        "Gt and Lt take one integer in quotes, such as [\"4\"]",
    ),
    (
        "!has(self.minValues) || self.operator != 'In' || !has(self.values) || \
         self.minValues <= size(self.values)",
        "minValues is above the number of values listed; list more or ask for less",
    ),
    (
        "!self.key.startsWith('sparkwright.dev/') && self.key != 'karpenter.sh/nodepool' && \
         self.key != 'kubernetes.io/hostname'",
        "sparkwright.dev, karpenter.sh/nodepool and kubernetes.io/hostname are not for a NodePool to require; \
         take it out",
    ),
    (
        "self.key != 'karpenter.sh/capacity-type' || !has(self.values) || \
         self.values.all(value, value in ['spot', 'on-demand'])",
        "the capacity type is spot or on-demand",
    ),
    (
        "!(self.key in ['kubernetes.io/arch', 'beta.kubernetes.io/arch']) || !has(self.values) || \
         self.values.all(value, value in ['amd64', 'arm64'])",
        "the architecture is amd64 or arm64",
    ),
])))]
pub struct RequirementSpec {
    /// The label.
    #[schemars(required, length(min = 1, max = 317))]
    pub key: Option<String>,
    /// The operator; Gt and Lt are strict and on integers.
    #[schemars(required)]
    pub operator: Option<Operator>,
    /// Its values.
    #[schemars(length(max = 1000), inner(length(max = 63)))]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
