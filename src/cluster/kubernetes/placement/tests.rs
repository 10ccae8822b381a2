//! What pods ask of neighbours, ports and disks, read and refused; and the objects that they refer to.

use serde_json::{Value, json};

use super::super::{Kind, priority_class, statement};
use crate::cluster::event::Fact;
use crate::model::name::PodId;
use crate::model::node::ZONE;
use crate::model::placement::HOSTNAME;
use crate::model::referent::{Reach, Referents, Unmountable};
use crate::model::requirement::{Condition, Requirement};
use crate::model::spark::{Pod, PodPhase};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

#[test]
fn pods_that_ask_for_nothing_have_no_placement() {
    let ports = json!([{"name": "c", "ports": [{"containerPort": 80}]}]);
    for spec in [
        json!({}),
        json!({"containers": ports}),
        json!({"preemptionPolicy": "PreemptLowerPriority"}),
    ] {
        assert_eq!(pod(&spec).template.placement, None, "{spec}");
    }
}

#[test]
fn terms_take_the_pods_own_namespace_and_labels() {
    let term = json!({
        "topologyKey": "failure-domain.beta.kubernetes.io/zone",
        "labelSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]},
        "matchLabelKeys": ["version", "absent"],
        "mismatchLabelKeys": ["tenant"],
    });
    let spec = json!({"affinity": {"podAffinity": {REQUIRED: [term]}, "podAntiAffinity": {
        REQUIRED: [{"topologyKey": HOSTNAME, "namespaces": ["x", "y"], "namespaceSelector": {}}],
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 7, "podAffinityTerm": {"topologyKey": HOSTNAME, "labelSelector": {}}}],
    }}});
    let pod = pod(&spec);
    let placement = pod.template.placement.as_ref().unwrap();
    let near = &placement.affinity[0];
    assert_eq!(near.topology, ZONE);
    let expected = [
        Requirement::is("a", "b"),
        Requirement {
            key: "k".into(),
            condition: Condition::Exists,
        },
        Requirement::is("version", "1"),
        Requirement {
            key: "tenant".into(),
            condition: Condition::NotIn(["t".into()].into()),
        },
    ];
    assert_eq!(near.pods.labels, expected);
    assert_eq!(near.pods.namespaces, ["analytics".to_owned()].into());
    let apart = &placement.anti_affinity[0].pods;
    assert_eq!(apart.namespaces.len(), 2);
    assert_eq!(apart.namespaces_with, Some(vec![]));
    let referents = Referents::default();
    assert!(
        !apart.selects(&pod.template, &referents),
        "without a selector no pod is meant"
    );
    let (weight, far) = &placement.likes_pods[0];
    assert_eq!(*weight, -7);
    assert!(far.pods.selects(&pod.template, &referents));
}

#[test]
fn spread_has_kubernetes_defaults() {
    let spec = json!({"topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": HOSTNAME, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 3},
        {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {},
         "nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor"}]});
    let template = pod(&spec).template;
    let spread = &template.placement.as_ref().unwrap().spread;
    assert_eq!(
        (
            spread[0].max_skew,
            spread[0].min_domains,
            spread[0].required
        ),
        (2, 3, true)
    );
    assert!(spread[0].honours_selectors && !spread[0].honours_taints);
    assert!(!spread[1].honours_selectors && spread[1].honours_taints && !spread[1].required);
}

#[test]
fn host_ports_are_those_of_containers_and_sidecars_and_all_on_the_hosts_network() {
    let ports =
        json!([{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081, "protocol": "UDP"}]);
    let spec = |host: bool| {
        json!({"hostNetwork": host, "containers": [{"name": "c", "ports": ports}],
               "initContainers": [
                   {"name": "s", "restartPolicy": "Always", "ports": [{"containerPort": 1, "hostPort": 9, "hostIP": "10.0.0.1"}]},
                   {"name": "i", "ports": [{"containerPort": 1, "hostPort": 7}]}]})
    };
    let told = |host| -> Vec<String> {
        let template = pod(&spec(host)).template;
        let ports = &template.placement.as_ref().unwrap().ports;
        ports
            .iter()
            .map(|p| format!("{}:{}/{}", p.ip, p.port, p.protocol))
            .collect()
    };
    assert_eq!(told(false), [":8081/UDP", "10.0.0.1:9/TCP"]);
    assert_eq!(told(true), [":80/TCP", ":8081/UDP", "10.0.0.1:9/TCP"]);
}

#[test]
fn bad_rules_are_refused_with_the_field_and_a_remedy() {
    let spread = |field: &str, value: Value| {
        let mut spread =
            json!({"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway"});
        spread[field] = value;
        json!({"topologySpreadConstraints": [spread]})
    };
    let near = |term: Value| json!({"affinity": {"podAffinity": {REQUIRED: [term]}}});
    let labels = |expression: Value| {
        near(json!({"topologyKey": "z", "labelSelector": {"matchExpressions": [expression]}}))
    };
    for (spec, expected) in [
        (
            spread("maxSkew", json!(0)),
            "topologySpreadConstraints[0].maxSkew: \"0\" is no skew",
        ),
        (
            spread("whenUnsatisfiable", json!("x")),
            "whenUnsatisfiable: \"x\" is unknown; write DoNotSchedule",
        ),
        (
            spread("minDomains", json!(2)),
            "minDomains: \"2\" is not allowed",
        ),
        (
            spread("nodeTaintsPolicy", json!("y")),
            "nodeTaintsPolicy: \"y\" is unknown",
        ),
        (
            spread("topologyKey", json!("")),
            "topologyKey: \"\" is no label",
        ),
        (
            near(json!({"topologyKey": "a b"})),
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: \"a b\"",
        ),
        (
            labels(json!({"key": "k", "operator": "In"})),
            "labelSelector.matchExpressions[0].values: is empty",
        ),
        (
            labels(json!({"key": "k", "operator": "Gt", "values": ["1"]})),
            "operator: \"Gt\" is no operator",
        ),
        (
            json!({"preemptionPolicy": "Maybe"}),
            "spec.preemptionPolicy: \"Maybe\" is unknown",
        ),
        (
            json!({"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 70000}]}]}),
            "spec.containers[0].ports[0].hostPort: \"70000\" is no port",
        ),
        (
            json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": ""}}]}),
            "spec.volumes[0].persistentVolumeClaim.claimName: is missing",
        ),
        (
            json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 101, "preference": {}}]}}}),
            "preferredDuringSchedulingIgnoredDuringExecution[0].weight: \"101\" is no weight",
        ),
    ] {
        let refusal = read(&spec).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_claim_reaches_as_far_as_its_volume_or_its_class() {
    let mut referents = Referents::default();
    for (kind, object) in [
        (
            Kind::PersistentVolumeClaim,
            json!({"metadata": {"name": "bound", "namespace": "analytics"}, "spec": {"volumeName": "pv"}}),
        ),
        (
            Kind::PersistentVolumeClaim,
            json!({"metadata": {"name": "lost", "namespace": "analytics"}, "spec": {"volumeName": "gone"}}),
        ),
        (
            Kind::PersistentVolumeClaim,
            json!({"metadata": {"name": "now", "namespace": "analytics"}, "spec": {"storageClassName": "now"}}),
        ),
        (
            Kind::PersistentVolumeClaim,
            json!({"metadata": {"name": "later", "namespace": "analytics"}, "spec": {}}),
        ),
        (
            Kind::PersistentVolume,
            json!({"metadata": {"name": "pv"}, "spec": {
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["us-east-1a"]}]}]}}}}),
        ),
        (
            Kind::StorageClass,
            json!({"metadata": {"name": "now"}, "provisioner": "x"}),
        ),
        (
            Kind::StorageClass,
            json!({"metadata": {"name": "later", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer",
            "allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["us-east-1b"]}]}]}),
        ),
    ] {
        let said = statement(kind, &object.to_string()).unwrap();
        let Some(Fact::ReferentApplied { name, referent }) = said.fact else {
            panic!("{object}");
        };
        referents.insert(&name, *referent);
    }
    let reach = |claim: &str| {
        let spec =
            json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]});
        let template = pod(&spec).template;
        let claim = &template.placement.as_ref().unwrap().claims[0];
        referents.reach("x", &template, claim)
    };
    let zone = |zone: &str| {
        Ok(Reach {
            nodes: vec![vec![Requirement::is(ZONE, zone)]],
            is_ebs: true,
        })
    };
    assert_eq!(reach("bound"), zone("us-east-1a"));
    assert_eq!(reach("later"), zone("us-east-1b"));
    assert_eq!(
        reach("x-pvc-0"),
        zone("us-east-1b"),
        "a claim that Spark will make"
    );
    assert_eq!(reach("lost"), Err(Unmountable::NoVolume("gone".into())));
    assert_eq!(
        reach("now"),
        Err(Unmountable::Unbound("analytics/now".into()))
    );
    assert_eq!(
        reach("other"),
        Err(Unmountable::NoClaim("analytics/other".into()))
    );
}

#[test]
fn budgets_and_classes_are_read_and_refused() {
    let budget = |spec: Value| {
        let object = json!({"metadata": {"name": "b", "namespace": "analytics"}, "spec": spec});
        statement(Kind::PodDisruptionBudget, &object.to_string())
    };
    assert!(budget(json!({"minAvailable": "50%", "selector": {}})).is_ok());
    for (spec, expected) in [
        (
            json!({"minAvailable": 1, "maxUnavailable": 1}),
            "spec.maxUnavailable: is there beside",
        ),
        (
            json!({"minAvailable": "half"}),
            "spec.minAvailable: \"half\" is no amount",
        ),
        (
            json!({"maxUnavailable": -1}),
            "spec.maxUnavailable: \"-1\" is no amount",
        ),
    ] {
        let refusal = budget(spec).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }
    let class = json!({"metadata": {"name": "late"}, "value": 5, "preemptionPolicy": "Never"});
    assert_eq!(
        priority_class(&class.to_string()),
        Ok(("late".to_owned(), 5, true))
    );
    let mode = json!({"metadata": {"name": "s"}, "provisioner": "x", "volumeBindingMode": "Soon"});
    let refusal = statement(Kind::StorageClass, &mode.to_string())
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("StorageClass s: volumeBindingMode: \"Soon\" is unknown"),
        "{refusal}"
    );
}

fn read(spec: &Value) -> Result<Pod, String> {
    let mut object = json!({
        "metadata": {"name": "x", "namespace": "analytics", "labels": {"version": "1", "tenant": "t"}},
        "spec": {"containers": [{"name": "c"}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    let said = statement(Kind::Pod, &object.to_string()).map_err(|refusal| refusal.to_string())?;
    match said.fact {
        Some(Fact::PodApplied(pod)) => Ok(pod),
        other => Err(format!("{other:?}")),
    }
}

fn pod(spec: &Value) -> Pod {
    let pod = read(spec).unwrap();
    assert_eq!(
        (&pod.id, &pod.phase),
        (&PodId::from("analytics/x"), &PodPhase::Pending)
    );
    pod
}
