//! A launch to its request, purely: types by the template that they need, overrides, tags. Nothing is asked
//! or made here; the same launch gives the same request.

use std::collections::{BTreeMap, BTreeSet};

use super::{FleetConfig, FleetOverride, FleetRequest, Order, RequestError};
use crate::live::ec2::tags;
use crate::live::ec2::template::Template;
use crate::model::label::ARCH;
use crate::model::node::{CAPACITY_TYPE, MANAGED, NODEPOOL, PURPOSE};
use crate::model::nodeclass::image::Architecture;
use crate::model::nodeclass::user_data::{self, Joining};
use crate::model::offering::InstanceType;
use crate::model::requirement::Labels;
use crate::plan::effect::AllocationStrategy;

/// The request and its templates.
pub(super) fn compose(
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
        minimum: order
            .minimum
            .map(|least| least.min(count).min(MOST_AT_LEAST)),
        zone: order.zone()?.to_owned(),
        configs,
        tags: order.tags(cluster),
    };
    Ok((request, templates))
}

/// The highest MinTargetCapacity that EC2 takes.
const MOST_AT_LEAST: u32 = 1_000;

/// What makes nodes need different templates.
type Make = (Architecture, Option<u32>);
/// Types of one make, each with its place in the launch.
type Alike<'a> = (Make, Vec<(u32, &'a InstanceType)>);

/// The launch's types by make, in order of the first of each; each with its place in the launch. Types
/// that the class has no image for are left out.
fn makes<'a>(order: &Order<'a>) -> Result<Vec<Alike<'a>>, RequestError> {
    let mut makes: Vec<Alike<'_>> = Vec::new();
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

impl<'a> Order<'a> {
    pub(super) fn zone(&self) -> Result<&'a str, RequestError> {
        let zone = self
            .catalog
            .zones
            .get(usize::from(self.launch.intent.zone.0));
        zone.map(|zone| zone.name.as_str())
            .ok_or_else(|| self.another_catalog())
    }

    pub(super) fn types(&self) -> Result<Vec<&'a InstanceType>, RequestError> {
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
