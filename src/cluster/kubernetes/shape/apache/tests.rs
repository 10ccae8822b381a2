//! When Apache's operator asks for something, and whose templates count.

use serde_json::{Value, json};

use super::*;
use crate::model::resources::Bytes;

fn read(spec: Value, state: &str) -> Option<Shape> {
    let object = json!({
        "metadata": {"name": "pi", "namespace": "ns"}, "spec": spec,
        "status": {"currentState": {"currentStateSummary": state}},
    });
    let declared = shape(&serde_json::from_value(object).unwrap()).unwrap();
    declared.map(|(app, shape)| {
        assert_eq!(app.as_str(), "ns/pi");
        shape
    })
}

#[test]
fn what_is_suspended_or_over_asks_for_nothing() {
    for (spec, state, demand) in [
        (json!({}), "Submitted", true),
        (json!({}), "RunningHealthy", true),
        (json!({}), "Succeeded", false),
        (json!({}), "ResourceReleased", false),
        (json!({"suspend": true}), "Submitted", false),
    ] {
        assert_eq!(
            read(spec.clone(), state).is_some(),
            demand,
            "{spec} {state}"
        );
    }
}

#[test]
fn python_is_what_has_no_jars_and_takes_more_beside_the_heap() {
    let conf = json!({"spark.executor.memory": "10g"});
    for (spec, mib) in [
        (json!({"sparkConf": conf, "pyFiles": "a.py"}), 14_336),
        (json!({"sparkConf": conf, "sparkRFiles": "a.R"}), 14_336),
        (
            json!({"sparkConf": conf, "jars": "a.jar", "pyFiles": "a.py"}),
            11_264,
        ),
        (json!({"sparkConf": conf}), 11_264),
    ] {
        let shape = read(spec.clone(), "").unwrap();
        let asked = shape.executors[0].template.requests.memory;
        assert_eq!(asked, Bytes::from_mib(mib), "{spec}");
    }
}

#[test]
fn the_operators_least_counts_beside_sparks_own() {
    let dynamic = json!({
        "spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": "4",
        "spark.dynamicAllocation.maxExecutors": "6",
    });
    for (conf, insists, expected) in [
        (
            json!({"spark.executor.instances": "10"}),
            0,
            (10, 10, Some(10)),
        ),
        (
            json!({"spark.executor.instances": "10"}),
            3,
            (3, 10, Some(10)),
        ),
        (dynamic.clone(), 3, (4, 4, Some(6))),
        (dynamic, 8, (8, 8, Some(8))),
    ] {
        let tolerations = json!({"instanceConfig": {"minExecutors": insists}});
        let spec = json!({"sparkConf": conf, "applicationTolerations": tolerations});
        let group = read(spec, "").unwrap().executors.remove(0);
        assert_eq!((group.min, group.initial, group.max), expected);
    }
}
