//! `sparkwright-sim plan` from outside: what it prints where, and how it ends.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn an_application_of_two_hundred_executors_is_planned_from_its_declaration() {
    let output = plan(&["-f", &manifest("nightly-etl.yaml"), "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let document = json(&output);
    assert_eq!(pods(&document).len(), 201);
    assert_eq!(document["unplaced"].as_array().unwrap().len(), 0);
    let driver = node_of(&document, "analytics/nightly-etl-driver");
    assert_eq!(driver["capacityType"], "on-demand");
    assert_eq!(driver["pods"].as_array().unwrap().len(), 1);
    for node in nodes(&document) {
        assert_eq!(node["zone"], driver["zone"], "one zone for the application");
        assert_eq!(node["applications"][0], "analytics/nightly-etl");
        assert!(!node["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn a_zone_named_by_the_region_s_placeholder_is_the_region_s() {
    let pool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodepools/emr-on-eks-article.yaml");
    let pool = pool.display().to_string();
    for region in ["us-east-1", "eu-west-1"] {
        let etl = manifest("nightly-etl.yaml");
        let output = plan(&[
            "-f",
            &etl,
            "--nodepools",
            &pool,
            "--region",
            region,
            "-o",
            "json",
        ]);
        let document = json(&output);
        assert_eq!(pods(&document).len(), 201, "{document}");
        let zone = format!("{region}a");
        assert!(
            nodes(&document)
                .iter()
                .all(|node| node["zone"] == zone.as_str())
        );
    }
}

#[test]
fn money_is_the_sum_of_the_nodes_and_not_below_the_bound() {
    let document = json(&plan(&["-f", &manifest("nightly-etl.yaml"), "-o", "json"]));
    let micros = |value: &Value| {
        let text = value.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        assert!(fraction.len() <= 6, "{text}");
        format!("{whole}{fraction:0<6}").parse::<i64>().unwrap()
    };
    let sum: i64 = nodes(&document)
        .iter()
        .map(|node| micros(&node["usdPerHour"]))
        .sum();
    assert_eq!(micros(&document["usdPerHour"]), sum);
    assert!(micros(&document["boundUsdPerHour"]) <= sum);
    assert!(document["planSeconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn running_nodes_are_used_before_new_ones_are_bought() {
    let output = plan(&[
        "-f",
        &manifest("mixed-stream.yaml"),
        &manifest("running.json"),
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let document = json(&output);
    let existing = &document["existing"][0];
    assert_eq!(existing["node"], "ip-10-0-0-7");
    let here: Vec<&str> = existing["pods"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(here.contains(&"analytics/report-driver"), "{here:?}");
    // 7910m less a daemon, a running executor and a driver leave no room for four cores more.
    assert_eq!(pods(&document), ["analytics/a-exec-2"]);
    assert_eq!(
        stderr(&output),
        "warning: 1 object of kind ConfigMap of v1 not used in planning\n"
    );
}

#[test]
fn a_refused_input_leaves_the_plan_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let bad = write(
        &folder,
        "bad.yaml",
        "kind: Pod\nmetadata: {name: x, namespace: analytics}\n\
         spec: {containers: [{name: c, resources: {requests: {cpu: \"-1\"}}}]}\n",
    );
    let output = plan(&[
        "-f",
        &bad,
        &manifest("nightly-etl.yaml"),
        "missing.yaml",
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(pods(&json(&output)).len(), 201);
    let lines = stderr(&output);
    let expected = format!(
        "refused {bad} (document 1) Pod analytics/x: \
         spec.containers[0].resources.requests.cpu: \"-1\" is negative; write zero or more"
    );
    assert!(lines.lines().any(|line| line == expected), "{lines}");
    assert!(
        lines.contains("refused missing.yaml: cannot be read"),
        "{lines}"
    );
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn unplaced_pods_are_no_failure_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let pod = write(
        &folder,
        "pod.yaml",
        "kind: Pod\nmetadata: {name: x, labels: {spark-role: driver}}\n\
         spec: {schedulerName: our-own, containers: [{name: c, resources: {requests: {cpu: 1}}}]}\n",
    );
    let output = plan(&["-f", &pod, "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let waiting = &json(&output)["unplaced"][0];
    assert_eq!(waiting["pod"], "default/x");
    assert_eq!(waiting["reason"], "not-understood");
    assert!(
        waiting["message"]
            .as_str()
            .unwrap()
            .contains("spec.schedulerName")
    );
    let table = plan(&["-f", &pod]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("WAITING 1 pod: default/x"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
}

#[test]
fn nodepools_of_the_manifests_come_before_others_and_refused_ones_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let head = "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\n";
    let own = write(
        &folder,
        "own.yaml",
        &format!("{head}metadata: {{name: own}}\nspec: {{}}\n"),
    );
    let other = write(
        &folder,
        "other.yaml",
        &format!("{head}metadata: {{name: other}}\nspec: {{}}\n"),
    );
    let bad = write(
        &folder,
        "bad.yaml",
        &format!("{head}metadata: {{name: bad}}\nspec: {{weight: x}}\n"),
    );
    let app = manifest("nightly-etl.yaml");
    let pools = |arguments: &[&str]| {
        let output = plan(&[arguments, &["-o", "json"]].concat());
        let document = json(&output);
        let mut pools: Vec<String> = nodes(&document)
            .iter()
            .map(|node| node["pool"].as_str().unwrap().to_owned())
            .collect();
        pools.dedup();
        (output.status.code(), pools.join(" "), stderr(&output))
    };
    let (code, names, _) = pools(&["-f", &app]);
    assert_eq!((code, names.contains("drivers-on-demand")), (Some(0), true));
    let (code, names, _) = pools(&["-f", &app, "--nodepools", &other]);
    assert_eq!((code, names.as_str()), (Some(0), "other"));
    let (code, names, lines) = pools(&["-f", &app, &own, "--nodepools", &other]);
    assert_eq!((code, names.as_str()), (Some(0), "own"));
    assert!(lines.contains("other.yaml is not read"), "{lines}");
    let (code, names, _) = pools(&["-f", &app, &bad]);
    assert_eq!((code, names.as_str()), (Some(1), ""));
    let (code, names, _) = pools(&["-f", &app, "--nodepools", &bad]);
    assert_eq!((code, names.as_str()), (Some(1), ""));
    let (code, names, lines) = pools(&["-f", &app, "--nodepools", &app]);
    assert_eq!((code, names.as_str()), (Some(1), ""));
    assert!(lines.contains("holds no NodePool"), "{lines}");
}

#[test]
fn daemonset_overhead_makes_nodes_smaller() {
    let app = manifest("nightly-etl.yaml");
    let plain = json(&plan(&["-f", &app, "-o", "json"]));
    let amounts = "cpu=2,memory=8Gi,pods=3";
    let taken = json(&plan(&[
        "-f",
        &app,
        "-o",
        "json",
        "--daemonset-overhead",
        amounts,
    ]));
    let usd = |document: &Value| document["usdPerHour"].as_f64().unwrap();
    assert!(usd(&taken) > usd(&plain), "{} {}", usd(&taken), usd(&plain));
}

#[test]
fn the_same_input_in_another_order_gives_the_same_bytes() {
    let files = [
        manifest("nightly-etl.yaml"),
        manifest("mixed-stream.yaml"),
        manifest("running.json"),
    ];
    let document = |order: [usize; 3]| {
        let files: Vec<&str> = order.iter().map(|i| files[*i].as_str()).collect();
        let mut document = json(&plan(&[&["-o", "json", "-f"], &files[..]].concat()));
        document["planSeconds"] = Value::Null;
        document.to_string()
    };
    assert_eq!(document([0, 1, 2]), document([2, 0, 1]));
}

#[test]
fn the_standard_input_is_a_file_called_dash() {
    let mut child = command(&["-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = fs::read(manifest("nightly-etl.yaml")).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(pods(&json(&output)).len(), 201);
}

#[test]
fn usage_ends_with_two_and_an_unknown_region_with_one() {
    let app = manifest("nightly-etl.yaml");
    for arguments in [
        &["-o", "json"][..],
        &["-f", &app, "-o", "xml"],
        &["-f", &app, "--daemonset-overhead", "cpu=lots"],
        &["-f", &app, "--zone-map", "us-east-1a"],
    ] {
        let output = plan(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let output = plan(&["-f", &app, "--region", "mars-north-1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert_eq!(stderr(&output).lines().count(), 1);
    assert!(stderr(&output).contains("mars-north-1"));
}

#[test]
fn real_spark_pods_are_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/spark-pods");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let file = |name: &str| folder.join(name).display().to_string();
    let output = plan(&[
        "-f",
        &file("driver-cluster-mode-4.3.0.json"),
        &file("driver-cluster-mode-3.5.9.json"),
        &file("driver-configmap-4.3.0.json"),
        &file("executor-cluster-mode-4.3.0.json"),
        &file("executor-client-mode-4.3.0.json"),
        &file("executor-client-mode-3.5.9.json"),
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = json(&output);
    // One of them mounts a claim that Spark makes for it, wherever its node is.
    // One driver's properties are given too, and say that it will ask for eight executors.
    assert_eq!(pods(&document).len(), 5 + 8, "{document}");
    assert_eq!(
        document["unplaced"].as_array().map(Vec::len),
        Some(0),
        "{document}"
    );
    assert!(stderr(&output).contains("1 waiting drivers name a ConfigMap that is not given"));
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"));
    command.arg("plan").args(arguments);
    command
}

fn plan(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

fn manifest(name: &str) -> String {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    folder.join(name).display().to_string()
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("the scratch folder is ours");
    path.display().to_string()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("the document is JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

fn nodes(document: &Value) -> &[Value] {
    document["nodes"].as_array().expect("nodes is a list")
}

/// All pods on new nodes, in order of name.
fn pods(document: &Value) -> Vec<&str> {
    let mut pods: Vec<&str> = nodes(document)
        .iter()
        .flat_map(|node| node["pods"].as_array().expect("pods is a list"))
        .filter_map(Value::as_str)
        .collect();
    pods.sort_unstable();
    pods
}

fn node_of<'a>(document: &'a Value, pod: &str) -> &'a Value {
    let has = |node: &&Value| {
        node["pods"]
            .as_array()
            .expect("pods is a list")
            .iter()
            .any(|name| name == pod)
    };
    nodes(document)
        .iter()
        .find(has)
        .expect("the pod is on a new node")
}
