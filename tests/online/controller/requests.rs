//! Room that is asked for by ProvisioningRequests before pods are let go, as Kueue asks for it: nodes come
//! before any pod, what became of it is written where Kueue reads it, and pods that come take those nodes.

use k8s_openapi::api::core::v1::{Pod, PodTemplate};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::rig::{self, Rig};
use super::scene::{begin, running};
use crate::testbed::eventually;

#[test]
fn nodes_of_a_provisioning_request_are_there_before_its_pods_and_are_theirs() {
    rig::run(&[], async |rig| {
        install(rig).await;
        begin(rig, "1h").await;
        create_template(rig, "driver", "1").await;
        create_template(rig, "executor", "3400m").await;
        create_template(rig, "giant", "4000").await;
        request(rig, "etl", &[("driver", 1), ("executor", 3)]).await;
        let (is, reason) = condition(rig, "etl", "Accepted").await;
        assert_eq!((is.as_str(), reason.as_str()), ("True", "Accepted"));
        said(rig, "etl", "Provisioned", "True", "Provisioned").await;
        let pods = rig.pods().list(&ListParams::default()).await;
        assert!(
            pods.expect("it answers").items.is_empty(),
            "nobody came yet"
        );
        let calls = rig.calls(&["CreateFleet"]).len();
        assert!(
            (2..=3).contains(&calls),
            "{calls}, for a driver and executors"
        );

        create_pod(rig, "driver", 0, "1").await;
        for number in 1..=3 {
            create_pod(rig, "executor", number, "3400m").await;
        }
        running(rig, 4).await;
        assert_eq!(
            rig.calls(&["CreateFleet"]).len(),
            calls,
            "each slot counts once"
        );

        request(rig, "giant", &[("giant", 1)]).await;
        said(rig, "giant", "Failed", "True", "NoOffering").await;
        request(rig, "early", &[("late", 1)]).await;
        said(rig, "early", "Provisioned", "False", "PodTemplateMissing").await;
        create_template(rig, "late", "1").await;
        said(rig, "early", "Provisioned", "True", "Provisioned").await;
        let all = requests(rig).list(&ListParams::default()).await;
        let all = all.expect("it answers");
        let of_others = all
            .iter()
            .find(|one| one.metadata.name.as_deref() == Some("of-others"));
        let of_others = of_others.expect("it was made");
        assert!(of_others.data.get("status").is_none(), "it is for others");
    });
}

/// The kind, as far as it is needed, and a request that is for others to serve.
async fn install(rig: &Rig) {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": open, "status": open}});
    let crd = json!({
        "metadata": {
            "name": "provisioningrequests.autoscaling.x-k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test's own"},
        },
        "spec": {
            "group": "autoscaling.x-k8s.io", "scope": "Namespaced",
            "names": {
                "kind": "ProvisioningRequest", "plural": "provisioningrequests",
                "singular": "provisioningrequest",
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema},
            }],
        },
    });
    let crd: CustomResourceDefinition = serde_json::from_value(crd).expect("it is a definition");
    let api: Api<CustomResourceDefinition> = Api::all(rig.admin.clone());
    let created = api.create(&PostParams::default(), &crd).await;
    created.expect("it is accepted");
    eventually("requests are served", async || {
        requests(rig).list(&ListParams::default()).await.ok()
    })
    .await;
    let class = "check-capacity.autoscaling.x-k8s.io";
    create_request(rig, "of-others", class, &[("executor", 9)]).await;
}

fn requests(rig: &Rig) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("autoscaling.x-k8s.io", "v1", "ProvisioningRequest");
    let resource = ApiResource::from_gvk_with_plural(&kind, "provisioningrequests");
    Api::namespaced_with(rig.admin.clone(), "default", &resource)
}

async fn request(rig: &Rig, name: &str, sets: &[(&str, u32)]) {
    create_request(rig, name, "atomic.sparkwright.dev", sets).await;
}

async fn create_request(rig: &Rig, name: &str, class: &str, sets: &[(&str, u32)]) {
    let sets = sets
        .iter()
        .map(|(template, count)| json!({"podTemplateRef": {"name": template}, "count": count}));
    let object = json!({
        "apiVersion": "autoscaling.x-k8s.io/v1", "kind": "ProvisioningRequest",
        "metadata": {"name": name},
        "spec": {"provisioningClassName": class, "podSets": sets.collect::<Vec<_>>()},
    });
    let object: DynamicObject = serde_json::from_value(object).expect("it is an object");
    let created = requests(rig).create(&PostParams::default(), &object).await;
    created.expect("a request is accepted");
}

/// A template as Kueue makes it of a SparkApplication's pods: without Spark's labels.
async fn create_template(rig: &Rig, name: &str, cpu: &str) {
    let role = if name == "driver" {
        "driver"
    } else {
        "executor"
    };
    let container = json!({
        "name": format!("spark-kubernetes-{role}"), "image": "spark",
        "resources": {"requests": {"cpu": cpu, "memory": "4Gi"}},
    });
    let object = json!({
        "metadata": {"name": name}, "template": {"spec": {"containers": [container]}},
    });
    let object: PodTemplate = serde_json::from_value(object).expect("it is a template");
    let api: Api<PodTemplate> = Api::namespaced(rig.admin.clone(), "default");
    let created = api.create(&PostParams::default(), &object).await;
    created.expect("a template is accepted");
}

/// A pod that has been let go for the request `etl`.
async fn create_pod(rig: &Rig, role: &str, number: u32, cpu: &str) {
    let pod = json!({
        "metadata": {
            "name": format!("etl-{role}-{number}"),
            "labels": {"spark-role": role, "spark-app-selector": "spark-etl"},
            "annotations": {"autoscaling.x-k8s.io/consume-provisioning-request": "etl"},
        },
        "spec": {
            "schedulingGates": [{"name": "sparkwright.dev/placement"}],
            "containers": [{
                "name": format!("spark-kubernetes-{role}"), "image": "spark",
                "resources": {"requests": {"cpu": cpu, "memory": "4Gi"}},
            }],
        },
    });
    let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
    eventually("a pod is accepted", async || {
        rig.pods().create(&PostParams::default(), &pod).await.ok()
    })
    .await;
}

/// A condition of a request, once it has one: its status and reason.
async fn condition(rig: &Rig, name: &str, kind: &str) -> (String, String) {
    eventually(&format!("{name} says whether it is {kind}"), async || {
        conditions(rig, name)
            .await
            .into_iter()
            .find(|one| one.0 == kind)
    })
    .await
    .1
}

async fn said(rig: &Rig, name: &str, kind: &str, is: &str, reason: &str) {
    eventually(&format!("{name} says {kind} {is} {reason}"), async || {
        let all = conditions(rig, name).await;
        let wanted = (is.to_owned(), reason.to_owned());
        all.contains(&(kind.to_owned(), wanted)).then_some(())
    })
    .await;
}

async fn conditions(rig: &Rig, name: &str) -> Vec<(String, (String, String))> {
    let object = requests(rig).get(name).await.expect("it is there");
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let all = object.data["status"]["conditions"].as_array().cloned();
    let all = all.unwrap_or_default();
    all.iter()
        .map(|one| {
            (
                text(one, "type"),
                (text(one, "status"), text(one, "reason")),
            )
        })
        .collect()
}
