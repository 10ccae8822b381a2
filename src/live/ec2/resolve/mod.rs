//! What a NodeClass names at present: images for each architecture, subnets with their free addresses,
//! security groups, the instance profile. What it does not find is told by condition, field, value and
//! remedy, for the status of the class.

mod identity;
mod images;
mod network;

use std::collections::BTreeMap;

use super::request::ClusterFacts;
use super::{Ec2, Ec2Error};
use crate::model::nodeclass::image::Architecture;
use crate::model::nodeclass::status::{FoundImage, FoundSecurityGroup};
use crate::model::nodeclass::{Class, Selector};

/// What a class names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The newest image for each architecture; never empty.
    pub images: BTreeMap<Architecture, FoundImage>,
    /// Subnets in order of id; never empty.
    pub subnets: Vec<Subnet>,
    /// Security groups in order of id; never empty.
    pub security_groups: Vec<FoundSecurityGroup>,
    /// The instance profile's name.
    pub profile: String,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its zone by the account's name.
    pub zone: String,
    /// Its zone by id.
    pub zone_id: String,
    /// Addresses that are free, as EC2 counts them.
    pub free: u32,
    /// Its VPC.
    pub vpc: String,
}

/// Why a class cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassProblem {
    /// It names what is not there, or what does not fit together. Only a person can change that.
    #[error("NodeClass {class}: {field}: {value} {problem}")]
    Unfit {
        /// The class.
        class: String,
        /// Type of the condition that is not met: `AMIsReady`, `SubnetsReady`, `SecurityGroupsReady` or
        /// `InstanceProfileReady`.
        condition: &'static str,
        /// The field.
        field: String,
        /// Its value.
        value: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// AWS did not say, or refused to.
    #[error("NodeClass {class}: {condition} is not known: {error}")]
    Unknown {
        /// The class.
        class: String,
        /// Type of the condition that is not known.
        condition: &'static str,
        /// What AWS said.
        error: Ec2Error,
    },
}

/// A field of a class that is being looked up.
#[derive(Clone, Copy)]
struct Asked<'a> {
    class: &'a Class,
    condition: &'static str,
    field: &'static str,
}

impl Ec2 {
    /// Looks up what a class names. The Kubernetes version decides which image an alias means.
    ///
    /// # Errors
    /// The first condition that is not met, or not known.
    pub async fn resolve(
        &self,
        class: &Class,
        cluster: &ClusterFacts,
    ) -> Result<Resolved, ClassProblem> {
        let images = self.images(class, &cluster.kubernetes).await?;
        let subnets = self.subnets(class).await?;
        let security_groups = self.security_groups(class, &subnets).await?;
        let profile = self.profile(class).await?;
        Ok(Resolved {
            images,
            subnets,
            security_groups,
            profile,
        })
    }
}

impl Asked<'_> {
    fn unfit(&self, value: impl ToString, problem: impl ToString) -> ClassProblem {
        ClassProblem::Unfit {
            class: self.class.name.clone(),
            condition: self.condition,
            field: self.field.to_owned(),
            value: value.to_string(),
            problem: problem.to_string(),
        }
    }

    fn unknown(&self, error: Ec2Error) -> ClassProblem {
        ClassProblem::Unknown {
            class: self.class.name.clone(),
            condition: self.condition,
            error,
        }
    }
}

/// A selector as it is written.
fn shown(selector: &Selector) -> String {
    match selector {
        Selector::Id(id) => id.clone(),
        Selector::Name(name) => name.clone(),
        Selector::Tags(tags) => shown_tags(tags),
    }
}

/// Tags as they are written.
fn shown_tags(tags: &BTreeMap<String, String>) -> String {
    let pairs = tags.iter().map(|(key, value)| format!("{key}: {value}"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}
