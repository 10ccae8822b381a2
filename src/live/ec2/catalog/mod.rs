//! What the region sells, from EC2's own lists: types, where each is sold, zones, spot prices, and on-demand
//! prices from the Price List. What no list tells (how often spot is interrupted; on-demand prices where
//! the Price List is not reached) comes from the embedded tables.

mod described;
mod embedded;
mod lists;
mod on_demand;
mod spot;

use std::collections::{BTreeMap, BTreeSet};

use super::{Ec2, Ec2Error};
use crate::cluster::event::PriceChange;
use crate::model::machine::Machine;
use crate::model::money::UsdPerHour;
use crate::model::offering::{CapacityType, Catalog, InstanceType, Offering, TypeId, Zone, ZoneId};
pub(super) use on_demand::Listed;
pub use on_demand::PriceSource;

/// Zones by number that a catalogue can hold.
const MOST_ZONES: usize = 256;

/// A type, and how EC2 sells it.
#[derive(Clone, Debug)]
struct Sold {
    machine: Machine,
    on_demand: bool,
    spot: bool,
}

/// What the lists say, before it is put in order.
#[derive(Clone, Debug, Default)]
struct Lists {
    zones: Vec<Zone>,
    types: Vec<Sold>,
    /// Zones by name that sell a type.
    places: BTreeMap<String, BTreeSet<String>>,
    /// By type and zone's name.
    spot: BTreeMap<(String, String), UsdPerHour>,
    on_demand: BTreeMap<String, UsdPerHour>,
    /// Buckets of interruption by type.
    interruptions: BTreeMap<String, u8>,
}

impl Ec2 {
    /// All that the region sells to us.
    ///
    /// # Errors
    /// Where EC2 does not give one of its lists; the Price List may be out of reach.
    pub async fn catalog(&self) -> Result<Catalog, Ec2Error> {
        let (zones, types, places, spot, on_demand) = tokio::try_join!(
            self.zones(),
            self.types(),
            self.places(),
            self.spot_prices(),
            async { Ok(self.on_demand_prices().await) },
        )?;
        let lists = Lists {
            zones,
            types,
            places,
            spot,
            on_demand,
            interruptions: embedded::interruptions(self.region()),
        };
        Ok(lists.catalog(self.region()))
    }

    /// Prices that are no longer what the catalogue says. Spot is asked for each time, on-demand twice a
    /// day. Offerings that the catalogue does not have are left to [`Ec2::catalog`].
    ///
    /// # Errors
    /// Where EC2 does not tell the spot prices.
    pub async fn prices(&self, catalog: &Catalog) -> Result<Vec<PriceChange>, Ec2Error> {
        let (spot, on_demand) = tokio::try_join!(self.spot_prices(), async {
            Ok(self.on_demand_prices().await)
        })?;
        let changed = catalog.offerings.iter().filter_map(|offering| {
            let name = &catalog.instance_type(offering.instance_type).name;
            let zone = &catalog.zone(offering.zone).name;
            let price = match offering.capacity_type {
                CapacityType::OnDemand => on_demand.get(name),
                CapacityType::Spot => spot.get(&(name.clone(), zone.clone())),
            };
            let price = *price.filter(|price| **price != offering.price)?;
            Some(PriceChange {
                instance_type: offering.instance_type,
                zone: offering.zone,
                capacity_type: offering.capacity_type,
                price,
            })
        });
        Ok(changed.collect())
    }
}

impl Lists {
    /// Puts the lists in order: types, zones and offerings of their names. A type without a price for a
    /// capacity type is not offered as that.
    fn catalog(mut self, region: &str) -> Catalog {
        self.zones.sort();
        self.zones.dedup();
        self.zones.truncate(MOST_ZONES);
        self.types
            .retain(|sold| self.places.contains_key(&sold.machine.name));
        self.types
            .sort_by(|a, b| a.machine.name.cmp(&b.machine.name));
        self.types.dedup_by(|a, b| a.machine.name == b.machine.name);
        let types: Vec<InstanceType> = self
            .types
            .iter()
            .map(|sold| sold.machine.instance_type(region))
            .collect();
        let mut offerings = Vec::new();
        for (id, sold) in (0..).map(TypeId).zip(&self.types) {
            for (zone, named) in (0..=u8::MAX).map(ZoneId).zip(&self.zones) {
                if self.places[&sold.machine.name].contains(&named.name) {
                    offerings.extend(self.offered(id, sold, zone, &named.name));
                }
            }
        }
        offerings.sort();
        Catalog {
            region: region.to_owned(),
            zones: self.zones,
            types,
            offerings,
        }
    }

    fn offered(&self, id: TypeId, sold: &Sold, zone: ZoneId, named: &str) -> Vec<Offering> {
        let name = &sold.machine.name;
        let offering = |capacity_type, price: &UsdPerHour| Offering {
            instance_type: id,
            zone,
            capacity_type,
            price: *price,
            interruption: None,
        };
        let on_demand = self.on_demand.get(name).filter(|_| sold.on_demand);
        let spot = self.spot.get(&(name.clone(), named.to_owned()));
        let on_demand = on_demand.map(|price| offering(CapacityType::OnDemand, price));
        let spot = spot.filter(|_| sold.spot).map(|price| Offering {
            interruption: self.interruptions.get(name).copied(),
            ..offering(CapacityType::Spot, price)
        });
        on_demand.into_iter().chain(spot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_offered_where_it_is_sold_and_as_what_it_has_a_price_for() {
        let zone = |name: &str, id: &str| Zone {
            name: name.to_owned(),
            id: id.to_owned(),
        };
        let sold = |name: &str, spot| Sold {
            machine: Machine {
                name: name.to_owned(),
                vcpus: 4,
                memory_mib: 16384,
                ..Machine::default()
            },
            on_demand: true,
            spot,
        };
        let usd = UsdPerHour::from_micros;
        let (a, b) = ("us-east-1a".to_owned(), "us-east-1b".to_owned());
        let m = |name: &str| name.to_owned();
        let lists = Lists {
            zones: vec![zone(&b, "use1-az1"), zone(&a, "use1-az6")],
            types: vec![
                sold("m6i.xlarge", true),
                sold("c6i.xlarge", false),
                sold("none.sold", true),
            ],
            places: [
                (m("m6i.xlarge"), [a.clone(), b.clone()].into()),
                (m("c6i.xlarge"), [b.clone()].into()),
            ]
            .into(),
            spot: [
                ((m("m6i.xlarge"), b.clone()), usd(7)),
                ((m("c6i.xlarge"), b), usd(8)),
            ]
            .into(),
            on_demand: [(m("m6i.xlarge"), usd(20)), (m("c6i.xlarge"), usd(30))].into(),
            interruptions: [(m("m6i.xlarge"), 2)].into(),
        };
        let catalog = lists.catalog("us-east-1");
        let names: Vec<&str> = catalog.types.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["c6i.xlarge", "m6i.xlarge"]);
        assert_eq!(catalog.zones[0].name, a);
        let offered: Vec<(u32, u8, CapacityType, i64, Option<u8>)> = catalog
            .offerings
            .iter()
            .map(|o| {
                (
                    o.instance_type.0,
                    o.zone.0,
                    o.capacity_type,
                    o.price.micros(),
                    o.interruption,
                )
            })
            .collect();
        let expected = [
            (0, 1, CapacityType::OnDemand, 30, None),
            (1, 0, CapacityType::OnDemand, 20, None),
            (1, 1, CapacityType::OnDemand, 20, None),
            (1, 1, CapacityType::Spot, 7, Some(2)),
        ];
        assert_eq!(offered, expected);
    }
}
