//! Who counts where several speak, what follows when one falls silent, and each slot once.

use serde_json::{Value, json};

use super::*;
use crate::cluster::kubernetes;
use crate::cluster::kubernetes::shape::{Make, aside, operator, scheduled};

/// A pod of `ns`, read as it arrives.
fn see(join: &mut Join, name: &str, patch: Value) -> Vec<String> {
    let mut object = json!({
        "metadata": {"name": name, "namespace": "ns", "labels": {}, "annotations": {}},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]},
    });
    for (part, fields) in patch.as_object().unwrap() {
        for (key, value) in fields.as_object().into_iter().flatten() {
            object[part][key] = value.clone();
        }
    }
    let object = serde_json::from_value(object).unwrap();
    let pod = kubernetes::pod(&object).unwrap().unwrap();
    let beside = aside(&object, &pod);
    words(join.pod(pod, name.to_owned(), beside))
}

fn words(turns: Vec<Turn>) -> Vec<String> {
    let word = |turn: Turn| match turn {
        Turn::Show(pod, _) => format!("{} {}", pod.template.role, pod.id),
        Turn::Hide(id) => format!("hide {id}"),
    };
    turns.into_iter().map(word).collect()
}

/// What is told of shapes: least and first number of executors, and their memory.
fn told(join: &mut Join) -> Vec<String> {
    let word = |fact: Fact| match fact {
        Fact::ShapeDeclared { app, shape } => {
            let groups = shape.executors.iter();
            let words = groups.map(|one| {
                format!(
                    " {}/{} of {}",
                    one.min, one.initial, one.template.requests.memory
                )
            });
            format!("{app}{}", words.collect::<String>())
        }
        Fact::ShapeWithdrawn(app) => format!("{app} withdrawn"),
        other => panic!("{other:?}"),
    };
    join.take().into_iter().map(word).collect()
}

fn driver(spec: Value) -> Value {
    json!({
        "metadata": {"labels": {
            "spark-role": "driver", "spark-app-selector": "a", "sparkoperator.k8s.io/app-name": "daily",
        }, "annotations": spec["annotations"]},
        "spec": {"volumes": [{"name": "spark-conf-volume-driver", "configMap": {"name": "conf"}}]},
        "status": spec["status"],
    })
}

fn executor(memory: &str) -> Value {
    json!({
        "metadata": {"labels": {
            "spark-role": "executor", "spark-app-selector": "a", "sparkoperator.k8s.io/app-name": "daily",
        }},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1", "memory": memory}}}]},
    })
}

fn application(name: &str, instances: u32, state: &str) -> operator::SparkApplication {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "ns", "creationTimestamp": "2026-11-21T08:59:59Z",
                     "labels": {"sparkoperator.k8s.io/scheduled-app-name": "hourly"}},
        "spec": {"executor": {"instances": instances}},
        "status": {"applicationState": {"state": state}},
    }))
    .unwrap()
}

fn declare(join: &mut Join, name: &str, instances: u32, state: &str) {
    let object = application(name, instances, state);
    let declared = operator::shape(&object).unwrap();
    let begins = operator::begins(&object);
    join.declare(Origin::Operator, &format!("ns/{name}"), declared, begins);
}

fn configure(join: &mut Join, properties: &str) -> Result<(), Refusal> {
    let data = [(driver_conf::PROPERTIES.to_owned(), properties.to_owned())].into();
    join.configured(&PodId::from("ns/d"), &data, None)
}

const GROUPS: &str =
    r#"[{"name": "x", "minMember": 7, "minResource": {"cpu": "1", "memory": "2Gi"}}]"#;

#[test]
fn the_best_source_counts_and_the_next_when_it_falls_silent() {
    let mut join = Join::default();
    let groups = json!({"annotations": {
        "yunikorn.apache.org/task-group-name": "d", "yunikorn.apache.org/task-groups": GROUPS,
    }});
    see(&mut join, "d", driver(groups));
    assert_eq!(told(&mut join), ["ns/daily 7/7 of 2048Mi"]);
    assert_eq!(join.wanted().len(), 1, "properties are read all the same");
    assert_eq!(join.wanted().len(), 0, "and once");
    configure(&mut join, "spark.executor.instances=3").unwrap();
    assert_eq!(told(&mut join), [""; 0], "task groups are better");
    declare(&mut join, "daily", 5, "RUNNING");
    assert_eq!(told(&mut join), ["ns/daily 5/5 of 1408Mi"]);
    join.declare(Origin::Operator, "ns/daily", None, false);
    assert_eq!(told(&mut join), ["ns/daily 7/7 of 2048Mi"]);
    see(&mut join, "d", driver(json!({})));
    assert_eq!(told(&mut join), ["ns/daily 3/3 of 1408Mi"]);
    see(&mut join, "e", executor("3Gi"));
    assert_eq!(
        told(&mut join),
        ["ns/daily 3/3 of 3072Mi"],
        "pods are right"
    );
    see(&mut join, "e", executor("9Gi"));
    assert_eq!(
        told(&mut join),
        [""; 0],
        "one that was resized says nothing of the next"
    );
}

#[test]
fn groups_raise_the_least_whichever_make_they_are() {
    let group = |make, name: &str| GroupName {
        make,
        name: format!("ns/{name}"),
    };
    let mut join = Join::default();
    let volcano = json!({"annotations": {"scheduling.k8s.io/group-name": "g"}});
    see(&mut join, "d", driver(volcano));
    join.group(&group(Make::Volcano, "g"), Some(6));
    assert_eq!(
        told(&mut join),
        [""; 0],
        "nothing says what an executor asks for"
    );
    let properties = "spark.dynamicAllocation.enabled=true";
    configure(&mut join, properties).unwrap();
    assert_eq!(
        told(&mut join),
        ["ns/daily 5/5 of 1408Mi"],
        "the driver is a member"
    );
    join.group(&group(Make::Volcano, "g"), None);
    assert_eq!(told(&mut join), ["ns/daily 0/0 of 1408Mi"]);
    join.group(&group(Make::Coscheduling, "g"), Some(9));
    assert_eq!(told(&mut join), [""; 0], "a group of another make");
}

#[test]
fn a_driver_that_has_ended_leaves_nothing_until_the_next_begins() {
    let mut join = Join::default();
    declare(&mut join, "daily", 5, "");
    see(&mut join, "d", driver(json!({})));
    assert_eq!(told(&mut join), ["ns/daily 5/5 of 1408Mi"]);
    assert_eq!(words(join.pod_gone(&PodId::from("ns/d"))), ["hide ns/d"]);
    assert_eq!(told(&mut join), ["ns/daily withdrawn"]);
    declare(&mut join, "daily", 5, "RUNNING");
    assert_eq!(told(&mut join), [""; 0], "its status lags behind");
    configure(&mut join, "spark.executor.memory=lots").unwrap();
    declare(&mut join, "daily", 5, "PENDING_RERUN");
    assert_eq!(told(&mut join), ["ns/daily 5/5 of 1408Mi"]);
    join.declare(Origin::Operator, "ns/daily", None, false);
    assert_eq!(told(&mut join), ["ns/daily withdrawn"]);
    assert!(join.apps.is_empty() && join.members.is_empty() && join.objects.is_empty());
}

#[test]
fn a_driver_that_has_run_for_long_has_its_executors() {
    let mut join = Join::default();
    join.at(Timestamp::from_millis(3_600_000));
    for (started, expected) in [("1970-01-01T00:40:00Z", 0), ("1970-01-01T00:55:00Z", 1)] {
        see(
            &mut join,
            "d",
            driver(json!({"status": {"startTime": started}})),
        );
        assert_eq!(join.wanted().len(), expected, "{started}");
        declare(&mut join, "daily", 5, "RUNNING");
        assert_eq!(told(&mut join).len(), expected, "{started}");
        join.pod_gone(&PodId::from("ns/d"));
    }
}

#[test]
fn a_pod_between_two_nodes_takes_its_shape_along() {
    let mut join = Join::default();
    declare(&mut join, "daily", 5, "");
    see(&mut join, "d", driver(json!({})));
    told(&mut join);
    join.renew(&PodId::from("ns/d"));
    assert_eq!(told(&mut join), [""; 0], "it is known");
    join.dropped(&PodId::from("ns/d"));
    join.renew(&PodId::from("ns/d"));
    assert_eq!(told(&mut join), ["ns/daily 5/5 of 1408Mi"]);
}

#[test]
fn a_scheduled_run_is_declared_in_time_and_gives_way_to_its_application() {
    let object = json!({
        "metadata": {"name": "hourly", "namespace": "ns"},
        "spec": {"template": {"executor": {"instances": 5}}},
        "status": {"nextRun": "2026-11-21T09:00:00Z"},
    });
    let run = scheduled::scheduled(&serde_json::from_value(object).unwrap()).unwrap();
    let due = run.as_ref().unwrap().due;
    let declared = ["ns/hourly.next-run 5/5 of 1408Mi"];
    let withdrawn = ["ns/hourly.next-run withdrawn"];
    let mut join = Join::default();
    join.schedule("ns/hourly", run.clone());
    join.at(due - Span::from_secs(61));
    assert_eq!(told(&mut join), [""; 0]);
    join.at(due - Span::from_secs(60));
    assert_eq!(told(&mut join), declared);
    declare(&mut join, "hourly-1", 5, "");
    assert_eq!(told(&mut join), [withdrawn[0], "ns/hourly-1 5/5 of 1408Mi"]);
    join.at(due + Span::from_secs(10));
    assert_eq!(told(&mut join), [""; 0], "it has come");
    let mut late = Join::default();
    late.at(due);
    late.schedule("ns/hourly", run);
    assert_eq!(told(&mut late), declared);
    late.at(due + SCHEDULE_LIMIT);
    assert_eq!(told(&mut late), withdrawn, "it never came");
}

#[test]
fn a_placeholder_and_the_executor_that_replaces_it_are_one_slot() {
    let mut join = Join::default();
    let place = |node: Value| {
        json!({
            "metadata": {"labels": {"yunikorn.apache.org/app-id": "a"}, "annotations": {
                "yunikorn.apache.org/task-group-name": "x",
                "internal.yunikorn.apache.org/placeholder": "true",
            }},
            "spec": {"nodeName": node},
        })
    };
    let real = |node: Value| {
        let mut real = executor("1Gi");
        real["metadata"]["annotations"] = json!({"yunikorn.apache.org/task-group-name": "x"});
        real["spec"]["nodeName"] = node;
        real
    };
    assert_eq!(see(&mut join, "p", place(json!(null))), ["other ns/p"]);
    see(&mut join, "q", place(json!("n")));
    let groups = json!({"annotations": {
        "yunikorn.apache.org/task-group-name": "d", "yunikorn.apache.org/task-groups": GROUPS,
    }});
    let seen = see(&mut join, "d", driver(groups));
    assert_eq!(seen, ["executor ns/q", "executor ns/p", "driver ns/d"]);
    assert_eq!(
        see(&mut join, "e", real(json!(null))),
        ["hide ns/q", "executor ns/e"]
    );
    assert_eq!(see(&mut join, "e", real(json!(null))), ["executor ns/e"]);
    assert_eq!(
        see(&mut join, "p", place(json!("m"))),
        ["hide ns/p", "executor ns/q"]
    );
    assert_eq!(words(join.pod_gone(&PodId::from("ns/p"))), ["hide ns/q"]);
    // The last placeholder stands for the next executor until this one has its node.
    assert_eq!(
        see(&mut join, "e", real(json!("m"))),
        ["executor ns/q", "executor ns/e"]
    );
    assert_eq!(words(join.pod_gone(&PodId::from("ns/e"))), ["hide ns/e"]);
    assert_eq!(
        words(join.pod_gone(&PodId::from("ns/d"))),
        ["hide ns/d", "other ns/q"]
    );
    assert_eq!(words(join.pod_gone(&PodId::from("ns/q"))), ["hide ns/q"]);
}
