//! Launches: what is given and refused, tokens, templates that are made, shared and lost.

use std::collections::BTreeSet;

use sparkwright::live::ec2::{FleetRequest, LaunchError, RefusalKind};
use sparkwright::model::offering::CapacityType;

use super::account::emulated::{CALM, PLAIN};
use super::account::{CLUSTER, Wanted, ZONE, on_demand, with};

#[test]
fn a_launch_gives_instances_that_are_found_by_their_tags_and_ended() {
    with(CALM, PLAIN, async |account| {
        let wanted = Wanted {
            capacity_type: CapacityType::Spot,
            ..on_demand(&["m6i.2xlarge", "m5.2xlarge", "m7g.2xlarge"], 3, "t-1")
        };
        let request = account.request(wanted).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!((answer.given.len(), answer.refused.len()), (3, 0));
        let resolved = account.resolved().await;
        let images: BTreeSet<&str> = resolved.images.values().map(|i| i.id.as_str()).collect();
        for given in &answer.given {
            assert_eq!(
                (given.zone.as_str(), given.capacity_type),
                (ZONE, CapacityType::Spot)
            );
            assert!(
                images.contains(given.image.as_deref().unwrap()),
                "{given:?}"
            );
            assert!(given.subnet.is_some() && wanted.types.contains(&given.instance_type.as_str()));
        }
        let found = account.ec2.instances().await.unwrap();
        assert_eq!(found.len(), 3);
        for instance in &found {
            let given = answer
                .given
                .iter()
                .find(|given| given.id == instance.id)
                .unwrap();
            assert_eq!(instance.instance_type, given.instance_type);
            assert_eq!(instance.token.as_deref(), Some("t-1"));
            assert_eq!(instance.capacity_type, CapacityType::Spot);
            let tag = |key: &str| instance.tags.get(key).map(String::as_str);
            assert_eq!(tag("sparkwright.dev/managed"), Some("true"));
            assert_eq!(
                tag(&format!("kubernetes.io/cluster/{CLUSTER}")),
                Some("owned")
            );
            assert_eq!(tag("sparkwright.dev/nodepool"), Some("executors"));
            assert_eq!(tag("Name"), Some("executors-t-1"));
        }
        let ids: Vec<String> = found.into_iter().map(|instance| instance.id).collect();
        let ended = account.ec2.terminate(&ids).await;
        assert!(
            ended.len() == 3 && ended.values().all(Result::is_ok),
            "{ended:?}"
        );
        account.emulated.advance("31s");
        assert_eq!(account.ec2.instances().await.unwrap(), []);
    });
}

#[test]
fn the_same_token_gives_the_same_instances_and_another_request_under_it_none() {
    let script = format!("{PLAIN}faults: [{{action: CreateFleet, calls: [1], do: lose-answer}}]\n");
    with(CALM, &script, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 2, "t-1")).await;
        let stored = request.written();
        let lost = account.ec2.create_fleet(&request, "t-1").await;
        assert!(
            matches!(lost, Err(LaunchError::Transient { .. })),
            "{lost:?}"
        );
        let again = FleetRequest::read(&stored).unwrap();
        let first = account.ec2.create_fleet(&again, "t-1").await.unwrap();
        let second = account.ec2.create_fleet(&again, "t-1").await.unwrap();
        assert_eq!((first.given.len(), &first), (2, &second));
        let other = FleetRequest { count: 3, ..again };
        let mismatch = account.ec2.create_fleet(&other, "t-1").await;
        assert_eq!(mismatch, Err(LaunchError::TokenMismatch));
        assert_eq!(account.ec2.instances().await.unwrap().len(), 2);
    });
}

#[test]
fn what_ec2_has_not_is_refused_by_pool_beside_what_it_gives() {
    let world = format!(
        "{CALM}capacity:\n  droughts:\n  - {{types: [m6i.2xlarge], to: 1h, instances: 2}}\n  - {{types: [c6i.2xlarge], to: 1h}}\n\
         quotas: [{{class: standard, capacityType: on-demand, vcpus: 32}}]\n"
    );
    with(&world, PLAIN, async |account| {
        let wanted = on_demand(&["m6i.2xlarge", "c6i.2xlarge"], 3, "t-1");
        let request = account.request(wanted).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(answer.given.len(), 2);
        let refused: BTreeSet<(RefusalKind, &str, &str)> = answer
            .refused
            .iter()
            .map(|r| (r.kind, r.instance_type.as_deref().unwrap(), r.zone.as_str()))
            .collect();
        let expected = [
            (RefusalKind::Capacity, "c6i.2xlarge", ZONE),
            (RefusalKind::Capacity, "m6i.2xlarge", ZONE),
        ];
        assert_eq!(refused, expected.into());
        // 16 of 32 vCPUs run.
        let request = account.request(on_demand(&["m5.2xlarge"], 3, "t-2")).await;
        let answer = account.ec2.create_fleet(&request, "t-2").await.unwrap();
        assert_eq!((answer.given.len(), answer.refused.len()), (2, 1));
        assert_eq!(answer.refused[0].kind, RefusalKind::Quota);
    });
}

#[test]
fn every_pool_dry_is_an_answer_without_instances() {
    let world = format!("{CALM}capacity: {{droughts: [{{to: 1h}}]}}\n");
    with(&world, PLAIN, async |account| {
        let wanted = on_demand(&["m6i.2xlarge", "m5.2xlarge"], 3, "t-1");
        let request = account.request(wanted).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!((answer.given.len(), answer.refused.len()), (0, 2));
        assert!(
            answer
                .refused
                .iter()
                .all(|r| r.kind == RefusalKind::Capacity)
        );
    });
}

#[test]
fn a_minimum_is_given_whole_or_not_at_all() {
    let world = format!("{CALM}capacity: {{droughts: [{{to: 1h, instances: 3}}]}}\n");
    with(&world, PLAIN, async |account| {
        for (token, minimum, expected) in [("t-1", Some(4), 0), ("t-2", Some(3), 3)] {
            let wanted = Wanted {
                minimum,
                ..on_demand(&["m6i.2xlarge"], 5, token)
            };
            let request = account.request(wanted).await;
            let answer = account.ec2.create_fleet(&request, token).await.unwrap();
            assert_eq!(answer.given.len(), expected, "{minimum:?}");
        }
    });
}

#[test]
fn a_full_subnet_says_nothing_of_the_type() {
    let world = format!("{CALM}subnets: [{{zone: us-east-1a, addresses: 40}}]\n");
    with(&world, PLAIN, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 4, "t-1")).await;
        let answer = account.ec2.create_fleet(&request, "t-1").await.unwrap();
        assert_eq!(answer.given.len(), 2, "15 addresses each");
        let refusal = &answer.refused[0];
        assert_eq!(refusal.kind, RefusalKind::Addresses);
        assert_eq!(refusal.subnet.as_deref(), answer.given[0].subnet.as_deref());
        let subnet = account.resolved().await.subnets;
        let subnet = subnet
            .into_iter()
            .find(|subnet| subnet.zone == ZONE)
            .unwrap();
        assert_eq!(subnet.free, 10);
    });
}

#[test]
fn what_a_person_must_change_is_told_with_its_remedy() {
    let script = format!(
        "{PLAIN}faults: [{{action: CreateFleet, do: error, code: UnauthorizedOperation, status: 403}}]\n"
    );
    with(CALM, &script, async |account| {
        let request = account.request(on_demand(&["m6i.2xlarge"], 1, "t-1")).await;
        let error = account.ec2.create_fleet(&request, "t-1").await.unwrap_err();
        assert!(matches!(error, LaunchError::Config { .. }), "{error:?}");
        assert!(
            error.to_string().contains("controller-policy.json"),
            "{error}"
        );
        assert_eq!(
            account.called("CreateFleet", "UnauthorizedOperation"),
            1,
            "asked once"
        );
    });
}
