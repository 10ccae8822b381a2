//! On-demand prices: the Price List where it is reached, the embedded tables for what it does not tell.
//! Lists are long and change seldom, so they are asked for twice a day.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_pricing::types::{Filter, FilterType};
use serde_json::Value;
use tokio::time::Instant;

use super::embedded;
use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, Ec2Error, locked};
use crate::model::money::UsdPerHour;

/// How long a list is believed; Karpenter's interval.
const KEPT: Duration = Duration::from_secs(12 * 3600);
/// How long it is let alone after it was not reached.
const LET_ALONE: Duration = Duration::from_secs(600);
/// Products of a page: the Price List's most.
const PAGE: i32 = 100;
/// Linux without further software, bought as it comes.
const PLAIN: [(&str, &str); 6] = [
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("marketoption", "OnDemand"),
    ("operation", "RunInstances"),
    ("licenseModel", "No License required"),
];
/// Virtual machines on shared hosts; whole machines, which the Price List calls dedicated.
const SORTS: [&[(&str, &str)]; 2] = [
    &[("tenancy", "Shared")],
    &[
        ("tenancy", "Dedicated"),
        ("productFamily", "Compute Instance (bare metal)"),
    ],
];

type Prices = BTreeMap<String, UsdPerHour>;

/// Where on-demand prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSource {
    /// The Price List; the embedded tables where it does not name a type.
    PriceList,
    /// The embedded tables alone: the Price List was not reached.
    Embedded,
}

/// Prices, and when they were asked for.
#[derive(Clone, Debug)]
pub(in crate::live::ec2) struct Listed {
    prices: Prices,
    source: PriceSource,
    at: Instant,
}

impl Ec2 {
    /// Where on-demand prices come from; None before they were first asked for.
    pub fn on_demand_source(&self) -> Option<PriceSource> {
        let listed = locked(&self.inner.on_demand);
        listed.as_ref().map(|listed| listed.source)
    }

    /// On-demand prices by type. The Price List may be out of reach: private networks often have no way
    /// to it, and prices of last month are better than none.
    pub(super) async fn on_demand_prices(&self) -> Prices {
        if let Some(listed) = &*locked(&self.inner.on_demand) {
            let kept = match listed.source {
                PriceSource::PriceList => KEPT,
                PriceSource::Embedded => LET_ALONE,
            };
            if listed.at.elapsed() < kept {
                return listed.prices.clone();
            }
        }
        let told = self.price_list().await.ok();
        let told = told.filter(|prices| !prices.is_empty());
        let source = match told {
            Some(_) => PriceSource::PriceList,
            None => PriceSource::Embedded,
        };
        let mut known = locked(&self.inner.on_demand);
        // What the Price List said before is better than the tables.
        let before = known.take().map(|listed| listed.prices);
        let mut prices = before.unwrap_or_else(|| embedded::on_demand(self.region()));
        prices.extend(told.unwrap_or_default());
        *known = Some(Listed {
            prices: prices.clone(),
            source,
            at: Instant::now(),
        });
        prices
    }

    async fn price_list(&self) -> Result<Prices, Ec2Error> {
        let mut prices = Prices::new();
        for sort in SORTS {
            let own = [("regionCode", self.region())];
            let filters = PLAIN.iter().chain(sort).chain(&own);
            let filters: Option<Vec<Filter>> = filters.map(|(f, v)| filter(f, v)).collect();
            let action = Action::GetProducts;
            let pages = self.pages(action, async |next| {
                let request = self.inner.clients.pricing.get_products();
                let request = request
                    .service_code("AmazonEC2")
                    .set_filters(filters.clone())
                    .format_version("aws_v1")
                    .max_results(PAGE)
                    .set_next_token(next);
                let page = self.ask(action, || request.clone().send()).await?;
                Ok((page.price_list.unwrap_or_default(), page.next_token))
            });
            prices.extend(pages.await?.iter().filter_map(|text| read(text)));
        }
        Ok(prices)
    }
}

fn filter(field: &str, value: &str) -> Option<Filter> {
    let filter = Filter::builder()
        .field(field)
        .r#type(FilterType::TermMatch)
        .value(value);
    filter.build().ok()
}

/// A product's type and price by the hour. In China prices are in CNY, and so are all others there.
fn read(text: &str) -> Option<(String, UsdPerHour)> {
    let product: Value = serde_json::from_str(text).ok()?;
    let name = product["product"]["attributes"]["instanceType"].as_str()?;
    let terms = product["terms"]["OnDemand"].as_object()?.values();
    let dimensions = terms.filter_map(|term| term["priceDimensions"].as_object());
    let mut hourly = dimensions
        .flat_map(|dimensions| dimensions.values())
        .filter(|dimension| dimension["unit"] == "Hrs");
    let price = hourly.find_map(|dimension| {
        let per_unit = &dimension["pricePerUnit"];
        let price = per_unit["USD"].as_str().or(per_unit["CNY"].as_str())?;
        UsdPerHour::parse(price).filter(|price| *price > UsdPerHour::ZERO)
    });
    Some((name.to_owned(), price?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn product(unit: &str, usd: &str) -> String {
        json!({
            "product": {"attributes": {"instanceType": "c5d.9xlarge"}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": {
                "unit": unit, "pricePerUnit": {"USD": usd},
            }}}}},
        })
        .to_string()
    }

    #[test]
    fn a_product_is_a_type_and_what_an_hour_costs() {
        let price = UsdPerHour::from_micros(1_728_000);
        let expected = Some(("c5d.9xlarge".to_owned(), price));
        assert_eq!(read(&product("Hrs", "1.7280000000")), expected);
    }

    #[test]
    fn what_is_no_hourly_price_is_passed_over() {
        for text in [
            product("Quantity", "1.728"),
            product("Hrs", "0.0000000000"),
            product("Hrs", "a lot"),
            "{}".to_owned(),
            "not JSON".to_owned(),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}
