//! The controller dies at every point between an effect and its record, and another takes over: no
//! instance is leaked, none is doubled, and all pods are placed.

use std::collections::BTreeSet;

use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use sparkwright::live::crash::{POINTS, VARIABLE};
use sparkwright::model::nodeclaim::NodeClaim;

use super::rig::{self, Rig};
use crate::testbed::eventually;

/// Executors of the application that is started for each point.
const EXECUTORS: u32 = 3;

#[test]
fn a_controller_that_dies_while_nodes_come_leaks_none_and_doubles_none() {
    rig::run(&[], async |rig| {
        rig.apply_class().await;
        rig.apply_pools("1h").await;
        let mut before = BTreeSet::new();
        for point in &POINTS[..8] {
            // All pods are there before it looks: in parts they could be planned for two zones.
            start_application(rig, point).await;
            rig.set(VARIABLE, point);
            rig.start();
            eventually(&format!("it dies {point}"), async || {
                rig.has_ended().then_some(())
            })
            .await;
            rig.unset(VARIABLE);
            rig.start();
            eventually(&format!("all pods run after it died {point}"), async || {
                let wanted = usize::try_from(EXECUTORS + 1).ok()?;
                (rig.running().await.len() == wanted).then_some(())
            })
            .await;
            let once =
                format!("each pod has one node, and each instance a claim, after it died {point}");
            eventually(&once, async || {
                let claimed = instances(rig).await;
                let alive = rig.alive();
                let single = alive.len() <= usize::try_from(EXECUTORS + 1).ok()?;
                let mut alive = alive.iter().filter_map(|one| one["id"].as_str());
                (single && alive.all(|id| claimed.contains(id))).then_some(())
            })
            .await;
            let all = rig.instances().into_iter();
            let all = all.filter_map(|one| one["id"].as_str().map(str::to_owned));
            let new: Vec<String> = all.filter(|id| before.insert(id.clone())).collect();
            assert!(
                new.len() <= usize::try_from(EXECUTORS + 1).expect("it fits"),
                "launched in all, where it died {point}: {new:?}"
            );
            clear(rig).await;
            rig.kill();
        }
    });
}

#[test]
fn a_controller_that_dies_while_nodes_go_leaves_none_behind() {
    rig::run(&[], async |rig| {
        rig.apply_class().await;
        rig.apply_pools("1h").await;
        for point in &POINTS[8..] {
            rig.start();
            start_application(rig, point).await;
            eventually(&format!("pods run before it dies {point}"), async || {
                let wanted = usize::try_from(EXECUTORS + 1).ok()?;
                (rig.running().await.len() == wanted).then_some(())
            })
            .await;
            rig.kill();
            rig.set(VARIABLE, point);
            rig.start();
            delete_everything(rig).await;
            eventually(&format!("it dies {point}"), async || {
                rig.has_ended().then_some(())
            })
            .await;
            rig.unset(VARIABLE);
            rig.start();
            clear(rig).await;
            rig.kill();
        }
    });
}

async fn start_application(rig: &Rig, name: &str) {
    rig.create_pod(name, "driver", 0, 4).await;
    for number in 1..=EXECUTORS {
        rig.create_pod(name, "executor", number, 13).await;
    }
}

/// Instances that claims say they have.
async fn instances(rig: &Rig) -> BTreeSet<String> {
    let claims = rig.claims().await.into_iter();
    claims
        .filter_map(|claim| claim.status?.instance_id)
        .collect()
}

/// Pods end, and somebody deletes all claims.
async fn delete_everything(rig: &Rig) {
    let gone = DeleteParams::default().grace_period(0);
    let listed = rig
        .pods()
        .list(&ListParams::default())
        .await
        .expect("pods are listed");
    for pod in listed.items {
        // It may have ended by itself.
        let _ = rig.pods().delete(&pod.name_any(), &gone).await;
    }
    let claims: Api<NodeClaim> = Api::all(rig.admin.clone());
    for claim in rig.claims().await {
        let _ = claims
            .delete(&claim.name_any(), &DeleteParams::default())
            .await;
    }
}

/// Everything goes, and nothing is left.
async fn clear(rig: &Rig) {
    eventually("nodes, claims and instances are gone", async || {
        delete_everything(rig).await;
        let left = rig.nodes().await.len() + rig.claims().await.len() + rig.alive().len();
        (left == 0).then_some(())
    })
    .await;
}
