//! Lives of a real application: nodes come while its driver boots and go when it has ended; an instance dies
//! under it; a node of its is drained.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use sparkwright::model::nodeclaim::NodeClaim;

use super::application::{
    Application, EXECUTORS, GATED, driver, executors, node_of, phase, within,
};
use super::setting::with_spark;
use crate::controller::rig::Rig;
use crate::testbed::tell;

/// Seconds of EC2 in a second: a boot of 40 s takes two.
const SPEED: u64 = 20;
const EC2: &[&str] = &["--speed", "20"];
/// The longest from an instance's end until Spark has asked for another executor, on a machine with other work; a quiet
/// one takes a second. Without help it is 20 s to a minute, and a counted failure.
const REPLACED: Duration = Duration::from_secs(10);

#[test]
fn nodes_come_while_the_driver_boots_and_go_when_the_application_has_ended() {
    with_spark(EC2, async |rig, machine, _| {
        let application = Application::submit(rig, machine, "straight", GATED).await;
        let pods = within("driver and executors run", async || {
            let mut pods = executors(rig).await;
            pods.extend(driver(rig).await);
            let run = pods.iter().filter(|pod| phase(pod) == "Running").count();
            (run == EXECUTORS + 1).then_some(pods)
        })
        .await;
        let (asked, began) = (spot_asked(rig), driver_began(&pods));
        tell(&format!(
            "nodes for executors asked for {} ms before the driver ran",
            began - asked
        ));
        assert!(
            asked < began,
            "executors' nodes are asked for while the driver's boots"
        );
        each_where_it_belongs(rig, &pods).await;
        let log = application.succeeds(rig).await;
        assert_eq!(log.failed_tasks(), Vec::<&str>::new());
        within("nodes, claims and instances are gone", async || {
            let left = rig.nodes().await.len() + rig.claims().await.len() + rig.alive().len();
            (left == 0).then_some(())
        })
        .await;
    });
}

#[test]
fn an_instance_that_dies_is_replaced_at_once_and_is_no_failure() {
    with_spark(EC2, async |rig, machine, kubelet| {
        let application = Application::submit(rig, machine, "work", GATED).await;
        application.ready().await;
        let old = executors(rig).await;
        let victim = node_of(&old[0]).expect("an executor that works has a node");
        kubelet.kill(&victim);
        let body = json!({"instances": [victim]}).to_string();
        let done: Value =
            serde_json::from_str(&rig.ask("POST /_emulator/failures", &body)).expect("it is JSON");
        assert_eq!(done["done"][0], victim.as_str(), "{done}");
        let died = Instant::now();
        let known: BTreeSet<String> = old.iter().map(ResourceExt::name_any).collect();
        within("Spark asks for another executor", async || {
            let pods = executors(rig).await;
            pods.iter()
                .any(|pod| !known.contains(&pod.name_any()))
                .then_some(())
        })
        .await;
        let took = died.elapsed();
        tell(&format!(
            "instance dead → Spark asks for another executor: {} ms",
            took.as_millis()
        ));
        within("the new executor runs", async || {
            let pods = executors(rig).await;
            let new = pods.iter().find(|pod| !known.contains(&pod.name_any()))?;
            (phase(new) == "Running").then_some(())
        })
        .await;
        application.go();
        let log = application.succeeds(rig).await;
        let driver = driver(rig)
            .await
            .expect("it stays until somebody deletes it");
        let said = application.log_of(&driver);
        assert!(!said.contains("new failed executors"), "{said}");
        assert!(took <= REPLACED, "{took:?}; {:?}", log.removed());
    });
}

#[test]
fn what_an_executor_has_shuffled_survives_the_drain_of_its_node() {
    with_spark(EC2, async |rig, machine, _| {
        let application = Application::submit(rig, machine, "wait", GATED).await;
        application.ready().await;
        let old = executors(rig).await;
        let leaving = node_of(&old[0]).expect("an executor that works has a node");
        delete_claim(rig, &leaving).await;
        within("the executor has left and another is there", async || {
            let pods = executors(rig).await;
            let left = pods.iter().all(|pod| pod.uid() != old[0].uid());
            let run = pods.iter().filter(|pod| phase(pod) == "Running").count();
            (left && run == EXECUTORS).then_some(())
        })
        .await;
        within("its node is gone", async || {
            let nodes = rig.nodes().await;
            nodes
                .iter()
                .all(|node| node.name_any() != leaving)
                .then_some(())
        })
        .await;
        application.go();
        let log = application.succeeds(rig).await;
        assert_eq!(
            log.failed_tasks(),
            Vec::<&str>::new(),
            "{:?}",
            log.removed()
        );
        let stages = log.stages();
        assert_eq!(
            stages[..2],
            [(2, 0), (1, 1)],
            "the shuffle was written once: {:?}",
            log.removed()
        );
    });
}

/// When EC2 was first asked for spot instances, in milliseconds since 1970.
fn spot_asked(rig: &Rig) -> i64 {
    let calls = rig.calls(&["CreateFleet"]);
    let spot = calls
        .iter()
        .filter(|call| call.parameters.to_string().contains("\"spot\""));
    let asked = spot.map(|call| call.at).min();
    let asked = asked.expect("executors have nodes");
    let clock: Value =
        serde_json::from_str(&rig.ask("GET /_emulator/clock", "")).expect("it is JSON");
    let ago = clock["millis"].as_u64().expect("it tells the time") - asked;
    Timestamp::now().as_millisecond() - i64::try_from(ago / SPEED).expect("it was today")
}

/// When the driver began to run, by its kubelet, in milliseconds since 1970 and whole seconds.
fn driver_began(pods: &[Pod]) -> i64 {
    let driver = pods
        .iter()
        .find(|pod| pod.labels()["spark-role"] == "driver");
    let status = driver.and_then(|driver| driver.status.as_ref());
    let container = status.and_then(|status| status.container_statuses.as_ref()?.first());
    let running = container.and_then(|one| one.state.as_ref()?.running.as_ref());
    let began = running.and_then(|running| running.started_at.as_ref());
    began
        .expect("a container that runs has begun")
        .0
        .as_millisecond()
}

/// The driver is on-demand and executors are on spot, all in one zone.
async fn each_where_it_belongs(rig: &Rig, pods: &[Pod]) {
    let nodes = rig.nodes().await;
    let mut zones = BTreeSet::new();
    for pod in pods {
        let on = node_of(pod).expect("a pod that runs has a node");
        let node = nodes.iter().find(|node| node.name_any() == on);
        let labels = node.expect("it is there").labels();
        let wanted = match pod.labels()["spark-role"].as_str() {
            "driver" => "on-demand",
            _ => "spot",
        };
        assert_eq!(
            labels["karpenter.sh/capacity-type"],
            wanted,
            "{}",
            pod.name_any()
        );
        zones.insert(labels["topology.kubernetes.io/zone"].clone());
    }
    assert_eq!(zones.len(), 1, "{zones:?}");
}

async fn delete_claim(rig: &Rig, node: &str) {
    let claims = rig.claims().await;
    let of_node = claims.iter().find(|claim| {
        let status = claim.status.as_ref();
        status.and_then(|status| status.instance_id.as_deref()) == Some(node)
    });
    let name = of_node.expect("every instance is claimed").name_any();
    let api: Api<NodeClaim> = Api::all(rig.admin.clone());
    api.delete(&name, &DeleteParams::default())
        .await
        .expect("it is there");
}
