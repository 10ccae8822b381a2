//! NodePools, good and bad: what defaults mean, and that each bad field is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::money::UsdPerHour;
use super::super::node::{Taint, TaintEffect};
use super::super::pool::{EmptyTtl, Limits, ZonePolicy};
use super::super::requirement::{Condition, Requirement};
use super::super::resources::{Bytes, Cpu};
use super::super::spark::Role;
use super::super::time::Span;
use super::*;

#[test]
fn an_empty_spec_means_the_documented_defaults() {
    let pool = good("{}");
    let all = BTreeSet::from([Role::Driver, Role::Executor, Role::Other]);
    let minute = Some(Span::from_secs(60));
    assert_eq!((pool.weight, pool.paused, pool.roles), (0, false, all));
    assert_eq!(pool.zone, ZonePolicy::PerApplication);
    assert_eq!(pool.spot.roles, BTreeSet::from([Role::Executor]));
    assert_eq!(pool.spot.fallback_after, Some(Span::from_secs(300)));
    assert_eq!(pool.spot.max_interruption, 4);
    assert_eq!(pool.spot.penalty, [UsdPerHour::ZERO; 5]);
    assert_eq!(pool.max_premium_percent, 15);
    assert_eq!((pool.min_local_storage, pool.max_pods), (None, None));
    let ttl = EmptyTtl {
        driver: minute,
        executor: minute,
        other: minute,
    };
    assert_eq!((pool.empty_ttl, pool.limits), (ttl, Limits::default()));
    assert!(pool.requirements.is_empty() && pool.labels.is_empty() && pool.pod_selector.is_none());
}

#[test]
fn every_field_that_is_given_counts() {
    let pool = good(
        r#"
weight: 10
paused: true
roles: [executor, other]
podSelector: {matchLabels: {team: a}, matchExpressions: [{key: tier, operator: NotIn, values: [b]}]}
zonePolicy: {mode: Fixed, zone: "{region}a"}
spot: {roles: [], fallbackToOnDemandAfter: Never, maxInterruptionBucket: 2, interruptionPenalty: {"3": "0.01", "4": 0.02}}
maxPremium: 0.2
minLocalStorage: 100Gi
maxPods: 58
emptyTTL: {driver: Never}
limits: {cpu: 1000, memory: "1000Gi", nodes: 50, usdPerHour: 12.5}
disruption: {consolidationPolicy: WhenEmpty, consolidateAfter: 2m, budgets: [{nodes: 10%, schedule: "0 9 * * 1-5", duration: 8h, reasons: [Empty]}]}
template:
  metadata: {labels: {team: a, karpenter.k8s.aws/instance-category: c}, annotations: {example.com/a: any text}}
  spec:
    taints: [{key: team, value: a, effect: NoSchedule}]
    startupTaints: [{key: booting, effect: NoExecute}]
    requirements:
    - {key: failure-domain.beta.kubernetes.io/zone, operator: In, values: ["{region}a", us-east-1b]}
    - {key: karpenter.k8s.aws/instance-cpu, operator: Lt, values: ["65"]}
    - {key: karpenter.k8s.aws/instance-family, operator: In, values: [c5, m5], minValues: 2}
    - {key: example.com/queue, operator: In, values: [nightly]}
    nodeClassRef: {group: sparkwright.dev, kind: NodeClass, name: default}
    expireAfter: 720h
    terminationGracePeriod: 1h30m
"#,
    );
    assert!(pool.paused);
    assert_eq!(
        (pool.weight, pool.max_pods, pool.max_premium_percent),
        (10, Some(58), 20)
    );
    assert_eq!(pool.zone, ZonePolicy::Fixed("{region}a".into()));
    assert_eq!(pool.pod_selector.map(|selector| selector.len()), Some(2));
    assert_eq!((pool.spot.roles.len(), pool.spot.fallback_after), (0, None));
    assert_eq!(
        pool.spot.penalty.map(UsdPerHour::micros),
        [0, 0, 0, 10_000, 20_000]
    );
    assert_eq!(pool.min_local_storage, Some(Bytes::from_mib(100 << 10)));
    let given = EmptyTtl {
        driver: None,
        executor: Some(Span::from_secs(120)),
        other: Some(Span::from_secs(120)),
    };
    assert_eq!(pool.empty_ttl, given, "consolidateAfter is the default");
    assert_eq!(pool.limits.cpu, Some(Cpu::from_cores(1000)));
    assert_eq!(pool.limits.memory, Some(Bytes::from_mib(1000 << 10)));
    assert_eq!(pool.limits.nodes, Some(50));
    assert_eq!(
        pool.limits.usd_per_hour,
        Some(UsdPerHour::from_micros(12_500_000))
    );
    let labels: Vec<(&str, &str)> = pool.labels.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(labels, [("example.com/queue", "nightly"), ("team", "a")]);
    let keys: Vec<&str> = pool
        .requirements
        .iter()
        .map(|r| &*r.requirement.key)
        .collect();
    assert!(
        keys.contains(&"topology.kubernetes.io/zone"),
        "renamed labels are normalised"
    );
    assert!(
        keys.contains(&"karpenter.k8s.aws/instance-category"),
        "a known label is a requirement"
    );
    let least: Vec<u32> = pool
        .requirements
        .iter()
        .filter_map(|r| r.min_values)
        .collect();
    assert_eq!(least, [2]);
    assert_eq!(pool.startup_taints.len(), 1);
    assert_eq!(
        pool.taints,
        [Taint {
            key: "team".into(),
            value: "a".into(),
            effect: TaintEffect::NoSchedule
        }]
    );
}

#[test]
fn each_bad_field_is_named_with_its_value() {
    for (spec, field, value) in [
        ("{weight: 101}", "spec.weight", "101"),
        ("{weight: -1}", "spec.weight", "-1"),
        ("{weight: heavy}", "spec.weight", "\"heavy\""),
        ("{paused: 'yes'}", "spec.paused", "\"yes\""),
        ("{roles: []}", "spec.roles", "[]"),
        ("{roles: [driver, worker]}", "spec.roles[1]", "\"worker\""),
        ("{podSelector: {}}", "spec.podSelector", "{}"),
        (
            "{podSelector: {matchLabels: {'a b': c}}}",
            "spec.podSelector.matchLabels.a b",
            "c",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}",
            "spec.podSelector.matchExpressions[0].operator",
            "\"Gt\"",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: In}]}}",
            "spec.podSelector.matchExpressions[0].values",
            "[]",
        ),
        (
            "{zonePolicy: {mode: Anywhere}}",
            "spec.zonePolicy.mode",
            "\"Anywhere\"",
        ),
        ("{zonePolicy: {mode: Fixed}}", "spec.zonePolicy.zone", ""),
        (
            "{zonePolicy: {zone: us-east-1a}}",
            "spec.zonePolicy.zone",
            "us-east-1a",
        ),
        (
            "{spot: {fallbackToOnDemandAfter: 30}}",
            "spec.spot.fallbackToOnDemandAfter",
            "30",
        ),
        (
            "{spot: {maxInterruptionBucket: 5}}",
            "spec.spot.maxInterruptionBucket",
            "5",
        ),
        (
            "{spot: {interruptionPenalty: {'5': 1}}}",
            "spec.spot.interruptionPenalty.5",
            "1",
        ),
        (
            "{spot: {interruptionPenalty: {'3': -1}}}",
            "spec.spot.interruptionPenalty.3",
            "-1",
        ),
        ("{maxPremium: 15}", "spec.maxPremium", "15"),
        ("{maxPremium: [1]}", "spec.maxPremium", "[1]"),
        ("{performance: {m7g: 0}}", "spec.performance.m7g", "0"),
        (
            "{performance: {m7g: -1.15}}",
            "spec.performance.m7g",
            "-1.15",
        ),
        ("{performance: {m7g: 115}}", "spec.performance.m7g", "115"),
        ("{performance: {m7g: fast}}", "spec.performance.m7g", "fast"),
        (
            "{performance: {m7g.large: 1.15}}",
            "spec.performance.m7g.large",
            "1.15",
        ),
        (
            "{performance: {graviton: 1.15}}",
            "spec.performance.graviton",
            "1.15",
        ),
        ("{minLocalStorage: -1Gi}", "spec.minLocalStorage", "-1Gi"),
        (
            "{minLocalStorage: 100 GB}",
            "spec.minLocalStorage",
            "100 GB",
        ),
        ("{maxPods: 0}", "spec.maxPods", "0"),
        (
            "{emptyTTL: {executor: soon}}",
            "spec.emptyTTL.executor",
            "soon",
        ),
        ("{limits: {cpu: '1e400'}}", "spec.limits.cpu", "1e400"),
        (
            "{limits: {cpu: '99999999999999999999'}}",
            "spec.limits.cpu",
            "99999999999999999999",
        ),
        ("{limits: {memory: -5}}", "spec.limits.memory", "-5"),
        (
            "{limits: {nodes: 9999999999}}",
            "spec.limits.nodes",
            "9999999999",
        ),
        (
            "{limits: {usdPerHour: 12 USD}}",
            "spec.limits.usdPerHour",
            "12 USD",
        ),
        ("{limits: {gpus: 4}}", "spec.limits.gpus", "4"),
        (
            "{disruption: {consolidateAfter: 1d}}",
            "spec.disruption.consolidateAfter",
            "1d",
        ),
        (
            "{disruption: {consolidationPolicy: Always}}",
            "spec.disruption.consolidationPolicy",
            "\"Always\"",
        ),
        (
            "{disruption: {budgets: [{nodes: 200%}]}}",
            "spec.disruption.budgets[0].nodes",
            "200%",
        ),
        (
            "{disruption: {budgets: [{nodes: 1, schedule: '@daily'}]}}",
            "spec.disruption.budgets[0].duration",
            "",
        ),
        (
            "{disruption: {budgets: [{nodes: 1, schedule: at noon, duration: 1h}]}}",
            "spec.disruption.budgets[0].schedule",
            "at noon",
        ),
        ("{wieght: 1}", "spec.wieght", "1"),
        (
            "{template: {spec: {requirement: []}}}",
            "spec.template.spec.requirement",
            "[]",
        ),
        ("[]", "spec", "[]"),
    ] {
        refused(spec, field, value);
    }
}

#[test]
fn each_bad_template_field_is_named_with_its_value() {
    let long = "x".repeat(64);
    for (template, field, value) in [
        (
            "{metadata: {labels: {karpenter.sh/nodepool: a}}}".to_owned(),
            "metadata.labels.karpenter.sh/nodepool",
            "a",
        ),
        (
            "{metadata: {labels: {sparkwright.dev/managed: 'true'}}}".to_owned(),
            "metadata.labels.sparkwright.dev/managed",
            "true",
        ),
        (
            "{metadata: {labels: {-a: b}}}".to_owned(),
            "metadata.labels.-a",
            "b",
        ),
        (
            format!("{{metadata: {{labels: {{a: {long}}}}}}}"),
            "metadata.labels.a",
            &long,
        ),
        (
            "{metadata: {labels: {a: 1}}}".to_owned(),
            "metadata.labels.a",
            "1",
        ),
        (
            "{metadata: {annotations: {'a b': c}}}".to_owned(),
            "metadata.annotations.a b",
            "c",
        ),
        (
            "{spec: {taints: [{effect: NoSchedule}]}}".to_owned(),
            "spec.taints[0].key",
            "",
        ),
        (
            "{spec: {taints: [{key: a}]}}".to_owned(),
            "spec.taints[0].effect",
            "",
        ),
        (
            "{spec: {taints: [{key: a, effect: Never}]}}".to_owned(),
            "spec.taints[0].effect",
            "\"Never\"",
        ),
        (
            "{spec: {startupTaints: [{key: sparkwright.dev/a, effect: NoSchedule}]}}".to_owned(),
            "spec.startupTaints[0].key",
            "sparkwright.dev/a",
        ),
        (
            "{spec: {expireAfter: 30 days}}".to_owned(),
            "spec.expireAfter",
            "30 days",
        ),
        (
            "{spec: {terminationGracePeriod: Never}}".to_owned(),
            "spec.terminationGracePeriod",
            "Never",
        ),
        (
            "{spec: {nodeClassRef: {group: a.b, kind: NodeClass}}}".to_owned(),
            "spec.nodeClassRef.name",
            "",
        ),
    ] {
        refused(
            &format!("{{template: {template}}}"),
            &format!("spec.template.{field}"),
            value,
        );
    }
}

#[test]
fn each_bad_requirement_is_named_with_its_value() {
    const CPU: &str = "karpenter.k8s.aws/instance-cpu";
    const ARCH: &str = "kubernetes.io/arch";
    for (requirement, field, value) in [
        ("{operator: Exists}".to_owned(), "key", ""),
        ("{key: a b, operator: Exists}".to_owned(), "key", "a b"),
        (
            "{key: sparkwright.dev/nodepool, operator: Exists}".to_owned(),
            "key",
            "sparkwright.dev/nodepool",
        ),
        (
            "{key: karpenter.sh/nodepool, operator: Exists}".to_owned(),
            "key",
            "karpenter.sh/nodepool",
        ),
        (
            "{key: team, operator: NotIn, values: [a]}".to_owned(),
            "key",
            "team",
        ),
        (
            "{key: team, operator: In, values: [a, b]}".to_owned(),
            "key",
            "team",
        ),
        ("{key: team, operator: Exists}".to_owned(), "key", "team"),
        (
            "{key: node.kubernetes.io/arch, operator: Exists}".to_owned(),
            "key",
            "node.kubernetes.io/arch",
        ),
        (format!("{{key: {ARCH}}}"), "operator", ""),
        (
            format!("{{key: {ARCH}, operator: in, values: [amd64]}}"),
            "operator",
            "\"in\"",
        ),
        (format!("{{key: {ARCH}, operator: In}}"), "values", "[]"),
        (
            format!("{{key: {ARCH}, operator: NotIn, values: []}}"),
            "values",
            "[]",
        ),
        (
            format!("{{key: {ARCH}, operator: Exists, values: [a]}}"),
            "values",
            "[\"a\"]",
        ),
        (
            format!("{{key: {ARCH}, operator: In, values: [x86_64]}}"),
            "values[0]",
            "x86_64",
        ),
        (
            format!("{{key: {ARCH}, operator: Gt, values: ['1']}}"),
            "key",
            ARCH,
        ),
        (
            "{key: karpenter.sh/capacity-type, operator: In, values: [spot, reserved]}".to_owned(),
            "values[1]",
            "reserved",
        ),
        (
            format!("{{key: {CPU}, operator: Gt, values: ['1', '2']}}"),
            "values",
            "[\"1\", \"2\"]",
        ),
        (
            format!("{{key: {CPU}, operator: Lt, values: [many]}}"),
            "values",
            "[\"many\"]",
        ),
        (
            format!("{{key: {CPU}, operator: Gt, values: [4]}}"),
            "values[0]",
            "4",
        ),
        (
            format!("{{key: {CPU}, operator: In, values: ['a b']}}"),
            "values[0]",
            "a b",
        ),
        (
            "{key: topology.kubernetes.io/zone, operator: In, values: ['{zone}a']}".to_owned(),
            "values[0]",
            "{zone}a",
        ),
        (
            format!("{{key: {CPU}, operator: In, values: ['4'], minValues: 2}}"),
            "minValues",
            "2",
        ),
        (
            format!("{{key: {CPU}, operator: Exists, minValues: 51}}"),
            "minValues",
            "51",
        ),
        (
            format!("{{key: {CPU}, operator: Exists, weight: 1}}"),
            "weight",
            "1",
        ),
    ] {
        let good = "{key: kubernetes.io/os, operator: Exists}";
        let spec = format!("{{template: {{spec: {{requirements: [{good}, {requirement}]}}}}}}");
        refused(
            &spec,
            &format!("spec.template.spec.requirements[1].{field}"),
            value,
        );
    }
}

#[test]
fn contradictions_are_refused_naming_both_sides() {
    let cpu = "karpenter.k8s.aws/instance-cpu";
    let family = "karpenter.k8s.aws/instance-family";
    for (key, first, second, contradict) in [
        (family, "In, values: [a]", "NotIn, values: [a]", true),
        (family, "In, values: [a, b]", "NotIn, values: [a]", false),
        (family, "In, values: [a]", "In, values: [b]", true),
        (family, "In, values: [a, b]", "In, values: [b]", false),
        (family, "DoesNotExist", "In, values: [a]", true),
        (family, "Exists", "DoesNotExist", true),
        (family, "NotIn, values: [a]", "DoesNotExist", false),
        (cpu, "Gt, values: ['8']", "Lt, values: ['4']", true),
        (cpu, "Gt, values: ['8']", "Lt, values: ['9']", true),
        (cpu, "Gt, values: ['8']", "Lt, values: ['10']", false),
        (cpu, "In, values: ['4']", "Gt, values: ['4']", true),
        (cpu, "DoesNotExist", "Gt, values: ['4']", true),
        ("team", "In, values: [a]", "In, values: [b]", true),
    ] {
        let spec = format!(
            "{{template: {{spec: {{requirements: [{{key: {key}, operator: {first}}}, \
             {{key: {key}, operator: {second}}}]}}}}}}"
        );
        match (read(document(&spec)), contradict) {
            (Ok(_), false) => {}
            (Err(errors), true) => {
                assert_eq!(
                    errors[0].field, "spec.template.spec.requirements[1]",
                    "{spec}"
                );
                let text = errors[0].to_string();
                assert!(
                    text.contains("spec.template.spec.requirements[0]"),
                    "{text}"
                );
            }
            (answer, _) => panic!("{spec}: {answer:?}"),
        }
    }
    let three =
        "{template: {metadata: {labels: {kubernetes.io/arch: amd64}}, spec: {requirements: [
        {key: karpenter.k8s.aws/instance-family, operator: In, values: [a, b]},
        {key: karpenter.k8s.aws/instance-family, operator: NotIn, values: [a]},
        {key: karpenter.k8s.aws/instance-family, operator: NotIn, values: [b]},
        {key: beta.kubernetes.io/arch, operator: NotIn, values: [amd64]}]}}}";
    let errors = read(document(three)).unwrap_err();
    let fields: Vec<&str> = errors
        .iter()
        .map(|e| e.field.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(fields, ["requirements[2]", "requirements[3]"]);
    assert!(
        errors[1]
            .problem
            .contains("spec.template.metadata.labels.kubernetes.io/arch")
    );
    assert!(errors[0].problem.contains("requirements[0]") && errors[0].problem.contains("[1]"));
}

#[test]
fn all_bad_fields_are_reported_at_once() {
    let spec = "{weight: x, paused: 1, maxPods: 0, limits: {cpu: -1, memory: lots}, wieght: 1,
        roles: [driver, x], template: {spec: {requirements: [{key: kubernetes.io/arch, operator: in},
        {key: team, operator: Exists}]}}}";
    let errors = read(document(spec)).unwrap_err();
    let fields: BTreeSet<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    let expected = BTreeSet::from([
        "spec.weight",
        "spec.paused",
        "spec.maxPods",
        "spec.limits.cpu",
        "spec.limits.memory",
        "spec.wieght",
        "spec.roles[1]",
        "spec.template.spec.requirements[0].operator",
        "spec.template.spec.requirements[1].key",
    ]);
    assert_eq!(fields, expected);
    let typo = errors
        .iter()
        .find(|error| error.field == "spec.wieght")
        .unwrap();
    assert!(typo.problem.contains("did you mean weight?"), "{typo}");
    assert!(
        errors
            .iter()
            .all(|error| error.to_string().lines().count() == 1)
    );
}

#[test]
fn the_document_around_the_spec_is_checked() {
    let good = json!({"apiVersion": API_VERSION, "kind": "NodePool", "metadata": {"name": "a"}, "spec": {}});
    assert!(read(good.clone()).is_ok());
    let with = |path: &str, value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(path).unwrap() = value;
        document
    };
    let mut extra = good.clone();
    extra["sepc"] = json!({});
    let huge = "x".repeat(MOST_BYTES);
    for (document, field) in [
        (with("/apiVersion", json!("karpenter.sh/v1")), "apiVersion"),
        (with("/kind", json!("Provisioner")), "kind"),
        (with("/metadata/name", json!("Bad_Name")), "metadata.name"),
        (with("/metadata/name", json!(7)), "metadata.name"),
        (with("/metadata", json!({})), "metadata.name"),
        (with("/spec", Value::Null), "spec"),
        (extra, "sepc"),
        (with("/metadata/name", json!(huge)), "document"),
        (json!([]), "document"),
    ] {
        let errors = read(document).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].field, field);
        assert!(errors[0].to_string().len() < 400, "{}", errors[0]);
    }
}

#[test]
fn requirements_beyond_karpenters_bound_are_refused() {
    let of = |count: usize| {
        let one = "{key: kubernetes.io/os, operator: Exists}";
        let list = vec![one; count].join(", ");
        read(document(&format!(
            "{{template: {{spec: {{requirements: [{list}]}}}}}}"
        )))
    };
    assert!(of(100).is_ok());
    assert_eq!(
        of(101).unwrap_err()[0].field,
        "spec.template.spec.requirements"
    );
}

#[test]
fn a_custom_key_may_carry_other_operators_beside_its_one_value() {
    let pool = good(
        "{template: {spec: {requirements: [{key: team, operator: Exists}, \
         {key: team, operator: In, values: [a]}]}}}",
    );
    assert_eq!(pool.labels["team"], "a");
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    for (spec, part) in [
        (
            "{template: {spec: {requirements: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]}}}",
            "spec.spot.roles leaves out driver, other",
        ),
        (
            "{template: {spec: {requirements: [{key: karpenter.k8s.aws/instance-gpu-count, operator: Gt, values: ['0']}]}}}",
            "excluded unless a family or type is named",
        ),
        ("{roles: [other]}", "serves no pod"),
    ] {
        let (_, warnings) = read(document(spec)).unwrap();
        assert!(
            warnings.iter().any(|warning| warning.contains(part)),
            "{spec}: {warnings:?}"
        );
    }
    assert!(read(document("{}")).unwrap().1.is_empty());
}

#[test]
fn the_nodepools_that_ship_read_without_error_or_warning() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("nodepools")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (pool, warnings) = read(serde_saphyr::from_str(&text).unwrap()).unwrap();
        assert_eq!(
            Some(pool.name.as_str()),
            path.file_stem().and_then(|stem| stem.to_str())
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(
            text.starts_with('#'),
            "{} says what it is for",
            path.display()
        );
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn the_article_pool_has_the_articles_intent() {
    let path = root().join("nodepools/emr-on-eks-article.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (pool, _) = read(serde_saphyr::from_str(&text).unwrap()).unwrap();
    let pool = pool.for_region("us-east-1");
    let wanted = |key: &str, values: &[&str]| {
        let condition = Condition::In(values.iter().map(ToString::to_string).collect());
        let requirement = Requirement {
            key: key.into(),
            condition,
        };
        assert!(
            pool.requirements
                .iter()
                .any(|r| r.requirement == requirement),
            "{requirement}"
        );
    };
    wanted("karpenter.sh/capacity-type", &["spot", "on-demand"]);
    wanted("kubernetes.io/arch", &["amd64"]);
    wanted(
        "karpenter.k8s.aws/instance-family",
        &["c5", "c5a", "c5d", "c5ad", "m5", "c6a"],
    );
    wanted(
        "karpenter.k8s.aws/instance-size",
        &["2xlarge", "4xlarge", "8xlarge", "9xlarge"],
    );
    wanted("topology.kubernetes.io/zone", &["us-east-1a"]);
    assert_eq!(pool.requirements.len(), 5);
    let half = Some(Span::from_secs(30));
    let ttl = pool.empty_ttl;
    assert_eq!((ttl.driver, ttl.executor, ttl.other), (half, half, half));
}

fn refused(spec: &str, field: &str, value: &str) {
    let errors = read(document(spec)).expect_err(spec);
    let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(named, [field], "{spec}: {errors:?}");
    assert_eq!(errors[0].value, value, "{spec}: {}", errors[0]);
    assert!(errors[0].problem.contains(';'), "no remedy: {}", errors[0]);
}

fn good(spec: &str) -> Pool {
    match read(document(spec)) {
        Ok((pool, _)) => pool,
        Err(errors) => panic!("{errors:?}"),
    }
}

fn document(spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).expect("the test's own YAML is well formed");
    json!({"apiVersion": API_VERSION, "kind": "NodePool", "metadata": {"name": "test"}, "spec": spec})
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
