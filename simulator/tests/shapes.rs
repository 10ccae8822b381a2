//! Shapes from every source, in one table: real and written objects as files, against what applications
//! will ask for by them. What is malformed gives its reason, and its application is left to its pods.

use std::path::Path;

use sparkwright::cluster::event::Fact;
use sparkwright::model::spark::{Pod, Shape};
use sparkwright_sim::manifests::{Manifests, read_text};

/// File, and what it comes to: shapes, pods that count, warnings, refusals.
const TABLE: [(&str, &[&str]); 29] = [
    (
        "spark-submit.yaml",
        &[
            "analytics/spark-1f00: driver 1000m 1433Mi, executors 2/8/50 × 3400m 23552Mi karpenter.sh/capacity-type",
            "driver daily-1f00-driver of analytics/spark-1f00",
        ],
    ),
    (
        "spark-submit-template.yaml",
        &[
            "analytics/spark-2a: driver 1000m 1408Mi, executors 2/2/2 × 2100m 1472Mi disk tolerates 1",
            "driver etl-2a-driver of analytics/spark-2a",
        ],
    ),
    (
        "client-mode.yaml",
        &["executor shell-exec-1 of analytics/spark-3c"],
    ),
    (
        "operator.yaml",
        &[
            "analytics/report: driver 1000m 2432Mi, executors 6/6/6 × 3400m 14643Mi kubernetes.io/arch tolerates 1",
        ],
    ),
    (
        "operator-dynamic.yaml",
        &["ml/article-features: driver 1000m 5734Mi, executors 1/1/5 × 1000m 5734Mi"],
    ),
    (
        "scheduled.yaml",
        &["analytics/hourly.next-run: driver 1000m 1408Mi, executors 3/3/3 × 2000m 4505Mi"],
    ),
    ("scheduled-suspended.yaml", &[]),
    ("scheduled-later.yaml", &[]),
    (
        "apache.yaml",
        &["analytics/pi: driver 1000m 1408Mi, executors 5/10/10 × 2000m 5120Mi tolerates 1"],
    ),
    (
        "emr.yaml",
        &[
            "emr/000000abc: driver 1000m 1408Mi, executors 3/3/3 × 1000m 2432Mi",
            "other 000000abc-submitter of emr/000000abc",
            "driver spark-000000abc-driver of emr/000000abc",
        ],
    ),
    (
        "yunikorn.yaml",
        &[
            "analytics/gang: driver 1000m 1408Mi, executors 4/4/- × 2000m 2048Mi disk tolerates 1",
            "driver gang-driver of analytics/gang",
            "executor gang-exec-1 of analytics/gang",
            "other tg-other-workers-a of -",
            "executor tg-spark-77-spark-executor-b of analytics/gang",
        ],
    ),
    (
        "volcano.yaml",
        &[
            "analytics/spark-88: driver 1000m 1408Mi, executors 4/4/- × 1000m 3072Mi",
            "driver v-driver of analytics/spark-88",
            "executor v-exec-1 of analytics/spark-88",
        ],
    ),
    (
        "coscheduling.yaml",
        &[
            "analytics/spark-99: executors 4/4/- × 1000m 2048Mi",
            "executor c-exec-1 of analytics/spark-99",
        ],
    ),
    (
        "kubernetes-group.yaml",
        &[
            "analytics/spark-aa: executors 3/3/- × 1000m 2048Mi",
            "executor k-exec-1 of analytics/spark-aa",
        ],
    ),
    ("kueue.yaml", &["executor q-exec-2 of analytics/spark-bb"]),
    (
        "provisioning-request.yaml",
        &[
            "analytics/sparkapplication-nightly-7d2-check-1.request: driver 1000m 2048Mi, executors 6/6/6 × 3400m 14336Mi disk tolerates 1",
        ],
    ),
    (
        "provisioning-request-consumed.yaml",
        &[
            "analytics/spark-cc: driver 1000m 2048Mi, executors 3/3/3 × 2000m 4096Mi",
            "driver etl-driver of analytics/spark-cc",
            "executor etl-exec-1 of analytics/spark-cc",
        ],
    ),
    (
        "several-sources.yaml",
        &[
            "analytics/report: driver 1000m 2432Mi, executors 6/6/6 × 3400m 14643Mi kubernetes.io/arch tolerates 1",
            "driver daily-1f00-driver of analytics/report",
        ],
    ),
    (
        "no-configmap.yaml",
        &[
            "driver b-driver of analytics/spark-b1",
            "1 waiting drivers name a ConfigMap that is not given, such as analytics/b-conf-map; give it",
        ],
    ),
    (
        "bad-properties.yaml",
        &[
            "driver b-driver of analytics/spark-b1",
            r#"refused ConfigMap analytics/b-conf-map: data["spark.properties"]["spark.executor.memory"]: "lots" is not a size; write"#,
        ],
    ),
    (
        "bad-escape.yaml",
        &[
            "driver b-driver of analytics/spark-b1",
            r#"refused ConfigMap analytics/b-conf-map: data["spark.properties"]: line 2: "\\u00zz" is no Unicode escape"#,
        ],
    ),
    (
        "bad-configmap.yaml",
        &[
            "driver b-driver of analytics/spark-b1",
            r#"refused ConfigMap analytics/b-conf-map: data["spark.properties"]: is missing; let spark-submit"#,
        ],
    ),
    (
        "bad-template.yaml",
        &[
            "driver t-driver of analytics/spark-t1",
            r#"refused ConfigMap analytics/t-podspec-conf-map: data["template.yml"].spec.tolerations[0].operator: "x""#,
        ],
    ),
    (
        "bad-task-groups.yaml",
        &[
            "driver y-driver of analytics/spark-y1",
            r#"refused Pod analytics/y-driver: metadata.annotations["yunikorn.apache.org/task-groups"][0].minResource.memory: "5g""#,
        ],
    ),
    (
        "bad-operator.yaml",
        &[r#"SparkApplication analytics/minus: spec.executor.instances: "-1""#],
    ),
    (
        "bad-scheduled.yaml",
        &[r#"ScheduledSparkApplication analytics/minus: spec.template.driver.cores: "0" is zero"#],
    ),
    (
        "bad-apache.yaml",
        &[
            r#"SparkApplication analytics/minus: spec.applicationTolerations.instanceConfig.minExecutors: "-3""#,
        ],
    ),
    (
        "bad-provisioning-request.yaml",
        &[
            r#"ProvisioningRequest analytics/none: spec.podSets[0].count: "0" is no number of pods from 1"#,
            r#"PodTemplate analytics/ppt-minus: template.spec.containers[0].resources.requests.cpu: "-1""#,
        ],
    ),
    (
        "bad-group.yaml",
        &[r#"PodGroup analytics/minus: spec.minMember: "-1" is no number of pods"#],
    ),
];

#[test]
fn every_source_gives_its_shape_and_what_is_malformed_its_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/shapes");
    let mut left: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let mut wrong = Vec::new();
    for (file, expected) in TABLE {
        left.retain(|name| name != file);
        let text = std::fs::read_to_string(folder.join(file)).expect("the fixture is there");
        let found = lines(&read_text(file, &text));
        let alike = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(one, other)| one.contains(other));
        if !alike {
            wrong.push(format!("{file}:\n  {}", found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(left.is_empty(), "fixtures without a row: {left:?}");
}

/// Objects of real Spark, where they are beside the checkout.
#[test]
fn real_drivers_with_their_real_properties_give_the_shape_that_spark_made_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/spark-pods");
    if !folder.exists() {
        return println!("skipped: {} is not there", folder.display());
    }
    for version in ["3.5.9", "4.3.0"] {
        let text = |name: &str| {
            let file = folder.join(format!("{name}-{version}.json"));
            std::fs::read_to_string(file).expect("the fixture is there")
        };
        let both = text("driver-cluster-mode") + &text("driver-configmap");
        let found = lines(&read_text("real", &both));
        let shape = "driver 1000m 1433Mi, executors 2/8/50 × 3400m 23552Mi";
        assert!(found[0].contains(shape), "{version}: {found:?}");
        assert_eq!(found.len(), 2, "{version}: {found:?}");
        let client = lines(&read_text("real", &text("executor-client-mode")));
        assert_eq!(client.len(), 1, "no shape in client mode: {client:?}");
    }
}

fn lines(manifests: &Manifests) -> Vec<String> {
    let facts = manifests.facts.iter().filter_map(|fact| match fact {
        Fact::ShapeDeclared { app, shape } => Some(format!("{app}: {}", of_shape(shape))),
        Fact::PodApplied(pod) => Some(of_pod(pod)),
        _ => None,
    });
    let unused = |line: &&String| line.contains("not used in planning");
    let warnings = manifests.warnings.iter().filter(|line| !unused(line));
    let others = warnings.chain(&manifests.refusals).cloned();
    facts.chain(others).collect()
}

fn of_shape(shape: &Shape) -> String {
    let driver = shape.driver.iter();
    let driver = driver.map(|one| format!("driver {} {}", one.requests.cpu, one.requests.memory));
    let executors = shape.executors.iter().map(|group| {
        let max = group.max.map_or("-".to_owned(), |max| max.to_string());
        let template = &group.template;
        let mut words = format!(
            "executors {}/{}/{max} × {} {}",
            group.min, group.initial, template.requests.cpu, template.requests.memory
        );
        let any = template.constraints.any.iter().flatten();
        for requirement in template.constraints.all.iter().chain(any) {
            words += &format!(" {}", requirement.key);
        }
        if !template.tolerations.is_empty() {
            words += &format!(" tolerates {}", template.tolerations.len());
        }
        words
    });
    driver.chain(executors).collect::<Vec<_>>().join(", ")
}

fn of_pod(pod: &Pod) -> String {
    let name = pod.id.as_str().rsplit('/').next().unwrap_or_default();
    let app = pod.template.app.as_ref().map_or("-", |app| app.as_str());
    format!("{} {name} of {app}", pod.template.role)
}
