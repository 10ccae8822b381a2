//! The simulator's tables, for what AWS does not tell over the wire: on-demand prices where the Price List
//! is not reached, and how often spot is interrupted. `simulator/data/ec2/README.md` says where they are from.

use std::collections::BTreeMap;

use crate::model::money::UsdPerHour;
use crate::model::offering::INTERRUPTION_BUCKETS;

const ON_DEMAND: &[u8] = include_bytes!("../../../../simulator/data/ec2/on_demand_prices.csv.zst");
const ESTIMATED: &[u8] =
    include_bytes!("../../../../simulator/data/ec2/on_demand_estimated.csv.zst");
const SPOT: &[u8] = include_bytes!("../../../../simulator/data/ec2/spot.csv.zst");

/// On-demand prices by type; empty for a region that the tables do not have. The best source counts, as
/// in the simulator: listed, as the spot table has it, estimated.
pub(super) fn on_demand(region: &str) -> BTreeMap<String, UsdPerHour> {
    let mut prices = BTreeMap::new();
    for (table, name) in [
        (ESTIMATED, "usd_per_hour"),
        (SPOT, "od_usd_per_hour"),
        (ON_DEMAND, "usd_per_hour"),
    ] {
        let cells = column(table, region, name).into_iter();
        let known = cells.filter_map(|(name, cell)| Some((name, UsdPerHour::parse(&cell)?)));
        prices.extend(known.filter(|(_, price)| *price > UsdPerHour::ZERO));
    }
    prices
}

/// Buckets of interruption by type.
pub(super) fn interruptions(region: &str) -> BTreeMap<String, u8> {
    let cells = column(SPOT, region, "interruption").into_iter();
    let known = cells.filter_map(|(name, cell)| Some((name, cell.parse().ok()?)));
    known
        .filter(|(_, bucket)| usize::from(*bucket) < INTERRUPTION_BUCKETS)
        .collect()
}

/// A column of a region's rows, by type.
fn column(table: &[u8], region: &str, name: &str) -> Vec<(String, String)> {
    let text = zstd::decode_all(table).expect("the table is packed");
    let mut reader = csv::Reader::from_reader(&text[..]);
    let header = reader.headers().expect("the table has a header").clone();
    let at = |name: &str| header.iter().position(|column| column == name);
    let places = at("region").zip(at("type")).zip(at(name));
    let ((region_at, type_at), value_at) = places.expect("the table has the column");
    let rows = reader.records().filter_map(Result::ok);
    rows.filter(|row| &row[region_at] == region)
        .map(|row| (row[type_at].to_owned(), row[value_at].to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_know_prices_and_interruptions() {
        let prices = on_demand("us-east-1");
        assert_eq!(prices["c5d.9xlarge"], UsdPerHour::from_micros(1_728_000));
        assert!(prices.len() > 900, "{}", prices.len());
        let interruptions = interruptions("us-east-1");
        assert!(interruptions.len() > 700 && interruptions.values().all(|bucket| *bucket < 5));
        assert!(on_demand("mars-1").is_empty());
    }
}
