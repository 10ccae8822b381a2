//! Gangs against a real cluster: one whose second call is refused, and more of them than limits leave room
//! for at once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use super::rig::{self, Rig};
use super::scene::{application, begin, each_instance_is_claimed, file, running, spark_pod, vcpus};
use crate::testbed::{eventually, tell};

/// Applications at once, and executors of each.
const APPLICATIONS: u32 = 50;
const EXECUTORS: u32 = 20;
/// vCPUs of ten applications' executors, of which each takes most of four.
const LIMIT: u64 = 10 * 20 * 4;
/// Pods that are created at once.
const AT_ONCE: usize = 16;

#[test]
fn a_gang_whose_second_call_is_refused_is_placed_elsewhere_whole_and_pays_twice_at_most() {
    let script = file(
        "second.yaml",
        "faults:\n- {action: CreateFleet, calls: [2], do: error, \
         code: InsufficientInstanceCapacity, status: 400}\n",
    );
    rig::run(&["--script", &script], async |rig| {
        begin(rig, "2s").await;
        application(rig, "a", 6).await;
        running(rig, 7).await;
        let zones: BTreeSet<String> = of_nodes(rig).await;
        assert_eq!(zones.len(), 1, "all of it in one zone: {zones:?}");
        let calls = rig.calls(&["CreateFleet"]);
        assert!(
            (3..=4).contains(&calls.len()),
            "what was given, what was refused, the same elsewhere and alone, and the rest: {calls:?}"
        );
        eventually("the first zone's nodes have left", async || {
            let alive = rig.alive();
            let mut elsewhere = alive.iter().filter_map(|one| one["zone"].as_str());
            elsewhere.all(|zone| zones.contains(zone)).then_some(())
        })
        .await;
        each_instance_is_claimed(rig).await;
    });
}

#[test]
fn fifty_applications_at_a_limit_of_ten_all_run_and_the_limit_holds_at_ec2() {
    rig::run(&[], async |rig| {
        begin(rig, "2s").await;
        let limits = json!({"limits": {"cpu": LIMIT.to_string()}});
        rig.patch_pool("executors", limits).await;
        create(rig).await;
        let all = usize::try_from(APPLICATIONS * (EXECUTORS + 1)).expect("it is small");
        let (mut most, mut waited) = (0, BTreeSet::new());
        // Longer than others: some waves of boots and ends, one after the other.
        for _ in 0..1500 {
            let alive = rig.alive();
            let spot = alive.iter().filter(|one| one["capacityType"] == "spot");
            let taken: u64 = spot.filter_map(|one| vcpus(one["type"].as_str()?)).sum();
            assert!(taken <= LIMIT, "{taken} vCPUs of {LIMIT}");
            most = taken.max(most);
            waited.extend(reasons(rig));
            if succeeded(rig).await == all {
                tell(&format!(
                    "at most {most} of {LIMIT} vCPUs; waited: {waited:?}"
                ));
                assert!(most * 2 > LIMIT, "the limit was used: {most}");
                assert!(waited.contains("limit-reached"), "{waited:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{} of {all} pods have ended", succeeded(rig).await);
    });
}

/// Zones of nodes with pods.
async fn of_nodes(rig: &Rig) -> BTreeSet<String> {
    let nodes = rig.nodes().await;
    let pods = rig.running().await;
    let names = pods
        .iter()
        .filter_map(|pod| pod.spec.as_ref()?.node_name.clone());
    let zone = |name: String| {
        let mut nodes = nodes.iter();
        let node = nodes.find(|node| node.metadata.name.as_ref() == Some(&name))?;
        let labels = node.metadata.labels.as_ref()?;
        labels.get("topology.kubernetes.io/zone").cloned()
    };
    names.filter_map(zone).collect()
}

/// All applications at once. Each pod ends two seconds after it runs, drivers after four.
async fn create(rig: &Rig) {
    let api = rig.pods();
    let apps = 0..APPLICATIONS;
    let pods = apps.flat_map(|app| (0..=EXECUTORS).map(move |number| pod(app, number)));
    let created =
        stream::iter(pods).map(async |pod| api.create(&PostParams::default(), &pod).await);
    let created: Result<Vec<Pod>, kube::Error> =
        created.buffer_unordered(AT_ONCE).try_collect().await;
    created.expect("pods are accepted");
}

/// The driver is number 0.
fn pod(app: u32, number: u32) -> Pod {
    let (role, cpu, memory, runs) = match number {
        0 => ("driver", "1", "3Gi", "4s"),
        _ => ("executor", "3400m", "13Gi", "2s"),
    };
    let mut pod = spark_pod(&format!("crowd-{app}"), role, number, (cpu, memory));
    pod["metadata"]["annotations"] = json!({"testbed.sparkwright.dev/run-for": runs});
    pod["spec"]["schedulingGates"] = json!([{"name": "sparkwright.dev/placement"}]);
    serde_json::from_value(pod).expect("it is a pod")
}

async fn succeeded(rig: &Rig) -> usize {
    let ended = ListParams::default().fields("status.phase=Succeeded");
    let pods = rig.pods().list(&ended).await;
    pods.map_or(0, |pods| pods.items.len())
}

/// Why pods wait, as the controller measures it.
fn reasons(rig: &Rig) -> BTreeSet<String> {
    let metrics = rig.metrics();
    let lines = metrics.lines();
    let waiting = lines.filter_map(|line| {
        let rest = line.strip_prefix("sparkwright_pods_waiting{reason=\"")?;
        let (reason, count) = rest.split_once("\"} ")?;
        (count != "0").then(|| reason.to_owned())
    });
    waiting.collect()
}
