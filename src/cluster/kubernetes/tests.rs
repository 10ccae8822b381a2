//! Objects as JSON against the facts that they must become, and against the refusals of what no API
//! server would take.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::model::node::{TaintEffect, Toleration};
use crate::model::requirement::{Condition, Requirement};
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::{GATE, NotUnderstood, Pod, PodPhase, Role};
use crate::model::time::Timestamp;

#[test]
fn a_pod_counts_by_its_node_its_gates_and_its_end() {
    let our_gate = json!([{"name": GATE}]);
    let owner = |kind: &str| json!([{"apiVersion": "v1", "kind": kind, "name": "o", "uid": "u"}]);
    let deleted = "2026-01-01T00:00:00Z";
    for (patch, expected) in [
        (json!({}), Some(PodPhase::Pending)),
        (
            json!({"status": {"phase": "Unknown"}}),
            Some(PodPhase::Pending),
        ),
        (
            json!({"spec": {"schedulingGates": our_gate}}),
            Some(PodPhase::Gated),
        ),
        (
            json!({"spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}}),
            None,
        ),
        (
            json!({"spec": {"schedulingGates": [{"name": GATE}, {"name": "other.io/x"}]}}),
            None,
        ),
        (json!({"metadata": {"deletionTimestamp": deleted}}), None),
        (json!({"status": {"phase": "Succeeded"}}), None),
        (
            json!({"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}),
            None,
        ),
        (json!({"spec": {"nodeName": "n"}}), bound()),
        (
            json!({"spec": {"nodeName": "n"}, "metadata": {"deletionTimestamp": deleted}}),
            bound(),
        ),
        (
            json!({"metadata": {"ownerReferences": owner("DaemonSet")}}),
            None,
        ),
        (
            json!({"metadata": {"ownerReferences": owner("Node")}}),
            None,
        ),
        (
            json!({"metadata": {"ownerReferences": owner("Pod")}}),
            Some(PodPhase::Pending),
        ),
        (
            json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}),
            None,
        ),
    ] {
        let found = read_pod(patch.clone()).unwrap().map(|pod| pod.phase);
        assert_eq!(found, expected, "{patch}");
    }
}

#[test]
fn a_bound_daemon_takes_room_and_its_constraints_matter_no_more() {
    let pod = read_pod(json!({
        "metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "o", "uid": "u"}]},
        "spec": {"nodeName": "n", "schedulerName": "another"},
    }));
    let template = pod.unwrap().unwrap().template;
    assert!(template.daemon);
    assert_eq!(template.not_understood, []);
}

#[test]
fn a_template_holds_identity_labels_and_priority() {
    let pod = read_pod(json!({
        "metadata": {
            "namespace": null,
            "creationTimestamp": "1970-01-01T00:00:01.5Z",
            "labels": {
                "spark-role": "executor", "spark-app-selector": "spark-1", "spark-exec-id": "7",
            },
        },
        "spec": {"priority": 5},
    }));
    let pod = pod.unwrap().unwrap();
    assert_eq!(pod.id.as_str(), "default/x");
    assert_eq!(pod.created, Timestamp::from_millis(1500));
    assert_eq!(pod.template.role, Role::Executor);
    assert_eq!(
        pod.template.app.as_ref().unwrap().as_str(),
        "default/spark-1"
    );
    assert_eq!(pod.template.priority, 5);
    assert!(!pod.template.labels.contains_key("spark-exec-id"));
    let system = read_pod(json!({"spec": {"priorityClassName": "system-node-critical"}}));
    assert_eq!(system.unwrap().unwrap().template.priority, 2_000_001_000);
}

#[test]
fn requests_are_counted_as_the_scheduler_counts_them() {
    let asks = |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
    let sidecar = |cpu: &str| json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
    for (spec, millis) in [
        (json!({"containers": [asks("1"), asks("500m")]}), 1500),
        (
            json!({"containers": [asks("1")], "initContainers": [asks("3")]}),
            3000,
        ),
        (
            json!({"containers": [asks("1")], "initContainers": [sidecar("3")]}),
            4000,
        ),
        // The init container runs beside the sidecar that was started before it.
        (
            json!({"containers": [asks("1")], "initContainers": [sidecar("1"), asks("4")]}),
            5000,
        ),
        (
            json!({"containers": [asks("1")], "initContainers": [asks("4"), sidecar("1")]}),
            4000,
        ),
        (
            json!({"containers": [asks("1")], "overhead": {"cpu": "250m"}}),
            1250,
        ),
        (
            json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]}),
            2000,
        ),
        (
            json!({"containers": [asks("1")], "resources": {"requests": {"cpu": "6"}}}),
            6000,
        ),
        (
            json!({"containers": [asks("1")], "resources": {"limits": {"cpu": "6"}}}),
            1000,
        ),
        (
            json!({"containers": [{"name": "c"}], "resources": {"limits": {"cpu": "6"}}}),
            6000,
        ),
        (json!({"containers": [{"name": "c"}]}), 0),
    ] {
        let pod = read_pod(json!({"spec": spec.clone()})).unwrap().unwrap();
        assert_eq!(
            pod.template.requests.cpu,
            Cpu::from_millis(millis),
            "{spec}"
        );
        assert_eq!(pod.template.requests.pods, 1, "{spec}");
    }
}

#[test]
fn every_resource_of_a_container_is_counted() {
    let pod = read_pod(json!({"spec": {"containers": [{"name": "c", "resources": {
        "requests": {"cpu": 1, "memory": "1.5Gi", "ephemeral-storage": "10G", "hugepages-2Mi": "4Mi"},
        "limits": {"memory": "2Gi", "nvidia.com/gpu": 2, "example.com/none": "0"},
    }}]}}));
    let expected = Resources {
        storage: Bytes::from_gb(10),
        extended: [
            ("hugepages-2Mi".into(), 4 << 20),
            ("nvidia.com/gpu".into(), 2),
        ]
        .into_iter()
        .collect(),
        ..Resources::pod(Cpu::from_cores(1), Bytes::from_mib(1536))
    };
    assert_eq!(pod.unwrap().unwrap().template.requests, expected);
}

#[test]
fn selectors_and_required_affinity_become_constraints() {
    let pod = read_pod(json!({"spec": {
        "nodeSelector": {"beta.kubernetes.io/arch": "arm64", "team": "a"},
        "affinity": {"nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": 1,
                "preference": {"matchExpressions": [{"key": "soft", "operator": "Exists"}]},
            }],
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [
                    {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "NotIn", "values": ["b"]},
                    {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Gt", "values": ["7"]},
                ]},
                {},
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
            ]},
        }},
    }}));
    let constraints = &pod.unwrap().unwrap().template.constraints;
    let requirement = |key: &str, condition| Requirement {
        key: key.into(),
        condition,
    };
    assert_eq!(
        constraints.all,
        [
            Requirement::is("kubernetes.io/arch", "arm64"),
            Requirement::is("team", "a")
        ]
    );
    assert_eq!(
        constraints.any,
        [
            vec![
                requirement(
                    "topology.kubernetes.io/zone",
                    Condition::NotIn(["b".into()].into())
                ),
                requirement("karpenter.k8s.aws/instance-cpu", Condition::Gt(7)),
            ],
            vec![Requirement::is("metadata.name", "n1")],
        ]
    );
}

#[test]
fn affinity_without_a_term_matches_no_node() {
    let node = read_node(json!({"metadata": {"name": "n"}})).unwrap();
    for terms in [json!([]), json!([{}]), json!([{"matchExpressions": []}])] {
        let pod = read_pod(json!({"spec": {"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}}));
        let constraints = &pod.unwrap().unwrap().template.constraints;
        assert!(!constraints.hold(&node.labels), "{constraints:?}");
    }
}

#[test]
fn what_is_not_understood_is_named() {
    let volume = |source: &str| {
        json!({"volumes": [{"name": "v", source: match source {
            "persistentVolumeClaim" => json!({"claimName": "c"}),
            "awsElasticBlockStore" => json!({"volumeID": "vol-1"}),
            "hostPath" => json!({"path": "/x"}),
            "csi" => json!({"driver": "d"}),
            "nfs" => json!({"server": "s", "path": "/"}),
            _ => json!({}),
        }}]})
    };
    for (spec, expected) in [
        (volume("persistentVolumeClaim"), None),
        (volume("ephemeral"), None),
        (volume("awsElasticBlockStore"), Some(NotUnderstood::Volume)),
        (volume("hostPath"), None),
        (volume("emptyDir"), None),
        (volume("csi"), None),
        (volume("nfs"), None),
        (
            json!({"resourceClaims": [{"name": "c"}]}),
            Some(NotUnderstood::ResourceClaim),
        ),
        (
            json!({"schedulerName": "another"}),
            Some(NotUnderstood::Scheduler),
        ),
        (json!({"schedulerName": "volcano"}), None),
        (json!({"schedulerName": "yunikorn"}), None),
        (json!({"schedulerName": "default-scheduler"}), None),
        (json!({"schedulerName": ""}), None),
    ] {
        let pod = read_pod(json!({"spec": spec.clone()})).unwrap().unwrap();
        let expected: Vec<NotUnderstood> = expected.into_iter().collect();
        assert_eq!(pod.template.not_understood, expected, "{spec}");
    }
}

#[test]
fn tolerations_mean_what_kubernetes_means() {
    let toleration = |key: Option<&str>, value: Option<&str>, effect| Toleration {
        key: key.map(str::to_owned),
        value: value.map(str::to_owned),
        effect,
    };
    for (given, expected) in [
        (json!({"operator": "Exists"}), toleration(None, None, None)),
        (json!({"key": "k"}), toleration(Some("k"), Some(""), None)),
        (
            json!({"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute",
                   "tolerationSeconds": 5}),
            toleration(Some("k"), Some("v"), Some(TaintEffect::NoExecute)),
        ),
        (
            json!({"key": "k", "operator": "Exists", "effect": ""}),
            toleration(Some("k"), None, None),
        ),
    ] {
        let pod = read_pod(json!({"spec": {"tolerations": [given]}}))
            .unwrap()
            .unwrap();
        assert_eq!(pod.template.tolerations, [expected]);
    }
}

#[test]
fn bad_values_are_refused_with_field_value_and_remedy() {
    let expression = |operator: &str, values: Value| {
        json!({"spec": {"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "k", "operator": operator, "values": values}]}]}}}}})
    };
    let asks = |name: &str, text: &str| json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {name: text}}}]}});
    for (patch, words) in [
        (
            asks("cpu", "-1"),
            r#"Pod analytics/x: spec.containers[0].resources.requests.cpu: "-1" is negative; write zero or more"#,
        ),
        (asks("memory", "16Ei"), "too large"),
        (asks("memory", "1e400"), "too large"),
        (asks("memory", "5g"), r#""5g" is not a quantity"#),
        (
            asks("gpu", "1"),
            "write cpu, memory, ephemeral-storage or a name such as nvidia.com/gpu",
        ),
        (
            asks("nvidia.com/gpu", "x"),
            r#"requests["nvidia.com/gpu"]: "x" is not"#,
        ),
        (
            json!({"spec": {"containers": [
                {"name": "a", "resources": {"requests": {"memory": "7Ei"}}},
                {"name": "b", "resources": {"requests": {"memory": "7Ei"}}}]}}),
            "spec.containers: their requests add up to more than",
        ),
        (
            expression("Near", json!(["1"])),
            r#"operator: "Near" is no operator; write In,"#,
        ),
        (
            expression("Gt", json!(["x"])),
            r#"nodeSelectorTerms[0].matchExpressions[0].values[0]: "x" is not one whole number"#,
        ),
        (
            expression("Lt", json!(["1", "2"])),
            "is not one whole number",
        ),
        (
            expression("In", json!([])),
            "values: is empty; In needs at least one value",
        ),
        (
            expression("Exists", json!(["a"])),
            "is not allowed with Exists; leave values out",
        ),
        (
            json!({"spec": {"tolerations": [{"key": "k", "operator": "Is"}]}}),
            r#"spec.tolerations[0].operator: "Is" is no operator; write Equal or Exists"#,
        ),
        (
            json!({"spec": {"tolerations": [{}]}}),
            "spec.tolerations[0].key: is missing",
        ),
        (
            json!({"spec": {"tolerations": [{"key": "k", "effect": "No"}]}}),
            r#"effect: "No" is no effect; write NoSchedule"#,
        ),
        (
            json!({"metadata": {"name": "A b"}}),
            r#"metadata.name: "A b" is no Kubernetes name"#,
        ),
        (
            json!({"metadata": {"name": null}}),
            "Pod analytics/(unnamed): metadata.name: is missing; write a name",
        ),
        (
            json!({"metadata": {"namespace": "a/b"}}),
            r#"metadata.namespace: "a/b" is no"#,
        ),
    ] {
        let refusal = read_pod(patch.clone())
            .expect_err(&patch.to_string())
            .to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn a_node_offers_what_its_kubelet_says() {
    let node = read_node(json!({
        "metadata": {"name": "n", "labels": {
            "beta.kubernetes.io/instance-type": "old", "node.kubernetes.io/instance-type": "c5d.large",
            "kubernetes.io/hostname": "h", "failure-domain.beta.kubernetes.io/zone": "a",
        }},
        "spec": {"unschedulable": true, "taints": [
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"cpu": "1930m", "memory": "6903Mi", "pods": "29"},
            "capacity": {"cpu": "2", "memory": "8Gi", "pods": "29"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }));
    let node = node.unwrap();
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    assert_eq!(label("metadata.name"), Some("n"));
    assert_eq!(label("kubernetes.io/hostname"), Some("h"));
    assert_eq!(label("node.kubernetes.io/instance-type"), Some("c5d.large"));
    assert_eq!(label("topology.kubernetes.io/zone"), Some("a"));
    assert_eq!(node.taints[0].key, "node.kubernetes.io/unschedulable");
    assert!(node.unschedulable && node.ready);
    let room = Resources {
        pods: 29,
        ..Resources::pod(Cpu::from_millis(1930), Bytes::from_mib(6903))
    };
    assert_eq!(node.allocatable, room);
}

#[test]
fn a_node_is_ready_unless_somebody_says_otherwise() {
    let condition = |kind: &str, status: &str| json!([{"type": kind, "status": status}]);
    for (conditions, ready) in [
        (json!([]), true),
        (condition("Ready", "True"), true),
        (condition("Ready", "False"), false),
        (condition("Ready", "Unknown"), false),
        (condition("DiskPressure", "False"), false),
    ] {
        let capacity = json!({"cpu": "4", "memory": "8Gi"});
        let status = json!({"conditions": conditions, "capacity": capacity});
        let node = read_node(json!({"metadata": {"name": "n"}, "status": status})).unwrap();
        assert_eq!(node.ready, ready, "{conditions}");
        assert_eq!(node.allocatable.cpu, Cpu::from_cores(4));
        assert_eq!(node.allocatable.pods, 110);
    }
}

#[test]
fn bad_nodes_are_refused() {
    let taint =
        json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "k", "effect": "x"}]}});
    let refusal = read_node(taint).unwrap_err().to_string();
    assert!(
        refusal.contains(r#"Node n: spec.taints[0].effect: "x""#),
        "{refusal}"
    );
    let room = json!({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "-4"}}});
    let refusal = read_node(room).unwrap_err().to_string();
    assert!(
        refusal.contains(r#"status.allocatable.cpu: "-4" is negative"#),
        "{refusal}"
    );
}

#[test]
fn a_daemon_tolerates_what_its_controller_lets_it_tolerate() {
    let object = |spec: Value| {
        json!({
            "metadata": {"name": "d", "namespace": "kube-system"},
            "spec": {"selector": {}, "template": {"spec": spec}},
        })
    };
    let spec = json!({
        "hostNetwork": true,
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "own", "operator": "Exists"}],
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}],
    });
    let daemon = daemon(&typed(object(spec))).unwrap();
    assert_eq!(daemon.name, "kube-system/d");
    assert_eq!(daemon.requests.cpu, Cpu::from_millis(100));
    assert_eq!(daemon.requests.pods, 1);
    assert_eq!(daemon.constraints.all, [Requirement::is("a", "b")]);
    let keys: Vec<&str> = daemon
        .tolerations
        .iter()
        .filter_map(|toleration| toleration.key.as_deref())
        .collect();
    for key in [
        "own",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/network-unavailable",
    ] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    let refusal = super::daemon(&typed(object(Value::Null))).unwrap_err();
    assert_eq!(refusal.fault.field, "spec.template.spec");
}

#[test]
fn real_pods_ask_for_what_spark_asked_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/spark-pods");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    for (file, role, millis, mib, obstacles) in [
        (
            "driver-cluster-mode-3.5.9",
            Role::Driver,
            1000,
            1433,
            vec![],
        ),
        (
            "driver-cluster-mode-4.3.0",
            Role::Driver,
            1000,
            1433,
            vec![],
        ),
        (
            "executor-client-mode-3.5.9",
            Role::Executor,
            3400,
            9011,
            vec![],
        ),
        (
            "executor-client-mode-4.3.0",
            Role::Executor,
            900,
            896,
            vec![],
        ),
        (
            "executor-cluster-mode-4.3.0",
            Role::Executor,
            1000,
            896,
            vec![],
        ),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
        let object = serde_json::from_str(&text).unwrap();
        let pod = pod(&object).unwrap().unwrap();
        let requests = Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(mib));
        assert_eq!(pod.phase, PodPhase::Pending, "{file}");
        assert_eq!(pod.template.role, role, "{file}");
        assert_eq!(pod.template.requests, requests, "{file}");
        assert_eq!(pod.template.not_understood, obstacles, "{file}");
        assert!(pod.template.app.is_some(), "{file}");
    }
}

fn bound() -> Option<PodPhase> {
    Some(PodPhase::Bound("n".into()))
}

/// A plain pod `analytics/x`, patched.
fn read_pod(patch: Value) -> Result<Option<Pod>, Refusal> {
    let mut object = json!({
        "metadata": {"name": "x", "namespace": "analytics"},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Pending"},
    });
    merge(&mut object, patch);
    pod(&typed(object))
}

fn read_node(object: Value) -> Result<crate::cluster::event::NodeFacts, Refusal> {
    node(&typed(object))
}

fn typed<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// Objects are merged key by key; everything else is replaced.
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}
