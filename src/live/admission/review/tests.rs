//! Reviews as the API server sends them, and as it never would.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::live::gates::Leader;

use super::*;

fn review(pod: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "0-1", "operation": "CREATE", "namespace": "spark",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "object": pod,
        },
    })
}

fn leaderless() -> Standing {
    Standing::new(Arc::new(Leader::new(Duration::from_secs(15))))
}

fn answered(body: &Value) -> (Value, &'static str) {
    let answer = answer(body.to_string().as_bytes(), &leaderless()).unwrap();
    (serde_json::from_slice(&answer.body).unwrap(), answer.code)
}

#[test]
fn without_a_leader_every_pod_is_allowed_as_it_is() {
    let pod = json!({"metadata": {"labels": {"spark-role": "driver"}}, "spec": {"containers": []}});
    let (said, code) = answered(&review(&pod));
    assert_eq!(code, "no-leader");
    assert_eq!(said["response"], json!({"uid": "0-1", "allowed": true}));
}

#[test]
fn a_patch_adds_to_lists_that_are_there_and_makes_those_that_are_not() {
    let bare: Pod = serde_json::from_value(json!({"spec": {"containers": []}})).unwrap();
    let gate = json!({"name": GATE});
    let operations = patch(&bare, false);
    assert_eq!(
        operations,
        [json!({"op": "add", "path": "/spec/schedulingGates", "value": [gate]})]
    );
    let full = json!({"spec": {"containers": [], "schedulingGates": [{"name": "a/b"}],
        "tolerations": [{"operator": "Exists"}]}});
    let full: Pod = serde_json::from_value(full).unwrap();
    let toleration = json!({"key": "sparkwright.dev/purpose", "operator": "Equal", "value": "driver",
        "effect": "NoSchedule"});
    assert_eq!(
        patch(&full, true),
        [
            json!({"op": "add", "path": "/spec/schedulingGates/-", "value": gate}),
            json!({"op": "add", "path": "/spec/tolerations/-", "value": toleration}),
        ]
    );
}

#[test]
fn what_is_no_review_is_refused_and_nothing_panics() {
    let deep = "[".repeat(100_000);
    let other =
        json!({"apiVersion": "admission.k8s.io/v1beta1", "request": {"uid": "a"}}).to_string();
    for body in [
        "",
        "null",
        "{}",
        "[]",
        "{\"request\":",
        deep.as_str(),
        other.as_str(),
        "\u{0}",
    ] {
        assert!(
            answer(body.as_bytes(), &leaderless()).is_err(),
            "{body:.40}"
        );
    }
    assert!(answer(&[0xff, 0xfe, 0x00], &leaderless()).is_err());
    let nothing = json!({"apiVersion": "admission.k8s.io/v1", "request": {"uid": ""}});
    assert_eq!(answered(&nothing).0["response"]["allowed"], true);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = answer(&body, &leaderless());
    }

    /// A review that is one in its outer parts is always allowed, whatever its object is.
    #[test]
    fn no_object_makes_it_panic_or_refuse(text in ".{0,64}", number in any::<i64>(), depth in 0_usize..90) {
        let mut object = json!({"metadata": {"labels": text}, "spec": {"containers": number}});
        for _ in 0..depth {
            object = json!({"spec": object});
        }
        let said = answered(&review(&object)).0;
        prop_assert_eq!(&said["response"]["allowed"], true);
    }
}
