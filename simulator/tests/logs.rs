//! Every event log that there is beside this checkout: replayed, or refused in one clear line. Strange
//! ones are made here. The table is shown by `cargo test --test logs -- --nocapture`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sparkwright_sim::trace;
use sparkwright_sim::world::submission::Submission;

/// What of the shared folders is no replay, and why; all else is one.
const REFUSED: [(&str, &str); 6] = [
    ("README.md", "is not an event log"),
    ("ladder.py", "is not an event log"),
    ("timeline.json", "is not an event log"),
    ("eventlog_3nodes_12cores_exec_removed", "lasts 930 days"),
    ("driver-", "is not an event log"),
    ("executor-", "is not an event log"),
];

#[test]
fn every_shared_log_is_replayed_or_refused_in_one_line() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !shared.exists() {
        println!("skipped: the shared event logs are not beside this checkout");
        return;
    }
    println!(
        "{:<58} {:>7} {:>6} {:>6} {:>9} {:>9} {:>6}",
        "LOG", "SPARK", "TASKS", "SLOTS", "IN JOBS", "MODEL", "‰ OFF"
    );
    let (mut replayed, mut refused) = (0, 0);
    for folder in ["spark-events", "spark-pods"] {
        for (path, outcome) in outcomes(&shared.join(folder)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let expected = REFUSED.iter().find(|(known, _)| name.starts_with(known));
            match (outcome, expected) {
                (Ok(row), None) => {
                    println!("{name:<58} {row}");
                    replayed += 1;
                }
                (Err(reason), Some((_, words))) if reason.starts_with(words) => {
                    println!("{name:<58} refused: {reason}");
                    assert!(!reason.contains('\n'));
                    refused += 1;
                }
                (outcome, _) => panic!("{name}: {outcome:?}"),
            }
        }
    }
    assert!(replayed >= 23 && refused >= 5, "{replayed} and {refused}");
}

/// Each log by its path, with a row of its replay or the reason of its refusal. A log is read by its
/// own path, so that the table can name it.
fn outcomes(folder: &Path) -> Vec<(PathBuf, Result<String, String>)> {
    let logs = trace::layout::logs(folder);
    let paths = logs.into_iter().map(|log| match log {
        Ok(log) => log.path,
        Err(skipped) => skipped.input.into(),
    });
    paths
        .map(|path| {
            let read = trace::open(&path).next().expect("it was listed");
            let outcome = read.map_err(|skipped| skipped.reason).and_then(row);
            (path, outcome)
        })
        .collect()
}

fn row(recorded: trace::Recorded) -> Result<String, String> {
    let submission = Submission::new(&recorded).map_err(|error| error.to_string())?;
    let fidelity = &submission.fidelity;
    assert_eq!(submission.recorded_in_job, fidelity.recorded_in_job);
    let slots = match recorded.local_slots {
        Some(slots) => format!("{slots} own"),
        None => recorded
            .executors
            .iter()
            .map(|e| e.cores)
            .sum::<u32>()
            .to_string(),
    };
    let version = recorded.version.as_deref().unwrap_or("-");
    let seconds = |span: sparkwright::model::time::Span| span.to_string();
    Ok(format!(
        "{:>7} {:>6} {:>6} {:>9} {:>9} {:>6}  {}",
        version.chars().take(7).collect::<String>(),
        recorded.tasks.len(),
        slots,
        seconds(fidelity.recorded_in_job),
        seconds(fidelity.predicted_in_job),
        fidelity
            .error_permille
            .map_or("-".into(), |off| off.to_string()),
        recorded.notes.join("; ")
    ))
}

#[test]
fn what_ran_in_one_process_is_one_driver_on_the_bill_and_no_executor() {
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("local-1");
    fs::write(&log, local_log()).unwrap();
    for executors in ["simulated", "as-recorded"] {
        let output = replay(&["--trace", log.to_str().unwrap(), "--executors", executors]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let app = &document["apps"][0];
        assert_eq!(app["executorSeconds"].to_string(), "0", "{app}");
        assert_eq!(app["fidelity"]["error"].to_string(), "0", "{app}");
        assert_eq!(app["inJobSeconds"].to_string(), "20", "{app}");
        assert!(app["finishedSeconds"].is_number() && app["usd"].as_f64() > Some(0.0));
        let nodes = document["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1, "{nodes:?}");
        assert_eq!(nodes[0]["pool"], "drivers-on-demand");
        // Four slots ask for four CPUs, so the node has more than four.
        let kind = nodes[0]["instanceType"].as_str().unwrap();
        assert!(kind.ends_with("2xlarge"), "{kind}");
    }
    let from = format!("from={}", log.display());
    let output = replay(&["--trace", log.to_str().unwrap(), "--executors", &from]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("had no executors"), "{told}");
}

/// Eight tasks of ten seconds on the four threads of one process.
fn local_log() -> String {
    let mut lines = vec![
        r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"local-1","Timestamp":1000000000,"User":"u"}"#.to_owned(),
        r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.master":"local[*]","spark.dynamicAllocation.enabled":"true"}}"#.to_owned(),
        r#"{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1000002000,"Stage IDs":[0]}"#.to_owned(),
    ];
    for task in 0..8 {
        let from = 1_000_002_000 + task / 4 * 10_000;
        let to = from + 10_000;
        lines.push(format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{task},"Index":{task},"Launch Time":{from},"Executor ID":"driver","Finish Time":{to}}}}}"#
        ));
    }
    lines.push(r#"{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":0,"Submission Time":1000002000,"Completion Time":1000022000,"Parent IDs":[]}}"#.to_owned());
    lines.push(
        r#"{"Event":"SparkListenerJobEnd","Job ID":0,"Completion Time":1000022000}"#.to_owned(),
    );
    lines.push(r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1000023000}"#.to_owned());
    lines.join("\n")
}

#[test]
fn strange_inputs_are_replayed_or_refused_in_one_line_each_and_the_others_go_on() {
    let scratch = tempfile::tempdir().unwrap();
    let whole = local_log();
    let lines: Vec<&str> = whole.lines().collect();
    let attempts = ["1", "2"].map(|attempt| {
        let id = format!(r#""App ID":"local-1","App Attempt ID":"{attempt}""#);
        whole.replace(r#""App ID":"local-1""#, &id)
    });
    let files: BTreeMap<&str, String> = [
        ("app_1", attempts[0].clone()),
        ("app_2", attempts[1].clone()),
        ("cut.inprogress", whole[..whole.len() - 200].to_owned()),
        ("empty", String::new()),
        ("mangled", lines.join("\nthis is no event\n")),
        ("no-end", lines[..lines.len() - 1].join("\n")),
        ("no-start", lines[1..].join("\n")),
        ("not-json", "PAR1 and the rest of a table\n".repeat(50)),
        (
            "of-2009",
            whole.replace("\"Timestamp\":1000023000", "\"Timestamp\":9999999999999"),
        ),
        ("eventlog_v2_app/appstatus_app", String::new()),
        ("eventlog_v2_app/events_2_app", lines[8..].join("\n")),
        ("eventlog_v2_app/events_1_app", lines[..8].join("\n")),
    ]
    .into();
    for (name, text) in files {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let output = replay(&["--trace", scratch.path().to_str().unwrap()]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["apps"].as_array().unwrap().len(), 6);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for (name, words) in [
        ("empty", "is empty"),
        ("no-start", "has no ApplicationStart"),
        ("not-json", "is not an event log"),
        ("of-2009", "its clock cannot be right"),
    ] {
        let of_it: Vec<&str> = told.lines().filter(|line| line.contains(name)).collect();
        assert!(
            of_it.len() == 1 && of_it[0].contains(words),
            "{name}: {told}"
        );
    }
    assert!(told.contains("13 malformed lines were skipped"), "{told}");
    assert!(told.contains("1 malformed line was skipped"), "{told}");
    assert_eq!(document["skipped"].as_array().unwrap().len(), 4);
    let attempts: Vec<&Value> = (document["apps"].as_array().unwrap().iter())
        .filter_map(|app| app.get("attempt"))
        .collect();
    assert_eq!(attempts, ["1", "2"]);
}

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .arg("replay")
        .args(arguments)
        .args(["-o", "json"])
        .output()
        .expect("the binary runs")
}
