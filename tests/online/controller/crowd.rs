//! Fifty applications of twenty executors where limits leave room for ten, given to Karpenter and to us, each alone
//! on a control plane of its own. An application works only when all of its executors run together, and
//! its pods go then. It measures and judges nothing, so it runs only when it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::json;

use super::karpenter::Karpenter;
use super::rig::{self, Rig};
use super::scene::{begin, spark_pod};
use crate::testbed::{eventually, tell};

/// Set to anything.
const ASKED: &str = "SPARKWRIGHT_SIDE_BY_SIDE";
const APPLICATIONS: u32 = 50;
const EXECUTORS: u32 = 20;
/// vCPUs of ten applications: a node of four for each pod, as large ones hold as many for their cores.
const LIMIT: u32 = 10 * (EXECUTORS + 1) * 4;
/// Pods that are created or deleted at once.
const AT_ONCE: usize = 16;
/// How long it is looked on.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn a_crowd_beside_karpenter() {
    if std::env::var_os(ASKED).is_none() {
        tell(&format!(
            "a crowd is not measured beside Karpenter: set {ASKED}"
        ));
        return;
    }
    // Karpenter has no gate: drivers start as they can, and their executors are asked for then.
    rig::run(&[], async |rig| {
        let karpenter = Karpenter::start(rig).await;
        Karpenter::limit(rig, LIMIT).await;
        create(rig, (0..APPLICATIONS).map(|app| pod(app, 0, false))).await;
        eventually("the drivers run, or all that can", async || {
            let running = u32::try_from(rig.running().await.len()).ok()?;
            (running == APPLICATIONS).then_some(())
        })
        .await;
        let numbers = 1..=EXECUTORS;
        let pods = numbers.flat_map(|number| (0..APPLICATIONS).map(move |app| (app, number)));
        create(rig, pods.map(|(app, number)| pod(app, number, false))).await;
        look_on(rig, "Karpenter").await;
        drop(karpenter);
    });
    rig::run(&[], async |rig| {
        begin(rig, "2s").await;
        for (pool, pods) in [("drivers", 1), ("executors", EXECUTORS)] {
            let limit = LIMIT / (EXECUTORS + 1) * pods;
            let limits = json!({"limits": {"cpu": limit.to_string()}});
            rig.patch_pool(pool, limits).await;
        }
        let apps = 0..APPLICATIONS;
        let pods = apps.flat_map(|app| (0..=EXECUTORS).map(move |number| (app, number)));
        create(rig, pods.map(|(app, number)| pod(app, number, true))).await;
        look_on(rig, "Sparkwright").await;
    });
}

/// Ends applications that run whole, and tells what came of all of them.
async fn look_on(rig: &Rig, who: &str) {
    let began = Instant::now();
    let (mut ended, mut most_partial, mut zones) = (BTreeSet::new(), 0, BTreeSet::new());
    let mut most_nodes = 0;
    let mut last = BTreeMap::new();
    while began.elapsed() < PATIENCE && ended.len() < usize::try_from(APPLICATIONS).unwrap_or(0) {
        last = running(rig, &ended).await;
        let whole = usize::try_from(EXECUTORS + 1).unwrap_or(usize::MAX);
        let done: Vec<String> = last
            .iter()
            .filter(|(_, pods)| **pods == whole)
            .map(|(app, _)| app.clone())
            .collect();
        most_partial = most_partial.max(last.len() - done.len());
        for app in done {
            end(rig, &app).await;
            ended.insert(app);
        }
        let nodes = rig.nodes().await;
        most_nodes = most_nodes.max(nodes.len());
        let zone = |node: &k8s_openapi::api::core::v1::Node| {
            node.labels().get("topology.kubernetes.io/zone").cloned()
        };
        zones.extend(nodes.iter().filter_map(zone));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let alone = last
        .iter()
        .filter(|(app, pods)| **pods == 1 && !ended.contains(*app));
    tell(&format!(
        "{who}: {} of {APPLICATIONS} applications finished in {:.0} s; at most {most_partial} ran in part; \
         {} drivers were left without executors; at most {most_nodes} nodes, in {} zones",
        ended.len(),
        began.elapsed().as_secs_f64(),
        alone.count(),
        zones.len(),
    ));
}

/// Pods that run, by application.
async fn running(rig: &Rig, ended: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut apps = BTreeMap::new();
    for pod in rig.running().await {
        let app = pod.labels().get("spark-app-selector").cloned();
        if let Some(app) = app.filter(|app| !ended.contains(app)) {
            *apps.entry(app).or_default() += 1;
        }
    }
    apps
}

async fn end(rig: &Rig, app: &str) {
    let of_app = ListParams::default().labels(&format!("spark-app-selector={app}"));
    let gone = DeleteParams::default().grace_period(0);
    let deleted = rig.pods().delete_collection(&gone, &of_app).await;
    deleted.unwrap_or_else(|error| panic!("end {app}: {error}"));
}

async fn create(rig: &Rig, pods: impl Iterator<Item = Pod>) {
    let api = rig.pods();
    let created =
        stream::iter(pods).map(async |pod| api.create(&PostParams::default(), &pod).await);
    let created: Vec<Result<Pod, kube::Error>> = created.buffer_unordered(AT_ONCE).collect().await;
    for answer in created {
        answer.expect("pods are accepted");
    }
}

/// The driver is number 0.
fn pod(app: u32, number: u32, gated: bool) -> Pod {
    let (role, capacity_type) = match number {
        0 => ("driver", "on-demand"),
        _ => ("executor", "spot"),
    };
    let gates = match gated {
        true => json!([{"name": "sparkwright.dev/placement"}]),
        false => json!([]),
    };
    let mut pod = spark_pod(&format!("crowd-{app}"), role, number, ("3400m", "13Gi"));
    pod["spec"]["schedulingGates"] = gates;
    pod["spec"]["nodeSelector"] = json!({"karpenter.sh/capacity-type": capacity_type});
    serde_json::from_value(pod).expect("it is a pod")
}
