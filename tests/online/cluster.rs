//! The test bed itself: a pod waits for a node, runs when one comes, and ends; the programs end with who
//! started them, however that ended.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::testbed::{self, Bed, ControlPlane, eventually};

/// Set in the process that is killed.
const HOLD: &str = "SPARKWRIGHT_TESTBED_HOLD";

#[test]
fn a_pod_waits_for_a_node_runs_on_it_and_ends() {
    testbed::run(async |Bed { admin, .. }| {
        let created = PostParams::default();
        let namespaces: Api<Namespace> = Api::all(admin.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": "one-pod"}})).unwrap();
        namespaces.create(&created, &namespace).await.unwrap();
        let pods: Api<Pod> = Api::namespaced(admin.clone(), "one-pod");
        eventually("a pod is accepted", async || {
            pods.create(&created, &pod()).await.ok()
        })
        .await;
        eventually("the pod is unschedulable", async || {
            let conditions = pods.get("a").await.ok()?.status?.conditions?;
            let reason = conditions
                .into_iter()
                .find(|c| c.type_ == "PodScheduled")?
                .reason?;
            (reason == "Unschedulable").then_some(())
        })
        .await;
        let nodes: Api<Node> = Api::all(admin.clone());
        nodes.create(&created, &node()).await.unwrap();
        let ended = eventually("the pod ends", async || {
            let status = pods.get("a").await.ok()?.status?;
            (status.phase.as_deref() == Some("Succeeded")).then_some(status)
        })
        .await;
        let containers = ended.container_statuses.unwrap();
        let last = containers[0].state.clone().unwrap().terminated.unwrap();
        assert_eq!(
            (last.exit_code, last.reason.as_deref()),
            (0, Some("Completed"))
        );
        nodes
            .delete("one-pod-node", &DeleteParams::default())
            .await
            .unwrap();
    });
}

#[test]
fn a_control_plane_that_is_dropped_leaves_no_process_and_no_folder() {
    if testbed::is_offline() {
        return;
    }
    let plane = ControlPlane::start().unwrap();
    let (programs, folder) = (plane.programs(), plane.folder().to_owned());
    assert_eq!(programs.len(), 5);
    assert!(programs.iter().all(|(_, id)| lives(*id)), "{programs:?}");
    drop(plane);
    assert!(!programs.iter().any(|(_, id)| lives(*id)), "{programs:?}");
    assert!(!folder.exists());
}

#[test]
fn a_control_plane_whose_test_is_killed_leaves_no_process_and_no_folder() {
    if testbed::is_offline() {
        return;
    }
    if std::env::var_os(HOLD).is_some() {
        let plane = ControlPlane::start().unwrap();
        let ids: Vec<String> = plane
            .programs()
            .iter()
            .map(|(_, id)| id.to_string())
            .collect();
        println!("holding {} {}", plane.folder().display(), ids.join(" "));
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let name = "cluster::a_control_plane_whose_test_is_killed_leaves_no_process_and_no_folder";
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let held = lines.find_map(|line| {
        let line = line.expect("its output is text");
        line.split_once("holding ").map(|(_, held)| held.to_owned())
    });
    let held = held.expect("it says what it holds");
    let mut words = held.split(' ');
    let folder = Path::new(words.next().unwrap()).to_owned();
    let ids: Vec<u32> = words.map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| lives(*id)) && folder.is_dir());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    while ids.iter().any(|id| lives(*id)) || folder.exists() {
        assert!(killed.elapsed() < Duration::from_secs(30), "{held}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// True for a process that runs; a zombie does not.
fn lives(id: u32) -> bool {
    let asked = Command::new("ps")
        .args(["-o", "stat=", "-p", &id.to_string()])
        .output()
        .expect("ps runs");
    let state = String::from_utf8(asked.stdout).expect("ps speaks ASCII");
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn pod() -> Pod {
    let spec = json!({
        "nodeSelector": {"one-pod": "yes"},
        "containers": [{"name": "a", "image": "a", "resources": {"requests": {"cpu": "2"}}}],
    });
    let annotations = json!({"testbed.sparkwright.dev/run-for": "200ms"});
    let pod = json!({"metadata": {"name": "a", "annotations": annotations}, "spec": spec});
    serde_json::from_value(pod).expect("it is a pod")
}

fn node() -> Node {
    let room = json!({"cpu": "4", "memory": "8Gi", "pods": "10"});
    let node = json!({
        "metadata": {
            "name": "one-pod-node",
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"one-pod": "yes", "kubernetes.io/hostname": "one-pod-node"},
        },
        "status": {"allocatable": room, "capacity": room},
    });
    serde_json::from_value(node).expect("it is a node")
}
