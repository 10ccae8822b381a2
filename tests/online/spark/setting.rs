//! What a test of Spark's takes: Spark itself, a cluster whose nodes run their pods as processes, and pools.

use serde_json::json;

use super::container::Machine;
use super::install;
use super::kubelet::Kubelet;
use crate::controller::rig::{self, Rig};
use crate::controller::scene::begin;
use crate::testbed::is_offline;

/// Nodes are not KWOK's.
const KUBELET: [&str; 2] = ["--kubelet", "other"];

/// Runs a test with Spark, on pools whose nodes for executors hold one of them and go five seconds after
/// it. `emulator` is what EC2 is told.
pub fn with_spark(emulator: &[&str], test: impl AsyncFnOnce(&mut Rig, &Machine, &Kubelet)) {
    if is_offline() {
        return;
    }
    let Some(spark) = install::spark() else {
        return;
    };
    let emulator = [&KUBELET[..], emulator].concat();
    rig::run(&emulator, async |rig| {
        let machine = Machine {
            spark,
            kubeconfig: rig.folder().join("admin.kubeconfig"),
            folder: rig.folder().join("spark"),
        };
        let kubelet = Kubelet::start(rig.admin.clone(), machine.clone());
        begin(rig, "5s").await;
        let small = json!([
            {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
            {"key": "karpenter.k8s.aws/instance-cpu", "operator": "In", "values": ["4"]},
        ]);
        rig.patch_pool(
            "executors",
            json!({"template": {"spec": {"requirements": small}}}),
        )
        .await;
        test(rig, &machine, &kubelet).await;
    });
}
