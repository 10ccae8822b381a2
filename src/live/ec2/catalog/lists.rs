//! Zones, types and places of sale, page by page. Whole or not at all: a catalogue with half of its types
//! would make plans that nobody asked for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::LocationType;

use super::{Sold, described};
use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, Ec2Error, filter};
use crate::model::offering::Zone;

/// Types of a page: EC2's most.
const TYPES: i32 = 100;
/// Offerings of a page: EC2's most.
const PLACES: i32 = 1000;

impl Ec2 {
    /// Zones of the region itself, those that the account has enabled; no local zones.
    pub(super) async fn zones(&self) -> Result<Vec<Zone>, Ec2Error> {
        let request = self.inner.clients.ec2.describe_availability_zones();
        let request = request
            .filters(filter::any("zone-type", &["availability-zone"]))
            .filters(filter::any("state", &["available"]));
        let answer = self.ask(Action::DescribeAvailabilityZones, || request.clone().send());
        let zones = answer.await?;
        let zone = |zone: &aws_sdk_ec2::types::AvailabilityZone| {
            Some(Zone {
                name: zone.zone_name()?.to_owned(),
                id: zone.zone_id()?.to_owned(),
            })
        };
        Ok(zones.availability_zones().iter().filter_map(zone).collect())
    }

    pub(super) async fn types(&self) -> Result<Vec<Sold>, Ec2Error> {
        let action = Action::DescribeInstanceTypes;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_instance_types();
            let request = request.max_results(TYPES).set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.instance_types.unwrap_or_default(), page.next_token))
        });
        Ok(pages.await?.iter().filter_map(described::sold).collect())
    }

    /// Zones by name that sell a type.
    pub(super) async fn places(&self) -> Result<BTreeMap<String, BTreeSet<String>>, Ec2Error> {
        let action = Action::DescribeInstanceTypeOfferings;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_instance_type_offerings();
            let request = request
                .location_type(LocationType::AvailabilityZone)
                .max_results(PLACES)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            let offerings = page.instance_type_offerings.unwrap_or_default();
            Ok((offerings, page.next_token))
        });
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        for offering in pages.await? {
            if let (Some(name), Some(zone)) = (offering.instance_type(), offering.location()) {
                let places = found.entry(name.as_str().to_owned()).or_default();
                places.insert(zone.to_owned());
            }
        }
        Ok(found)
    }
}
