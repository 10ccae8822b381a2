//! The user data with which a node joins its cluster, from its class, the cluster, and what the node is to
//! carry: a pure function of the three, so that equal nodes share a launch template.

mod al2023;
mod bottlerocket;
mod mime;
mod pv_disks;

use super::super::node::{Taint, TaintEffect, UNREGISTERED};
use super::super::requirement::Labels;
use super::class::Class;
use super::spec::AmiFamily;

/// The most user data that EC2 takes, in bytes before base64 (EC2 user guide, "user data").
pub const MOST_BYTES: usize = 16 << 10;

/// What a node must know of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterAccess {
    /// Its name.
    pub name: String,
    /// URL of its API server.
    pub endpoint: String,
    /// Its certificate authority: PEM in base64, as EKS hands it out.
    pub certificate_authority: String,
    /// Addresses of its services, `10.100.0.0/16`.
    pub service_cidr: String,
    /// Address of its DNS where it is not the tenth of the services'.
    pub dns: Option<String>,
}

/// What a node carries from its first moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joining {
    /// Labels. Those that kubelet may not give itself are left to registration.
    pub labels: Labels,
    /// Taints, startup taints too; the one until registration is added.
    pub taints: Vec<Taint>,
    /// Most pods, where the NodePool says so; goes before the class's.
    pub max_pods: Option<u32>,
}

/// Why user data cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    /// Larger than EC2 takes.
    #[error(
        "user data of NodeClass {class} is {size} bytes, and EC2 takes {MOST_BYTES}; shorten spec.userData"
    )]
    TooLong {
        /// The class.
        class: String,
        /// Bytes.
        size: usize,
    },
    /// The user's part cannot be read; the check of the class refuses this.
    #[error("spec.userData of NodeClass {class} {problem}")]
    Unreadable {
        /// The class.
        class: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// The user data, before base64.
///
/// # Errors
/// Where it is longer than EC2 takes, or the user's part is of no form that the family reads.
pub fn render(
    class: &Class,
    cluster: &ClusterAccess,
    joining: &Joining,
) -> Result<String, UserDataError> {
    let rendered = match class.family {
        AmiFamily::Al2023 => al2023::render(class, cluster, joining),
        AmiFamily::Bottlerocket => bottlerocket::render(class, cluster, joining),
    };
    let text = rendered.map_err(|problem| UserDataError::Unreadable {
        class: class.name.clone(),
        problem,
    })?;
    if text.len() > MOST_BYTES {
        return Err(UserDataError::TooLong {
            class: class.name.clone(),
            size: text.len(),
        });
    }
    Ok(text)
}

/// Checks the user's part for the form that the family reads. The error is what is wrong and what to
/// write instead.
pub(super) fn check(family: AmiFamily, text: &str) -> Result<(), String> {
    if text.len() > MOST_BYTES {
        return Err(format!(
            "is longer than the {MOST_BYTES} bytes that EC2 takes; shorten it"
        ));
    }
    match family {
        AmiFamily::Al2023 => mime::parts(text).map(|_| ()),
        AmiFamily::Bottlerocket => bottlerocket::parse(text).map(|_| ()),
    }
}

impl Joining {
    /// Labels that kubelet may give its own node: of Kubernetes' own domains only these (NodeRestriction
    /// and kubelet's check of `--node-labels`; with another one kubelet does not start).
    fn own_labels(&self) -> impl Iterator<Item = (&String, &String)> {
        const OWN: [&str; 6] = [
            "kubernetes.io/arch",
            "kubernetes.io/os",
            "kubernetes.io/hostname",
            "node.kubernetes.io/instance-type",
            "topology.kubernetes.io/region",
            "topology.kubernetes.io/zone",
        ];
        self.labels.iter().filter(|(key, _)| {
            let domain = key.split_once('/').map_or("", |(domain, _)| domain);
            let within = |of: &str| domain == of || domain.ends_with(&format!(".{of}"));
            let kubernetes = within("kubernetes.io") || within("k8s.io");
            let open = within("node.kubernetes.io") || within("kubelet.kubernetes.io");
            !kubernetes || open || OWN.contains(&key.as_str())
        })
    }

    /// All taints: those given, and the one until registration, which lets nothing run before labels are
    /// complete.
    fn all_taints(&self) -> Vec<Taint> {
        let unregistered = Taint {
            key: UNREGISTERED.into(),
            value: String::new(),
            effect: TaintEffect::NoExecute,
        };
        self.taints.iter().cloned().chain([unregistered]).collect()
    }
}
