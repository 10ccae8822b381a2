//! The emulator is EC2 enough for a stranger: Karpenter with its own AWS provider launches nodes on it and
//! takes them away.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::karpenter::{Karpenter, NODEPOOL, POOL};
use super::rig::{self, Rig};
use crate::testbed::eventually;

/// What it asks for and must be given, each time. It also asks whether templates are there that are not.
const SERVED: [&str; 9] = [
    "CreateFleet",
    "CreateLaunchTemplate",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeSpotPriceHistory",
    "DescribeSubnets",
    "GetProducts",
    "TerminateInstances",
];

#[test]
fn karpenters_own_aws_provider_launches_and_terminates_instances_of_the_emulator() {
    rig::run(&[], async |rig| {
        let mut karpenter = Karpenter::start_on_ec2(rig).await;
        for number in 0..3 {
            let pod = serde_json::from_value(json!({
                "metadata": {"name": format!("pod-{number}")},
                "spec": {"containers": [{"name": "main", "image": "any", "resources": {
                    "requests": {"cpu": "3400m", "memory": "13Gi"},
                }}]},
            }));
            let pod = pod.expect("it is a pod");
            eventually("a pod is accepted", async || {
                rig.pods().create(&PostParams::default(), &pod).await.ok()
            })
            .await;
        }
        let running = eventually("pods run on Karpenter's nodes", async || {
            karpenter.check();
            let running = rig.running().await;
            (running.len() == 3).then_some(running)
        })
        .await;
        let nodes: BTreeSet<String> = running.iter().map(node_of).collect();
        for node in rig.nodes().await {
            let pool = node.labels().get(NODEPOOL).map(String::as_str);
            assert_eq!(pool, Some(POOL), "{node:?}");
        }
        let alive = instances(rig);
        assert!(alive.is_superset(&nodes), "{alive:?} and {nodes:?}");
        for pod in running {
            let gone = DeleteParams::default().grace_period(0);
            let deleted = rig.pods().delete(&pod.name_any(), &gone).await;
            deleted.expect("it is there");
        }
        for claim in Karpenter::claims(rig).await {
            Karpenter::delete_claim(rig, &claim.name_any()).await;
        }
        // It launches again for pods that are not this test's, such as those of our Deployment.
        eventually("its instances are terminated", async || {
            instances(rig).is_disjoint(&nodes).then_some(())
        })
        .await;
        for action in SERVED {
            let asked = rig.calls(&[action]);
            let answered = asked.iter().filter(|call| call.status == 200).count();
            assert!(answered > 0 && answered == asked.len(), "{asked:?}");
        }
    });
}

/// Instances that are there, by id.
fn instances(rig: &Rig) -> BTreeSet<String> {
    let ids = rig.alive().into_iter().map(|one| one["id"].clone());
    ids.filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

/// The emulator's nodes are named as their instances.
fn node_of(pod: &Pod) -> String {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    node.expect("a pod that runs has a node")
}
