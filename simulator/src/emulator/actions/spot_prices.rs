//! DescribeSpotPriceHistory, newest first. Times of the request are on the emulator's clock; nothing is
//! known of prices before its beginning.

use serde::Deserialize;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, Offering};
use sparkwright::model::time::Timestamp;

use super::Answered;
use super::describe::page;
use super::filter::{self, Filter};
use crate::emulator::clock::Moment;
use crate::emulator::region::Region;
use crate::emulator::wire::page::cut;
use crate::emulator::wire::time::{read, written};
use crate::emulator::wire::{ApiError, Xml};

/// The platform that is sold here, under both its names.
const PLATFORMS: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];
/// Most entries of a page.
const LARGEST: u32 = 1000;

/// DescribeSpotPriceHistory.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct History {
    start_time: Option<String>,
    end_time: Option<String>,
    #[serde(rename = "InstanceType")]
    types: Vec<String>,
    #[serde(rename = "ProductDescription")]
    platforms: Vec<String>,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe(
    region: &Region,
    request: History,
    now: Moment,
) -> Result<Answered, ApiError> {
    let known = [
        "availability-zone",
        "availability-zone-id",
        "instance-type",
        "product-description",
        "spot-price",
        "timestamp",
    ];
    filter::check(&request.filters, &known, false)?;
    let catalog = region.catalog();
    if let Some(name) = request
        .types
        .iter()
        .find(|name| catalog.find_type(name).is_none())
    {
        return Err(ApiError::value(format!(
            "Invalid value '{name}' for InstanceType."
        )));
    }
    let from = moment(region, request.start_time.as_deref(), Timestamp::ZERO)?;
    let to = moment(region, request.end_time.as_deref(), now.at)?;
    let token = request.next_token.as_deref();
    // EC2 takes larger pages and gives as many as it gives.
    let most = request.max_results.map(|most| most.min(LARGEST));
    let asked = page("DescribeSpotPriceHistory", &[], most, token)?;
    let mut entries: Vec<Entry> = Vec::new();
    let sold = request.platforms.is_empty()
        || request
            .platforms
            .iter()
            .any(|p| PLATFORMS.contains(&p.as_str()));
    for offering in catalog.offerings.iter().filter(|_| sold) {
        if offering.capacity_type == CapacityType::Spot && is_asked(region, offering, &request) {
            let pool = (offering.instance_type, offering.zone);
            let prices = region.prices.of(pool, offering.price, from, to);
            entries.extend(prices.into_iter().map(|(at, price)| (at, offering, price)));
        }
    }
    entries.retain(|entry| {
        filter::hold(&request.filters, region.tags_of(""), |name| {
            vec![property(region, entry, name)]
        })
    });
    entries.sort_by_key(|(at, offering, _)| (std::cmp::Reverse(*at), **offering));
    let page = cut(entries, asked, 1..=LARGEST, Some(LARGEST))?;
    let entries = page.entries.iter().map(|entry| {
        let of = |name: &str| property(region, entry, name);
        Xml::new()
            .with("instanceType", of("instance-type"))
            .with("productDescription", of("product-description"))
            .with("spotPrice", of("spot-price"))
            .with("timestamp", of("timestamp"))
            .with("availabilityZone", of("availability-zone"))
            .with("availabilityZoneId", of("availability-zone-id"))
    });
    let answer = Xml::new().with("spotPriceHistorySet", Xml::items(entries));
    // EC2 says with an empty token that this was the last page.
    Ok(answer
        .with("nextToken", page.next.unwrap_or_default())
        .into())
}

type Entry<'a> = (Timestamp, &'a Offering, UsdPerHour);

/// A time of the request on the emulator's clock; what lies before its beginning counts as that.
fn moment(
    region: &Region,
    given: Option<&str>,
    standard: Timestamp,
) -> Result<Timestamp, ApiError> {
    let Some(text) = given else {
        return Ok(standard);
    };
    let date = read(text).ok_or_else(|| {
        ApiError::value(format!(
            "Value ({text}) for a time is invalid. Write RFC 3339 in UTC."
        ))
    })?;
    let since = date - region.date(Timestamp::ZERO);
    Ok((Timestamp::ZERO + since).max(Timestamp::ZERO))
}

fn is_asked(region: &Region, offering: &Offering, request: &History) -> bool {
    let catalog = region.catalog();
    let zone = catalog.zone(offering.zone);
    let name = &catalog.instance_type(offering.instance_type).name;
    (request.types.is_empty() || request.types.contains(name))
        && request
            .availability_zone
            .as_ref()
            .is_none_or(|wanted| *wanted == zone.name)
        && request
            .availability_zone_id
            .as_ref()
            .is_none_or(|wanted| *wanted == zone.id)
}

fn property(region: &Region, (at, offering, price): &Entry<'_>, name: &str) -> String {
    let catalog = region.catalog();
    let zone = catalog.zone(offering.zone);
    match name {
        "availability-zone" => zone.name.clone(),
        "availability-zone-id" => zone.id.clone(),
        "instance-type" => catalog.instance_type(offering.instance_type).name.clone(),
        "product-description" => PLATFORMS[0].to_owned(),
        "spot-price" => {
            let micros = price.micros();
            format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
        }
        _ => written(region.date(*at)),
    }
}
