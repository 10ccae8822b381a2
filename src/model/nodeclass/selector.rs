//! Terms that name images, subnets and security groups as they are written: each by an id or by tags,
//! never both.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::rule::rules;

/// Names images.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "[has(self.alias), has(self.id), has(self.ssmParameter), has(self.tags) || has(self.name)]\
     .filter(given, given).size() == 1",
    "write one of alias, id, ssmParameter, or tags with name",
), (
    "!has(self.owner) || has(self.tags) || has(self.name)",
    "owner counts only beside tags or name",
)])))]
pub struct ImageTerm {
    /// AWS's own image by its family and version: al2023@latest, al2023@v20261107, bottlerocket@latest,
    /// bottlerocket@1.52.0.
    #[schemars(
        length(max = 64),
        regex(pattern = "^(al2023|bottlerocket)@(latest|v?[0-9][0-9.]*)$")
    )]
    pub alias: Option<String>,
    /// One image.
    #[schemars(regex(pattern = "^ami-[0-9a-f]+$"), length(max = 32))]
    pub id: Option<String>,
    /// The SSM parameter that holds an image's id.
    #[schemars(length(min = 1, max = 1011), regex(pattern = "^/[A-Za-z0-9_./-]+$"))]
    pub ssm_parameter: Option<String>,
    /// Images with these tags; an empty value takes any.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 20))]
    pub tags: Option<BTreeMap<String, String>>,
    /// Images of this name; `*` stands for anything.
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Whose images: self, amazon, or an account; the account's own and Amazon's when absent.
    #[schemars(
        regex(pattern = "^(self|amazon|aws-marketplace|[0-9]{12})$"),
        length(max = 16)
    )]
    pub owner: Option<String>,
}

/// Names subnets.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "has(self.id) != has(self.tags)",
    "write either id or tags",
)])))]
pub struct SubnetTerm {
    /// One subnet.
    #[schemars(regex(pattern = "^subnet-[0-9a-f]+$"), length(max = 32))]
    pub id: Option<String>,
    /// Subnets with these tags; an empty value takes any.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 20))]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Names security groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "[has(self.id), has(self.name), has(self.tags)].filter(given, given).size() == 1",
    "write one of id, name or tags",
)])))]
pub struct SecurityGroupTerm {
    /// One security group.
    #[schemars(regex(pattern = "^sg-[0-9a-f]+$"), length(max = 32))]
    pub id: Option<String>,
    /// Security groups of this group name.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// Security groups with these tags; an empty value takes any.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 20))]
    pub tags: Option<BTreeMap<String, String>>,
}
