//! What goes wrong outside: EC2 that stumbles, gives a part, has run dry, takes back; nodes that never
//! join; a leader that was paused; an API server that goes away. Each is got over without a person.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::ResourceExt;
use serde_json::{Value, json};

use super::rig::{self, Rig};
use super::scene::{application, begin, each_instance_is_claimed, file, running, vcpus};
use crate::testbed::eventually;

#[test]
fn lost_answers_and_throttled_calls_lose_and_double_nothing() {
    let script = file(
        "stumbles.yaml",
        "faults:\n\
         - {action: CreateFleet, calls: [1], do: lose-answer}\n\
         - {action: CreateFleet, calls: [3], do: error, code: RequestLimitExceeded, status: 503}\n\
         - {action: CreateLaunchTemplate, calls: [1], do: error, code: InternalError, status: 500}\n\
         - {action: DescribeInstances, percent: 30, do: error, code: Unavailable, status: 503}\n",
    );
    rig::run(&["--script", &script], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 4).await;
        running(rig, 5).await;
        each_instance_is_claimed(rig).await;
        let tokens: BTreeSet<String> = rig
            .calls(&["CreateFleet"])
            .into_iter()
            .filter_map(|call| call.parameters["ClientToken"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(tokens.len(), 2, "each request keeps its token: {tokens:?}");
    });
}

#[test]
fn a_zone_that_has_run_dry_is_left_at_once() {
    let world = file(
        "dry.yaml",
        "capacity:\n  droughts:\n\
         \x20 - {zone: us-east-1a, to: 100h}\n\
         \x20 - {zone: us-east-1b, to: 100h}\n\
         \x20 - {zone: us-east-1c, to: 100h}\n\
         \x20 - {zone: us-east-1d, to: 100h}\n",
    );
    rig::run(&["--world", &world], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 3).await;
        running(rig, 4).await;
        let zones: BTreeSet<String> = rig
            .alive()
            .iter()
            .filter_map(|one| one["zone"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(zones.len(), 1, "{zones:?}");
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn when_no_pool_has_capacity_it_is_asked_again_until_one_has() {
    let world = file("nothing.yaml", "capacity:\n  droughts:\n  - {to: 400s}\n");
    rig::run(&["--world", &world], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 1).await;
        eventually("EC2 was asked", async || {
            (!rig.calls(&["CreateFleet"]).is_empty()).then_some(())
        })
        .await;
        // A refusal is believed for three minutes of ours.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(55)).await;
        }
        running(rig, 2).await;
        let calls = rig.calls(&["CreateFleet"]).len();
        // Six zones, and in each the types in turn, a few to a call.
        assert!(calls <= 200, "{calls} calls for two nodes");
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn zones_without_addresses_are_not_asked() {
    let zones = ["a", "b", "c", "d", "e"]
        .map(|zone| format!("- {{zone: us-east-1{zone}, addresses: 3}}\n"));
    let world = file("addresses.yaml", &format!("subnets:\n{}", zones.concat()));
    rig::run(&["--world", &world], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 2).await;
        running(rig, 3).await;
        let alive = rig.alive();
        let mut zones = alive.iter().filter_map(|one| one["zone"].as_str());
        assert!(zones.all(|zone| zone == "us-east-1f"), "{alive:?}");
    });
}

#[test]
fn what_spot_does_not_give_comes_on_demand_once_patience_is_over() {
    let world = file(
        "part.yaml",
        "capacity:\n  droughts:\n  - {capacityType: spot, instances: 1, to: 100h}\n",
    );
    rig::run(&["--world", &world], async |rig| {
        begin(rig, "1h").await;
        rig.patch_pool(
            "executors",
            json!({"spot": {"roles": ["executor"], "fallbackToOnDemandAfter": "2s"}}),
        )
        .await;
        application(rig, "a", 6).await;
        running(rig, 7).await;
        let kinds: Vec<String> = rig
            .alive()
            .iter()
            .filter_map(|one| one["capacityType"].as_str().map(str::to_owned))
            .collect();
        let spot = kinds.iter().filter(|kind| *kind == "spot").count();
        assert!(spot <= 1 && kinds.len() > spot, "{kinds:?}");
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn an_interruption_cordons_the_node_and_its_replacement_comes_while_it_still_runs() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 2).await;
        running(rig, 3).await;
        let spot: Vec<String> = rig
            .alive()
            .iter()
            .filter(|one| one["capacityType"] == "spot")
            .filter_map(|one| one["id"].as_str().map(str::to_owned))
            .collect();
        let before = rig.alive().len();
        let first = json!({"instances": [spot[0]]}).to_string();
        rig.ask("POST /_emulator/interruptions", &first);
        eventually("a replacement is launched", async || {
            (rig.alive().len() > before).then_some(())
        })
        .await;
        let node = rig
            .nodes()
            .await
            .into_iter()
            .find(|node| node.name_any() == spot[0]);
        if let Some(node) = node {
            assert_eq!(node.spec.and_then(|spec| spec.unschedulable), Some(true));
        }
        eventually(
            "the claim of the instance that was taken back is gone",
            async || {
                let claims = rig.claims().await;
                let mut ids = claims
                    .iter()
                    .filter_map(|claim| claim.status.as_ref()?.instance_id.as_ref());
                ids.all(|id| *id != spot[0]).then_some(())
            },
        )
        .await;
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn a_queue_that_is_gone_stops_nothing_and_is_read_again_once_it_is_back() {
    let script = file(
        "queue.yaml",
        "faults:\n- {action: ReceiveMessage, to: 200s, do: error, code: QueueDoesNotExist, status: 400}\n",
    );
    rig::run(&["--script", &script], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 1).await;
        running(rig, 2).await;
        let spot = rig
            .alive()
            .into_iter()
            .find(|one| one["capacityType"] == "spot");
        let spot = spot.expect("executors are on spot")["id"].clone();
        eventually("the queue is back", async || {
            let read = rig.calls(&["ReceiveMessage"]);
            read.iter().any(|call| call.status == 200).then_some(())
        })
        .await;
        rig.ask(
            "POST /_emulator/interruptions",
            &json!({"instances": [spot]}).to_string(),
        );
        eventually("the node is cordoned, or gone already", async || {
            let nodes = rig.nodes().await;
            let node = nodes
                .iter()
                .find(|node| Some(node.name_any().as_str()) == spot.as_str());
            let open = node.is_some_and(|node| {
                node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true)
            });
            (!open).then_some(())
        })
        .await;
    });
}

#[test]
fn a_pool_whose_nodes_never_join_is_paused_before_it_spends_more() {
    let script = file("deaf.yaml", "neverJoinPercent: 100\n");
    rig::run(&["--script", &script], async |rig| {
        rig.set("SPARKWRIGHT_JOIN_LIMIT", "3s");
        begin(rig, "1h").await;
        application(rig, "a", 1).await;
        let says = async |rig: &Rig| {
            let pools = [rig.pool("drivers").await, rig.pool("executors").await];
            let conditions = pools
                .iter()
                .filter_map(|pool| pool["status"]["conditions"].as_array());
            let broken = |one: &Value| one["reason"] == "NodesDoNotJoin";
            conditions.flatten().any(broken)
        };
        eventually("a pool says that its nodes do not join", async || {
            says(rig).await.then_some(())
        })
        .await;
        eventually("nothing is left running", async || {
            rig.alive().is_empty().then_some(())
        })
        .await;
        let calls = rig.calls(&["CreateFleet"]).len();
        assert!(calls <= 12, "{calls} calls for two pools");
    });
}

#[test]
fn limits_hold_at_ec2_whatever_it_chooses() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        rig.patch_pool("executors", json!({"limits": {"cpu": "40"}}))
            .await;
        for number in 0..8 {
            application(rig, &format!("a-{number}"), 2).await;
        }
        eventually("some executors run", async || {
            (rig.running().await.len() > 4).then_some(())
        })
        .await;
        for _ in 0..20 {
            let executors = rig
                .alive()
                .into_iter()
                .filter(|one| one["capacityType"] == "spot");
            let vcpus: u64 = executors
                .filter_map(|one| vcpus(one["type"].as_str()?))
                .sum();
            assert!(vcpus <= 40, "{vcpus} vCPUs of 40");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn a_leader_that_was_paused_launches_nothing_when_it_wakes() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 2).await;
        running(rig, 3).await;
        rig.signal(0, "STOP");
        rig.start();
        application(rig, "b", 2).await;
        eventually("the other one leads and pods run", async || {
            (rig.running().await.len() == 6).then_some(())
        })
        .await;
        let calls = rig.calls(&["CreateFleet"]).len();
        rig.signal(0, "CONT");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(
            rig.calls(&["CreateFleet"]).len(),
            calls,
            "nobody launches again"
        );
        application(rig, "c", 2).await;
        running(rig, 9).await;
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn an_api_server_that_restarts_is_found_again() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        application(rig, "a", 2).await;
        running(rig, 3).await;
        rig.restart_api_server().await;
        application(rig, "b", 2).await;
        running(rig, 6).await;
        each_instance_is_claimed(rig).await;
    });
}
