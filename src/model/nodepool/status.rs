//! What is said of a NodePool: whether it is understood, and what it has at present. Written by the
//! controller, read by people and deployment tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::condition::Condition;

/// A NodePool's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolStatus {
    /// The generation of the spec that this was said of.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, and what it is made of.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// Nodes that it has or awaits.
    #[schemars(range(min = 0))]
    pub nodes: Option<i64>,
    /// CPU of its nodes, as a quantity.
    #[schemars(length(max = 64))]
    pub cpu: Option<String>,
    /// Memory of its nodes, as a quantity.
    #[schemars(length(max = 64))]
    pub memory: Option<String>,
    /// What its nodes cost together at list price, in USD per hour.
    #[schemars(length(max = 32))]
    pub usd_per_hour: Option<String>,
}
