//! `sparkwright-sim calibrate` from outside: a factor that is known is found again and taken by a NodePool,
//! a replay with it is as much shorter, and logs of other work are refused with the reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const ETL: &str = "attempt_1_eventlog.zstd";
const OTHER: &str = "eventlog_4nodes_8cores_dynamic_alloc.zstd";

#[test]
fn a_family_that_takes_four_fifths_of_the_cpu_time_is_a_quarter_faster() {
    let folder = TempDir::new().unwrap();
    let slow = shipped(OTHER);
    let fast = scaled(OTHER, folder.path(), |cpu| cpu * 4 / 5);
    let args = [format!("{slow}=m5"), format!("{fast}=m7g")];
    let output = calibrate(&["--trace", &args[0], &args[1], "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["reference"], "m5");
    let family = &document["families"][0];
    let factor = |field: &str| family[field].as_f64().unwrap();
    assert!((factor("performance") - 1.25).abs() < 0.01, "{family}");
    assert!(factor("lowerQuartile") <= 1.25 && factor("upperQuartile") >= 1.25);
    assert_eq!(family["matchedPercent"], 100);
    assert!(family["tasks"].as_u64().unwrap() >= 20 && family["stages"].as_u64().unwrap() > 1);

    let turned = calibrate(&["--trace", &args[0], &args[1], "--reference", "m7g"]);
    let text = String::from_utf8(turned.stdout).unwrap();
    let factors: Factors = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
        .map(|(family, factor)| (family.to_owned(), factor.parse().unwrap()))
        .collect();
    assert_eq!(factors[0], ("m7g".to_owned(), 1.0));
    assert!((factors[1].1 - 0.8).abs() < 0.01, "{text}");
}

type Factors = Vec<(String, f64)>;

#[test]
fn what_is_printed_is_taken_by_a_nodepool_and_shortens_cpu_time_in_a_replay() {
    let folder = TempDir::new().unwrap();
    let (slow, fast) = (
        shipped(OTHER),
        scaled(OTHER, folder.path(), |cpu| cpu * 4 / 5),
    );
    let args = [format!("{slow}=m5"), format!("{fast}=m6a")];
    let printed = calibrate(&["--trace", &args[0], &args[1]]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    let indented: String = printed.lines().map(|line| format!("  {line}\n")).collect();
    let replayed = |performance: &str, extra: &[&str]| -> Value {
        let pools = folder.path().join("pools.yaml");
        let text = format!(
            "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\nmetadata: {{name: all}}\nspec:\n\
             {performance}  template:\n    spec:\n      requirements:\n      - {{key: \
             karpenter.k8s.aws/instance-family, operator: In, values: [m6a]}}\n"
        );
        fs::write(&pools, text).unwrap();
        let pools = pools.display().to_string();
        let output = run(&[
            &[
                "replay",
                "--trace",
                &slow,
                "--nodepools",
                &pools,
                "-o",
                "json",
            ],
            extra,
        ]
        .concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let plain = replayed("", &[]);
    let faster = replayed(&indented, &[]);
    let in_jobs = |document: &Value| document["apps"][0]["inJobSeconds"].as_f64().unwrap();
    assert!(in_jobs(&faster) < in_jobs(&plain) * 0.99);
    assert_eq!(faster["workHours"], plain["workHours"]);
    let unit = |document: &Value| document["usdPerWorkHour"].as_f64().unwrap();
    assert!(unit(&plain) > 0.0 && faster["apps"][0]["usdPerWorkHour"].as_f64().unwrap() > 0.0);
    let nodes = faster["nodes"].as_array().unwrap();
    assert!(
        nodes
            .iter()
            .all(|node| node["performance"].as_f64().unwrap() > 1.2)
    );
    assert!(
        plain["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|node| node["performance"] == 1)
    );

    // Recorded on the very family, tasks take as long as they took; the work is more than it looked.
    let same = replayed(&indented, &["--recorded-on", "m6a"]);
    assert_eq!(in_jobs(&same), in_jobs(&plain));
    assert!(same["workHours"].as_f64().unwrap() > plain["workHours"].as_f64().unwrap());
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let (etl, other) = (shipped(ETL), shipped(OTHER));
    let without = scaled(ETL, folder.path(), |_| -1);
    for (args, part) in [
        (vec![format!("{etl}=m5")], "another family"),
        (vec![etl.clone()], "PATH=FAMILY"),
        (
            vec![format!("{etl}=m5"), format!("{etl}=m99")],
            "no such family",
        ),
        (
            vec![format!("{etl}=m5"), format!("{other}=m6g")],
            "no application ran on both",
        ),
        (
            vec![format!("{etl}=m5"), format!("{without}=m6g")],
            "no CPU time",
        ),
        (
            vec![format!("{etl}=m5"), "nowhere=m6g".to_owned()],
            "nowhere=m6g",
        ),
    ] {
        let args: Vec<&str> = std::iter::once("--trace")
            .chain(args.iter().map(String::as_str))
            .collect();
        let output = calibrate(&args);
        let text = stderr(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
        assert!(
            output.stdout.is_empty() && text.contains(part),
            "{part}: {text}"
        );
    }
    let other_input = {
        // The same application on another input: other numbers of tasks in most stages.
        let folder = folder.path().join("other-input");
        import(OTHER, &folder);
        rewrite(&folder, |row| {
            let late = row["index"].as_i64().is_some_and(|index| index > 0);
            (row["kind"] != "task" || !late).then_some(row)
        });
        folder.display().to_string()
    };
    let args = [format!("{other}=m5"), format!("{other_input}=m6g")];
    let output = calibrate(&["--trace", &args[0], &args[1]]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("% of the CPU time"),
        "{}",
        stderr(&output)
    );
}

/// A trace of a shipped log with other CPU times; negative ones are taken out.
fn scaled(log: &str, folder: &Path, cpu: impl Fn(i64) -> i64) -> String {
    let folder = folder.join("scaled");
    import(log, &folder);
    rewrite(&folder, |mut row| {
        if let Some(millis) = row["cpu_ms"].as_i64() {
            row["cpu_ms"] = match cpu(millis) {
                scaled @ 0.. => scaled.into(),
                _ => Value::Null,
            };
        }
        Some(row)
    });
    folder.display().to_string()
}

fn import(log: &str, folder: &Path) {
    let folder = folder.display().to_string();
    let output = run(&[
        "trace",
        "import",
        "--from",
        "eventlog",
        &shipped(log),
        "-o",
        &folder,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

fn rewrite(folder: &Path, change: impl Fn(Value) -> Option<Value>) {
    let path = folder.join("work.jsonl");
    let text = fs::read_to_string(&path).expect("the trace has it");
    let rows = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("rows are JSON"));
    let changed: String = rows
        .filter_map(change)
        .map(|row: Value| format!("{row}\n"))
        .collect();
    fs::write(path, changed).expect("the folder is ours");
}

fn shipped(log: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("data/logs")
        .join(log);
    path.display().to_string()
}

fn calibrate(args: &[&str]) -> Output {
    run(&[&["calibrate"], args].concat())
}

fn run(args: &[&str]) -> Output {
    let simulator = env!("CARGO_BIN_EXE_sparkwright-sim");
    Command::new(simulator)
        .args(args)
        .output()
        .expect("the simulator runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
