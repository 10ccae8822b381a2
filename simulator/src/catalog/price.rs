//! What a type costs in a region: the best source that has it, and how spot differs between zones.
//! Published spot figures are means over zones; what each zone's share is was measured once, without
//! saying which zone was which, so it counts only where a seed deals the shares out.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;
use sparkwright::model::money::UsdPerHour;

use super::ZonePrices;
use super::error::CatalogError;
use super::files::Files;
use super::table::{Row, Table, thousandths};

/// A share of exactly the mean, in thousandths.
const MEAN: u64 = 1000;

/// The tables of prices.
pub(super) struct Prices {
    on_demand: Table,
    spot: Table,
    estimated: Option<Table>,
}

/// One region's rows of them, by type.
pub(super) struct RegionPrices<'t> {
    on_demand: BTreeMap<&'t str, Row<'t>>,
    spot: BTreeMap<&'t str, Row<'t>>,
    estimated: BTreeMap<&'t str, Row<'t>>,
}

/// Spot of one type in one region.
pub(super) struct Spot {
    /// Its price in each zone, in the zones' order.
    pub by_zone: Vec<UsdPerHour>,
    /// Interruption bucket.
    pub interruption: Option<u8>,
}

impl Prices {
    pub fn read(files: &Files) -> Result<Prices, CatalogError> {
        let listed = &["region", "type", "usd_per_hour"];
        Ok(Prices {
            on_demand: files.table("on_demand_prices.csv", listed)?,
            spot: files.table(
                "spot.csv",
                &[
                    "region",
                    "type",
                    "usd_per_hour",
                    "interruption",
                    "od_usd_per_hour",
                    "zone_factors",
                ],
            )?,
            estimated: files.optional_table("on_demand_estimated.csv", listed)?,
        })
    }

    pub fn of_region(&self, region: &str) -> Result<RegionPrices<'_>, CatalogError> {
        Ok(RegionPrices {
            on_demand: self.on_demand.of_region(region)?,
            spot: self.spot.of_region(region)?,
            estimated: match &self.estimated {
                Some(table) => table.of_region(region)?,
                None => BTreeMap::new(),
            },
        })
    }
}

impl RegionPrices<'_> {
    /// On-demand: the list price, else what the spot table was reckoned from, else the estimate.
    pub fn on_demand(&self, name: &str) -> Result<Option<UsdPerHour>, CatalogError> {
        for (rows, column) in [
            (&self.on_demand, "usd_per_hour"),
            (&self.spot, "od_usd_per_hour"),
            (&self.estimated, "usd_per_hour"),
        ] {
            let price = rows.get(name).map(|row| row.price(column)).transpose()?;
            if let Some(price) = price.flatten() {
                return Ok(Some(price));
            }
        }
        Ok(None)
    }

    /// Spot in each of `zones` zones; None where the spot table has no price.
    pub fn spot(
        &self,
        name: &str,
        zones: usize,
        zone_prices: ZonePrices,
    ) -> Result<Option<Spot>, CatalogError> {
        let Some(row) = self.spot.get(name) else {
            return Ok(None);
        };
        let Some(mean) = row.price("usd_per_hour")? else {
            return Ok(None);
        };
        let interruption = row.number::<u8>("interruption")?;
        if interruption.is_some_and(|bucket| bucket > 4) {
            return Err(row.bad("interruption", "write a bucket from 0 (<5 %) to 4 (>20 %)"));
        }
        let by_zone = match zone_prices {
            ZonePrices::List => vec![mean; zones],
            ZonePrices::Seeded(seed) => dealt(factors(row)?, zones, seed ^ fingerprint(name))
                .into_iter()
                .map(|factor| scaled(mean, factor))
                .collect(),
        };
        Ok(Some(Spot {
            by_zone,
            interruption,
        }))
    }
}

fn factors(row: &Row<'_>) -> Result<Vec<u64>, CatalogError> {
    let text = row.text("zone_factors");
    let parts = text.split('|').filter(|part| !part.is_empty());
    parts
        .map(|part| thousandths(part.trim()))
        .collect::<Option<Vec<u64>>>()
        .ok_or_else(|| {
            row.bad(
                "zone_factors",
                "write decimals separated by |, such as 0.98|1.02",
            )
        })
}

/// Deals factors out to zones; where there are fewer factors than zones the rest pay the mean.
fn dealt(mut factors: Vec<u64>, zones: usize, seed: u64) -> Vec<u64> {
    factors.resize(zones.max(factors.len()), MEAN);
    factors.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
    factors.truncate(zones);
    factors
}

/// A price times thousandths, rounded half up; at least a micro-dollar.
fn scaled(price: UsdPerHour, factor: u64) -> UsdPerHour {
    let micros = i128::from(price.micros()) * i128::from(factor);
    let rounded = (micros + i128::from(MEAN / 2)) / i128::from(MEAN);
    UsdPerHour::from_micros(i64::try_from(rounded).unwrap_or(i64::MAX).max(1))
}

/// FNV-1a of a type's name, so that each type is dealt its own hand whatever else is in the table.
fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
