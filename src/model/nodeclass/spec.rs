//! The NodeClass as it is written, in the names of Karpenter's EC2NodeClass where they mean the same.
//! Everything is optional here, so that reading can report each bad field and go on; what is needed and
//! in range is decided in [`super::check`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::rule::rules;
use super::disk::BlockDeviceSpec;
use super::kubelet::KubeletSpec;
use super::selector::{ImageTerm, SecurityGroupTerm, SubnetTerm};
use super::status::NodeClassStatus;

/// What nodes are made of: image, network, identity, disks, kubelet.
#[expect(
    clippy::duplicated_attributes,
    reason = "each printcolumn names the same keys"
)]
#[derive(kube::CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "sparkwright.dev",
    version = "v1alpha1",
    kind = "NodeClass",
    plural = "nodeclasses",
    category = "sparkwright",
    status = "NodeClassStatus",
    doc = "What nodes are made of: image, network, identity, disks, kubelet.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Family", type_ = "string", json_path = ".status.amiFamily"),
    printcolumn(
        name = "Instance store",
        type_ = "string",
        json_path = ".spec.instanceStorePolicy"
    ),
    printcolumn(
        name = "Role",
        type_ = "string",
        json_path = ".spec.role",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "has(self.role) != has(self.instanceProfile)",
        "write either role or instanceProfile",
    ),
    (
        "has(self.amiFamily) || self.amiSelectorTerms.exists(term, has(term.alias))",
        "amiFamily is needed where no alias tells it; write AL2023 or Bottlerocket",
    ),
    (
        "!has(self.amiFamily) || self.amiSelectorTerms.all(term, !has(term.alias) || \
         term.alias.startsWith(self.amiFamily == 'Bottlerocket' ? 'bottlerocket@' : 'al2023@'))",
        "the alias is of another amiFamily; take one of them out",
    ),
    (
        "!has(self.instanceStoreMountPath) || \
         (has(self.instanceStorePolicy) && self.instanceStorePolicy == 'Mount')",
        "instanceStoreMountPath counts only with instanceStorePolicy Mount",
    ),
    (
        "!has(self.instanceStorePolicy) || self.instanceStorePolicy == 'RAID0' || \
         (has(self.amiFamily) ? self.amiFamily != 'Bottlerocket' : \
         self.amiSelectorTerms.all(term, !has(term.alias) || !term.alias.startsWith('bottlerocket@')))",
        "Bottlerocket has instanceStorePolicy RAID0 alone",
    ),
])))]
pub struct NodeClassSpec {
    /// Operating system: AL2023 or Bottlerocket; told by an alias where there is one.
    pub ami_family: Option<AmiFamily>,
    /// Images: all that one of these names; the newest of each architecture is taken.
    #[schemars(
        required,
        length(min = 1, max = 30),
        extend("x-kubernetes-validations" = rules(&[(
            "!self.exists(term, has(term.alias)) || size(self) == 1",
            "an alias names all images; write it as the only term",
        )]))
    )]
    pub ami_selector_terms: Option<Vec<ImageTerm>>,
    /// Subnets: all that one of these names.
    #[schemars(required, length(min = 1, max = 30))]
    pub subnet_selector_terms: Option<Vec<SubnetTerm>>,
    /// Security groups: all that one of these names.
    #[schemars(required, length(min = 1, max = 30))]
    pub security_group_selector_terms: Option<Vec<SecurityGroupTerm>>,
    /// IAM role of the nodes; the instance profile that holds it is looked up, none is made.
    #[schemars(length(min = 1, max = 64))]
    pub role: Option<String>,
    /// Instance profile of the nodes.
    #[schemars(length(min = 1, max = 128))]
    pub instance_profile: Option<String>,
    /// What runs on a node before it joins: for AL2023 a script, a NodeConfig, or both as MIME; for
    /// Bottlerocket settings in TOML.
    #[schemars(length(max = 16384))]
    pub user_data: Option<String>,
    /// EBS volumes; the image's own when absent.
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-validations" = rules(&[(
            "self.filter(disk, has(disk.rootVolume) && disk.rootVolume).size() <= 1",
            "there is one root volume at most",
        )]))
    )]
    pub block_device_mappings: Option<Vec<BlockDeviceSpec>>,
    /// What becomes of local NVMe disks. RAID0: one array below kubelet and containerd. Mount: one file
    /// system for each disk, at instanceStoreMountPath/1 and on. PvDisks: one over all disks, at
    /// /pv-disks/local. Absent: nothing.
    pub instance_store_policy: Option<InstanceStorePolicy>,
    /// Folder of the mounts of policy Mount; /mnt/k8s-disks when absent.
    #[schemars(length(max = 256), regex(pattern = "^(/[A-Za-z0-9._-]+)+$"))]
    pub instance_store_mount_path: Option<String>,
    /// Who may ask the instance about itself.
    pub metadata_options: Option<MetadataOptionsSpec>,
    /// Kubelet's settings.
    pub kubelet: Option<KubeletSpec>,
    /// Tags of instances and volumes, besides Sparkwright's own.
    #[schemars(extend(
        "maxProperties" = 40,
        "x-kubernetes-validations" = rules(&[(
            "self.all(key, key != '' && !key.startsWith('aws:') && !key.startsWith('sparkwright.dev/') && \
             !key.startsWith('kubernetes.io/cluster/') && key != 'eks:eks-cluster-name')",
            "tags of aws:, sparkwright.dev/, kubernetes.io/cluster/ and eks:eks-cluster-name are not for a \
             NodeClass to set; take them out",
        )])
    ))]
    pub tags: Option<BTreeMap<String, String>>,
    /// True: CloudWatch's metrics each minute instead of each five.
    pub detailed_monitoring: Option<bool>,
    /// Whether nodes get a public address; the subnet decides when absent.
    #[serde(rename = "associatePublicIPAddress")]
    pub associate_public_ip_address: Option<bool>,
}

/// Operating systems whose user data can be written.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AmiFamily {
    /// Amazon Linux 2023, set up by nodeadm.
    #[serde(rename = "AL2023")]
    Al2023,
    /// Bottlerocket, set up by its settings.
    Bottlerocket,
}

/// What becomes of local NVMe disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InstanceStorePolicy {
    /// One array below kubelet and containerd, so that emptyDir volumes lie on it.
    #[serde(rename = "RAID0")]
    Raid0,
    /// One file system for each disk.
    Mount,
    /// One file system over all disks at `/pv-disks/local`.
    PvDisks,
}

/// The instance's metadata service.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOptionsSpec {
    /// Whether it answers.
    pub http_endpoint: Option<Switch>,
    /// Whether it answers over IPv6.
    #[serde(rename = "httpProtocolIPv6")]
    pub http_protocol_ipv6: Option<Switch>,
    /// Hops that an answer may take: 1 keeps pods away, 2 lets them in.
    #[schemars(range(min = 1, max = 64))]
    pub http_put_response_hop_limit: Option<i64>,
    /// Whether a token is needed.
    pub http_tokens: Option<Tokens>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// Whether the metadata service wants a token (IMDSv2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// IMDSv2 alone.
    Required,
    /// IMDSv1 too.
    Optional,
}
