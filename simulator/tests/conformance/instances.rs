//! An instance from its launch to its end, as describing shows it.

use aws_sdk_ec2::types::{DefaultTargetCapacityType as Kind, Instance, InstanceStateName, Tag};

use super::emulated::{CALM, PLAIN};
use super::peer::{Peer, code, filter, ids, of_type, with};

#[test]
fn an_instance_is_found_after_a_while_runs_and_ends() {
    let script = "describeLag: {p50: 3s, p99: 3s}\n";
    with(CALM, script, async |peer, emulated| {
        peer.template("nodes").await;
        let fleet = peer.fleet("nodes", Kind::OnDemand, 1, vec![of_type("m6i.2xlarge")]);
        let id = ids(&fleet.send().await.unwrap());
        let describe = || {
            peer.ec2
                .describe_instances()
                .set_instance_ids(Some(id.clone()))
                .send()
        };
        let terminate = || {
            peer.ec2
                .terminate_instances()
                .set_instance_ids(Some(id.clone()))
                .send()
        };
        assert_eq!(
            code(describe().await),
            "InvalidInstanceID.NotFound",
            "not yet"
        );
        assert_eq!(
            code(terminate().await),
            "InvalidInstanceID.NotFound",
            "not yet"
        );
        emulated.advance("3s");
        assert_eq!(state(peer, &id).await, InstanceStateName::Pending);
        emulated.advance("2s");
        let instance = only(peer, &id).await;
        assert_eq!(
            instance.state().unwrap().name(),
            Some(&InstanceStateName::Running)
        );
        assert_eq!(instance.instance_type().unwrap().as_str(), "m6i.2xlarge");
        assert!(instance.private_ip_address().unwrap().starts_with("10."));
        assert!(instance.launch_time().is_some() && instance.subnet_id().is_some());
        assert_eq!(instance.architecture().unwrap().as_str(), "x86_64");
        let changes = terminate().await.unwrap();
        let change = &changes.terminating_instances()[0];
        assert_eq!(
            change.previous_state().unwrap().name(),
            Some(&InstanceStateName::Running)
        );
        assert_eq!(
            change.current_state().unwrap().name(),
            Some(&InstanceStateName::ShuttingDown)
        );
        emulated.advance("30s");
        let ended = only(peer, &id).await;
        assert_eq!(
            ended.state().unwrap().name(),
            Some(&InstanceStateName::Terminated)
        );
        assert_eq!(
            ended.state_reason().unwrap().code(),
            Some("Client.UserInitiatedShutdown")
        );
        assert!(terminate().await.is_ok(), "twice is no error");
        emulated.advance("1h");
        assert_eq!(code(describe().await), "InvalidInstanceID.NotFound");
    });
}

async fn only(peer: &Peer, id: &[String]) -> Instance {
    peer.instances(id).await.remove(0)
}

async fn state(peer: &Peer, id: &[String]) -> InstanceStateName {
    only(peer, id)
        .await
        .state()
        .unwrap()
        .name()
        .unwrap()
        .clone()
}

#[test]
fn pages_hold_every_instance_once_and_filters_choose() {
    with(CALM, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let mut all = Vec::new();
        for (kind, count) in [(Kind::OnDemand, 12), (Kind::Spot, 9)] {
            let fleet = peer.fleet("nodes", kind, count, vec![of_type("m6i.2xlarge")]);
            all.extend(ids(&fleet.send().await.unwrap()));
        }
        all.sort();
        let mut pages = peer
            .ec2
            .describe_instances()
            .into_paginator()
            .page_size(5)
            .send();
        let (mut found, mut count) = (Vec::new(), 0);
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let instances = page.reservations().iter().flat_map(|r| r.instances());
            let ids: Vec<String> = instances
                .map(|i| i.instance_id().unwrap().to_owned())
                .collect();
            assert!(ids.len() <= 5);
            found.extend(ids);
            count += 1;
        }
        found.sort();
        assert_eq!((count, &found), (5, &all));
        let tagged = peer.ec2.create_tags().resources(&all[0]);
        tagged
            .tags(Tag::builder().key("name").value("one*").build())
            .send()
            .await
            .unwrap();
        for (filters, expected) in [
            (vec![filter("instance-lifecycle", &["spot"])], 9),
            (
                vec![filter("instance-state-name", &["pending", "running"])],
                21,
            ),
            (vec![filter("instance-state-name", &["terminated"])], 0),
            (vec![filter("tag:name", &["one?"])], 1),
            (
                vec![
                    filter("tag-key", &["name"]),
                    filter("instance-type", &["m6i.*"]),
                ],
                1,
            ),
        ] {
            let found = peer
                .ec2
                .describe_instances()
                .set_filters(Some(filters.clone()))
                .send();
            let found = found.await.unwrap();
            let instances = found.reservations().iter().flat_map(|r| r.instances());
            assert_eq!(instances.count(), expected, "{filters:?}");
        }
        let bad = peer
            .ec2
            .describe_instances()
            .filters(filter("colour", &["red"]))
            .send();
        assert_eq!(code(bad.await), "InvalidParameterValue");
    });
}

#[test]
fn one_bad_id_fails_a_whole_batch() {
    with(CALM, PLAIN, async |peer, _| {
        peer.template("nodes").await;
        let fleet = peer.fleet("nodes", Kind::OnDemand, 2, vec![of_type("m6i.2xlarge")]);
        let good = ids(&fleet.send().await.unwrap());
        let batch = [&good[..], &["i-0123456789abcdef0".to_owned()]].concat();
        let terminate = peer
            .ec2
            .terminate_instances()
            .set_instance_ids(Some(batch))
            .send();
        assert_eq!(code(terminate.await), "InvalidInstanceID.NotFound");
        for instance in peer.instances(&good).await {
            assert_eq!(
                instance.state().unwrap().name(),
                Some(&InstanceStateName::Pending)
            );
        }
        let dry = peer
            .ec2
            .terminate_instances()
            .set_instance_ids(Some(good.clone()));
        assert_eq!(code(dry.dry_run(true).send().await), "DryRunOperation");
        assert_eq!(state(peer, &good[..1]).await, InstanceStateName::Pending);
    });
}

#[test]
fn tags_are_put_on_what_is_there_within_ec2s_limits() {
    with(CALM, PLAIN, async |peer, _| {
        let (subnet, _) = peer.subnet("us-east-1a").await;
        let tag = |key: &str| Tag::builder().key(key).value("v").build();
        let put = |id: &str, tags: Vec<Tag>| {
            peer.ec2
                .create_tags()
                .resources(id)
                .set_tags(Some(tags))
                .send()
        };
        put(&subnet, vec![tag("team")]).await.unwrap();
        let found = peer
            .ec2
            .describe_subnets()
            .filters(filter("tag:team", &["v"]))
            .send();
        assert_eq!(
            found.await.unwrap().subnets()[0].subnet_id(),
            Some(subnet.as_str())
        );
        assert_eq!(
            code(put(&subnet, vec![tag("aws:x")]).await),
            "InvalidParameterValue"
        );
        let many = (0..51).map(|i| tag(&format!("k{i}"))).collect();
        assert_eq!(code(put(&subnet, many).await), "TagLimitExceeded");
        assert_eq!(
            code(put("subnet-0", vec![tag("a")]).await),
            "InvalidSubnetID.NotFound"
        );
    });
}
