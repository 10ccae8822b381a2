//! A NodeClass after checking: what is meant, defaults filled in. Which subnets, groups and images its
//! selectors name is not known here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::requirement::Labels;
use super::disk::BlockDevice;
use super::image::Alias;
use super::kubelet::KubeletSpec;
use super::spec::AmiFamily;

/// What nodes are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Operating system.
    pub family: AmiFamily,
    /// Images: all that one of these names; never empty.
    pub images: Vec<ImageSelector>,
    /// Subnets: all that one of these names; never empty.
    pub subnets: Vec<Selector>,
    /// Security groups: all that one of these names; never empty.
    pub security_groups: Vec<Selector>,
    /// As whom nodes speak to AWS.
    pub identity: Identity,
    /// What the user runs besides, as written, of a form that the family reads.
    pub user_data: Option<String>,
    /// EBS volumes; empty for the image's own.
    pub disks: Vec<BlockDevice>,
    /// What becomes of local NVMe disks; None for nothing.
    pub instance_store: Option<InstanceStore>,
    /// Who may ask the instance about itself.
    pub metadata: MetadataOptions,
    /// Kubelet's settings.
    pub kubelet: KubeletSpec,
    /// Tags besides Sparkwright's own.
    pub tags: BTreeMap<String, String>,
    /// Metrics each minute.
    pub detailed_monitoring: bool,
    /// A public address or none; None leaves it to the subnet.
    pub public_address: Option<bool>,
}

/// Names images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSelector {
    /// AWS's own.
    Alias(Alias),
    /// One image.
    Id(String),
    /// The image whose id an SSM parameter holds.
    SsmParameter(String),
    /// Images by tags (an empty value takes any), name (`*` stands for anything) and owner.
    Described {
        /// Tags that they have.
        tags: Labels,
        /// Their name.
        name: Option<String>,
        /// Whose they are: `self`, `amazon`, an account; None for the account's own and Amazon's.
        owner: Option<String>,
    },
}

/// Names subnets or security groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One of them.
    Id(String),
    /// Those of this group name; security groups only.
    Name(String),
    /// Those with these tags; an empty value takes any.
    Tags(Labels),
}

/// As whom nodes speak to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A role; the profile that holds it is looked up.
    Role(String),
    /// An instance profile.
    Profile(String),
}

/// What becomes of local NVMe disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceStore {
    /// One array below kubelet and containerd.
    Raid0,
    /// One file system for each disk, at `path/1` and on.
    Mount {
        /// Their folder.
        path: String,
    },
    /// One file system over all disks, at `/pv-disks/local`.
    PvDisks,
}

/// The instance's metadata service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MetadataOptions {
    /// It answers.
    pub endpoint: bool,
    /// It answers over IPv6.
    pub ipv6: bool,
    /// Hops that an answer may take.
    pub hop_limit: u32,
    /// It wants a token (IMDSv2).
    pub tokens_required: bool,
}
