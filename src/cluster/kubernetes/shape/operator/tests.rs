//! SparkApplications as JSON against the pods that the operator and Spark would make of them.

use serde_json::{Value, json};

use super::*;
use crate::model::requirement::Requirement;
use crate::model::resources::{Bytes, Cpu};
use crate::model::spark::NotUnderstood;

#[test]
fn a_driver_and_two_hundred_executors_are_known_before_they_exist() {
    let (app, shape) = declared_by(json!({
        "type": "Scala",
        "driver": {"cores": 2, "memory": "4g", "labels": {"team": "growth"}},
        "executor": {"cores": 4, "coreRequest": "3400m", "instances": 200, "memory": "20g",
                     "memoryOverhead": "3g"},
    }));
    assert_eq!(app.as_str(), "analytics/daily");
    let driver = shape.driver.unwrap();
    assert_eq!(driver.requests, asks(2000, 4096 + 409));
    assert_eq!(driver.role, Role::Driver);
    assert_eq!(driver.app.as_ref(), Some(&app));
    assert_eq!(driver.labels["team"], "growth");
    assert_eq!(driver.labels["cost-center"], "7");
    assert_eq!(driver.labels["sparkoperator.k8s.io/app-name"], "daily");
    let [executors] = &shape.executors[..] else {
        panic!("one profile was expected");
    };
    assert_eq!(executors.template.requests, asks(3400, 23 << 10));
    assert_eq!(executors.template.role, Role::Executor);
    assert_eq!(
        (executors.min, executors.initial, executors.max),
        (200, 200, Some(200))
    );
}

#[test]
fn executors_are_counted_as_the_operator_counts_them() {
    let dynamic =
        json!({"enabled": true, "minExecutors": 2, "initialExecutors": 4, "maxExecutors": 50});
    let conf = json!({"spark.executor.instances": "8"});
    for (spec, expected) in [
        (json!({}), (1, 1, Some(1))),
        (json!({"sparkConf": conf}), (8, 8, Some(8))),
        (
            json!({"sparkConf": conf, "executor": {"instances": 3}}),
            (3, 3, Some(3)),
        ),
        (json!({"dynamicAllocation": dynamic}), (2, 4, Some(50))),
        (
            json!({"dynamicAllocation": dynamic, "executor": {"instances": 9}}),
            (2, 9, Some(50)),
        ),
        (
            json!({"dynamicAllocation": {"enabled": true}}),
            (0, 0, None),
        ),
        (
            json!({"dynamicAllocation": {"enabled": false, "minExecutors": 5}}),
            (1, 1, Some(1)),
        ),
        (
            json!({"sparkConf": {"spark.dynamicAllocation.enabled": "true"}}),
            (0, 1, None),
        ),
    ] {
        let (_, shape) = declared_by(spec.clone());
        let group = &shape.executors[0];
        assert_eq!((group.min, group.initial, group.max), expected, "{spec}");
    }
}

#[test]
fn python_takes_more_beside_the_heap() {
    for (spec, mib) in [
        (
            json!({"type": "Python", "executor": {"memory": "10g"}}),
            14336,
        ),
        (json!({"type": "R", "executor": {"memory": "10g"}}), 14336),
        (
            json!({"type": "Java", "executor": {"memory": "10g"}}),
            11264,
        ),
        (
            json!({"type": "Python", "mode": "client", "executor": {"memory": "10g"}}),
            11264,
        ),
        (
            json!({"memoryOverheadFactor": "0.2", "executor": {"memory": "10g"}}),
            12288,
        ),
    ] {
        let (_, shape) = declared_by(spec.clone());
        let memory = shape.executors[0].template.requests.memory;
        assert_eq!(memory, Bytes::from_mib(mib), "{spec}");
        assert_eq!(shape.driver.is_none(), spec["mode"] == "client", "{spec}");
    }
}

#[test]
fn selectors_come_from_everywhere_and_add_up() {
    let (_, shape) = declared_by(json!({
        "nodeSelector": {"a": "all"},
        "sparkConf": {"spark.kubernetes.executor.node.selector.b": "conf"},
        "executor": {
            "nodeSelector": {"c": "side"},
            "tolerations": [{"key": "side", "operator": "Exists"}],
            "template": {
                "metadata": {"labels": {"from": "template"}},
                "spec": {
                    "nodeSelector": {"d": "template"},
                    "tolerations": [{"key": "template", "operator": "Exists"}],
                    "containers": [
                        {"name": "log-shipper", "resources": {"requests": {"cpu": "100m"}}},
                        {"name": "spark-kubernetes-executor", "resources": {
                            "requests": {"cpu": "30", "ephemeral-storage": "5Gi"},
                            "limits": {"cpu": "40"}}},
                    ],
                },
            },
        },
    }));
    let executor = &shape.executors[0].template;
    let expected = [
        ("a", "all"),
        ("b", "conf"),
        ("c", "side"),
        ("d", "template"),
    ];
    assert_eq!(
        executor.constraints.all,
        expected.map(|(k, v)| Requirement::is(k, v))
    );
    assert_eq!(executor.tolerations.len(), 2);
    assert_eq!(executor.labels["from"], "template");
    assert_eq!(executor.requests.cpu, Cpu::from_millis(1100));
    assert_eq!(executor.requests.storage, Bytes::new(5 << 30));
    let driver = shape.driver.unwrap();
    assert_eq!(driver.constraints.all, [Requirement::is("a", "all")]);
}

#[test]
fn gpus_sidecars_volumes_and_schedulers_are_seen() {
    let (_, shape) = declared_by(json!({
        "batchScheduler": "another",
        "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "c"}}],
        "driver": {"volumeMounts": [{"name": "disk", "mountPath": "/d"}], "schedulerName": "default-scheduler"},
        "executor": {
            "gpu": {"name": "amd.com/gpu", "quantity": 2},
            "sidecars": [{"name": "s", "resources": {"requests": {"memory": "1Gi"}}}],
        },
    }));
    let driver = shape.driver.unwrap();
    assert_eq!(driver.placement.as_ref().unwrap().claims[0].name, "c");
    let executor = &shape.executors[0].template;
    assert_eq!(executor.not_understood, [NotUnderstood::Scheduler]);
    assert_eq!(executor.requests.extended["amd.com/gpu"], 2);
    assert_eq!(executor.requests.memory, Bytes::from_mib(1408 + 1024));
    let claim = "spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1";
    let conf = json!({format!("{claim}.mount.path"): "/d", format!("{claim}.options.claimName"): "OnDemand"});
    let (_, shape) = declared_by(json!({"sparkConf": conf}));
    let placement = shape.executors[0].template.placement.clone().unwrap();
    assert!(placement.claims[0].own, "{placement:?}");
    assert_eq!(shape.driver.unwrap().placement, None);
}

#[test]
fn what_is_suspended_or_over_asks_for_nothing() {
    for (patch, demand) in [
        (json!({"spec": {"suspend": true}}), false),
        (json!({"spec": {"suspend": false}}), true),
        (
            json!({"status": {"applicationState": {"state": "COMPLETED"}}}),
            false,
        ),
        (
            json!({"status": {"applicationState": {"state": "FAILED"}}}),
            false,
        ),
        (
            json!({"status": {"applicationState": {"state": "SUCCEEDING"}}}),
            false,
        ),
        (
            json!({"status": {"applicationState": {"state": "PENDING_RERUN"}}}),
            true,
        ),
        (
            json!({"status": {"applicationState": {"state": "RUNNING"}}}),
            true,
        ),
        (json!({"status": {"applicationState": {"state": ""}}}), true),
        (json!({"status": {}}), true),
    ] {
        let mut object = json!({"metadata": {"name": "daily"}, "spec": {}});
        for (key, value) in patch.as_object().unwrap() {
            object[key] = value.clone();
        }
        let object = serde_json::from_value(object).unwrap();
        assert_eq!(shape(&object).unwrap().is_some(), demand, "{patch}");
    }
}

#[test]
fn a_fault_names_the_field_that_the_user_wrote() {
    for (spec, words) in [
        (
            json!({"executor": {"memory": "lots"}}),
            r#"SparkApplication analytics/daily: spec.executor.memory: "lots" is not a size"#,
        ),
        (
            json!({"executor": {"instances": -5}}),
            r#"spec.executor.instances: "-5" is not a whole"#,
        ),
        (
            json!({"executor": {"cores": 0}}),
            r#"spec.executor.cores: "0" is zero; write 1 or more"#,
        ),
        (
            json!({"driver": {"coreRequest": "-1"}}),
            r#"spec.driver.coreRequest: "-1" is negative"#,
        ),
        (
            json!({"sparkConf": {"spark.executor.memory": "5x"}}),
            r#"spec.sparkConf["spark.executor.memory"]: "5x" is not a size"#,
        ),
        (
            json!({"driver": {"gpu": {"name": "a.b/c", "quantity": -1}}}),
            "spec.driver.gpu.quantity",
        ),
        (
            json!({"type": "Go"}),
            r#"spec.type: "Go" is no type of application; write Java"#,
        ),
        (json!({"mode": "x"}), r#"spec.mode: "x" is no deploy mode"#),
        (
            json!({"executor": {"tolerations": [{"key": "k", "operator": "x"}]}}),
            "spec.executor.tolerations[0].operator",
        ),
        (
            json!({"driver": {"template": {"spec": {"containers": [
                {"name": "c", "resources": {"requests": {"cpu": "x"}}}]}}}}),
            "spec.driver.template.spec.containers[0].resources.requests.cpu",
        ),
        (
            json!({"dynamicAllocation": {"enabled": true, "minExecutors": 9, "maxExecutors": 8}}),
            "spec.dynamicAllocation.minExecutors",
        ),
    ] {
        let refusal = read(spec).unwrap_err().to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
}

fn declared_by(spec: Value) -> (AppId, Shape) {
    read(spec).unwrap().unwrap()
}

fn read(spec: Value) -> Result<Option<(AppId, Shape)>, Refusal> {
    let metadata =
        json!({"name": "daily", "namespace": "analytics", "labels": {"cost-center": "7"}});
    shape(&serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
}

fn asks(millis: u64, mib: u64) -> Resources {
    Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(mib))
}
