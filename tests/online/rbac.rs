//! What the controller's service account may do, asked of the API server's own authoriser: each thing it
//! needs with the reason, nothing that is not on this list, and none of what would be dangerous.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::testbed::{self, Bed, eventually, install};

/// Group, resource, verbs, and why.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

const READ: &[&str] = &["get", "list", "watch"];

/// Cluster-wide.
const NEEDED: [Row; 22] = [
    ("sparkwright.dev", "nodepools", READ, "which nodes to buy"),
    (
        "sparkwright.dev",
        "nodeclasses",
        READ,
        "what nodes are made of",
    ),
    (
        "sparkwright.dev",
        "nodeclaims",
        READ,
        "what it owns, after a restart too",
    ),
    (
        "sparkwright.dev",
        "nodeclaims",
        &["create", "patch", "delete"],
        "one for each node; finalizers",
    ),
    (
        "sparkwright.dev",
        "nodepools/status",
        &["patch"],
        "conditions and sums",
    ),
    (
        "sparkwright.dev",
        "nodeclasses/status",
        &["patch"],
        "what selectors name",
    ),
    (
        "sparkwright.dev",
        "nodeclaims/status",
        &["patch"],
        "EC2's answer",
    ),
    ("", "pods", READ, "who asks for room"),
    (
        "",
        "pods",
        &["patch", "delete"],
        "gates lifted; pods of nodes that are gone",
    ),
    (
        "",
        "pods/eviction",
        &["create"],
        "drains that honour budgets",
    ),
    (
        "",
        "pods/status",
        &["patch"],
        "executors of an instance that is gone have failed, and Spark asks for others",
    ),
    ("", "nodes", READ, "what room there is"),
    (
        "",
        "nodes",
        &["patch", "delete"],
        "registration and cordons; nodes without instance",
    ),
    ("", "namespaces", READ, "namespace selectors of affinity"),
    ("", "persistentvolumeclaims", READ, "zones of claims"),
    ("", "persistentvolumes", READ, "zones of volumes"),
    (
        "",
        "configmaps",
        &["get"],
        "a driver's Spark configuration, by the name in its pod",
    ),
    (
        "",
        "podtemplates",
        READ,
        "what the pods of a ProvisioningRequest will be like",
    ),
    (
        "apps",
        "daemonsets",
        READ,
        "what each new node will carry besides",
    ),
    (
        "policy",
        "poddisruptionbudgets",
        READ,
        "whom not to disturb",
    ),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        READ,
        "who goes before whom",
    ),
    (
        "events.k8s.io",
        "events",
        &["create", "patch"],
        "reasons, where people look for them",
    ),
];

/// Cluster-wide, of kinds that other projects and storage drivers bring.
const NEEDED_OF_OTHERS: [Row; 11] = [
    (
        "storage.k8s.io",
        "storageclasses",
        READ,
        "zones of claims not yet bound",
    ),
    (
        "storage.k8s.io",
        "csinodes",
        READ,
        "how many volumes a node takes",
    ),
    (
        "storage.k8s.io",
        "volumeattachments",
        READ,
        "whether a node that goes still has volumes",
    ),
    (
        "sparkoperator.k8s.io",
        "sparkapplications",
        READ,
        "shapes before the pods exist",
    ),
    (
        "sparkoperator.k8s.io",
        "scheduledsparkapplications",
        READ,
        "shapes of runs to come",
    ),
    (
        "spark.apache.org",
        "sparkapplications",
        READ,
        "shapes before the pods exist",
    ),
    (
        "scheduling.volcano.sh",
        "podgroups",
        READ,
        "how many pods start together",
    ),
    (
        "scheduling.x-k8s.io",
        "podgroups",
        READ,
        "how many pods start together",
    ),
    (
        "scheduling.k8s.io",
        "podgroups",
        READ,
        "how many pods start together",
    ),
    (
        "autoscaling.x-k8s.io",
        "provisioningrequests",
        READ,
        "room that is asked for before pods are let go",
    ),
    (
        "autoscaling.x-k8s.io",
        "provisioningrequests/status",
        &["patch"],
        "whether that room is there: Kueue waits for it",
    ),
];

/// Cluster-wide, one object by its name.
const NEEDED_BY_NAME: [Row; 1] = [(
    "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations",
    &["get", "patch"],
    "whom the API server trusts when it calls the webhook",
)];

/// What it may not do anywhere.
const REFUSED: [(&str, &str, &[&str]); 17] = [
    ("", "secrets", READ),
    (
        "",
        "configmaps",
        &["list", "watch", "create", "update", "patch", "delete"],
    ),
    ("", "pods", &["create", "update", "deletecollection"]),
    ("", "pods/exec", &["create", "get"]),
    ("", "pods/log", &["get"]),
    ("", "pods/ephemeralcontainers", &["patch", "update"]),
    ("", "pods/binding", &["create"]),
    ("", "nodes", &["create", "update", "deletecollection"]),
    ("", "nodes/proxy", &["get", "create"]),
    ("", "serviceaccounts/token", &["create"]),
    ("", "persistentvolumes", &["create", "patch", "delete"]),
    ("apps", "deployments", &["create", "patch", "delete"]),
    (
        "rbac.authorization.k8s.io",
        "clusterroles",
        &["get", "create", "patch", "bind", "escalate"],
    ),
    (
        "sparkwright.dev",
        "nodepools",
        &["create", "update", "patch", "delete"],
    ),
    (
        "sparkwright.dev",
        "nodeclasses",
        &["create", "update", "patch", "delete"],
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        &["get", "create", "patch"],
    ),
    (
        "coordination.k8s.io",
        "leases",
        &["get", "create", "update"],
    ),
];

#[test]
fn the_controller_may_do_what_it_needs() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        for (group, resource, verbs, why) in needed() {
            for verb in verbs {
                assert!(
                    allowed(&admin, None, (group, resource, verb, "")).await,
                    "it may not {verb} {resource} {group}: {why}"
                );
            }
        }
        for (group, resource, verbs, why) in NEEDED_BY_NAME {
            for verb in verbs {
                for (name, expected) in [("sparkwright", true), ("another", false)] {
                    let asked = (group, resource, *verb, name);
                    let asked = allowed(&admin, None, asked).await;
                    assert_eq!(asked, expected, "{verb} {resource} {name}: {why}");
                }
            }
        }
        let own = Some("sparkwright");
        for (verb, name, expected) in [
            ("get", "sparkwright-webhook", true),
            ("update", "sparkwright-webhook", true),
            ("delete", "sparkwright-webhook", false),
            ("get", "another", false),
            ("list", "", false),
            ("create", "", false),
        ] {
            let asked = allowed(&admin, own, ("", "secrets", verb, name)).await;
            assert_eq!(asked, expected, "{verb} secret {name}");
        }
        let lease = |verb, name| ("coordination.k8s.io", "leases", verb, name);
        for (verb, name, expected) in [
            ("create", "", true),
            ("get", "sparkwright", true),
            ("update", "sparkwright", true),
            ("patch", "sparkwright", true),
            ("get", "another", false),
            ("delete", "sparkwright", false),
        ] {
            assert_eq!(
                allowed(&admin, own, lease(verb, name)).await,
                expected,
                "{verb} {name}"
            );
        }
    });
}

#[test]
fn the_controller_may_do_nothing_dangerous() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        for (group, resource, verbs) in REFUSED {
            for verb in verbs {
                for namespace in [None, Some("kube-system")] {
                    let asked = allowed(&admin, namespace, (group, resource, verb, "")).await;
                    assert!(!asked, "it may {verb} {resource} {group} in {namespace:?}");
                }
            }
        }
    });
}

#[test]
fn the_role_grants_nothing_that_is_not_needed() {
    let listed: BTreeSet<(String, String, String)> = needed()
        .chain(NEEDED_BY_NAME)
        .flat_map(|(group, resource, verbs, _)| {
            let row =
                move |verb: &&str| (group.to_owned(), resource.to_owned(), (*verb).to_owned());
            verbs.iter().map(row)
        })
        .collect();
    let granted = granted();
    assert_eq!(granted, listed);
    assert!(
        !granted
            .iter()
            .any(|(group, resource, verb)| [group, resource, verb].iter().any(|w| w.contains('*')))
    );
}

#[test]
fn its_own_token_reads_pods_and_no_secrets() {
    testbed::run(async |Bed { admin, plane }| {
        install::deploy(&admin).await;
        let controller = plane.client(&install::controllers_token(&admin).await);
        let pods: Api<Pod> = Api::all(controller.clone());
        pods.list(&ListParams::default()).await.unwrap();
        let secrets: Api<Secret> = Api::all(controller.clone());
        let refused = secrets
            .list(&ListParams::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("forbidden"), "{refused}");
        let stranger = plane.client("no-such-token");
        let pods: Api<Pod> = Api::all(stranger);
        assert!(pods.list(&ListParams::default()).await.is_err());
    });
}

#[test]
fn its_pods_keep_to_the_strictest_pod_standard() {
    testbed::run(async |Bed { admin, .. }| {
        install::deploy(&admin).await;
        let pods: Api<Pod> = Api::namespaced(admin.clone(), "sparkwright");
        let deployments: Api<Deployment> = Api::namespaced(admin.clone(), "sparkwright");
        let both = ListParams::default().labels("app.kubernetes.io/name=sparkwright");
        eventually("both replicas are admitted", async || {
            let status = deployments.get("sparkwright").await.ok()?.status?;
            let failed = status
                .conditions
                .unwrap_or_default()
                .into_iter()
                .find(|c| c.type_ == "ReplicaFailure");
            assert!(failed.is_none(), "{failed:?}");
            (pods.list(&both).await.ok()?.items.len() == 2).then_some(())
        })
        .await;
    });
}

fn needed() -> impl Iterator<Item = Row> {
    NEEDED.into_iter().chain(NEEDED_OF_OTHERS)
}

/// What the ClusterRole that ships grants.
fn granted() -> BTreeSet<(String, String, String)> {
    let documents = install::documents();
    let role = documents
        .iter()
        .find(|document| document["kind"] == "ClusterRole");
    let mut granted = BTreeSet::new();
    for rule in role.expect("it ships")["rules"]
        .as_array()
        .expect("it has rules")
    {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                let verbs = texts(&rule["verbs"]).into_iter();
                granted.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    granted
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().expect("it is a list").iter();
    texts
        .map(|text| text.as_str().expect("it is a list of texts").to_owned())
        .collect()
}

/// Asks the API server whether the controller may; group, resource with subresource, verb and name.
async fn allowed(
    admin: &Client,
    namespace: Option<&str>,
    (group, resource, verb, name): (&str, &str, &str, &str),
) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let asked = json!({"spec": {
        "user": "system:serviceaccount:sparkwright:sparkwright",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:sparkwright", "system:authenticated"],
        "resourceAttributes": {
            "group": group, "resource": resource, "subresource": subresource, "verb": verb,
            "namespace": namespace.unwrap_or_default(), "name": name,
        },
    }});
    let reviews: Api<SubjectAccessReview> = Api::all(admin.clone());
    let review = serde_json::from_value(asked).expect("it is a review");
    let answer = reviews
        .create(&PostParams::default(), &review)
        .await
        .expect("a review is answered");
    answer.status.expect("the answer says").allowed
}
