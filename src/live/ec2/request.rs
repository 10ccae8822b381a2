//! From a launch of the plan to the one request that is stored, sent, and sent again: templates, overrides
//! and tags. A pure function but for the templates, which are made here so that the request can be sent
//! as it is at any later time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::template::Template;
use super::{Ec2, Ec2Error, Resolved, Subnet, locked, tags};
use crate::model::cni::Cni;
use crate::model::label::ARCH;
use crate::model::node::{CAPACITY_TYPE, MANAGED, NODEPOOL, PURPOSE};
use crate::model::nodeclass::Class;
use crate::model::nodeclass::image::Architecture;
use crate::model::nodeclass::user_data::{self, ClusterAccess, Joining, UserDataError};
use crate::model::offering::{CapacityType, Catalog, InstanceType};
use crate::model::pool::Pool;
use crate::model::requirement::Labels;
use crate::plan::effect::{AllocationStrategy, Launch};

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

impl<'a> Order<'a> {
    fn zone(&self) -> Result<&'a str, RequestError> {
        let zone = self
            .catalog
            .zones
            .get(usize::from(self.launch.intent.zone.0));
        zone.map(|zone| zone.name.as_str())
            .ok_or_else(|| self.another_catalog())
    }

    fn types(&self) -> Result<Vec<&'a InstanceType>, RequestError> {
        let types = self.launch.intent.types.iter();
        let types = types.map(|id| self.catalog.known_type(*id));
        types
            .collect::<Option<_>>()
            .ok_or_else(|| self.another_catalog())
    }

    fn another_catalog(&self) -> RequestError {
        RequestError::AnotherCatalog {
            pool: self.pool.name.to_string(),
        }
    }

    /// What kubelet is told of a type's pods: nothing where the image's own rule gives what was planned.
    fn max_pods(&self, instance_type: &InstanceType) -> Option<u32> {
        let most = self.pool.max_pods?;
        let by_interfaces = instance_type.allocatable.pods;
        // A class's own number would go before the image's rule.
        let is_told = most < by_interfaces || self.class.kubelet.max_pods.is_some();
        is_told.then(|| most.min(by_interfaces))
    }

    /// Labels that depend on neither zone nor type, so that templates are shared between them. The others
    /// come with registration.
    fn labels(&self) -> Labels {
        let intent = &self.launch.intent;
        let mut labels = self.pool.labels.clone();
        for (key, value) in [
            (MANAGED, "true"),
            (NODEPOOL, self.pool.name.as_str()),
            (PURPOSE, intent.purpose.as_str()),
            (CAPACITY_TYPE, intent.capacity_type.as_str()),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        labels
    }

    /// Tags of what the call makes. Ours go last: a class cannot set them.
    fn tags(&self, cluster: &str) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([("Name".to_owned(), self.name())]);
        tags.extend(self.class.tags.clone());
        tags.extend(tags::ours(cluster));
        for (key, value) in [
            (NODEPOOL, self.pool.name.to_string()),
            (tags::NODECLASS, self.class.name.clone()),
            (tags::INTENT, self.token.to_owned()),
            (tags::EPOCH, self.epoch.to_string()),
        ] {
            tags.insert(key.to_owned(), value);
        }
        tags
    }

    /// What people see: the claim, or what the claims of one call have in common.
    fn name(&self) -> String {
        let first = &self.claims[0];
        let stem = first
            .rsplit_once('-')
            .map_or(first.as_str(), |(stem, _)| stem);
        if self.claims.len() == 1 { first } else { stem }.to_owned()
    }
}

/// The request and its templates.
fn compose(
    order: &Order<'_>,
    cluster: &str,
    subnet: &str,
) -> Result<(FleetRequest, Vec<Template>), RequestError> {
    let count = u32::try_from(order.claims.len()).unwrap_or(u32::MAX);
    if count == 0 {
        let pool = order.pool.name.to_string();
        return Err(RequestError::Nothing { pool });
    }
    let by_priority = order.launch.strategy == AllocationStrategy::Prioritized;
    let (mut configs, mut templates) = (Vec::<FleetConfig>::new(), Vec::new());
    for (make, types) in makes(order)? {
        let template = template(order, cluster, make)?;
        let overrides = types.into_iter().map(|(at, instance_type)| FleetOverride {
            instance_type: instance_type.name.clone(),
            subnet: subnet.to_owned(),
            priority: Some(at).filter(|_| by_priority),
        });
        configs.push(FleetConfig {
            template: template.name(cluster),
            image: template.image.clone(),
            overrides: overrides.collect(),
        });
        templates.push(template);
    }
    let request = FleetRequest {
        capacity_type: order.launch.intent.capacity_type,
        strategy: order.launch.strategy.as_str().to_owned(),
        count,
        minimum: order.minimum.map(|least| least.min(count)),
        zone: order.zone()?.to_owned(),
        configs,
        tags: order.tags(cluster),
    };
    Ok((request, templates))
}

/// What makes nodes need different templates.
type Make = (Architecture, Option<u32>);

/// The launch's types by make, in order of the first of each; each with its place in the launch. Types
/// that the class has no image for are left out.
fn makes<'a>(order: &Order<'a>) -> Result<Vec<(Make, Vec<(u32, &'a InstanceType)>)>, RequestError> {
    let mut makes: Vec<(Make, Vec<(u32, &InstanceType)>)> = Vec::new();
    let types = order.types()?;
    for (at, instance_type) in (0..).zip(&types) {
        let make = (architecture(instance_type), order.max_pods(instance_type));
        if !order.resolved.images.contains_key(&make.0) {
            continue;
        }
        match makes.iter_mut().find(|(other, _)| *other == make) {
            Some((_, types)) => types.push((at, *instance_type)),
            None => makes.push((make, vec![(at, *instance_type)])),
        }
    }
    if makes.is_empty() {
        let names: BTreeSet<&str> = types.iter().map(|t| t.name.as_str()).collect();
        return Err(RequestError::NoImage {
            class: order.class.name.clone(),
            types: names.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    Ok(makes)
}

fn template(
    order: &Order<'_>,
    cluster: &str,
    (architecture, max_pods): Make,
) -> Result<Template, RequestError> {
    let (class, resolved) = (order.class, order.resolved);
    let intent = &order.launch.intent;
    let startup = &order.pool.startup_taints;
    let joining = Joining {
        labels: order.labels(),
        taints: intent.taints.iter().chain(startup).cloned().collect(),
        max_pods,
    };
    let groups = resolved.security_groups.iter();
    let mut tags = class.tags.clone();
    tags.extend(tags::ours(cluster));
    Ok(Template {
        image: resolved.images[&architecture].id.clone(),
        user_data: user_data::render(class, &order.cluster.access, &joining)?,
        profile: resolved.profile.clone(),
        security_groups: groups.map(|group| group.id.clone()).collect(),
        disks: class.disks.clone(),
        metadata: class.metadata,
        monitoring: class.detailed_monitoring,
        public_address: class.public_address,
        tags,
    })
}

fn architecture(instance_type: &InstanceType) -> Architecture {
    let named = instance_type.labels.get(ARCH).map(String::as_str);
    let mut all = Architecture::ALL.into_iter();
    all.find(|known| Some(known.as_str()) == named)
        .unwrap_or(Architecture::Amd64)
}

#[cfg(test)]
mod tests;
