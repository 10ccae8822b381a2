//! What is asked for: written once, by the controller, and immutable, so that a restart reads what was
//! meant before EC2 was asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::node::Purpose;
use super::super::nodepool::template::{NodeClassRef, TaintSpec};
use super::super::object::rule::rules;
use super::super::object::scalar::Quantity;
use super::super::offering::CapacityType;
use super::status::NodeClaimStatus;

/// A node that Sparkwright owns or awaits.
#[expect(
    clippy::duplicated_attributes,
    reason = "each printcolumn names the same keys"
)]
#[derive(kube::CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "sparkwright.dev",
    version = "v1alpha1",
    kind = "NodeClaim",
    category = "sparkwright",
    status = "NodeClaimStatus",
    doc = "A node that Sparkwright owns or awaits. Written by the controller; not for people to write.",
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.nodePool"),
    printcolumn(name = "Purpose", type_ = "string", json_path = ".spec.purpose"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.instanceType"),
    printcolumn(name = "Capacity", type_ = "string", json_path = ".spec.capacityType"),
    printcolumn(name = "Zone", type_ = "string", json_path = ".spec.zone"),
    printcolumn(name = "USD/h", type_ = "string", json_path = ".status.usdPerHour"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.nodeName"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".status.instanceID",
        priority = 1
    ),
    printcolumn(
        name = "Intent",
        type_ = "string",
        json_path = ".spec.intent.token",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "self == oldSelf",
    "the spec of a NodeClaim never changes; delete the claim to give its node back",
)])))]
pub struct NodeClaimSpec {
    /// The NodePool that pays.
    #[schemars(length(min = 1, max = 253))]
    pub node_pool: String,
    /// The NodeClass that it is made of.
    pub node_class_ref: NodeClassRef,
    /// What it serves: drivers only, or work.
    pub purpose: Purpose,
    /// The call to EC2 that it is part of.
    pub intent: IntentSpec,
    /// Its zone by the account's name.
    #[schemars(length(min = 1, max = 63))]
    pub zone: String,
    /// Its zone by id.
    #[serde(rename = "zoneID")]
    #[schemars(length(max = 63))]
    pub zone_id: Option<String>,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// Types that EC2 may choose from, the planned one first.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 63)))]
    pub instance_types: Vec<String>,
    /// Room that it is bought for; it has at least this whatever type EC2 chooses.
    #[schemars(extend("maxProperties" = 20))]
    pub requests: BTreeMap<String, Quantity>,
    /// Labels of the NodePool that the node gets.
    #[schemars(extend("maxProperties" = 100))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Taints for good.
    #[schemars(length(max = 50))]
    pub taints: Option<Vec<TaintSpec>>,
    /// Taints until the node is initialised.
    #[schemars(length(max = 50))]
    pub startup_taints: Option<Vec<TaintSpec>>,
}

/// One call to EC2. All claims of one call are interchangeable until EC2 has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntentSpec {
    /// The client token: the same for every retry of the call, and for no other call.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[!-~]+$"))]
    pub token: String,
    /// Which attempt at the same need this call is, from 1; what is missing after a partial answer is
    /// asked for in the next one.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempt: i64,
    /// The request as it is first sent, on one claim of the call; a retry sends these bytes again.
    #[schemars(length(max = 131_072))]
    pub request: Option<String>,
}
