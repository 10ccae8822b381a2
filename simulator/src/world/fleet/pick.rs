//! Which offerings something is about: of a zone, of some types, of a capacity type, or all of them.
//! Names are looked up where files are read; here are positions in the catalogue.

use std::collections::BTreeSet;

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::offering::{CapacityType, TypeId, ZoneId};

/// A set of offerings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    /// The zone; None is every zone.
    pub zone: Option<ZoneId>,
    /// The types; None is every type.
    pub types: Option<BTreeSet<TypeId>>,
    /// Spot or on-demand; None is both.
    pub capacity_type: Option<CapacityType>,
}

impl Pick {
    /// True where the offering is one of them.
    pub fn holds(&self, (instance_type, zone, capacity_type): OfferingKey) -> bool {
        self.zone.is_none_or(|wanted| wanted == zone)
            && self
                .capacity_type
                .is_none_or(|wanted| wanted == capacity_type)
            && self
                .types
                .as_ref()
                .is_none_or(|types| types.contains(&instance_type))
    }
}
