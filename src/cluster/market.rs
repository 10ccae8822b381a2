//! What could be bought: every offering that a pool allows, with the room it leaves for pods and the
//! price at which it is compared (here alone: list price, the pool's penalty for interruptions, the
//! family's performance). Derived from catalogue, pools and DaemonSets, and kept until one of
//! them changes; it does not know what is asked for, nor what EC2 has run out of.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::daemon::Daemon;
use crate::model::money::UsdPerHour;
use crate::model::node::{Purpose, Taint, tolerated};
use crate::model::offering::{CapacityType, Catalog, InstanceType, Offering, TypeId, ZoneId};
use crate::model::performance::Performance;
use crate::model::pool::Pool;
use crate::model::resources::Resources;
use crate::model::spark::{PodTemplate, Role};

use super::node::Node;

/// An offering as a pool would buy it for a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Drivers, or everything else.
    pub purpose: Purpose,
    /// The offering.
    pub offering: Offering,
    /// Room for pods, DaemonSets taken off.
    pub room: Resources,
    /// How fast it does what it is bought for.
    pub performance: Performance,
    /// What it is compared at: list price and the pool's interruption penalty, for as much work as a
    /// machine at 1 does in an hour.
    pub cost: UsdPerHour,
}

/// Everything that could be bought, by zone and purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Market {
    /// By zone, purpose, weight (highest first), pool, capacity type and type.
    pub kinds: Vec<Kind>,
    /// True where every kind is compared at list price: no pool has penalties or performance.
    pub at_list_price: bool,
    shelves: BTreeMap<(ZoneId, Purpose), Range<usize>>,
}

impl Market {
    /// Everything that the pools may buy from the catalogue.
    pub fn new<'a>(
        catalog: &Catalog,
        pools: impl IntoIterator<Item = &'a Arc<Pool>>,
        daemons: &BTreeMap<String, Daemon>,
    ) -> Market {
        let mut kinds = Vec::new();
        let mut at_list_price = true;
        for pool in pools {
            at_list_price &= pool.compares_at_list_price();
            for offering in catalog.offerings.iter().filter(|o| pool.offers(catalog, o)) {
                for purpose in purposes(pool) {
                    kinds.push(kind(catalog, pool, *offering, purpose, daemons));
                }
            }
        }
        kinds.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut shelves: BTreeMap<(ZoneId, Purpose), Range<usize>> = BTreeMap::new();
        for (i, kind) in kinds.iter().enumerate() {
            let shelf = shelves
                .entry((kind.offering.zone, kind.purpose))
                .or_insert(i..i);
            shelf.end = i + 1;
        }
        Market {
            kinds,
            at_list_price,
            shelves,
        }
    }

    /// Takes the catalogue's prices anew. The order does not depend on them.
    pub(super) fn reprice(&mut self, catalog: &Catalog) {
        for kind in &mut self.kinds {
            let offering = &mut kind.offering;
            let (of, zone) = (offering.instance_type, offering.zone);
            if let Some(price) = catalog.price(of, zone, offering.capacity_type) {
                offering.price = price;
                kind.cost = compared_cost(&kind.pool, &kind.offering, kind.performance);
            }
        }
    }

    /// Positions of the kinds for a purpose in a zone.
    pub fn shelf(&self, zone: ZoneId, purpose: Purpose) -> Range<usize> {
        self.shelves.get(&(zone, purpose)).cloned().unwrap_or(0..0)
    }

    /// The kind of a type that a pool would buy for a purpose in a zone as this capacity type.
    pub fn find(
        &self,
        pool: &Pool,
        (zone, purpose): (ZoneId, Purpose),
        (instance_type, capacity_type): (TypeId, CapacityType),
    ) -> Option<&Kind> {
        let weight = Reverse(pool.weight);
        let wanted: Key<'_> = (
            zone,
            purpose,
            weight,
            pool.name.as_str(),
            capacity_type,
            instance_type,
        );
        let shelf = &self.kinds[self.shelf(zone, purpose)];
        let place = shelf.binary_search_by(|kind| key(kind).cmp(&wanted));
        place.ok().map(|place| &shelf[place])
    }

    /// The kind that a node of ours is if it is of this type.
    pub fn kind_of(&self, node: &Node, instance_type: TypeId) -> Option<&Kind> {
        let shelf = self.shelf(node.zone?, node.purpose?);
        let mut kinds = self.kinds[shelf].iter();
        kinds.find(|kind| {
            kind.offering.instance_type == instance_type
                && Some(kind.offering.capacity_type) == node.capacity_type
                && Some(&kind.pool.name) == node.pool.as_ref()
        })
    }
}

impl Kind {
    /// True where a pod such as this one could run on a node of this kind.
    pub fn accepts(&self, catalog: &Catalog, template: &PodTemplate) -> bool {
        self.purpose == purpose_of(template.role)
            && template.requests.fits(&self.room)
            && self.is_tolerated_by(template)
            && template.constraints.hold(&self.pool.node_labels(
                catalog,
                &self.offering,
                self.purpose,
            ))
    }

    /// True where the pod tolerates the taints of the pool; the taint of driver nodes is tolerated by
    /// every driver, since placing adds the toleration.
    pub fn is_tolerated_by(&self, template: &PodTemplate) -> bool {
        tolerated(&self.pool.taints, &template.tolerations)
    }

    /// What is paid for as much work as a machine at 1 does in an hour; penalties are not paid.
    pub fn price_of_work(&self) -> UsdPerHour {
        self.performance.price_of_work(self.offering.price)
    }

    /// Its type.
    pub fn instance_type<'a>(&self, catalog: &'a Catalog) -> &'a InstanceType {
        catalog.instance_type(self.offering.instance_type)
    }
}

/// What nodes for such a pod are for.
pub fn purpose_of(role: Role) -> Purpose {
    if role == Role::Driver {
        Purpose::Driver
    } else {
        Purpose::Work
    }
}

/// Taints of a pool's nodes for a purpose.
pub fn taints(pool: &Pool, purpose: Purpose) -> Vec<Taint> {
    pool.taints.iter().cloned().chain(purpose.taint()).collect()
}

fn purposes(pool: &Pool) -> impl Iterator<Item = Purpose> {
    let works = pool.roles.contains(&Role::Executor) || pool.roles.contains(&Role::Other);
    let driver = pool
        .roles
        .contains(&Role::Driver)
        .then_some(Purpose::Driver);
    driver.into_iter().chain(works.then_some(Purpose::Work))
}

fn kind(
    catalog: &Catalog,
    pool: &Arc<Pool>,
    offering: Offering,
    purpose: Purpose,
    daemons: &BTreeMap<String, Daemon>,
) -> Kind {
    let instance_type = catalog.instance_type(offering.instance_type);
    let mut room = instance_type.allocatable.clone();
    room.storage = instance_type.storage(pool.min_local_storage.is_some());
    room.pods = pool.max_pods.map_or(room.pods, |most| most.min(room.pods));
    let node_taints = taints(pool, purpose);
    let labels = pool.node_labels(catalog, &offering, purpose);
    for daemon in daemons.values() {
        if daemon.constraints.hold(&labels) && tolerated(&node_taints, &daemon.tolerations) {
            room -= &daemon.requests;
        }
    }
    let performance = pool.performance_for(&instance_type.family, purpose);
    Kind {
        pool: pool.clone(),
        purpose,
        offering,
        room,
        performance,
        cost: compared_cost(pool, &offering, performance),
    }
}

/// An unknown interruption bucket is charged as the worst. A penalty is per hour of a node, of which
/// faster nodes need fewer, so it is divided as the price is.
fn compared_cost(pool: &Pool, offering: &Offering, performance: Performance) -> UsdPerHour {
    let worst = pool.spot.penalty.len() - 1;
    let penalty = match offering.capacity_type {
        CapacityType::OnDemand => UsdPerHour::ZERO,
        CapacityType::Spot => {
            pool.spot.penalty[offering
                .interruption
                .map_or(worst, |b| usize::from(b).min(worst))]
        }
    };
    performance.price_of_work(offering.price + penalty)
}

type Key<'a> = (ZoneId, Purpose, Reverse<u32>, &'a str, CapacityType, TypeId);

fn key(kind: &Kind) -> Key<'_> {
    (
        kind.offering.zone,
        kind.purpose,
        Reverse(kind.pool.weight),
        kind.pool.name.as_str(),
        kind.offering.capacity_type,
        kind.offering.instance_type,
    )
}
