//! Applications that say what they will ask for: executors' nodes are asked for before any executor
//! exists, from a driver's own properties and from a SparkApplication.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::measure::{applications, declare, install_applications};
use super::rig::{self, Rig};
use crate::testbed::eventually;

/// What spark-submit leaves for a driver: eight executors, of which it can do without six.
const PROPERTIES: &str = "#Java properties built from Kubernetes config map\n\
    spark.master=k8s\\://https\\://10.0.0.1\\:443\n\
    spark.executor.instances=8\n\
    spark.dynamicAllocation.enabled=true\n\
    spark.dynamicAllocation.minExecutors=2\n\
    spark.kubernetes.executor.request.cores=3400m\n\
    spark.executor.cores=4\n\
    spark.executor.memory=13g\n\
    spark.executor.memoryOverhead=1g\n";
/// From a driver's pod until Spark has made its ConfigMap, on a busy machine.
const SUBMITTING: Duration = Duration::from_secs(3);

#[test]
fn nodes_for_executors_are_asked_for_by_the_drivers_properties_before_any_executor_exists() {
    rig::run(&[], async |rig| {
        begin(rig).await;
        submit(rig, "etl").await;
        nodes_of(rig, "drivers", "a node for the driver is asked for").await;
        tokio::time::sleep(SUBMITTING).await;
        assert_eq!(rig.calls(&["CreateFleet"]).len(), 1);
        configure(rig, "etl", PROPERTIES).await;
        nodes_of(rig, "executors", "nodes for executors are asked for").await;
        let executors = ListParams::default().labels("spark-role=executor");
        let there = rig.pods().list(&executors).await.expect("it answers");
        assert!(there.items.is_empty(), "{there:?}");
        for number in 1..=8 {
            executor(rig, "etl", number, json!({})).await;
        }
        eventually("all pods run", async || {
            (rig.running().await.len() == 9).then_some(())
        })
        .await;
        let calls = rig.calls(&["CreateFleet"]);
        assert_eq!(
            calls.len(),
            2,
            "one for the driver, one for executors: {calls:?}"
        );
        submit(rig, "bad").await;
        configure(rig, "bad", "spark.executor.memory=lots\n").await;
        let events: Api<Event> = Api::namespaced(rig.admin.clone(), "default");
        let told = eventually(
            "the driver is told that its properties are no use",
            async || {
                let events = events.list(&ListParams::default()).await.ok()?;
                let mut events = events.into_iter();
                events.find(|event| event.reason.as_deref() == Some("PropertiesNotRead"))
            },
        )
        .await;
        let note = told.note.unwrap_or_default();
        assert!(note.contains(r#""lots" is not a size"#), "{note}");
        assert_eq!(
            told.regarding
                .and_then(|regarding| regarding.name)
                .as_deref(),
            Some("bad-driver")
        );
        eventually("it runs all the same", async || {
            (rig.running().await.len() == 10).then_some(())
        })
        .await;
    });
}

#[test]
fn a_spark_application_gets_its_nodes_before_its_driver_exists() {
    rig::run(&[], async |rig| {
        install_applications(rig).await;
        begin(rig).await;
        declare(rig, "report", 4).await;
        nodes_of(rig, "drivers", "a node for the driver is asked for").await;
        nodes_of(rig, "executors", "nodes for executors are asked for").await;
        let pods = rig.pods().list(&ListParams::default()).await;
        assert!(pods.expect("it answers").items.is_empty());
        let named = json!({"sparkoperator.k8s.io/app-name": "report"});
        submit_as(rig, "report", named.clone(), ("3400m", "14643Mi")).await;
        // The properties say more than the object: the object counts.
        configure(rig, "report", PROPERTIES).await;
        for number in 1..=4 {
            executor(rig, "report", number, named.clone()).await;
        }
        eventually("all pods run", async || {
            (rig.running().await.len() == 5).then_some(())
        })
        .await;
        let calls = rig.calls(&["CreateFleet"]);
        assert_eq!(calls.len(), 2, "{calls:?}");
        let gone = DeleteParams::default();
        applications(rig)
            .delete("report", &gone)
            .await
            .expect("it is there");
    });
}

/// Pools and a controller that has found what they name.
async fn begin(rig: &mut Rig) {
    rig.apply_class().await;
    rig.apply_pools("10m").await;
    rig.start();
    eventually("the pools are ready", async || {
        let pool = rig.pool("executors").await;
        (pool["status"]["conditions"][0]["status"] == "True").then_some(())
    })
    .await;
}

async fn nodes_of(rig: &Rig, pool: &str, what: &str) {
    eventually(what, async || {
        let claims = rig.claims().await;
        let mut claims = claims.iter();
        claims
            .find(|claim| claim.spec.node_pool == pool)
            .map(|_| ())
    })
    .await;
}

async fn submit(rig: &Rig, app: &str) {
    submit_as(rig, app, json!({}), ("1", "1408Mi")).await;
}

/// A driver as spark-submit makes it, its ConfigMap to follow.
async fn submit_as(rig: &Rig, app: &str, labels: Value, requests: (&str, &str)) {
    let volume = json!({"name": "spark-conf-volume-driver", "configMap": {
        "name": format!("spark-drv-{app}-conf-map"), "optional": true,
    }});
    let name = format!("{app}-driver");
    let mut pod = pod(&name, "driver", app, labels, requests);
    pod["spec"]["volumes"] = json!([volume]);
    create(rig, pod).await;
}

async fn executor(rig: &Rig, app: &str, number: u32, labels: Value) {
    let memory = match app {
        "etl" => "14336Mi",
        _ => "14643Mi",
    };
    let name = format!("{app}-exec-{number}");
    let mut pod = pod(&name, "executor", app, labels, ("3400m", memory));
    pod["metadata"]["labels"]["spark-exec-id"] = json!(number.to_string());
    pod["metadata"]["labels"]["spark-exec-resourceprofile-id"] = json!("0");
    create(rig, pod).await;
}

fn pod(name: &str, role: &str, app: &str, labels: Value, (cpu, memory): (&str, &str)) -> Value {
    let mut labels = labels;
    labels["spark-role"] = json!(role);
    labels["spark-app-selector"] = json!(app);
    labels["spark-app-name"] = json!(app);
    labels["spark-version"] = json!("4.1.0");
    json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "schedulingGates": [{"name": "sparkwright.dev/placement"}],
            "containers": [{
                "name": format!("spark-kubernetes-{role}"), "image": "spark",
                "resources": {"requests": {"cpu": cpu, "memory": memory}},
            }],
        },
    })
}

async fn create(rig: &Rig, pod: Value) {
    let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
    eventually("a pod is accepted", async || {
        rig.pods().create(&PostParams::default(), &pod).await.ok()
    })
    .await;
}

/// The ConfigMap that Spark makes for a driver.
async fn configure(rig: &Rig, app: &str, properties: &str) {
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": format!("spark-drv-{app}-conf-map")},
        "data": {"spark.kubernetes.namespace": "default", "spark.properties": properties},
    }))
    .expect("it is a ConfigMap");
    let api: Api<ConfigMap> = Api::namespaced(rig.admin.clone(), "default");
    let created = api.create(&PostParams::default(), &map).await;
    assert!(created.expect("it is accepted").name_any().contains(app));
}
