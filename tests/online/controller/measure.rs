//! Figures of the controller, for docs/benchmarks.md. They say something on a quiet machine only, so they
//! are taken where they are asked for, and nothing fails for being slow.

use std::time::{Duration, SystemTime};

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::rig::{self, Rig};
use super::scene::{begin, file};
use crate::testbed::eventually;

/// Set to anything: figures are taken.
const MEASURE: &str = "SPARKWRIGHT_MEASURE";
/// Applications that declare themselves, one after the other, before the emulated subnets are full, and
/// executors of each.
const DECLARED: u32 = 12;
const EXECUTORS: u32 = 1000;
/// Pods whose memory is measured.
const PODS: u32 = 10_000;

#[test]
fn from_a_declared_shape_to_create_fleet() {
    if std::env::var_os(MEASURE).is_none() {
        return eprintln!("skipped: {MEASURE} is not set, and this only takes figures");
    }
    // Nodes that never join cost the control plane nothing.
    let script = file("never.yaml", "neverJoinPercent: 100\n");
    rig::run(&["--script", &script, "--speed", "1"], async |rig| {
        rig.set("SPARKWRIGHT_STRAY_GRACE", "1h");
        install_applications(rig).await;
        begin(rig, "1h").await;
        eventually("the pools are ready", async || {
            let pool = rig.pool("executors").await;
            (pool["status"]["conditions"][0]["status"] == "True").then_some(())
        })
        .await;
        let mut totals = Vec::new();
        for number in 0..DECLARED {
            let before = rig.calls(&["CreateFleet"]).len();
            let name = format!("declared-{number}");
            let asked = millis();
            declare(rig, &name, EXECUTORS).await;
            eventually("its launches are on the wire", async || {
                let calls = rig.calls(&["CreateFleet"]);
                (calls.len() > before).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let calls = rig.calls(&["CreateFleet"]);
            let begun = rig.began_millis();
            let last = calls[before..].iter().map(|call| begun + call.at).max();
            totals.push(last.unwrap_or(0).saturating_sub(asked));
        }
        totals.sort_unstable();
        let at = |share: usize| totals[(totals.len() - 1) * share / 100];
        eprintln!(
            "SparkApplication of {EXECUTORS} executors created → its last CreateFleet on the wire, {} samples: \
             p50 {} ms, p99 {} ms",
            totals.len(),
            at(50),
            at(99)
        );
        let told = rig.metrics();
        told.lines()
            .filter(|line| {
                line.starts_with("sparkwright_watch_to_create_fleet")
                    || line.starts_with("sparkwright_plan_seconds")
            })
            .for_each(|line| eprintln!("{line}"));
    });
}

#[test]
fn memory_at_ten_thousand_pods() {
    if std::env::var_os(MEASURE).is_none() {
        return eprintln!("skipped: {MEASURE} is not set, and this only takes figures");
    }
    rig::run(&[], async |rig| {
        begin(rig, "1h").await;
        rig.patch_pool("executors", json!({"limits": {"cpu": "4"}}))
            .await;
        rig.patch_pool("drivers", json!({"limits": {"cpu": "4"}}))
            .await;
        let numbers: Vec<u32> = (0..PODS).collect();
        let rig: &Rig = rig;
        let create = |number: u32| async move {
            let app = format!("app-{}", number / 100);
            rig.create_pod(&app, "executor", number, 13).await;
        };
        futures::stream::iter(numbers.into_iter().map(create))
            .buffer_unordered(32)
            .collect::<Vec<()>>()
            .await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        eprintln!("{PODS} pods that wait: {}", rig.memory());
        let told = rig.metrics();
        told.lines()
            .filter(|line| {
                line.starts_with("sparkwright_plan_seconds") || line.starts_with("sparkwright_pods")
            })
            .for_each(|line| eprintln!("{line}"));
    });
}

fn millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("it is after 1970").as_millis()).expect("it fits")
}

/// The operator's kind, as open as can be.
pub async fn install_applications(rig: &Rig) {
    let crd = json!({
        "metadata": {
            "name": "sparkapplications.sparkoperator.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test's own"},
        },
        "spec": {
            "group": "sparkoperator.k8s.io", "scope": "Namespaced",
            "names": {"kind": "SparkApplication", "plural": "sparkapplications", "singular": "sparkapplication"},
            "versions": [{
                "name": "v1beta2", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    let crd: CustomResourceDefinition = serde_json::from_value(crd).expect("it is a definition");
    let api: Api<CustomResourceDefinition> = Api::all(rig.admin.clone());
    api.create(&PostParams::default(), &crd)
        .await
        .expect("it is accepted");
    eventually("applications are served", async || {
        applications(rig).list(&Default::default()).await.ok()
    })
    .await;
}

pub fn applications(rig: &Rig) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("sparkoperator.k8s.io", "v1beta2", "SparkApplication");
    let resource = ApiResource::from_gvk_with_plural(&kind, "sparkapplications");
    Api::namespaced_with(rig.admin.clone(), "default", &resource)
}

pub async fn declare(rig: &Rig, name: &str, executors: u32) {
    let side = |instances: Option<u32>| {
        let mut side = json!({"cores": 4, "coreRequest": "3400m", "memory": "13g"});
        if let Some(instances) = instances {
            side["instances"] = Value::from(instances);
        }
        side
    };
    let object = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": "Scala", "mode": "cluster", "image": "spark", "sparkVersion": "3.5.7",
            "mainApplicationFile": "local:///app.jar",
            "driver": side(None), "executor": side(Some(executors)),
        },
    });
    let object: DynamicObject = serde_json::from_value(object).expect("it is an object");
    let created = applications(rig)
        .create(&PostParams::default(), &object)
        .await;
    created.expect("it is accepted");
}
