//! From a launch of the plan to the one request that is stored, sent, and sent again: templates, overrides
//! and tags. Its templates are made here, so that the request can be sent as it is at any later time.

mod compose;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ec2, Ec2Error, Resolved, Subnet, locked};
use crate::model::cni::Cni;
use crate::model::nodeclass::Class;
use crate::model::nodeclass::user_data::{ClusterAccess, UserDataError};
use crate::model::offering::{CapacityType, Catalog};
use crate::model::pool::Pool;
use crate::plan::effect::Launch;
use compose::compose;

/// What is known of the cluster that nodes join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Name, API server, certificate authority, services.
    pub access: ClusterAccess,
    /// Kubernetes' version as aliases of images name it, `1.34`.
    pub kubernetes: String,
}

/// A launch, and all that its request follows from.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What is to be launched.
    pub launch: &'a Launch,
    /// The catalogue that the launch was planned on.
    pub catalog: &'a Catalog,
    /// The pool that pays.
    pub pool: &'a Pool,
    /// The pool's class …
    pub class: &'a Class,
    /// … and what it names.
    pub resolved: &'a Resolved,
    /// The cluster.
    pub cluster: &'a ClusterFacts,
    /// Claims that wait for instances: one for each.
    pub claims: &'a [String],
    /// The intent's token; also EC2's client token.
    pub token: &'a str,
    /// The leader's epoch.
    pub epoch: u64,
    /// None rather than fewer instances than these; None where each counts alone.
    pub minimum: Option<u32>,
}

/// A call of CreateFleet, whole: a retry sends exactly this again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetRequest {
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// EC2's name of the allocation strategy.
    pub strategy: String,
    /// Instances.
    pub count: u32,
    /// None rather than fewer than these.
    pub minimum: Option<u32>,
    /// The zone by the account's name.
    pub zone: String,
    /// Launch templates, and what may be launched from each.
    pub configs: Vec<FleetConfig>,
    /// Tags of the fleet, its instances, volumes and interfaces.
    pub tags: BTreeMap<String, String>,
}

/// A launch template and what may be launched from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetConfig {
    /// The template's name.
    pub template: String,
    /// Its image.
    pub image: String,
    /// The planned type first.
    pub overrides: Vec<FleetOverride>,
}

/// A type that EC2 may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetOverride {
    /// `c5d.9xlarge`.
    pub instance_type: String,
    /// The subnet.
    pub subnet: String,
    /// Lower goes first, where the strategy goes by it.
    pub priority: Option<u32>,
}

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing is asked for.
    #[error("launch of NodePool {pool}: no claims wait for instances")]
    Nothing {
        /// The pool.
        pool: String,
    },
    /// The launch is of another catalogue.
    #[error(
        "launch of NodePool {pool}: its types or its zone are not of this catalogue; plan again"
    )]
    AnotherCatalog {
        /// The pool.
        pool: String,
    },
    /// The class has no subnet there.
    #[error(
        "NodeClass {class}: spec.subnetSelectorTerms names no subnet in zone {zone}; tag one there, or keep \
         the NodePool out of the zone"
    )]
    NoSubnet {
        /// The class.
        class: String,
        /// The zone.
        zone: String,
    },
    /// The class has no image for any of the types.
    #[error(
        "NodeClass {class}: spec.amiSelectorTerms names no image for {types}; name one for their \
         architecture, or require another of kubernetes.io/arch in the NodePool"
    )]
    NoImage {
        /// The class.
        class: String,
        /// The types.
        types: String,
    },
    /// No user data can be made.
    #[error(transparent)]
    UserData(#[from] UserDataError),
    /// A template could not be made.
    #[error(transparent)]
    Ec2(#[from] Ec2Error),
}

impl FleetRequest {
    /// The request as it is stored.
    pub fn written(&self) -> String {
        serde_json::to_string(self).expect("a request is plain data")
    }

    /// The request that was stored.
    ///
    /// # Errors
    /// Where the text is none, with the place in it.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Names of its launch templates.
    pub(super) fn templates(&self) -> Vec<&str> {
        let names = self.configs.iter().map(|config| config.template.as_str());
        names.collect()
    }
}

impl Ec2 {
    /// The request for a launch. Its launch templates are there when this returns.
    ///
    /// # Errors
    /// Where the class has nothing for the launch's zone or types, or a template cannot be made.
    pub async fn request(&self, order: Order<'_>) -> Result<FleetRequest, RequestError> {
        let subnet = self.subnet(&order)?;
        let (request, templates) = compose(&order, &self.inner.cluster, &subnet)?;
        for template in &templates {
            self.ensure(template).await?;
        }
        self.promise(&order, subnet);
        Ok(request)
    }

    /// The zone's subnet with most addresses left when launches since the last look have taken theirs.
    fn subnet(&self, order: &Order<'_>) -> Result<String, RequestError> {
        let zone = order.zone()?;
        let promised = locked(&self.inner.promised);
        let widest = widest(&order.resolved.subnets, zone, &promised);
        let none = || RequestError::NoSubnet {
            class: order.class.name.clone(),
            zone: zone.to_owned(),
        };
        widest.map(|subnet| subnet.id.clone()).ok_or_else(none)
    }

    /// Counts what the launch's instances take when they come up, until the subnets are looked at again.
    fn promise(&self, order: &Order<'_>, subnet: String) {
        let types = order.types().unwrap_or_default().into_iter();
        let each = types.map(|t| Cni::default().addresses(t.interfaces, 0));
        let each = each.max().unwrap_or(1);
        let count = u32::try_from(order.claims.len()).unwrap_or(u32::MAX);
        let mut promised = locked(&self.inner.promised);
        let promised = promised.entry(subnet).or_default();
        *promised = promised.saturating_add(each.saturating_mul(count));
    }
}

/// The zone's subnet with most addresses left; of equals the first by id.
fn widest<'a>(
    subnets: &'a [Subnet],
    zone: &str,
    promised: &BTreeMap<String, u32>,
) -> Option<&'a Subnet> {
    let left = |subnet: &Subnet| {
        let promised = promised.get(&subnet.id).copied().unwrap_or(0);
        subnet.free.saturating_sub(promised)
    };
    let there = subnets.iter().filter(|subnet| subnet.zone == zone);
    there.max_by_key(|subnet| (left(subnet), std::cmp::Reverse(&subnet.id)))
}

#[cfg(test)]
mod tests;
