//! The life of an application's nodes: pods wait, nodes come as they were planned, pods run, end, and the
//! nodes go after their time.

use std::collections::BTreeSet;

use kube::ResourceExt;
use kube::api::DeleteParams;

use super::rig;
use crate::testbed::eventually;

#[test]
fn pods_get_nodes_in_one_zone_and_empty_nodes_go_after_their_time() {
    rig::run(&[], async |rig| {
        rig.apply_class().await;
        rig.apply_pools("2s").await;
        rig.start();
        rig.create_pod("pi", "driver", 0, 4).await;
        for number in 1..=6 {
            rig.create_pod("pi", "executor", number, 13).await;
        }
        let running = eventually("all pods run", async || {
            let running = rig.running().await;
            (running.len() == 7).then_some(running)
        })
        .await;
        let nodes = rig.nodes().await;
        let label = |node: &str, key: &str| {
            let node = nodes
                .iter()
                .find(|one| one.name_any() == node)
                .expect("it is there");
            node.labels().get(key).cloned().unwrap_or_default()
        };
        let mut zones = BTreeSet::new();
        for pod in &running {
            let role = &pod.labels()["spark-role"];
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
            let node = node.expect("a pod that runs has a node");
            let wanted = if role == "driver" {
                "on-demand"
            } else {
                "spot"
            };
            assert_eq!(label(&node, "karpenter.sh/capacity-type"), wanted, "{role}");
            zones.insert(label(&node, "topology.kubernetes.io/zone"));
        }
        assert_eq!(zones.len(), 1, "one zone for an application: {zones:?}");
        let launches = rig.calls(&["CreateFleet"]);
        assert!(
            launches.iter().all(|call| call.status == 200),
            "{launches:?}"
        );
        assert_eq!(
            launches.len(),
            2,
            "one call for the driver, one for executors: {launches:?}"
        );
        let claims = rig.claims().await;
        assert_eq!(claims.len(), rig.alive().len());
        for pod in running {
            let gone = DeleteParams::default().grace_period(0);
            rig.pods()
                .delete(&pod.name_any(), &gone)
                .await
                .expect("it is there");
        }
        eventually("nodes, claims and instances are gone", async || {
            let left = rig.nodes().await.len() + rig.claims().await.len() + rig.alive().len();
            (left == 0).then_some(())
        })
        .await;
        let ended = rig.calls(&["TerminateInstances"]);
        assert!(ended.iter().all(|call| call.status == 200), "{ended:?}");
    });
}
