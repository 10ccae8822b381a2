//! Which offerings a NodePool may buy, and which labels a node bought for it would carry. Decided
//! from the pool and the catalogue alone; price, pods and what is sold out are for others.

use std::collections::BTreeSet;

use super::label::{self, FAMILY, OS, REGION, REGION_PLACEHOLDER};
use super::node::{
    CAPACITY_TYPE, INSTANCE_TYPE, MANAGED, NODEPOOL, PURPOSE, Purpose, ZONE, ZONE_ID,
};
use super::offering::{CapacityType, Catalog, INTERRUPTION_BUCKETS, InstanceType, Offering, Zone};
use super::pool::{Pool, ZonePolicy};
use super::requirement::{Condition, Labelled};
use super::resources::Bytes;

/// The labels of a node that is not there yet, borrowed from where each comes from.
#[derive(Clone, Copy, Debug)]
pub struct NodeLabels<'a> {
    /// The pool: its name, and the labels of its template.
    pub pool: &'a Pool,
    /// The type, with its well-known labels.
    pub instance_type: &'a InstanceType,
    /// The region.
    pub region: &'a str,
    /// The zone.
    pub zone: &'a Zone,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// What the node is for.
    pub purpose: Purpose,
}

impl Labelled for NodeLabels<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        match key {
            ZONE => Some(&self.zone.name),
            ZONE_ID => Some(&self.zone.id),
            CAPACITY_TYPE => Some(self.capacity_type.as_str()),
            REGION => Some(self.region),
            OS => Some("linux"),
            MANAGED => Some("true"),
            NODEPOOL => Some(self.pool.name.as_str()),
            PURPOSE => Some(self.purpose.as_str()),
            INSTANCE_TYPE => Some(&self.instance_type.name),
            _ => self.given(key).or_else(|| match label::canonical(key) {
                present if present != key => self.label(present),
                _ => None,
            }),
        }
    }
}

impl NodeLabels<'_> {
    fn given(&self, key: &str) -> Option<&str> {
        let labels = &self.instance_type.labels;
        labels
            .get(key)
            .or_else(|| self.pool.labels.get(key))
            .map(String::as_str)
    }
}

impl Pool {
    /// The labels that a node of this offering, bought for this pool and purpose, would carry.
    pub fn node_labels<'a>(
        &'a self,
        catalog: &'a Catalog,
        offering: &Offering,
        purpose: Purpose,
    ) -> NodeLabels<'a> {
        NodeLabels {
            pool: self,
            instance_type: catalog.instance_type(offering.instance_type),
            region: &catalog.region,
            zone: catalog.zone(offering.zone),
            capacity_type: offering.capacity_type,
            purpose,
        }
    }

    /// True where the pool may buy this offering.
    pub fn offers(&self, catalog: &Catalog, offering: &Offering) -> bool {
        let labels = self.node_labels(catalog, offering, Purpose::Work);
        let calm = match offering.capacity_type {
            CapacityType::OnDemand => true,
            CapacityType::Spot => self.spot.accepts(offering.interruption),
        };
        let in_zone = match &self.zone {
            ZonePolicy::Fixed(zone) => labels.zone.name == *zone || labels.zone.id == *zone,
            ZonePolicy::PerApplication | ZonePolicy::Spread => true,
        };
        calm && in_zone
            && self.allows(labels.instance_type)
            && self
                .requirements
                .iter()
                .all(|wanted| wanted.requirement.holds(&labels))
    }

    /// True where neither the defaults nor `min_local_storage` exclude the type. Burstable, bare
    /// metal, accelerated and pre-nitro types are excluded unless the pool names type or family.
    pub fn allows(&self, instance_type: &InstanceType) -> bool {
        let enough = self.min_local_storage.is_none_or(|least| {
            instance_type.nvme >= least && instance_type.nvme > Bytes::default()
        });
        enough && (instance_type.is_ordinary() || self.names(instance_type))
    }

    /// True where a requirement lists this type or its family.
    fn names(&self, instance_type: &InstanceType) -> bool {
        let named = |key: &str, value: &str| {
            self.requirements.iter().any(|wanted| {
                wanted.requirement.key == key
                    && matches!(&wanted.requirement.condition, Condition::In(values) if values.contains(value))
            })
        };
        named(FAMILY, &instance_type.family) || named(INSTANCE_TYPE, &instance_type.name)
    }

    /// The same pool with `{region}` in its zones replaced by the region's name.
    pub fn for_region(&self, region: &str) -> Pool {
        let mut pool = self.clone();
        if let ZonePolicy::Fixed(zone) = &mut pool.zone {
            *zone = zone.replace(REGION_PLACEHOLDER, region);
        }
        for wanted in &mut pool.requirements {
            let (Condition::In(values) | Condition::NotIn(values)) =
                &mut wanted.requirement.condition
            else {
                continue;
            };
            if wanted.requirement.key == ZONE {
                let replaced: BTreeSet<String> = values
                    .iter()
                    .map(|value| value.replace(REGION_PLACEHOLDER, region))
                    .collect();
                *values = replaced;
            }
        }
        pool
    }
}

impl InstanceType {
    /// True for what a NodePool gets that names nothing: nitro, not burstable, not bare metal,
    /// without accelerator.
    pub fn is_ordinary(&self) -> bool {
        self.nitro && !self.burstable && !self.bare_metal && !self.accelerated
    }
}

impl super::pool::SpotPolicy {
    /// True where spot of this interruption bucket may be bought; unknown counts as the worst.
    pub fn accepts(&self, interruption: Option<u8>) -> bool {
        let worst = u8::try_from(INTERRUPTION_BUCKETS - 1).expect("a handful of buckets");
        interruption.unwrap_or(worst) <= self.max_interruption
    }
}

#[cfg(test)]
mod tests;
