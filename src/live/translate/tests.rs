//! What is told, when, and under which names.

use k8s_openapi::api::core::v1;
use serde_json::{Value, json};

use super::*;
use crate::model::money::UsdPerHour;
use crate::model::nodeclaim::NodeClaim;
use crate::model::offering::{CapacityType, InstanceType, Offering, TypeId, Zone, ZoneId};
use crate::model::time::Timestamp;

const SOURCES: [Source; 4] = [Source::Catalog, Source::Claims, Source::Nodes, Source::Pods];

fn catalog() -> Catalog {
    let large = InstanceType {
        name: "m5.large".into(),
        family: "m5".into(),
        cpu: Default::default(),
        memory: Default::default(),
        nvme: Default::default(),
        interfaces: None,
        allocatable: Default::default(),
        disks: 0,
        burstable: false,
        bare_metal: false,
        nitro: true,
        accelerated: false,
        labels: Default::default(),
    };
    Catalog {
        region: "us-east-1".into(),
        zones: vec![Zone {
            name: "us-east-1a".into(),
            id: "use1-az4".into(),
        }],
        types: vec![large],
        offerings: vec![Offering {
            instance_type: TypeId(0),
            zone: ZoneId(0),
            capacity_type: CapacityType::Spot,
            price: UsdPerHour::from_micros(40_000),
            interruption: None,
        }],
    }
}

fn claim(name: &str, instance: Option<&str>, deleted: bool) -> Object {
    let status = instance.map(|id| json!({"instanceID": id, "instanceType": "m5.large"}));
    let mut claim = json!({
        "apiVersion": "sparkwright.dev/v1alpha1", "kind": "NodeClaim",
        "metadata": {"name": name, "finalizers": ["sparkwright.dev/termination"]},
        "spec": {
            "nodePool": "executors",
            "nodeClassRef": {"group": "sparkwright.dev", "kind": "NodeClass", "name": "default"},
            "purpose": "work", "intent": {"token": "t", "attempt": 1, "request": null},
            "zone": "us-east-1a", "capacityType": "spot", "instanceTypes": ["m5.large"],
            "requests": {"cpu": "2"}, "labels": {"sparkwright.dev/nodepool": "executors"},
            "startupTaints": [{"key": "cni", "effect": "NoSchedule"}],
        },
        "status": status,
    });
    if deleted {
        claim["metadata"]["deletionTimestamp"] = json!("2026-11-21T00:00:00Z");
    }
    let claim: NodeClaim = serde_json::from_value(claim).unwrap();
    Object::Claim(Box::new(claim))
}

fn node(name: &str, instance: &str, labels: Value, taints: Value, ready: &str) -> Object {
    let node = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": format!("aws:///us-east-1a/{instance}"), "taints": taints},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    });
    let node: v1::Node = serde_json::from_value(node).unwrap();
    Object::Node(Box::new(node))
}

fn pod(name: &str, node: &str) -> Object {
    let pod = json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": {"spark-role": "executor", "spark-app-selector": "a"}},
        "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
    });
    let pod: v1::Pod = serde_json::from_value(pod).unwrap();
    crate::live::watch::pod(pod)
}

fn said(name: &str, object: Object) -> Said {
    Said::Applied(name.into(), Box::new(object))
}

/// A translator to which every source has said what it has.
fn ready(objects: Vec<(Source, &str, Object)>) -> Translator {
    let mut translator = Translator::new(SOURCES);
    for source in [Source::Pods, Source::Nodes, Source::Claims] {
        translator.hear(source, Said::Began);
    }
    for (source, name, object) in objects {
        translator.hear(source, said(name, object));
    }
    for source in [Source::Pods, Source::Nodes, Source::Claims] {
        assert!(
            translator.take().0.is_empty(),
            "{source:?} has not spoken whole"
        );
        translator.hear(source, Said::Complete);
    }
    translator.catalog(catalog());
    translator
}

fn words(translator: &mut Translator) -> (Vec<String>, Vec<Wish>) {
    let (facts, wishes) = translator.take();
    let word = |fact: &Fact| match fact {
        Fact::CatalogListed(_) => "catalog".to_owned(),
        Fact::LaunchAsked(intent) => format!("asked {}", intent.nodes[0].id),
        Fact::NodeLaunched { node, price, .. } => format!("launched {node} {price}"),
        Fact::NodeApplied(facts) => format!(
            "node {} ready={} taints={} cordoned={}",
            facts.id,
            facts.ready,
            facts.taints.len(),
            facts.unschedulable
        ),
        Fact::NodeGone(node) => format!("gone {node}"),
        Fact::NodeDraining { node, .. } => format!("draining {node}"),
        Fact::NodeInterrupted { node, until } => {
            format!("interrupted {node} {}", until.millis())
        }
        Fact::PodApplied(pod) => format!("pod {} {:?}", pod.id, pod.phase),
        Fact::PodEnded(pod) => format!("ended {pod}"),
        other => format!("{other:?}"),
    };
    (facts.iter().map(word).collect(), wishes)
}

fn labels() -> Value {
    json!({"sparkwright.dev/managed": "true", "sparkwright.dev/nodepool": "executors"})
}

#[test]
fn after_a_start_everything_is_told_in_an_order_in_which_nothing_waits() {
    let mut translator = ready(vec![
        (Source::Pods, "ns/e", pod("e", "i-1")),
        (
            Source::Nodes,
            "i-1",
            node("i-1", "i-1", labels(), json!([]), "True"),
        ),
        (Source::Claims, "c-1", claim("c-1", Some("i-1"), false)),
    ]);
    let (facts, wishes) = words(&mut translator);
    let expected = [
        "catalog",
        "asked c-1",
        "launched c-1 0.04",
        "node c-1 ready=true taints=0 cordoned=false",
    ];
    assert_eq!(facts[..4], expected);
    assert!(
        facts[4].contains("pod ns/e Bound") && facts[4].contains("c-1"),
        "{facts:?}"
    );
    assert_eq!(
        wishes,
        [Wish::Initialised {
            claim: "c-1".into()
        }]
    );
}

#[test]
fn a_node_of_ours_is_told_once_its_labels_are_complete_and_ready_once_startup_is_over() {
    let mut translator = ready(vec![(
        Source::Claims,
        "c-1",
        claim("c-1", Some("i-1"), false),
    )]);
    words(&mut translator);
    let unregistered = json!([
        {"key": "sparkwright.dev/unregistered", "effect": "NoExecute"},
        {"key": "cni", "effect": "NoSchedule"},
    ]);
    let mut see = |labels: Value, taints: Value, ready: &str| {
        let object = node("ip-1", "i-1", labels, taints, ready);
        translator.hear(Source::Nodes, said("ip-1", object));
        words(&mut translator)
    };
    let register = Wish::Register {
        claim: "c-1".into(),
        node: "ip-1".into(),
    };
    assert_eq!(
        see(labels(), unregistered, "False"),
        (vec![], vec![register])
    );
    let starting = json!([{"key": "cni", "effect": "NoSchedule"}]);
    let (facts, wishes) = see(labels(), starting, "True");
    assert_eq!(facts, ["node c-1 ready=false taints=0 cordoned=false"]);
    assert!(wishes.is_empty());
    let (facts, wishes) = see(labels(), json!([]), "True");
    assert_eq!(facts, ["node c-1 ready=true taints=0 cordoned=false"]);
    assert_eq!(
        wishes,
        [Wish::Initialised {
            claim: "c-1".into()
        }]
    );
    let lost = json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]);
    let (facts, _) = see(labels(), lost, "Unknown");
    assert_eq!(facts, ["node c-1 ready=false taints=0 cordoned=true"]);
}

#[test]
fn a_type_whose_nodes_have_less_memory_than_was_reckoned_is_reckoned_with_that() {
    let mut translator = ready(vec![(
        Source::Claims,
        "c-1",
        claim("c-1", Some("i-1"), false),
    )]);
    let mut roomy = catalog();
    roomy.types[0].allocatable.memory = Bytes::from_mib(8 << 10);
    translator.catalog(roomy.clone());
    words(&mut translator);
    let mut labels = labels();
    labels["node.kubernetes.io/instance-type"] = json!("m5.large");
    let object = node("i-1", "i-1", labels, json!([]), "True");
    translator.hear(Source::Nodes, said("i-1", object));
    assert!(words(&mut translator).0.contains(&"catalog".to_owned()));
    let memory = |translator: &Translator| translator.catalog.types[0].allocatable.memory;
    assert_eq!(memory(&translator), Bytes::from_mib(4 << 10));
    translator.catalog(roomy);
    assert_eq!(
        memory(&translator),
        Bytes::from_mib(4 << 10),
        "it stays learned"
    );
}

#[test]
fn what_vanished_while_nobody_watched_is_told_as_gone() {
    let foreign = || node("n", "i-9", json!({}), json!([]), "True");
    let mut translator = ready(vec![
        (Source::Nodes, "n", foreign()),
        (Source::Pods, "ns/e", pod("e", "n")),
        (Source::Pods, "ns/f", pod("f", "n")),
    ]);
    words(&mut translator);
    translator.hear(Source::Pods, Said::Began);
    translator.hear(Source::Pods, said("ns/f", pod("f", "n")));
    translator.hear(Source::Pods, Said::Complete);
    let (facts, _) = words(&mut translator);
    assert!(facts.contains(&"ended ns/e".to_owned()), "{facts:?}");
    assert!(!facts.contains(&"ended ns/f".to_owned()), "{facts:?}");
}

#[test]
fn a_pod_on_a_node_that_is_not_known_yet_is_told_with_its_node() {
    let mut translator = ready(Vec::new());
    words(&mut translator);
    translator.hear(Source::Pods, said("ns/e", pod("e", "n")));
    assert!(words(&mut translator).0.is_empty());
    let object = node("n", "i-9", json!({}), json!([]), "True");
    translator.hear(Source::Nodes, said("n", object));
    let (facts, _) = words(&mut translator);
    assert!(
        facts[0].starts_with("node n ") && facts[1].starts_with("pod ns/e"),
        "{facts:?}"
    );
}

#[test]
fn a_claim_that_is_deleted_ends_and_a_node_that_is_deleted_takes_its_claim_along() {
    let mut translator = ready(vec![
        (Source::Claims, "c-1", claim("c-1", Some("i-1"), false)),
        (
            Source::Nodes,
            "i-1",
            node("i-1", "i-1", labels(), json!([]), "True"),
        ),
    ]);
    words(&mut translator);
    translator.hear(Source::Nodes, Said::Gone("i-1".into()));
    let (facts, wishes) = words(&mut translator);
    assert!(
        facts.is_empty(),
        "its instance is still paid for: {facts:?}"
    );
    assert_eq!(
        wishes,
        [Wish::Delete {
            claim: "c-1".into()
        }]
    );
    translator.hear(Source::Claims, said("c-1", claim("c-1", Some("i-1"), true)));
    let (facts, wishes) = words(&mut translator);
    assert_eq!(facts, ["draining c-1"]);
    assert_eq!(
        wishes,
        [Wish::End {
            claim: "c-1".into()
        }]
    );
    translator.hear(Source::Claims, Said::Gone("c-1".into()));
    assert_eq!(words(&mut translator).0, ["gone c-1"]);
}

#[test]
fn a_claim_that_says_when_ec2_takes_its_instance_back_tells_it_once_and_to_every_leader() {
    let warned = |ends_at: &str| {
        let Object::Claim(mut claim) = claim("c-1", Some("i-1"), false) else {
            panic!("it is a claim");
        };
        let status = claim.status.get_or_insert_default();
        status.ends_at = Some(ends_at.to_owned());
        Object::Claim(claim)
    };
    let until = Timestamp::from_millis(1_795_305_600_500);
    let written = crate::live::tell::moment::utc(until);
    let mut translator = ready(vec![(Source::Claims, "c-1", warned(&written))]);
    let (facts, _) = words(&mut translator);
    let told = ["asked c-1", "launched c-1 0.04"].map(str::to_owned);
    assert_eq!(facts[1..3], told);
    assert_eq!(facts[3], format!("interrupted c-1 {}", until.millis()));
    translator.hear(Source::Claims, said("c-1", warned(&written)));
    translator.interrupted("c-1", until);
    assert!(words(&mut translator).0.is_empty(), "it was told");
    translator.hear(Source::Claims, said("c-1", warned("2027-01-01T00:00:00Z")));
    assert_eq!(words(&mut translator).0, ["interrupted c-1 1798761600000"]);
    translator.hear(Source::Claims, said("c-1", warned("soon")));
    assert!(words(&mut translator).0.is_empty(), "it is no time");
}
