//! What has become of a claim: filled from EC2's answer, then from the node. Money and quantities are
//! text, as they are printed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::condition::Condition;
use super::super::object::scalar::Quantity;

/// EC2 has given an instance.
pub const LAUNCHED: &str = "Launched";
/// Its node is in the cluster, with labels and taints complete.
pub const REGISTERED: &str = "Registered";
/// The node is ready, and its startup taints and extended resources are as they should be.
pub const INITIALIZED: &str = "Initialized";
/// EC2 has said that it takes the instance back, or stops or restarts it.
pub const INTERRUPTED: &str = "Interrupted";
/// Nothing that counts runs on the node any more.
pub const DRAINED: &str = "Drained";
/// EC2 has been told to end the instance.
pub const INSTANCE_TERMINATING: &str = "InstanceTerminating";

/// A NodeClaim's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimStatus {
    /// The generation of the spec that this was said of.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, and what it is made of: Launched, Registered, Initialized; at its end Interrupted, Drained
    /// and InstanceTerminating.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// The instance.
    #[serde(rename = "instanceID")]
    #[schemars(length(max = 32), regex(pattern = "^i-[0-9a-f]+$"))]
    pub instance_id: Option<String>,
    /// The node's `spec.providerID`.
    #[serde(rename = "providerID")]
    #[schemars(length(max = 256))]
    pub provider_id: Option<String>,
    /// The node's name.
    #[schemars(length(max = 253))]
    pub node_name: Option<String>,
    /// The type that EC2 chose.
    #[schemars(length(max = 63))]
    pub instance_type: Option<String>,
    /// Its image.
    #[serde(rename = "imageID")]
    #[schemars(length(max = 32))]
    pub image_id: Option<String>,
    /// Its subnet.
    #[serde(rename = "subnetID")]
    #[schemars(length(max = 32))]
    pub subnet_id: Option<String>,
    /// Its price at launch, in USD per hour.
    #[schemars(length(max = 32), regex(pattern = "^[0-9]+([.][0-9]+)?$"))]
    pub usd_per_hour: Option<String>,
    /// When EC2 takes the instance back at the earliest, once it has said so, RFC 3339: whoever leads next
    /// moves on what is there.
    #[schemars(extend("format" = "date-time"))]
    pub ends_at: Option<String>,
    /// The node's capacity.
    #[schemars(extend("maxProperties" = 50))]
    pub capacity: Option<BTreeMap<String, Quantity>>,
    /// The node's allocatable.
    #[schemars(extend("maxProperties" = 50))]
    pub allocatable: Option<BTreeMap<String, Quantity>>,
}
