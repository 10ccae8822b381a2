//! Observe mode against a real scheduler: pods without gates go where they like, and what comes about otherwise
//! than it should is told on a pod and counted.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::rig::{self, Rig};
use super::scene::{begin, running};
use crate::testbed::eventually;

const ZONE: &str = "topology.kubernetes.io/zone";

#[test]
fn an_application_in_two_zones_and_a_gang_that_is_split_are_told() {
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        create(rig, "a", "driver", 0, json!({})).await;
        running(rig, 1).await;
        let zone = zones(rig).await.remove(0);
        let elsewhere = match zone.as_str() {
            "us-east-1a" => "us-east-1b",
            _ => "us-east-1a",
        };
        // Another's executor leaves an empty node there, onto which the scheduler puts one of the first's.
        let there = json!({ ZONE: elsewhere });
        create(rig, "b", "executor", 1, there.clone()).await;
        running(rig, 2).await;
        let gone = DeleteParams::default().grace_period(0);
        let deleted = rig.pods().delete("b-executor-1", &gone).await;
        deleted.expect("it was there");
        create(rig, "a", "executor", 1, there).await;
        running(rig, 2).await;
        told(rig, "SeveralZones", "a-executor-1", "several-zones").await;

        rig.patch_pool("executors", json!({"limits": {"cpu": "1"}}))
            .await;
        create(rig, "c", "driver", 0, json!({})).await;
        running(rig, 3).await;
        create(rig, "c", "executor", 1, json!({})).await;
        told(rig, "GangSplit", "c-executor-1", "gang-split").await;
    });
}

/// A pod without a gate, as Spark makes it where no webhook is.
async fn create(rig: &Rig, app: &str, role: &str, number: u32, selector: Value) {
    let pod = json!({
        "metadata": {
            "name": format!("{app}-{role}-{number}"),
            "labels": {"spark-role": role, "spark-app-selector": app},
        },
        "spec": {
            "nodeSelector": selector,
            "containers": [{"name": "spark", "image": "spark", "resources": {
                "requests": {"cpu": "3400m", "memory": "13Gi"},
            }}],
        },
    });
    let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
    eventually("a pod is accepted", async || {
        rig.pods().create(&PostParams::default(), &pod).await.ok()
    })
    .await;
}

async fn zones(rig: &Rig) -> Vec<String> {
    let nodes = rig.nodes().await;
    let zones = nodes.iter().filter_map(|node| node.labels().get(ZONE));
    zones.cloned().collect()
}

/// It is told by an event on the pod, which says what would help, and counted once.
async fn told(rig: &Rig, reason: &str, pod: &str, code: &str) {
    let events: Api<Event> = Api::namespaced(rig.admin.clone(), "default");
    let event = eventually(&format!("an event {reason} on {pod}"), async || {
        let events = events.list(&ListParams::default()).await.ok()?;
        let mut events = events.into_iter();
        events.find(|event| event.reason.as_deref() == Some(reason))
    })
    .await;
    let regarding = event.regarding.and_then(|regarding| regarding.name);
    assert_eq!(regarding.as_deref(), Some(pod));
    let note = event.note.unwrap_or_default();
    assert!(note.contains("sparkwright.dev/placement"), "{note}");
    let counted = format!("sparkwright_breaches_total{{kind=\"{code}\"}} 1");
    let metrics = rig.metrics();
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}
