//! Which ConfigMaps a driver names, and what Spark's versions make of the same properties.

use serde_json::{Value, json};

use super::*;
use crate::cluster::kubernetes;
use crate::model::name::AppId;
use crate::model::resources::Bytes;

fn driver(labels: Value) -> v1::Pod {
    let mut all = json!({"spark-role": "driver", "spark-app-selector": "spark-1"});
    for (key, value) in labels.as_object().unwrap() {
        all[key] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": {"name": "d", "namespace": "ns", "labels": all},
        "spec": {
            "containers": [{"name": "spark-kubernetes-driver"}],
            "volumes": [{"name": "spark-conf-volume-driver", "configMap": {"name": "conf"}}],
        },
    }))
    .unwrap()
}

fn shape_of(labels: Value, properties: &str) -> Result<Shape, Refusal> {
    let object = driver(labels);
    let pod = kubernetes::pod(&object).unwrap().unwrap();
    let data = [(PROPERTIES.to_owned(), properties.to_owned())].into();
    shape(&pod, &config_of(&object).unwrap(), &data, None)
}

#[test]
fn only_a_driver_of_cluster_mode_names_a_config_map() {
    let config = config_of(&driver(json!({}))).unwrap();
    assert_eq!((config.name.as_str(), config.template), ("conf", None));
    let mut other = driver(json!({}));
    other.spec.as_mut().unwrap().volumes = None;
    assert_eq!(config_of(&other), None);
}

#[test]
fn what_a_version_does_not_know_it_passes_over() {
    let properties = "spark.executor.memory=1g\nspark.executor.minMemoryOverhead=1g";
    for (version, mib) in [("3.5.6", 1408), ("4.0.0", 2048), ("4.3.0-amzn-1", 2048)] {
        let shape = shape_of(json!({"spark-version": version}), properties).unwrap();
        let asked = shape.executors[0].template.requests.memory;
        assert_eq!(asked, Bytes::from_mib(mib), "{version}");
    }
}

#[test]
fn executors_are_of_their_drivers_application_whatever_the_properties_say() {
    let labels = json!({"sparkoperator.k8s.io/app-name": "daily", "spark-app-name": "daily-sales"});
    let properties = "spark.kubernetes.executor.label.spark-app-selector=forged";
    let shape = shape_of(labels, properties).unwrap();
    let executor = &shape.executors[0].template;
    assert_eq!(executor.app, Some(AppId::from("ns/daily")));
    assert_eq!(executor.labels[SPARK_APP_SELECTOR], "spark-1");
    assert_eq!(executor.role, Role::Executor);
    assert_eq!(shape.name, "d");
}
