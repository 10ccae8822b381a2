//! Spot prices that hold at present: EC2's history from now on is the last change of each pool. Of several
//! the latest counts, in whatever order they come.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_ec2::primitives::DateTime;

use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, Ec2Error};
use crate::model::money::UsdPerHour;

/// Linux under both of its names.
const PLATFORMS: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];
/// Prices of a page: EC2's most.
const PAGE: i32 = 1000;

impl Ec2 {
    /// By type and zone's name.
    pub(super) async fn spot_prices(
        &self,
    ) -> Result<BTreeMap<(String, String), UsdPerHour>, Ec2Error> {
        let now = DateTime::from(SystemTime::now());
        let action = Action::DescribeSpotPriceHistory;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_spot_price_history();
            let request = request
                .set_product_descriptions(Some(PLATFORMS.map(|name| name.into()).into()))
                .start_time(now)
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.spot_price_history.unwrap_or_default(), page.next_token))
        });
        let mut newest = BTreeMap::<(String, String), (DateTime, UsdPerHour)>::new();
        for (pool, dated) in pages.await?.iter().filter_map(read) {
            let known = newest.entry(pool).or_insert(dated);
            if known.0 < dated.0 {
                *known = dated;
            }
        }
        let prices = newest.into_iter();
        Ok(prices.map(|(pool, (_, price))| (pool, price)).collect())
    }
}

type Entry = ((String, String), (DateTime, UsdPerHour));

/// None where EC2 leaves something out, or the price is none.
fn read(entry: &aws_sdk_ec2::types::SpotPrice) -> Option<Entry> {
    let price = UsdPerHour::parse(entry.spot_price()?)?;
    let pool = (
        entry.instance_type()?.as_str().to_owned(),
        entry.availability_zone()?.to_owned(),
    );
    (price > UsdPerHour::ZERO).then_some((pool, (*entry.timestamp()?, price)))
}
