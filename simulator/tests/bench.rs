//! The yardstick on a few small scenarios: plans pass their judgement, both bounds agree, and where
//! Karpenter's scheduler has been built it is asked too.

use std::process::Command;

use serde_json::Value;
use sparkwright_sim::bench::karpenter;

#[test]
fn small_scenarios_pass_judgement_and_both_bounds_agree() {
    let mut arguments = vec![
        "bench",
        "plan",
        "--scenarios",
        "40",
        "--most-pods",
        "400",
        "--runs",
        "2",
    ];
    arguments.extend(["-o", "json"]);
    let is_built = karpenter::place().is_ok_and(|program| program.is_file());
    if is_built {
        arguments.extend([
            "--against",
            "karpenter",
            "--rival-runs",
            "1",
            "--rival-pods",
            "100",
        ]);
    } else {
        println!(
            "skipped: Karpenter's scheduler is not built; `bench plan --against karpenter` builds it"
        );
    }
    let output = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .args(&arguments)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["failures"], serde_json::json!([]));
    assert_eq!(output.status.code(), Some(0));
    let rows = report["rows"].as_array().unwrap();
    assert!(rows.len() >= 8, "{}", rows.len());
    for row in rows {
        let number = |field: &str| row[field].as_f64().unwrap();
        let (low, high) = (
            row["programme"][0].as_f64().unwrap(),
            row["programme"][1].as_f64().unwrap(),
        );
        assert!(low > 0.0 && high < low * 1.01, "a wide bracket: {row}");
        assert!(number("ownBound") <= high * 1.000_001, "no bound: {row}");
        assert!(number("ownBound") >= low * 0.99, "a loose bound: {row}");
        assert!(
            number("whole") >= low * 0.999_999 && number("cost") >= number("whole") * 0.999_999,
            "{row}"
        );
    }
    if is_built {
        let saving = &report["karpenter"]["saving"];
        assert!(
            saving["count"].as_u64().unwrap() > 0,
            "Karpenter answered nothing: {report}"
        );
    }
}

#[test]
fn a_scenario_follows_from_seed_and_number() {
    let rows = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
            .args([
                "bench",
                "plan",
                "--most-pods",
                "60",
                "--runs",
                "1",
                "-o",
                "json",
            ])
            .args(arguments)
            .output()
            .unwrap();
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = report["rows"].as_array_mut().unwrap();
        for row in rows.iter_mut() {
            row["oursMs"] = Value::Null;
            row["loadingMs"] = Value::Null;
        }
        rows.clone()
    };
    let all = rows(&["--scenarios", "30"]);
    let number = all[0]["number"].to_string();
    assert_eq!(rows(&["--only", &number]), all[..1]);
    assert_ne!(rows(&["--scenarios", "30", "--seed", "2"]), all);
}
