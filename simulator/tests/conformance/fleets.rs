//! CreateFleet: what is given, by which rule, and what is refused.

use aws_sdk_ec2::types::{
    DefaultTargetCapacityType as Kind, FleetLaunchTemplateOverridesRequest as Override,
    FleetOnDemandAllocationStrategy, InstanceLifecycle, OnDemandOptionsRequest, ResourceType,
    SpotAllocationStrategy, SpotOptionsRequest, Tag, TagSpecification,
};

use super::emulated::{CALM, PLAIN};
use super::peer::{code, codes, ids, in_zone, of_type, types, with};

#[test]
fn on_demand_is_the_cheapest_or_the_callers_first_as_the_strategy_says() {
    with(CALM, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let overrides = || vec![of_type("m6i.4xlarge"), of_type("m6i.2xlarge")];
        let cheapest = peer
            .fleet("nodes", Kind::OnDemand, 3, overrides())
            .send()
            .await
            .unwrap();
        assert_eq!(types(&cheapest), ["m6i.2xlarge"; 3]);
        assert!(cheapest.fleet_id().unwrap().starts_with("fleet-"));
        let given = &cheapest.instances()[0];
        assert_eq!(given.lifecycle(), Some(&InstanceLifecycle::OnDemand));
        let origin = given.launch_template_and_overrides().unwrap();
        assert_eq!(
            origin
                .overrides()
                .unwrap()
                .instance_type()
                .unwrap()
                .as_str(),
            "m6i.2xlarge"
        );
        let template = origin.launch_template_specification().unwrap();
        assert_eq!(template.version(), Some("1"), "$Latest is resolved");

        let prioritized = |name: &str, priority| {
            let over = Override::builder().instance_type(name.into());
            over.priority(priority).build()
        };
        let overrides = vec![
            prioritized("m6i.2xlarge", 5.0),
            prioritized("m6i.4xlarge", 1.0),
        ];
        let options = OnDemandOptionsRequest::builder()
            .allocation_strategy(FleetOnDemandAllocationStrategy::Prioritized)
            .build();
        let fleet = peer
            .fleet("nodes", Kind::OnDemand, 2, overrides)
            .on_demand_options(options);
        assert_eq!(types(&fleet.send().await.unwrap()), ["m6i.4xlarge"; 2]);
    });
}

#[test]
fn spot_instances_are_spot_and_tagged_and_go_past_dry_pools() {
    let world = format!("{CALM}capacity: {{droughts: [{{types: [m6i.2xlarge], to: 1h}}]}}\n");
    with(&world, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .tags(Tag::builder().key("intent").value("a-1").build())
            .build();
        let overrides = vec![
            of_type("m6i.2xlarge"),
            of_type("m6i.4xlarge"),
            of_type("m5.2xlarge"),
        ];
        let fleet = peer
            .fleet("nodes", Kind::Spot, 20, overrides)
            .tag_specifications(tags);
        let fleet = fleet.spot_options(spot(SpotAllocationStrategy::PriceCapacityOptimized));
        let answer = fleet.send().await.unwrap();
        let given = types(&answer);
        assert_eq!((given.len(), codes(&answer).len()), (20, 0));
        assert!(!given.contains(&"m6i.2xlarge".to_owned()), "{given:?}");
        for instance in peer.instances(&ids(&answer)).await {
            assert_eq!(instance.instance_lifecycle().unwrap().as_str(), "spot");
            assert!(
                instance
                    .spot_instance_request_id()
                    .unwrap()
                    .starts_with("sir-")
            );
            let tag = |key: &str| instance.tags().iter().any(|tag| tag.key() == Some(key));
            assert!(
                tag("intent") && tag("aws:ec2:fleet-id"),
                "{:?}",
                instance.tags()
            );
        }
    });
}

fn spot(strategy: SpotAllocationStrategy) -> SpotOptionsRequest {
    SpotOptionsRequest::builder()
        .allocation_strategy(strategy)
        .build()
}

#[test]
fn what_ec2_does_not_have_is_refused_by_override_beside_what_it_gives() {
    let world = format!(
        "{CALM}capacity:\n  droughts:\n  - {{types: [m6i.2xlarge], to: 1h, instances: 2}}\n\
         quotas: [{{class: standard, capacityType: on-demand, vcpus: 32}}]\n"
    );
    with(&world, PLAIN, async |peer, emulated| {
        peer.template("nodes").await;
        let zone = in_zone("m6i.2xlarge", "us-east-1a");
        let answer = peer
            .fleet("nodes", Kind::OnDemand, 5, vec![zone])
            .send()
            .await
            .unwrap();
        assert_eq!(
            (ids(&answer).len(), codes(&answer)),
            (2, vec!["InsufficientInstanceCapacity"])
        );
        let error = &answer.errors()[0];
        assert_eq!(error.lifecycle(), Some(&InstanceLifecycle::OnDemand));
        let over = error
            .launch_template_and_overrides()
            .unwrap()
            .overrides()
            .unwrap();
        assert_eq!(over.availability_zone(), Some("us-east-1a"));

        // 16 of 32 vCPUs run.
        let more = peer.fleet("nodes", Kind::OnDemand, 3, vec![of_type("m5.2xlarge")]);
        let answer = more.clone().send().await.unwrap();
        assert_eq!(
            (ids(&answer).len(), codes(&answer)),
            (2, vec!["VcpuLimitExceeded"])
        );
        let terminated = peer
            .ec2
            .terminate_instances()
            .set_instance_ids(Some(ids(&answer)));
        terminated.send().await.unwrap();
        assert!(
            ids(&more.clone().send().await.unwrap()).is_empty(),
            "they are shutting down"
        );
        emulated.advance("30s");
        assert_eq!(ids(&more.send().await.unwrap()).len(), 2, "they are gone");
    });
}

#[test]
fn a_minimum_is_given_whole_in_one_zone_or_not_at_all() {
    let world = format!(
        "{CALM}capacity:\n  droughts:\n  - {{zone: us-east-1a, to: 1h, instances: 3}}\n\
         \x20 - {{zone: us-east-1b, to: 1h, instances: 5}}\n  - {{zone: us-east-1c, to: 1h, instances: 1}}\n"
    );
    with(&world, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
        let overrides = || zones.map(|zone| in_zone("m6i.2xlarge", zone)).to_vec();
        let options = |least| {
            OnDemandOptionsRequest::builder()
                .single_availability_zone(true)
                .min_target_capacity(least)
                .build()
        };
        let ask = |count, least| {
            let fleet = peer.fleet("nodes", Kind::OnDemand, count, overrides());
            fleet.on_demand_options(options(least))
        };
        let none = ask(6, 6).send().await.unwrap();
        assert!(ids(&none).is_empty());
        assert!(
            codes(&none).contains(&"InsufficientInstanceCapacity"),
            "{:?}",
            codes(&none)
        );
        let some = ask(6, 4).send().await.unwrap();
        let instances = peer.instances(&ids(&some)).await;
        let zones: Vec<_> = instances
            .iter()
            .map(|i| i.placement().unwrap().availability_zone())
            .collect();
        assert_eq!(
            zones,
            [Some("us-east-1b"); 5],
            "nothing was taken by the call before"
        );
        let without = OnDemandOptionsRequest::builder()
            .min_target_capacity(2)
            .build();
        let fleet = peer
            .fleet("nodes", Kind::OnDemand, 2, overrides())
            .on_demand_options(without);
        assert_eq!(code(fleet.send().await), "InvalidParameterCombination");
    });
}

#[test]
fn a_token_launches_once_even_where_the_answer_was_lost() {
    let script = format!("{PLAIN}faults: [{{action: CreateFleet, calls: [1], do: lose-answer}}]\n");
    with(CALM, &script, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = |count| {
            let overrides = vec![of_type("m6i.2xlarge")];
            peer.fleet("nodes", Kind::OnDemand, count, overrides)
                .client_token("claim-1")
        };
        assert!(fleet(2).send().await.is_err(), "the answer is lost");
        let first = fleet(2).send().await.unwrap();
        let again = fleet(2).send().await.unwrap();
        assert_eq!(
            (ids(&first), first.fleet_id()),
            (ids(&again), again.fleet_id())
        );
        assert_eq!(code(fleet(3).send().await), "IdempotentParameterMismatch");
        let (_, all) = emulated.http("GET", "/_emulator/instances", &[], "");
        let all: Vec<serde_json::Value> = serde_json::from_str(&all).unwrap();
        assert_eq!(all.len(), 2);
    });
}

#[test]
fn an_override_that_cannot_launch_is_refused_by_name_and_the_others_launch() {
    with(CALM, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let other = |over: Override| async move {
            let fleet = peer.fleet(
                "nodes",
                Kind::OnDemand,
                1,
                vec![over, of_type("m6i.2xlarge")],
            );
            let answer = fleet.send().await.unwrap();
            assert_eq!(ids(&answer).len(), 1, "the other launches");
            codes(&answer).join(" ")
        };
        let build = Override::builder;
        assert_eq!(
            other(of_type("m7g.2xlarge")).await,
            "InvalidParameterValue",
            "arm64"
        );
        assert_eq!(other(of_type("zz9.huge")).await, "InvalidParameterValue");
        let image = build()
            .instance_type("m6i.2xlarge".into())
            .image_id("ami-0")
            .build();
        assert_eq!(other(image).await, "InvalidAMIID.NotFound");
        let subnet = build()
            .instance_type("m6i.2xlarge".into())
            .subnet_id("subnet-0")
            .build();
        assert_eq!(other(subnet).await, "InvalidSubnetID.NotFound");
        let cheap = build()
            .instance_type("m6i.4xlarge".into())
            .max_price("0.002")
            .build();
        let fleet = peer
            .fleet("nodes", Kind::Spot, 1, vec![cheap])
            .send()
            .await
            .unwrap();
        assert_eq!(codes(&fleet), ["SpotMaxPriceTooLow"]);
    });
}

#[test]
fn a_request_that_cannot_be_is_refused_whole() {
    with(CALM, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let fleet =
            |count| peer.fleet("nodes", Kind::OnDemand, count, vec![of_type("m6i.2xlarge")]);
        assert_eq!(code(fleet(0).send().await), "InvalidParameterValue");
        assert_eq!(code(fleet(1).dry_run(true).send().await), "DryRunOperation");
        let unknown = peer
            .fleet("none", Kind::OnDemand, 1, Vec::new())
            .send()
            .await;
        assert_eq!(code(unknown), "InvalidLaunchTemplateName.NotFoundException");
        let token = "t".repeat(65);
        assert_eq!(
            code(fleet(1).client_token(token).send().await),
            "InvalidParameterValue"
        );
        let strategy = spot(SpotAllocationStrategy::from("best"));
        let bogus = peer
            .fleet("nodes", Kind::Spot, 1, Vec::new())
            .spot_options(strategy);
        assert_eq!(code(bogus.send().await), "InvalidParameterValue");
        let all = peer.ec2.describe_instances().send().await.unwrap();
        assert!(all.reservations().is_empty(), "nothing was launched");
    });
}
