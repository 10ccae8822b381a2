//! The Price List API as far as on-demand Linux instances go: one product for each type. The price is the
//! catalogue's; other products, reserved terms and other regions are not sold.

use serde::Deserialize;
use serde_json::{Value, json};
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, InstanceType, TypeId};

use super::Answered;
use crate::emulator::account::id;
use crate::emulator::region::Region;
use crate::emulator::wire::ApiError;
use crate::emulator::wire::page::{Asked, cut};

/// Properties that every product here has.
const FIXED: [(&str, &str); 9] = [
    ("servicecode", "AmazonEC2"),
    ("operatingSystem", "Linux"),
    ("tenancy", "Shared"),
    ("capacitystatus", "Used"),
    ("preInstalledSw", "NA"),
    ("licenseModel", "No License required"),
    ("marketoption", "OnDemand"),
    ("locationType", "AWS Region"),
    ("operation", "RunInstances"),
];
/// Properties that differ.
const OWN: [&str; 7] = [
    "instanceType",
    "instanceFamily",
    "regionCode",
    "location",
    "vcpu",
    "memory",
    "productFamily",
];

/// GetProducts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetProducts {
    service_code: String,
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    format_version: Option<String>,
    #[serde(default)]
    max_results: Option<u32>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    r#type: String,
    field: String,
    value: String,
}

pub(super) fn products(region: &Region, request: GetProducts) -> Result<Answered, ApiError> {
    let invalid = |what: String| Err(ApiError::client("InvalidParameterException", what));
    if request.service_code != "AmazonEC2" {
        return invalid(format!("Service {} is not served", request.service_code));
    }
    if let Some(version) = request.format_version.filter(|version| version != "aws_v1") {
        return invalid(format!("Format {version} is unknown; write aws_v1"));
    }
    for filter in &request.filters {
        if filter.r#type != "TERM_MATCH" {
            return invalid(format!("Filter type {} is not served", filter.r#type));
        }
        // The API takes spellings that differ in case, and so do its users.
        if !is_known(&filter.field) {
            return invalid(format!("The product has no attribute {}", filter.field));
        }
    }
    let asked = Asked {
        action: "GetProducts",
        most: request.max_results,
        token: request.next_token.as_deref(),
    };
    let catalog = region.catalog();
    let mut chosen = Vec::new();
    for (at, machine) in (0..).map(TypeId).zip(&catalog.types) {
        let mut offerings = catalog.offerings_of(at);
        let listed = offerings.find(|o| o.capacity_type == CapacityType::OnDemand);
        let holds = |filter: &Filter| holds(region, machine, filter);
        if let Some(listed) = listed.filter(|_| request.filters.iter().all(holds)) {
            chosen.push((machine, listed.price));
        }
    }
    let page = cut(chosen, asked, 1..=100, Some(100))
        .map_err(|error| ApiError::client("InvalidParameterException", error.message))?;
    let products = page.entries.into_iter();
    let products: Vec<String> = products
        .map(|(machine, price)| product(region, machine, price).to_string())
        .collect();
    let mut answer = json!({"FormatVersion": "aws_v1", "PriceList": products});
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    Ok(answer.into())
}

fn holds(region: &Region, machine: &InstanceType, filter: &Filter) -> bool {
    // A machine without hypervisor is listed under both tenancies, at one price.
    let whole = machine.bare_metal && filter.field.eq_ignore_ascii_case("tenancy");
    let value = property(region, machine, &filter.field);
    value.eq_ignore_ascii_case(&filter.value) || whole && filter.value == "Dedicated"
}

fn is_known(field: &str) -> bool {
    let mut fixed = FIXED.iter().map(|(name, _)| *name).chain(OWN);
    fixed.any(|name| name.eq_ignore_ascii_case(field))
}

fn property(region: &Region, machine: &InstanceType, field: &str) -> String {
    let named = |name: &str| name.eq_ignore_ascii_case(field);
    if let Some((_, value)) = FIXED.iter().find(|(name, _)| named(name)) {
        return (*value).to_owned();
    }
    match OWN.iter().find(|name| named(name)) {
        Some(&"instanceType") => machine.name.clone(),
        Some(&"instanceFamily") => machine.family.clone(),
        Some(&"vcpu") => (machine.cpu.millis() / 1000).to_string(),
        Some(&"memory") => {
            let gib = machine.memory.get() >> 30;
            format!("{gib} GiB")
        }
        Some(&"productFamily") if machine.bare_metal => "Compute Instance (bare metal)".to_owned(),
        Some(&"productFamily") => "Compute Instance".to_owned(),
        Some(&"location") => location(&region.catalog().region).to_owned(),
        _ => region.catalog().region.clone(),
    }
}

/// The names by which the Price List knows regions.
fn location(region: &str) -> &str {
    match region {
        "us-east-1" => "US East (N. Virginia)",
        "us-west-2" => "US West (Oregon)",
        "eu-west-1" => "EU (Ireland)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        other => other,
    }
}

fn product(region: &Region, machine: &InstanceType, price: UsdPerHour) -> Value {
    let sku = id("sku", 0, &machine.name)[4..].to_uppercase();
    let term = format!("{sku}.JRTCKXETXF");
    let rate = format!("{term}.6YS6EN2CT7");
    let names = FIXED.iter().map(|(name, _)| *name).chain(OWN);
    let attributes = names.filter(|name| *name != "productFamily");
    let attributes =
        attributes.map(|name| (name.to_owned(), property(region, machine, name).into()));
    let attributes: serde_json::Map<String, Value> = attributes.collect();
    let micros = price.micros();
    let usd = format!("{}.{:06}0000", micros / 1_000_000, micros % 1_000_000);
    let dimension = json!({
        "unit": "Hrs",
        "beginRange": "0",
        "endRange": "Inf",
        "description": format!("${usd} per On Demand Linux {} Instance Hour", machine.name),
        "appliesTo": [],
        "rateCode": rate,
        "pricePerUnit": {"USD": usd},
    });
    let terms = json!({
        "sku": sku,
        "offerTermCode": "JRTCKXETXF",
        "effectiveDate": "2026-11-01T00:00:00Z",
        "termAttributes": {},
        "priceDimensions": {rate: dimension},
    });
    json!({
        "product": {
            "productFamily": property(region, machine, "productFamily"),
            "attributes": attributes,
            "sku": sku,
        },
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {term: terms}},
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    })
}
