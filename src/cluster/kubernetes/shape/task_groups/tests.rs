//! Whose places placeholders hold, and what a driver's annotation may say.

use serde_json::{Value, json};

use super::*;
use crate::cluster::kubernetes;

fn pod(labels: Value, annotations: Value) -> v1::Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "d", "namespace": "ns", "labels": labels, "annotations": annotations},
        "spec": {"containers": [{"name": "c"}]},
    }))
    .unwrap()
}

#[test]
fn both_marks_of_placeholders_and_both_names_of_applications_are_known() {
    let group = json!({TASK_GROUP_NAME: "spark-executor"});
    for (label, mark, expected) in [
        ("yunikorn.apache.org/app-id", PLACEHOLDER[0], true),
        ("applicationId", PLACEHOLDER[1], true),
        ("spark-app-selector", "other", false),
    ] {
        let mut annotations = group.clone();
        annotations[mark] = json!("true");
        let task = task_of(&pod(json!({label: "a"}), annotations)).unwrap();
        assert_eq!(task.app, AppId::from("ns/a"), "{label}");
        assert_eq!(task.is_placeholder, expected, "{mark}");
    }
    assert_eq!(task_of(&pod(json!({}), group)), None);
    assert_eq!(
        task_of(&pod(json!({"applicationId": "a"}), json!({}))),
        None
    );
}

#[test]
fn groups_beside_the_drivers_own_are_executors() {
    let labels = json!({"spark-role": "driver", "spark-app-selector": "a"});
    for (groups, expected) in [
        (json!([]), Ok(vec![])),
        (
            json!([{"name": "me", "minMember": 1}, {"name": "x", "minMember": 3}, {"name": "y", "minMember": 0}]),
            Ok(vec![3]),
        ),
        (json!({}), Err(": holds map; write a list")),
        (json!([{"name": "x"}]), Err("[0].minMember: is missing")),
        (
            json!([{"name": "x", "minMember": 60_000}, {"name": "y", "minMember": 60_000}]),
            Err("[1].minMember: \"60000\" makes more than 100000 pods"),
        ),
    ] {
        let annotations = json!({TASK_GROUP_NAME: "me", TASK_GROUPS: groups.to_string()});
        let object = pod(labels.clone(), annotations);
        let driver = kubernetes::pod(&object).unwrap().unwrap();
        match (shape(&object, &driver), expected) {
            (Ok(Some(shape)), Ok(expected)) => {
                let counts: Vec<u32> = shape.executors.iter().map(|one| one.min).collect();
                assert_eq!(counts, expected, "{groups}");
            }
            (Err(refusal), Err(words)) => {
                assert!(refusal.to_string().contains(words), "{refusal}");
            }
            (found, expected) => panic!("{groups}: {found:?}, not {expected:?}"),
        }
    }
}
