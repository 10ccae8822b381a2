//! Karpenter serves the same cluster beside us: each of the two launches for its own pods and for no
//! other, and no pod is put on the other's nodes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Event, Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::karpenter::{Karpenter, NODEPOOL, POOL};
use super::rig::{self, Rig};
use crate::testbed::eventually;

const MANAGED: &str = "sparkwright.dev/managed";
/// Each is a driver and an executor.
const APPLICATIONS: u32 = 100;
/// Every so manieth is not held by our gate, and selects our nodes by itself.
const OBSERVED: u32 = 10;
/// Pods that are Karpenter's: so many before the applications, and so many among them.
const ORDINARY: u32 = 10;
/// Slow enough that Karpenter, which waits for a second without new pods, looks at ours while their nodes
/// boot.
const SPEED: &[&str] = &["--speed", "4"];

#[test]
fn karpenter_launches_nothing_for_our_pods_and_we_nothing_for_its_own() {
    rig::run(SPEED, async |rig| {
        rig.apply_class().await;
        rig.apply_pools("10m").await;
        rig.start();
        let mut karpenter = Karpenter::start(rig).await;
        for number in 0..ORDINARY {
            create(rig, &format!("early-{number}"), json!({})).await;
        }
        all_run(rig, ORDINARY).await;
        assert_eq!(
            rig.claims().await.len(),
            0,
            "pods without role are not ours"
        );
        for app in 0..APPLICATIONS {
            create_application(rig, app).await;
            if app < ORDINARY {
                // One that names no nodes may be put where there is room, on ours too: that is the scheduler's choice.
                create(
                    rig,
                    &format!("late-{app}"),
                    json!({"nodeSelector": {NODEPOOL: POOL}}),
                )
                .await;
            }
        }
        let pods = all_run(rig, 2 * APPLICATIONS + 2 * ORDINARY).await;
        karpenter.check();
        let bound = all_bound(rig).await;
        each_on_its_own_side(&bound, &rig.nodes().await);
        let launched = Karpenter::claims(rig).await;
        let theirs = bound.iter().filter(|pod| !is_ours(pod)).map(node_of);
        let theirs: BTreeSet<String> = theirs.collect();
        assert_eq!(
            launched.len(),
            theirs.len(),
            "Karpenter launched for its own pods alone"
        );
        it_looked_at_ours(rig, &pods).await;
        let refused = rig.calls(&["CreateFleet"]);
        assert!(refused.iter().all(|call| call.status == 200), "{refused:?}");
    });
}

/// Pods are on nodes of their own side, ours because they select them, and no node of Karpenter's is without.
fn each_on_its_own_side(pods: &[Pod], nodes: &[Node]) {
    let nodes: BTreeMap<String, &Node> = nodes.iter().map(|node| (node.name_any(), node)).collect();
    let theirs = (nodes.iter()).filter(|(_, node)| node.labels().contains_key(NODEPOOL));
    let mut idle: BTreeSet<&String> = theirs.map(|(name, _)| name).collect();
    for pod in pods {
        let (name, on) = (pod.name_any(), node_of(pod));
        let labels = nodes[&on].labels();
        let sides = (labels.contains_key(MANAGED), labels.contains_key(NODEPOOL));
        assert_eq!(sides, (is_ours(pod), !is_ours(pod)), "{name} is on {on}");
        let selected = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_selector.as_ref());
        let selects = selected.is_some_and(|selected| selected.contains_key(MANAGED));
        assert_eq!(selects, is_ours(pod), "{name} selects {selected:?}");
        idle.remove(&on);
    }
    assert!(idle.is_empty(), "launched for no pod: {idle:?}");
}

/// Karpenter says for which pods it launches, or knows a node that is there, and why it does neither. Where it had
/// looked at none of ours, this test would show nothing.
async fn it_looked_at_ours(rig: &Rig, pods: &[Pod]) {
    let events: Api<Event> = Api::namespaced(rig.admin.clone(), "default");
    let events = events.list(&ListParams::default()).await;
    let events = events.expect("they can be listed").items;
    let ours = pods.iter().filter(|pod| is_ours(pod));
    let ours: BTreeSet<String> = ours.map(Pod::name_any).collect();
    let said = |reason: &str, words: &str, of_ours: bool| {
        let said = events.iter().filter(|event| {
            let source = event.source.as_ref();
            let by = source.and_then(|source| source.component.as_deref());
            let message = event.message.as_deref().unwrap_or_default();
            let of = event.involved_object.name.as_ref();
            by == Some("karpenter")
                && event.reason.as_deref() == Some(reason)
                && message.contains(words)
                && of.is_some_and(|name| ours.contains(name)) == of_ours
        });
        said.count()
    };
    let launched = "nodeclaim/";
    assert_eq!(said("Nominated", launched, true), 0, "launched for ours");
    let theirs = said("Nominated", launched, false);
    assert!(theirs > 0, "launched for its own");
    let why = format!("\"{MANAGED}\"");
    let refused = said("FailedScheduling", &why, true);
    assert!(
        refused > 0,
        "looked at ours, and was kept off by their selector"
    );
}

async fn create_application(rig: &Rig, app: u32) {
    if !app.is_multiple_of(OBSERVED) {
        rig.create_pod(&format!("app-{app}"), "driver", 0, 4).await;
        rig.create_pod(&format!("app-{app}"), "executor", 1, 13)
            .await;
        return;
    }
    for role in ["driver", "executor"] {
        let purpose = json!([{"key": "sparkwright.dev/purpose", "operator": "Exists"}]);
        let spec = json!({"nodeSelector": {MANAGED: "true"}, "tolerations": purpose});
        let labels = json!({"spark-role": role, "spark-app-selector": format!("app-{app}")});
        create_with(rig, &format!("app-{app}-{role}"), labels, spec).await;
    }
}

async fn create(rig: &Rig, name: &str, spec: Value) {
    create_with(rig, name, json!({}), spec).await;
}

async fn create_with(rig: &Rig, name: &str, labels: Value, mut spec: Value) {
    let requests = json!({"cpu": "3400m", "memory": "4Gi"});
    spec["containers"] =
        json!([{"name": "main", "image": "any", "resources": {"requests": requests}}]);
    let pod = json!({"metadata": {"name": name, "labels": labels}, "spec": spec});
    let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
    eventually("a pod is accepted", async || {
        rig.pods().create(&PostParams::default(), &pod).await.ok()
    })
    .await;
}

async fn all_run(rig: &Rig, count: u32) -> Vec<Pod> {
    eventually(&format!("{count} pods run"), async || {
        let running = rig.running().await;
        (u32::try_from(running.len()) == Ok(count)).then_some(running)
    })
    .await
}

/// Pods of all namespaces that have nodes: our own controller's are Karpenter's too.
async fn all_bound(rig: &Rig) -> Vec<Pod> {
    let pods: Api<Pod> = Api::all(rig.admin.clone());
    let pods = pods.list(&ListParams::default()).await;
    let pods = pods.expect("they can be listed").items;
    let has_node = |pod: &Pod| {
        let spec = pod.spec.as_ref();
        spec.is_some_and(|spec| spec.node_name.is_some())
    };
    pods.into_iter().filter(has_node).collect()
}

fn is_ours(pod: &Pod) -> bool {
    pod.labels().contains_key("spark-role")
}

fn node_of(pod: &Pod) -> String {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    node.expect("a pod that runs has a node")
}
