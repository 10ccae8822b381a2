//! Lists that a controller reads: types, offerings, zones, images, prices, parameters, who it is.

use aws_sdk_ec2::types::{LocationType, UsageClassType};
use aws_sdk_pricing::types::{Filter as PriceFilter, FilterType};
use serde_json::Value;

use super::emulated::{CALM, PLAIN};
use super::peer::{Peer, code, filter, with};

const AMI: &str =
    "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/standard/recommended/image_id";

#[test]
fn types_say_what_they_have_and_pages_hold_all_of_them() {
    with(CALM, PLAIN, async |peer, _| {
        let one = peer
            .ec2
            .describe_instance_types()
            .instance_types("c5d.9xlarge".into());
        let one = one.send().await.unwrap();
        let machine = &one.instance_types()[0];
        assert_eq!(machine.v_cpu_info().unwrap().default_v_cpus(), Some(36));
        assert_eq!(
            machine.memory_info().unwrap().size_in_mib(),
            Some(72 * 1024)
        );
        let disks = machine.instance_storage_info().unwrap();
        assert_eq!(
            (disks.total_size_in_gb(), disks.disks()[0].count()),
            (Some(900), Some(1))
        );
        let network = machine.network_info().unwrap();
        assert_eq!(network.maximum_network_interfaces(), Some(8));
        assert_eq!(network.ipv4_addresses_per_interface(), Some(30));
        assert!(
            machine
                .supported_usage_classes()
                .contains(&UsageClassType::Spot)
        );
        let mut pages = peer.ec2.describe_instance_types().into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.instance_types().len() <= 100);
            count += page.instance_types().len();
        }
        assert!(count > 800, "{count}");
        let arm = filter("processor-info.supported-architecture", &["arm64"]);
        let arm = peer
            .ec2
            .describe_instance_types()
            .filters(arm)
            .send()
            .await
            .unwrap();
        assert!(!arm.instance_types().is_empty());
        let none = peer
            .ec2
            .describe_instance_types()
            .instance_types("zz9.huge".into())
            .send();
        assert_eq!(code(none.await), "InvalidInstanceType");
    });
}

#[test]
fn offerings_and_zones_go_by_name_and_by_id() {
    with(CALM, PLAIN, async |peer, _| {
        let zones = peer.ec2.describe_availability_zones().send().await.unwrap();
        let zones = zones.availability_zones();
        assert_eq!(zones[0].zone_name(), Some("us-east-1a"));
        assert!(
            zones
                .iter()
                .all(|zone| zone.zone_id().unwrap().starts_with("use1-az"))
        );
        for (location, beginning) in [
            (LocationType::AvailabilityZone, "us-east-1"),
            (LocationType::AvailabilityZoneId, "use1-az"),
        ] {
            let offerings = peer
                .ec2
                .describe_instance_type_offerings()
                .location_type(location);
            let offerings = offerings
                .filters(filter("instance-type", &["m6i.2xlarge"]))
                .send();
            let offerings = offerings.await.unwrap();
            let offerings = offerings.instance_type_offerings();
            assert!((4..=zones.len()).contains(&offerings.len()));
            assert!(
                offerings
                    .iter()
                    .all(|o| o.location().unwrap().starts_with(beginning))
            );
        }
    });
}

#[test]
fn spot_prices_are_the_last_and_move_as_the_world_says() {
    let world =
        format!("{CALM}spotPrices: {{steps: [{{at: 10m, types: [m6i.2xlarge], factor: 0.5}}]}}\n");
    with(&world, PLAIN, async |peer, emulated| {
        let before = prices(peer).await;
        emulated.advance("11m");
        let after = prices(peer).await;
        assert_eq!(
            before.len() * 2,
            after.len(),
            "the change is in the history"
        );
        assert!(
            (after[0] * 2.0 - before[0]).abs() < 1e-5,
            "{before:?} {after:?}"
        );
    });
}

/// Prices of a type, newest first.
async fn prices(peer: &Peer) -> Vec<f64> {
    let history = peer
        .ec2
        .describe_spot_price_history()
        .instance_types("m6i.2xlarge".into());
    let history = history
        .product_descriptions("Linux/UNIX")
        .send()
        .await
        .unwrap();
    let prices = history.spot_price_history().iter();
    prices
        .map(|price| price.spot_price().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn on_demand_prices_come_as_the_price_list_has_them() {
    with(CALM, PLAIN, async |peer, _| {
        let matches = |field: &str, value: &str| {
            PriceFilter::builder()
                .r#type(FilterType::TermMatch)
                .field(field)
                .value(value)
                .build()
                .unwrap()
        };
        let products = || peer.pricing.get_products().service_code("AmazonEC2");
        let one = products()
            .filters(matches("instanceType", "c5d.9xlarge"))
            .filters(matches("regionCode", "us-east-1"))
            .filters(matches("operatingSystem", "Linux"))
            .filters(matches("tenancy", "Shared"))
            .filters(matches("preInstalledSw", "NA"))
            .filters(matches("capacitystatus", "Used"));
        let one = one.send().await.unwrap();
        assert_eq!(one.price_list().len(), 1);
        let product: Value = serde_json::from_str(&one.price_list()[0]).unwrap();
        let terms = product["terms"]["OnDemand"].as_object().unwrap();
        let dimensions = terms.values().next().unwrap()["priceDimensions"]
            .as_object()
            .unwrap();
        let price = &dimensions.values().next().unwrap()["pricePerUnit"]["USD"];
        assert_eq!(price, "1.7280000000");
        let mut pages = products().into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.unwrap().price_list().len();
        }
        assert!(count > 800, "{count}");
        let bad = products().filters(matches("colour", "red")).send().await;
        assert_eq!(code(bad), "InvalidParameterException");
    });
}

#[test]
fn images_are_found_by_parameter_by_filter_and_by_id() {
    with(CALM, PLAIN, async |peer, _| {
        let parameter = peer.ssm.get_parameter().name(AMI).send().await.unwrap();
        let id = parameter.parameter().unwrap().value().unwrap().to_owned();
        let image = peer
            .ec2
            .describe_images()
            .image_ids(&id)
            .send()
            .await
            .unwrap();
        assert_eq!(image.images()[0].architecture().unwrap().as_str(), "arm64");
        let both = peer
            .ssm
            .get_parameters()
            .names(AMI)
            .names("/none")
            .send()
            .await
            .unwrap();
        assert_eq!(both.parameters()[0].value(), Some(id.as_str()));
        assert_eq!(both.invalid_parameters(), ["/none"]);
        let none = peer.ssm.get_parameter().name("/none").send().await;
        assert_eq!(code(none), "ParameterNotFound");
        let none = peer.ec2.describe_images().image_ids("ami-0").send().await;
        assert_eq!(code(none), "InvalidAMIID.NotFound");
    });
}

#[test]
fn subnets_and_groups_are_found_by_their_cluster_and_a_caller_has_an_identity() {
    with(CALM, PLAIN, async |peer, _| {
        let discovery = || filter("tag:sparkwright.dev/discovery", &["emulated"]);
        let subnets = peer
            .ec2
            .describe_subnets()
            .filters(discovery())
            .send()
            .await
            .unwrap();
        let zones = peer.ec2.describe_availability_zones().send().await.unwrap();
        assert_eq!(subnets.subnets().len(), zones.availability_zones().len());
        let groups = peer
            .ec2
            .describe_security_groups()
            .filters(discovery())
            .send()
            .await
            .unwrap();
        assert_eq!(groups.security_groups().len(), 2);
        let none = peer
            .ec2
            .describe_security_groups()
            .group_ids("sg-0")
            .send()
            .await;
        assert_eq!(code(none), "InvalidGroup.NotFound");
        let caller = peer.sts.get_caller_identity().send().await.unwrap();
        assert_eq!(caller.account(), Some("123456789012"));
    });
}
