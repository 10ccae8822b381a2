//! Who gets the gate and who does not, one table.

use serde_json::{Value, json};

use crate::model::nodepool;

use super::*;

fn pools(roles: &[&str]) -> Vec<Arc<Pool>> {
    let pool = json!({
        "apiVersion": "sparkwright.dev/v1alpha1", "kind": "NodePool", "metadata": {"name": "a"},
        "spec": {
            "roles": roles,
            "template": {"spec": {
                "nodeClassRef": {"group": "sparkwright.dev", "kind": "NodeClass", "name": "default"},
                "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}],
            }},
        },
    });
    vec![Arc::new(nodepool::read(pool).unwrap().0)]
}

fn pod(role: &str, metadata: Value, spec: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": "a", "labels": {"spark-role": role, "spark-app-selector": "spark-1"}},
        "spec": {"containers": [{"name": "spark", "resources": {"requests": {"cpu": "1"}}}]},
    });
    for (part, more) in [("metadata", metadata), ("spec", spec)] {
        for (key, value) in more.as_object().unwrap() {
            pod[part][key] = value.clone();
        }
    }
    serde_json::from_value(pod).unwrap()
}

#[test]
fn drivers_and_executors_that_a_pool_is_for_get_the_gate_and_nobody_else() {
    let gate = |toleration| Verdict::Gate { toleration };
    let both = pools(&["driver", "executor"]);
    let none = json!({});
    let tolerant =
        json!({"tolerations": [{"key": "sparkwright.dev/purpose", "operator": "Exists"}]});
    let cases = [
        ("driver", none.clone(), none.clone(), gate(true)),
        ("driver", none.clone(), tolerant, gate(false)),
        ("executor", none.clone(), none.clone(), gate(false)),
        (
            "executor",
            none.clone(),
            json!({"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}),
            gate(false),
        ),
        (
            "sidecar",
            none.clone(),
            none.clone(),
            Verdict::Leave(Why::NotSpark),
        ),
        (
            "driver",
            json!({"annotations": {"sparkwright.dev/placement": "observe"}}),
            none.clone(),
            Verdict::Leave(Why::OptedOut),
        ),
        (
            "executor",
            json!({"labels": {"spark-role": "executor", "sparkwright.dev/placement": "observe"}}),
            none.clone(),
            Verdict::Leave(Why::OptedOut),
        ),
        (
            "driver",
            none.clone(),
            json!({"schedulingGates": [{"name": GATE}]}),
            Verdict::Leave(Why::HasGate),
        ),
        (
            "executor",
            none.clone(),
            json!({"nodeName": "n"}),
            Verdict::Leave(Why::Bound),
        ),
        (
            "executor",
            none.clone(),
            json!({"schedulerName": "volcano"}),
            Verdict::Leave(Why::OtherScheduler),
        ),
        (
            "executor",
            none.clone(),
            json!({"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Perhaps"}]}),
            Verdict::Leave(Why::Unreadable),
        ),
    ];
    for (role, metadata, spec, expected) in cases {
        let decided = decide("spark", &pod(role, metadata.clone(), spec.clone()), &both);
        assert_eq!(decided, expected, "{role} {metadata} {spec}");
    }
}

#[test]
fn a_role_that_no_pool_serves_gets_no_gate() {
    let drivers = pools(&["driver"]);
    let executor = pod("executor", json!({}), json!({}));
    let driver = pod("driver", json!({}), json!({}));
    let nobody = Verdict::Leave(Why::NoPool);
    assert_eq!(decide("spark", &executor, &drivers), nobody);
    assert_eq!(decide("spark", &driver, &[]), nobody);
    assert_eq!(
        decide("spark", &driver, &drivers),
        Verdict::Gate { toleration: true }
    );
}
