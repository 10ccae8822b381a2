//! `sparkwright-sim trace` from outside, and `replay` of what it writes: what a trace gives is what its
//! log gives, pods live as recorded, and whatever is wrong is told.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_replay_of_an_imported_log_is_the_replay_of_the_log() {
    let scratch = TempDir::new().unwrap();
    let trace = path(&scratch, "trace");
    let imported = sim(&[
        "trace",
        "import",
        "--from",
        "eventlog",
        &logs(),
        "-o",
        &trace,
        "--zstd",
    ]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let manifest: Value =
        serde_json::from_slice(&fs::read(Path::new(&trace).join("manifest.json")).unwrap())
            .unwrap();
    assert_eq!(manifest["fidelity_permille"].as_object().unwrap().len(), 3);
    for executors in ["simulated", "as-recorded"] {
        let replay = |input: &str| {
            let output = sim(&[
                "replay",
                "--trace",
                input,
                "--executors",
                executors,
                "-o",
                "json",
            ]);
            let mut document = json(&output);
            // The README beside the logs is skipped with them and is not in the trace.
            for timing in ["wallSeconds", "podEventsPerSecond", "skipped"] {
                document
                    .as_object_mut()
                    .unwrap()
                    .remove(timing)
                    .expect("a field of every document");
            }
            document
        };
        assert_eq!(replay(&trace), replay(&logs()), "{executors}");
    }
}

#[test]
fn pods_are_created_when_listed_run_as_long_and_cost_what_their_nodes_cost() {
    let scratch = TempDir::new().unwrap();
    let (list, trace) = (path(&scratch, "pods.jsonl"), path(&scratch, "trace"));
    let pods = r#"{"pod":"a","create_ms":0,"run_ms":600000,"cpu_milli":2000,"mem_mib":4096}
{"pod":"b","create_ms":60000,"run_ms":300000,"cpu_milli":2000,"mem_mib":4096}
{"pod":"gpu","create_ms":60000,"run_ms":60000,"cpu_milli":2000,"mem_mib":4096,"extended":{"nvidia.com/gpu":1}}
{"pod":"first","app":"flow","stage":1,"parents":[],"create_ms":100000,"run_ms":50000,"cpu_milli":500}
{"pod":"then","app":"flow","stage":2,"parents":[1],"create_ms":100000,"run_ms":70000,"cpu_milli":500}
"#;
    fs::write(&list, pods).unwrap();
    let imported = sim(&["trace", "import", "--from", "pods", &list, "-o", &trace]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let output = sim(&["replay", "--trace", &trace, "-o", "json"]);
    assert!(
        text(&output.stderr).contains("imported-pods"),
        "{}",
        text(&output.stderr)
    );
    let document = json(&output);
    assert_eq!(document["unplaced"].as_array().unwrap().len(), 0);
    let app = |id: &str| {
        let apps = document["apps"].as_array().unwrap();
        apps.iter()
            .find(|app| app["id"] == id)
            .cloned()
            .unwrap_or_default()
    };
    for (id, run) in [("a", 600.0), ("b", 300.0), ("gpu", 60.0)] {
        let app = app(id);
        let ran =
            app["finishedSeconds"].as_f64().unwrap() - app["startedSeconds"].as_f64().unwrap();
        assert!((ran - run).abs() < 0.001, "{app}");
        assert!(
            app["fidelity"].is_null() && app["inJobSeconds"].is_null() && app["kind"] == "pods"
        );
        assert!(app["usd"].as_f64().unwrap() > 0.0);
    }
    let flow = app("flow");
    assert_eq!(flow["kind"], "dag");
    let lasted =
        flow["finishedSeconds"].as_f64().unwrap() - flow["startedSeconds"].as_f64().unwrap();
    assert!(
        (120.0..140.0).contains(&lasted),
        "one after the other: {flow}"
    );
    let pools: Vec<_> = document["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["pool"].clone())
        .collect();
    assert!(
        pools.contains(&"imported-gpu".into()) && pools.contains(&"imported-pods".into()),
        "{pools:?}"
    );
}

#[test]
fn objects_that_pods_meet_count_in_a_replay() {
    let scratch = TempDir::new().unwrap();
    let (list, trace) = (path(&scratch, "pods.jsonl"), path(&scratch, "trace"));
    // Apart from each other as far as their namespace is one of the red team's.
    let pod = |name: &str| {
        format!(
            r#"{{"pod":"{name}","namespace":"etl","create_ms":0,"run_ms":600000,"cpu_milli":500,"mem_mib":512,"labels":{{"app":"a"}},"scheduling":{{"affinity":{{"podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{{"topologyKey":"kubernetes.io/hostname","labelSelector":{{"matchLabels":{{"app":"a"}}}},"namespaceSelector":{{"matchLabels":{{"team":"red"}}}}}}]}}}}}}}}"#
        )
    };
    fs::write(&list, [pod("one"), pod("two")].join("\n")).unwrap();
    let imported = sim(&["trace", "import", "--from", "pods", &list, "-o", &trace]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let objects = path(&scratch, "objects.yaml");
    let nodes = |given: &str| {
        fs::write(&objects, given).unwrap();
        let output = sim(&["replay", "--trace", &trace, "-f", &objects, "-o", "json"]);
        let document = json(&output);
        let nodes = document["nodes"].as_array().map(Vec::len);
        (nodes, text(&output.stderr), document["usd"].clone())
    };
    let namespace = |team: &str| {
        format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: etl, labels: {{team: {team}}}}}}}"
        )
    };
    let (blue, _, cheap) = nodes(&namespace("blue"));
    assert_eq!((blue, nodes(&namespace("red")).0), (Some(1), Some(2)));

    let daemon = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent, namespace: ops}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {tolerations: [{operator: Exists}], containers: [{name: agent, image: agent, resources: {requests: {cpu: 4, memory: 4Gi}}}]}}}}";
    let (one, _, dear) = nodes(daemon);
    assert!(one == Some(1) && dear.as_f64() > cheap.as_f64(), "{dear}");

    let pool = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {spark-role: driver, spark-app-selector: s}}, spec: {containers: [{name: p, image: p}]}}";
    let (_, told, _) = nodes(pool);
    assert!(told.contains("1 objects of -f are passed over"), "{told}");
    fs::write(&objects, "kind: DaemonSet\napiVersion: apps/v1\nspec: 7\n").unwrap();
    let refused = sim(&["replay", "--trace", &trace, "-f", &objects, "-o", "json"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty() && text(&refused.stderr).contains("refused"));
}

#[test]
fn pods_that_no_pool_serves_wait_and_say_so() {
    let scratch = TempDir::new().unwrap();
    let (list, trace) = (path(&scratch, "pods.jsonl"), path(&scratch, "trace"));
    fs::write(
        &list,
        "{\"pod\":\"a\",\"create_ms\":0,\"run_ms\":1,\"cpu_milli\":1}\n",
    )
    .unwrap();
    sim(&["trace", "import", "--from", "pods", &list, "-o", &trace]);
    let pools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodepools/executors.yaml");
    let pools = pools.display().to_string();
    let document = json(&sim(&[
        "replay",
        "--trace",
        &trace,
        "--nodepools",
        &pools,
        "-o",
        "json",
    ]));
    assert_eq!(document["unplaced"][0]["reason"], "no-pool");
    assert!(
        document["unplaced"][0]["message"]
            .as_str()
            .unwrap()
            .contains("podSelector")
    );
    assert!(document["apps"][0]["finishedSeconds"].is_null());
}

#[test]
fn what_is_left_out_is_told_and_strict_makes_it_an_error() {
    let scratch = TempDir::new().unwrap();
    let list = path(&scratch, "pods.jsonl");
    fs::write(
        &list,
        "{\"pod\":\"a\",\"create_ms\":0,\"run_ms\":1}\n{\"pod\":\"b\",\"create_ms\":\"x\"}\n",
    )
    .unwrap();
    let import = |folder: &str, extra: &[&str]| {
        let folder = path(&scratch, folder);
        sim(&[
            &["trace", "import", "--from", "pods", &list, "-o", &folder],
            extra,
        ]
        .concat())
    };
    let lax = import("lax", &[]);
    assert!(
        lax.status.success() && text(&lax.stderr).contains("line 2: create_ms"),
        "{}",
        text(&lax.stderr)
    );
    assert_eq!(import("strict", &["--strict"]).status.code(), Some(1));
    let again = import("lax", &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains("name a new folder"),
        "{}",
        text(&again.stderr)
    );
    let missing = sim(&[
        "trace",
        "import",
        "--from",
        "openb",
        "/nowhere",
        "-o",
        &path(&scratch, "none"),
    ]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(!Path::new(&path(&scratch, "none")).exists());
}

#[test]
fn validate_names_the_rule_and_show_counts() {
    let scratch = TempDir::new().unwrap();
    let (list, trace) = (path(&scratch, "pods.jsonl"), path(&scratch, "trace"));
    fs::write(&list, "{\"pod\":\"a\",\"create_ms\":0,\"run_ms\":1,\"cpu_milli\":250}\n{\"pod\":\"b\",\"create_ms\":61000,\"run_ms\":1}\n").unwrap();
    sim(&[
        "trace",
        "import",
        "--from",
        "pods",
        &list,
        "-o",
        &trace,
        "--anonymise",
        "--salt",
        "s",
    ]);
    let valid = sim(&["trace", "validate", &trace]);
    assert!(valid.status.success(), "{}", text(&valid.stdout));
    let shown = json(&sim(&["trace", "show", &trace, "-o", "json"]));
    assert_eq!(
        (&shown["pods"]["total"], &shown["cpuMilli"]["max"]),
        (&2.into(), &250.into())
    );
    assert_eq!(
        (&shown["spanMs"], &shown["anonymised"]),
        (&61_000.into(), &true.into())
    );
    let pods = Path::new(&trace).join("pods.jsonl");
    let broken = fs::read_to_string(&pods)
        .unwrap()
        .replace("\"run_ms\":1", "\"run_ms\":-1");
    assert!(!broken.contains("\"pod\":\"a\""), "{broken}");
    fs::write(&pods, broken).unwrap();
    let findings = sim(&["trace", "validate", &trace, "-o", "json"]);
    assert_eq!(findings.status.code(), Some(1));
    let document = json(&findings);
    assert_eq!(document["valid"], false);
    let first = &document["findings"][0];
    assert_eq!(
        (&first["rule"], &first["table"], &first["row"]),
        (&"T005".into(), &"pods".into(), &1.into())
    );
    assert_eq!(first["column"], "run_ms");
    assert!(!first["remedy"].as_str().unwrap().is_empty());
    let log = json(&sim(&["trace", "show", &logs(), "-o", "json"]));
    assert_eq!(log["applications"].as_array().unwrap().len(), 3);
    assert!(text(&sim(&["trace", "show", &logs()]).stdout).contains("spark"));
}

fn logs() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs");
    folder.display().to_string()
}

fn path(scratch: &TempDir, name: &str) -> String {
    scratch.path().join(name).display().to_string()
}

fn sim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"));
    command.args(arguments).output().expect("the binary runs")
}

fn json(output: &Output) -> Value {
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{document:?}: {}", text(&output.stderr));
    document.expect("it was asked one line above")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
