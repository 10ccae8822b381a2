//! What is said of a NodeClass: whether it is usable, and what its selectors name at present. Written by
//! the controller, read by people and deployment tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::condition::Condition;
use super::spec::AmiFamily;

/// A NodeClass's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassStatus {
    /// The generation of the spec that this was said of.
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, and what it is made of: AMIsReady, SubnetsReady, SecurityGroupsReady,
    /// InstanceProfileReady.
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// The operating system meant.
    pub ami_family: Option<AmiFamily>,
    /// Images found.
    #[schemars(length(max = 100))]
    pub amis: Option<Vec<FoundImage>>,
    /// Subnets found.
    #[schemars(length(max = 100))]
    pub subnets: Option<Vec<FoundSubnet>>,
    /// Security groups found.
    #[schemars(length(max = 100))]
    pub security_groups: Option<Vec<FoundSecurityGroup>>,
    /// Instance profile found.
    #[schemars(length(max = 128))]
    pub instance_profile: Option<String>,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundImage {
    /// Its id.
    #[schemars(length(max = 32))]
    pub id: String,
    /// Its name.
    #[schemars(length(max = 128))]
    pub name: Option<String>,
    /// `amd64` or `arm64`.
    #[schemars(length(max = 16))]
    pub architecture: String,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundSubnet {
    /// Its id.
    #[schemars(length(max = 32))]
    pub id: String,
    /// Its zone by the account's name.
    #[schemars(length(max = 63))]
    pub zone: String,
    /// Its zone by id.
    #[serde(rename = "zoneID")]
    #[schemars(length(max = 63))]
    pub zone_id: Option<String>,
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSecurityGroup {
    /// Its id.
    #[schemars(length(max = 32))]
    pub id: String,
    /// Its name.
    #[schemars(length(max = 255))]
    pub name: Option<String>,
}
