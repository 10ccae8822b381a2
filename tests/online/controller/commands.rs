//! The commands beside the controller, on a real cluster: a plan that changes nothing, a preflight, and
//! why a pod waits.

use serde_json::{Value, json};

use super::rig;
use super::scene::{application, begin};
use crate::testbed::eventually;

#[test]
fn a_plan_for_a_cluster_as_it_is_changes_nothing() {
    rig::run(&[], async |rig| {
        rig.apply_class().await;
        rig.apply_pools("1h").await;
        application(rig, "a", 3).await;
        let (done, said) = rig.command(&["plan", "--from-cluster", "-o", "json"]);
        assert!(done, "{said}");
        let plan: Value = serde_json::from_str(&said).expect("it is JSON");
        let nodes = plan["nodes"].as_array().expect("it has nodes");
        let of = |pool: &str| nodes.iter().filter(|node| node["pool"] == pool).count();
        assert!(of("drivers") == 1 && of("executors") >= 1, "{said}");
        assert!(rig.calls(&["CreateFleet"]).is_empty() && rig.claims().await.is_empty());
        let (done, said) = rig.command(&["preflight"]);
        assert!(done && said.contains("ok      NodeClass default"), "{said}");
    });
}

#[test]
fn the_leader_says_why_a_pod_waits() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        rig.patch_pool("executors", json!({"limits": {"cpu": "4"}}))
            .await;
        application(rig, "a", 3).await;
        let address = rig.address();
        let said = eventually("the leader knows of the limit", async || {
            let asked = [
                "explain",
                "pod",
                "default/a-executor-1",
                "--address",
                &address,
            ];
            let (done, said) = rig.command(&asked);
            (done && said.contains("limit")).then_some(said)
        })
        .await;
        assert!(said.contains("executors"), "{said}");
        eventually("it says that it is alive and ready", async || {
            (rig.health() == ["ok", "ok"]).then_some(())
        })
        .await;
    });
}
