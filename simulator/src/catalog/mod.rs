//! What EC2 sells in one region, read from tables: the embedded ones (five regions, real figures) or
//! a folder in the same layout. Decides which source of a price counts and what zones are called;
//! knows nothing of who buys.

pub mod args;
mod error;
mod files;
pub mod list;
mod machine;
mod price;
mod print;
mod table;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sparkwright::model::offering::{
    CapacityType, Catalog, InstanceType, Offering, TypeId, Zone, ZoneId,
};

pub use error::CatalogError;
use files::Files;
use price::Prices;
use table::Table;

/// The region taken from the embedded tables where none is named.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Local disks by type: how many, and GB of each.
pub type LocalDisks = BTreeMap<String, (u32, u32)>;

/// How spot prices differ between zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZonePrices {
    /// The same in every zone: the list's mean.
    #[default]
    List,
    /// The measured spread over zones, dealt out to zones by this seed.
    Seeded(u64),
}

/// Where a catalogue comes from, and which region of it.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// A folder of tables; None is the embedded ones.
    pub dir: Option<PathBuf>,
    /// The region; may be None where the folder has only one, or for the embedded default.
    pub region: Option<String>,
    /// How spot prices differ between zones.
    pub zone_prices: ZonePrices,
    /// Names for zone ids, (`us-east-1a`, `use1-az4`); ids not named take the letters left.
    pub zone_map: Vec<(String, String)>,
}

impl Source {
    /// Reads the region's catalogue.
    ///
    /// # Errors
    /// One that names file, line, column, value and remedy where a table is missing or wrong; and
    /// where the region is unknown or the zone map does not fit.
    pub fn load(&self) -> Result<Catalog, CatalogError> {
        let files = self.dir.clone().map_or(Files::Embedded, Files::Folder);
        let machines = files.table("instance_types.csv", machine::COLUMNS)?;
        let offerings = files.table("zone_offerings.csv", &["region", "type", "zone_ids"])?;
        let prices = Prices::read(&files)?;

        let region = self.region(&offerings)?;
        let sold = zone::sold(&offerings, &region)?;
        let numbers = sold.values().flatten().copied().collect();
        let prefix = zone::prefix(&files, &region)?;
        let named = zone::name(&region, &prefix, &numbers, &self.zone_map)?;
        let types = types(&machines, &sold, &region)?;
        let zones = ordered(&named);
        let offerings = self.offerings(&types, &sold, &positions(&named, &zones), &prices, &region);
        Ok(Catalog {
            offerings: offerings?,
            region,
            zones,
            types,
        })
    }

    /// Every family that EC2 has, be it sold in the region or not.
    ///
    /// # Errors
    /// Where the table of types cannot be read.
    pub fn families(&self) -> Result<BTreeSet<String>, CatalogError> {
        let files = self.dir.clone().map_or(Files::Embedded, Files::Folder);
        let machines = files.table("instance_types.csv", machine::COLUMNS)?;
        let families = machines.rows().map(|row| row.text("family").to_owned());
        Ok(families.collect())
    }

    /// The local disks of every type that has some; a catalogue keeps their sum only.
    ///
    /// # Errors
    /// One that names file, line, column, value and remedy.
    pub fn local_disks(&self) -> Result<LocalDisks, CatalogError> {
        let files = self.dir.clone().map_or(Files::Embedded, Files::Folder);
        let machines = files.table("instance_types.csv", machine::COLUMNS)?;
        let mut disks = LocalDisks::new();
        for row in machines.rows() {
            let some = row.number("nvme_count")?.zip(row.number("nvme_gb_each")?);
            let some = some.filter(|(count, _)| *count > 0);
            disks.extend(some.map(|some| (row.text("type").to_owned(), some)));
        }
        Ok(disks)
    }

    /// The region asked for, or the only one there is, or the embedded default.
    fn region(&self, offerings: &Table) -> Result<String, CatalogError> {
        let regions: BTreeSet<&str> = offerings.rows().map(|row| row.text("region")).collect();
        let known = || regions.iter().copied().collect::<Vec<_>>().join(", ");
        let wanted = match (&self.region, &self.dir) {
            (Some(region), _) => region.as_str(),
            (None, None) => DEFAULT_REGION,
            (None, Some(_)) if regions.len() > 1 => {
                return Err(CatalogError::RegionNeeded { known: known() });
            }
            (None, Some(_)) => regions.first().copied().unwrap_or(DEFAULT_REGION),
        };
        if regions.contains(wanted) {
            return Ok(wanted.to_owned());
        }
        Err(CatalogError::Region {
            wanted: wanted.to_owned(),
            known: known(),
        })
    }

    fn offerings(
        &self,
        types: &[InstanceType],
        sold: &BTreeMap<&str, BTreeSet<u32>>,
        positions: &BTreeMap<u32, ZoneId>,
        prices: &Prices,
        region: &str,
    ) -> Result<Vec<Offering>, CatalogError> {
        let prices = prices.of_region(region)?;
        let mut offerings = Vec::new();
        for (id, machine) in (0..).map(TypeId).zip(types) {
            let zones = || sold[machine.name.as_str()].iter().map(|n| positions[n]);
            let offering = |capacity_type, zone, price| Offering {
                instance_type: id,
                zone,
                capacity_type,
                price,
                interruption: None,
            };
            if let Some(price) = prices.on_demand(&machine.name)? {
                offerings.extend(zones().map(|zone| offering(CapacityType::OnDemand, zone, price)));
            }
            let count = zones().count();
            if let Some(spot) = prices.spot(&machine.name, count, self.zone_prices)? {
                offerings.extend(zones().zip(spot.by_zone).map(|(zone, price)| Offering {
                    interruption: spot.interruption,
                    ..offering(CapacityType::Spot, zone, price)
                }));
            }
        }
        offerings.sort();
        Ok(offerings)
    }
}

/// The types sold in the region, in order of name. A type that is sold but not described, or that
/// runs no Linux pods, is left out.
fn types(
    machines: &Table,
    sold: &BTreeMap<&str, BTreeSet<u32>>,
    region: &str,
) -> Result<Vec<InstanceType>, CatalogError> {
    let mut types = BTreeMap::new();
    for row in machines
        .rows()
        .filter(|row| sold.contains_key(row.text("type")))
    {
        if let Some(machine) = machine::read(&row, region)?
            && types.insert(machine.name.clone(), machine).is_some()
        {
            return Err(row.bad("type", "keep one row for each type"));
        }
    }
    Ok(types.into_values().collect())
}

fn ordered(named: &BTreeMap<u32, Zone>) -> Vec<Zone> {
    let mut zones: Vec<Zone> = named.values().cloned().collect();
    zones.sort();
    zones
}

/// Where each zone number stands among the zones in order of name.
fn positions(named: &BTreeMap<u32, Zone>, zones: &[Zone]) -> BTreeMap<u32, ZoneId> {
    let position = |zone: &Zone| zones.iter().position(|other| other == zone);
    named
        .iter()
        .map(|(&number, zone)| {
            let position = position(zone).and_then(|p| u8::try_from(p).ok());
            (
                number,
                ZoneId(position.expect("a region has a handful of zones")),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
