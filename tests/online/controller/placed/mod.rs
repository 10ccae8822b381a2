//! Placed mode: pods that Spark creates plainly get gate and toleration from the webhook or the policy, and
//! nothing that goes wrong with either, or with the controller, keeps a pod from running.

mod freed;
mod measure;
mod policy;
mod rotation;
mod webhook;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;

use super::rig::Rig;
use super::scene::spark_pod;
use crate::testbed::{eventually, ports};

const GATE: &str = "sparkwright.dev/placement";

/// Controllers that start from here on serve the webhook, at this port of loopback.
fn serve_webhook(rig: &mut Rig) -> u16 {
    let [port] = ports::free().expect("a port is free");
    rig.set("SPARKWRIGHT_WEBHOOK_LISTEN", &format!("127.0.0.1:{port}"));
    rig.set("SPARKWRIGHT_WEBHOOK_NAMES", "127.0.0.1");
    port
}

fn configurations(rig: &Rig) -> Api<MutatingWebhookConfiguration> {
    Api::all(rig.admin.clone())
}

/// Has the API server call the webhook here.
async fn call_webhook(rig: &Rig, port: u16) {
    let client = json!({"url": format!("https://127.0.0.1:{port}/mutate")});
    let webhooks = json!([{"name": "pods.sparkwright.dev", "clientConfig": client}]);
    let patch = Patch::Strategic(json!({ "webhooks": webhooks }));
    let api = configurations(rig);
    let patched = api
        .patch("sparkwright", &PatchParams::default(), &patch)
        .await;
    patched.expect("it ships");
}

/// A pod as Spark makes it.
fn plain(app: &str, role: &str, number: u32) -> Value {
    spark_pod(app, role, number, ("3400m", "13Gi"))
}

/// Creates a pod, and says what became of it on its way in.
async fn create(rig: &Rig, pod: Value) -> Pod {
    created(rig, &pod, &PostParams::default()).await
}

/// What would become of a pod on its way in.
async fn tried(rig: &Rig, pod: Value) -> Pod {
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    created(rig, &pod, &dry_run).await
}

async fn created(rig: &Rig, pod: &Value, how: &PostParams) -> Pod {
    let pod: Pod = serde_json::from_value(pod.clone()).expect("it is a pod");
    let pods = rig.pods();
    // The namespace's service account comes a moment after the namespace.
    eventually("a pod is accepted", async || {
        pods.create(how, &pod).await.ok()
    })
    .await
}

fn is_gated(pod: &Pod) -> bool {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref());
    gates.is_some_and(|gates| gates.iter().any(|gate| gate.name == GATE))
}

fn tolerates_drivers_nodes(pod: &Pod) -> bool {
    let held = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_ref());
    let mut held = held.into_iter().flatten();
    held.any(|one| one.key.as_deref() == Some("sparkwright.dev/purpose"))
}

/// Waits until the webhook, or the policy, adds gates.
async fn until_placed(rig: &Rig) {
    eventually("pods get gates", async || {
        is_gated(&tried(rig, plain("probe", "driver", 0)).await).then_some(())
    })
    .await;
}

/// Waits until it adds none.
async fn until_observed(rig: &Rig) {
    eventually("pods get no gates", async || {
        (!is_gated(&tried(rig, plain("probe", "driver", 0)).await)).then_some(())
    })
    .await;
}

/// Names of pods that our gate holds.
async fn gated(rig: &Rig) -> Vec<String> {
    let pods = rig.pods().list(&ListParams::default()).await;
    let pods = pods.map(|pods| pods.items).unwrap_or_default();
    let held = pods.iter().filter(|pod| is_gated(pod));
    held.map(ResourceExt::name_any).collect()
}

/// Pools that hold nothing: their pods wait.
async fn close_pools(rig: &Rig) {
    for pool in ["drivers", "executors"] {
        rig.patch_pool(pool, json!({"limits": {"cpu": "1"}})).await;
    }
}
