//! Notices of EC2 and who leads: one that came to a leader that is gone is acted on by the next, which never
//! had it.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::json;
use sparkwright::live::crash::VARIABLE;

use super::rig::{self, Rig};
use super::scene::{begin, file, running};
use crate::testbed::eventually;

#[test]
fn executors_are_moved_by_the_leader_after_the_one_that_had_the_notice() {
    // Two minutes of ours: in that time one leader goes and another comes.
    let world = file("patient.yaml", "interruptions: {rate: 0, notice: 40m}\n");
    rig::run(&["--world", &world], async |rig| {
        begin(rig, "1h").await;
        rig.create_pod("a", "driver", 0, 4).await;
        for number in 1..=2 {
            create_executor(rig, number).await;
        }
        running(rig, 3).await;
        rig.kill();
        // Another one leads, and dies once it has written what it was told.
        rig.set(VARIABLE, "after-answer");
        rig.start();
        let (executor, node) = executor(rig).await;
        rig.ask(
            "POST /_emulator/interruptions",
            &json!({"instances": [node]}).to_string(),
        );
        eventually("it dies", async || rig.has_ended().then_some(())).await;
        let claims = rig.claims().await;
        let statuses = claims.iter().filter_map(|claim| claim.status.as_ref());
        let ends: Vec<_> = statuses.filter(|status| status.ends_at.is_some()).collect();
        assert_eq!(ends.len(), 1, "one claim has an end: {claims:?}");
        assert_eq!(ends[0].instance_id.as_deref(), Some(node.as_str()));
        rig.unset(VARIABLE);
        rig.start();
        eventually("the executor is asked to go", async || {
            let pod = rig.pods().get_opt(&executor).await.ok()?;
            let leaves = pod.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some());
            leaves.then_some(())
        })
        .await;
        let alive = rig.alive();
        let lives = alive.iter().any(|one| one["id"] == node.as_str());
        assert!(lives, "it went while its instance still ran: {alive:?}");
    });
}

/// An executor that hands its work on when it is asked to go, as Spark's do with decommission on.
async fn create_executor(rig: &Rig, number: u32) {
    let pod = json!({
        "metadata": {
            "name": format!("a-executor-{number}"),
            "labels": {"spark-role": "executor", "spark-app-selector": "a", "spark-exec-id": number.to_string()},
        },
        "spec": {
            "schedulingGates": [{"name": "sparkwright.dev/placement"}],
            "containers": [{
                "name": "spark", "image": "spark",
                "lifecycle": {"preStop": {"exec": {"command": ["/opt/decom.sh"]}}},
                "resources": {"requests": {"cpu": "3400m", "memory": "13Gi"}},
            }],
        },
    });
    let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
    let created = rig.pods().create(&PostParams::default(), &pod).await;
    created.expect("a pod is accepted");
}

/// An executor that runs, and its node, which is named by its instance.
async fn executor(rig: &Rig) -> (String, String) {
    let pods = rig.running().await;
    let executor = pods
        .into_iter()
        .find(|pod| pod.labels().get("spark-role").map(String::as_str) == Some("executor"));
    let executor = executor.expect("executors run");
    let node = executor
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.clone());
    (executor.name_any(), node.expect("a pod that runs has one"))
}
