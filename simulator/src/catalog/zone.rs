//! Which zones a region has and what an account calls them. Tables know zones by number (`4` of
//! `use1-az4`); accounts by letter, dealt out by EC2 as it pleases. Without a map, ids in ascending
//! order take the letters in order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sparkwright::model::offering::Zone;

use super::error::CatalogError;
use super::files::Files;
use super::table::Table;

/// Zones are named by a letter, so a region has no more.
const MOST: u32 = 26;

/// The only part of constants.json that is needed here.
#[derive(Deserialize)]
struct Constants {
    zone_id_prefix: Option<Prefixes>,
}

#[derive(Deserialize)]
struct Prefixes {
    by_region: BTreeMap<String, String>,
}

/// Zone numbers by type in one region.
pub(super) fn sold<'t>(
    offerings: &'t Table,
    region: &str,
) -> Result<BTreeMap<&'t str, BTreeSet<u32>>, CatalogError> {
    let numbers = |text: &str| -> Option<BTreeSet<u32>> {
        let number = |text: &str| text.trim().parse().ok().filter(|n| (1..=MOST).contains(n));
        text.split('|').map(number).collect()
    };
    offerings
        .of_region(region)?
        .into_iter()
        .map(|(name, row)| {
            let zones = numbers(row.text("zone_ids")).ok_or_else(|| {
                row.bad(
                    "zone_ids",
                    "write the numbers (1 to 26) behind \"az\" in the zone ids, separated by |, such as 1|2|4",
                )
            })?;
            Ok((name, zones))
        })
        .collect()
}

/// What the region's zone ids begin with: from the folder's own constants, else the embedded ones.
pub(super) fn prefix(files: &Files, region: &str) -> Result<String, CatalogError> {
    for source in [files, &Files::Embedded] {
        let Some(text) = source.text("constants.json")? else {
            continue;
        };
        let constants: Constants =
            serde_json::from_str(&text).map_err(|error| CatalogError::Unreadable {
                file: source.label("constants.json"),
                cause: error.to_string(),
                remedy: "write valid JSON in the layout of the embedded file, or leave the file out",
            })?;
        let prefixes = constants.zone_id_prefix.map(|prefixes| prefixes.by_region);
        if let Some(prefix) = prefixes.and_then(|mut known| known.remove(region)) {
            return Ok(prefix);
        }
    }
    Err(CatalogError::Prefix {
        file: files.label("constants.json"),
        region: region.to_owned(),
    })
}

/// Names the zones with these numbers: by `map` (name, id) where it says, else by the letters that
/// are left in order. The answer is by number.
pub(super) fn name(
    region: &str,
    prefix: &str,
    numbers: &BTreeSet<u32>,
    map: &[(String, String)],
) -> Result<BTreeMap<u32, Zone>, CatalogError> {
    let ids: BTreeMap<u32, String> = numbers
        .iter()
        .map(|&number| (number, format!("{prefix}-az{number}")))
        .collect();
    let given = checked(region, &ids, map)?;
    let mut left = ('a'..='z')
        .map(|letter| format!("{region}{letter}"))
        .filter(|name| !given.values().any(|taken| *taken == name));
    let mut zones = BTreeMap::new();
    for (number, id) in ids {
        let name = match given.get(id.as_str()) {
            Some(name) => (*name).to_owned(),
            None => left.next().expect("as many letters as zone numbers"),
        };
        zones.insert(number, Zone { name, id });
    }
    Ok(zones)
}

/// The map as name by id, once each entry names this region and a known zone, none twice.
fn checked<'m>(
    region: &str,
    ids: &BTreeMap<u32, String>,
    map: &'m [(String, String)],
) -> Result<BTreeMap<&'m str, &'m str>, CatalogError> {
    let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, id) in map {
        let refuse = |problem: String| CatalogError::ZoneMap {
            entry: format!("{name}={id}"),
            problem,
        };
        let letter = name.strip_prefix(region).unwrap_or_default();
        if letter.len() != 1 || !letter.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(refuse(format!(
                "{name} is no zone of region {region}; write {region} and a letter"
            )));
        }
        if !ids.values().any(|known| known == id) {
            let known = ids.values().map(String::as_str).collect::<Vec<_>>();
            return Err(refuse(format!(
                "{id} is no zone id of region {region}; choose one of: {}",
                known.join(", ")
            )));
        }
        if by_id.values().any(|taken| taken == name) || by_id.insert(id, name).is_some() {
            return Err(refuse(
                "the name or the id is mapped twice; map each once".to_owned(),
            ));
        }
    }
    Ok(by_id)
}
