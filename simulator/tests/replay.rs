//! `sparkwright-sim replay` from outside: the document, its money, its determinism, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn the_shipped_logs_replay_to_their_end_and_say_why_each_node_was_launched() {
    let document = json(&replay(&["--trace", &shipped("")]));
    let apps = array(&document, "apps");
    assert_eq!(apps.len(), 3, "{apps:?}");
    for app in apps {
        assert!(
            seconds(app, "finishedSeconds") > seconds(app, "startedSeconds"),
            "{app}"
        );
        assert!(seconds(app, "waitSeconds") > 0.0 && seconds(app, "executorSeconds") > 0.0);
        assert!(app["fidelity"]["error"].as_f64().unwrap() < 0.05, "{app}");
    }
    for node in array(&document, "nodes") {
        assert!(!node["message"].as_str().unwrap().is_empty());
        let driver = node["pool"] == "drivers-on-demand";
        assert_eq!(
            node["capacityType"],
            if driver { "on-demand" } else { "spot" }
        );
        assert!(seconds(node, "readySeconds") > seconds(node, "launchedSeconds"));
        assert!(seconds(node, "endedSeconds") - seconds(node, "launchedSeconds") >= 60.0);
    }
}

#[test]
fn a_recorded_run_decides_the_same_open_loop_and_a_tampered_one_does_not() {
    let folder = TempDir::new().unwrap();
    let stream = folder.path().join("stream-000001.jsonl");
    let named = stream.to_str().unwrap();
    let trace = shipped("");
    json(&replay(&[
        "--trace", &trace, "--record", named, "--copies", "2",
    ]));
    let written = folder.path().to_str().unwrap();
    let answer = json(&replay(&["--open-loop", written]));
    assert_eq!(answer["differing"], 0, "{answer}");
    let count = |field: &str| answer[field].as_u64().unwrap();
    assert!(
        count("rounds") > 100 && count("effects") > 20 && count("events") > 500,
        "{answer}"
    );
    assert_eq!(count("brokenLines") + count("cutOff") + count("lost"), 0);

    // A node that is said to have been launched for something else, and a file that ends within a line.
    let text = fs::read_to_string(&stream).unwrap();
    let tampered = text.replacen(
        "\"empty-past-ttl\":{\"ttl\":60000}",
        "\"empty-past-ttl\":{\"ttl\":1}",
        1,
    );
    assert_ne!(tampered, text);
    fs::write(&stream, &tampered[..tampered.len() - 20]).unwrap();
    let told = replay_table(&["--open-loop", named]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(
        text.contains("  - cordon ") && text.contains("  + cordon "),
        "{text}"
    );
    assert!(
        text.contains("1 differ") && text.contains("1 files cut off"),
        "{text}"
    );

    fs::write(&stream, "{\"stream\":{\"version\":7}}\n").unwrap();
    let refused = replay_table(&["--open-loop", named]);
    let problem = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{problem}");
    assert!(
        problem.contains("stream of version 7") && problem.lines().count() == 1,
        "{problem}"
    );
}

#[test]
fn money_adds_up_to_the_micro_dollar() {
    for extra in [
        &["--copies", "7", "--arrivals", "every=20s"][..],
        &["--daemonset-overhead", "cpu=250m,memory=512Mi,pods=3"],
    ] {
        let shipped = shipped("");
        let document = json(&replay(&[&["--trace", &shipped], extra].concat()));
        let whole = micros(&document["usd"]);
        let of = |list: &str| {
            array(&document, list)
                .iter()
                .map(|each| micros(&each["usd"]))
                .sum::<i64>()
        };
        let rest: i64 = ["usdIdle", "usdBoot", "usdSystem"]
            .iter()
            .map(|name| micros(&document[name]))
            .sum();
        assert_eq!(of("apps") + rest, whole);
        assert_eq!(of("nodes"), whole);
        assert_eq!(
            micros(&document["usdSystem"]) > 0,
            extra[0] == "--daemonset-overhead"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let run = |seed: &str, reversed: bool| {
        let mut traces = [shipped(EKS), shipped(EMR)];
        if reversed {
            traces.reverse();
        }
        let arguments = [
            "--trace",
            &traces[0],
            &traces[1],
            "--copies",
            "3",
            "--arrivals",
            "poisson=30/h",
            "--seed",
            seed,
        ];
        let mut document = json(&replay(&arguments));
        for timing in ["wallSeconds", "podEventsPerSecond"] {
            document
                .as_object_mut()
                .unwrap()
                .remove(timing)
                .expect("a timing field");
        }
        document.to_string()
    };
    assert_eq!(run("4", false), run("4", false));
    assert_eq!(
        run("4", false),
        run("4", true),
        "the order of traces does not matter"
    );
    assert_ne!(run("4", false), run("5", false));
}

#[test]
fn executors_as_recorded_bring_back_the_recorded_time_in_jobs() {
    let document = json(&replay(&[
        "--trace",
        &shipped(""),
        "--executors",
        "as-recorded",
    ]));
    for app in array(&document, "apps") {
        let (predicted, recorded) = (
            seconds(app, "inJobSeconds"),
            seconds(app, "recordedInJobSeconds"),
        );
        assert!((predicted - recorded).abs() / recorded < 0.05, "{app}");
    }
}

/// The logs of the shared set that the repository does not ship, where they are.
#[test]
fn every_shared_log_with_twenty_seconds_in_jobs_comes_back_within_five_per_cent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/spark-events");
    if !folder.exists() {
        println!("skipped: the shared event logs are not beside this checkout");
        return;
    }
    let folder = folder.display().to_string();
    let document = json(&replay(&["--trace", &folder, "--executors", "as-recorded"]));
    let mut counted = 0;
    for app in array(&document, "apps") {
        let (predicted, recorded) = (
            seconds(app, "inJobSeconds"),
            seconds(app, "recordedInJobSeconds"),
        );
        let off = (predicted - recorded).abs();
        println!(
            "{:>8.1} s recorded, {:>6.2} % off: {}",
            recorded,
            100.0 * off / recorded,
            app["name"]
        );
        assert!(off / recorded <= 0.05 || recorded < 20.0, "{app}");
        counted += u32::from(recorded >= 20.0);
    }
    assert!(counted >= 9, "{counted} logs with twenty seconds in jobs");
}

#[test]
fn later_nodes_make_a_longer_application() {
    let trace = shipped(EMR);
    let in_jobs = |executors: &str| {
        let document = json(&replay(&["--trace", &trace, "--executors", executors]));
        seconds(&array(&document, "apps")[0], "inJobSeconds")
    };
    assert!(in_jobs("simulated") > 1.5 * in_jobs("as-recorded"));
}

#[test]
fn two_logs_of_one_application_are_two_applications() {
    let document = json(&replay(&["--trace", &shipped(EKS), &shipped(EKS)]));
    let ids: Vec<&str> = array(&document, "apps")
        .iter()
        .map(|app| app["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[1], format!("{}#2", ids[0]));
    assert!(
        array(&document, "apps")
            .iter()
            .all(|app| app["finishedSeconds"].is_number())
    );
}

#[test]
fn bad_traces_are_skipped_in_one_line_each_and_the_others_go_on() {
    let scratch = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let empty = write("empty", b"");
    let text = write("notes.txt", b"nothing that Spark wrote\n");
    let binary = write("binary", &[0, 159, 146, 150, 0, 255]);
    let cut = fs::read(shipped(EMR)).unwrap();
    let cut = write("cut.zstd", &cut[..cut.len() / 50]);
    let missing = scratch.path().join("missing").display().to_string();
    let good = shipped(EKS);
    let bad = [&empty, &text, &binary, &cut, &missing];
    let mut arguments = vec!["--trace", good.as_str()];
    arguments.extend(bad.iter().map(|path| path.as_str()));
    let output = replay(&arguments);
    let document = json(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(array(&document, "apps").len(), 1);
    assert_eq!(
        array(&document, "skipped").len(),
        bad.len(),
        "{}",
        document["skipped"]
    );
    for path in bad {
        let lines = stderr(&output)
            .lines()
            .filter(|line| line.contains(path.as_str()))
            .count();
        assert_eq!(lines, 1, "{path}: {}", stderr(&output));
    }
    arguments.push("--strict");
    assert_eq!(replay(&arguments).status.code(), Some(1), "strict");
    assert_eq!(
        replay(&["--trace", &empty]).status.code(),
        Some(1),
        "nothing could be replayed"
    );
}

#[test]
fn usage_and_refused_inputs_have_their_exit_codes_and_no_document() {
    let trace = shipped(EKS);
    for (arguments, code, told) in [
        (
            vec!["--trace", &trace, "--arrivals", "sometimes"],
            2,
            "every=30s",
        ),
        (
            vec!["--trace", &trace, "--executors", "from="],
            2,
            "from=LOG",
        ),
        (vec![], 2, "--trace"),
        (vec!["--trace", &trace, "--region", "mars-1"], 1, "mars-1"),
        (
            vec!["--trace", &trace, "--nodepools", "no-such-file.yaml"],
            1,
            "no-such-file.yaml",
        ),
        (
            vec!["--trace", &trace, "--executors", "from=no-such-log"],
            1,
            "no-such-log",
        ),
    ] {
        let output = replay(&arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(told),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_application_that_no_pool_serves_says_so_instead_of_pretending() {
    let pool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodepools/executors.yaml");
    let pool = pool.display().to_string();
    let output = replay(&["--trace", &shipped(EKS), "--nodepools", &pool]);
    let document = json(&output);
    assert!(array(&document, "apps")[0]["finishedSeconds"].is_null());
    assert!(
        stderr(&output).contains("does not finish"),
        "{}",
        stderr(&output)
    );
    assert_eq!(array(&document, "unplaced")[0]["reason"], "no-pool");
    assert_eq!(micros(&document["usd"]), 0);
}

#[test]
fn the_table_is_for_people_and_fits_a_terminal() {
    let output = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .args(["replay", "--trace", &shipped(EKS)])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.starts_with("BILL") && table.contains("why: cheapest found"),
        "{table}"
    );
    assert!(
        table.lines().all(|line| line.chars().count() <= 120),
        "{table}"
    );
}

const EKS: &str = "eventlog_v2_spark-110be3a8424d4a2789cb88134418217b";
const EMR: &str = "attempt_1_eventlog.zstd";

fn shipped(name: &str) -> String {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs");
    folder.join(name).display().to_string()
}

fn replay_table(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .arg("replay")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .arg("replay")
        .args(arguments)
        .args(["-o", "json"])
        .output()
        .expect("the binary runs")
}

fn json(output: &Output) -> Value {
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{document:?}: {}", stderr(output));
    document.expect("it was asked one line above")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn array<'a>(document: &'a Value, name: &str) -> &'a Vec<Value> {
    assert!(document[name].is_array(), "{name} in {document}");
    document[name]
        .as_array()
        .expect("it was asked one line above")
}

fn seconds(value: &Value, name: &str) -> f64 {
    assert!(value[name].is_number(), "{name} in {value}");
    value[name].as_f64().expect("numbers are finite")
}

/// Micro-dollars of a printed amount, read as text so that nothing is rounded on the way.
fn micros(value: &Value) -> i64 {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    assert!(fraction.len() <= 6, "{text}");
    format!("{whole}{fraction:0<6}")
        .parse()
        .expect("an amount is digits and a point")
}
