//! `sparkwright-sim replay --world`: what goes wrong on EC2 delays, moves and ends applications, the
//! document says so, and the bill stays exact. Each test changes one thing and compares.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn an_application_that_has_not_started_leaves_a_dry_zone_at_once() {
    let calm = replay(EMR, "interruptions: {rate: 0}\n");
    let home = zone(app(&calm));
    let dry =
        format!("interruptions: {{rate: 0}}\ncapacity: {{droughts: [{{zone: {home}, to: 1h}}]}}\n");
    let moved = replay(EMR, &dry);
    assert_ne!(zone(app(&moved)), home);
    assert_eq!(
        app(&moved)["movedFrom"][0],
        home.as_str(),
        "{}",
        app(&moved)
    );
    assert!(number(&moved["world"]["capacityErrors"]["count"]) > 0.0);
    assert_eq!(
        moved["world"]["capacityErrors"]["byZone"][0]["zone"],
        home.as_str()
    );
    for node in list(&moved, "nodes") {
        assert_ne!(node["zone"], home.as_str(), "nothing was to be had there");
    }
    let late = number(&app(&moved)["waitSeconds"]) - number(&app(&calm)["waitSeconds"]);
    assert!((0.0..120.0).contains(&late), "{late} s later, not an hour");
    adds_up(&moved);
}

#[test]
fn an_application_whose_driver_runs_waits_for_its_zone_and_says_for_what() {
    let calm = replay(EMR, "interruptions: {rate: 0}\n");
    let home = zone(app(&calm));
    // Its nodes are taken back when it works, and its zone has no others for most of an hour.
    let work = number(&app(&calm)["startedSeconds"]) + 20.0;
    let (begin, end) = (work.round(), work.round() + 2400.0);
    let file = format!(
        "interruptions: {{rate: 0, scripted: [{{at: {begin}s}}]}}\n\
         capacity: {{droughts: [{{zone: {home}, from: {begin}s, to: {end}s}}]}}\n"
    );
    let waited = replay(EMR, &file);
    assert_eq!(
        zone(app(&waited)),
        home,
        "a driver that runs fixes its zone"
    );
    assert!(app(&waited)["movedFrom"].as_array().unwrap().is_empty());
    assert!(
        number(&app(&waited)["lostExecutors"]) > 0.0,
        "{}",
        app(&waited)
    );
    let late = number(&app(&waited)["finishedSeconds"]) - number(&app(&calm)["finishedSeconds"]);
    assert!((1200.0..4200.0).contains(&late), "{late} s later");
    assert!(
        number(&app(&waited)["delayedSeconds"]) > 1200.0,
        "{}",
        app(&waited)
    );
    let reasons: Vec<&str> = list(app(&waited), "waited")
        .iter()
        .filter_map(|wait| wait["reason"].as_str())
        .collect();
    assert!(
        reasons.contains(&"no-capacity") || reasons.contains(&"waiting-for-spot"),
        "{reasons:?}"
    );
    adds_up(&waited);
}

#[test]
fn an_interruption_costs_running_tasks_and_is_free_in_the_first_hour() {
    let calm = replay(EKS, "interruptions: {rate: 0}\n");
    let at = (number(&app(&calm)["waitSeconds"]) + 60.0).round();
    let file = format!("interruptions: {{rate: 0, notice: 1s, scripted: [{{at: {at}s}}]}}\n");
    let hit = replay(EKS, &file);
    let taken = &hit["world"]["interruptions"];
    assert!(
        number(&taken["nodes"]) > 0.0 && number(&taken["executorsLost"]) > 0.0,
        "{taken}"
    );
    assert_eq!(
        number(&taken["free"]),
        number(&taken["nodes"]),
        "all within the first hour"
    );
    assert!(number(&taken["usdNotCharged"]) > 0.0);
    let free = list(&hit, "nodes")
        .iter()
        .filter(|node| number(&node["usd"]) == 0.0);
    assert_eq!(free.count(), count(&taken["free"]));
    assert!(number(&app(&hit)["inJobSeconds"]) > number(&app(&calm)["inJobSeconds"]));
    assert!(app(&hit)["finishedSeconds"].is_number());
    adds_up(&hit);
    adds_up(&calm);
}

#[test]
fn a_driver_on_spot_that_is_taken_back_ends_its_application() {
    let pool = "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\nmetadata: {name: spot}\n\
                spec: {roles: [driver, executor], spot: {roles: [driver, executor]}}\n";
    let scratch = TempDir::new().unwrap();
    let path = scratch.path().join("pool.yaml");
    fs::write(&path, pool).unwrap();
    let pool = ["--nodepools", path.to_str().unwrap()];
    let hit = run(
        EKS,
        "interruptions: {rate: 0, scripted: [{at: 90s}]}\n",
        &pool,
    );
    assert_eq!(
        number(&hit["world"]["interruptions"]["driversLost"]),
        1.0,
        "{}",
        hit["world"]
    );
    assert_eq!(app(&hit)["outcome"], "driver-lost");
    assert_eq!(
        number(&app(&hit)["lostDriverSeconds"]),
        210.0,
        "the notice over"
    );
    adds_up(&hit);
}

#[test]
fn a_quota_that_is_used_up_is_one_answer_for_its_class_in_every_zone() {
    let file =
        "interruptions: {rate: 0}\nquotas: [{class: standard, capacityType: spot, vcpus: 0}]\n";
    let held = replay(EMR, file);
    assert!(
        number(&held["world"]["quotaErrors"]) > 0.0,
        "{}",
        held["world"]
    );
    // X is a class of its own, which the default pool may buy: what is held back goes there or waits.
    for node in list(&held, "nodes") {
        let of = node["instanceType"].as_str().unwrap();
        assert!(
            node["capacityType"] == "on-demand" || of.starts_with('x'),
            "{node}"
        );
    }
    assert!(app(&held)["finishedSeconds"].is_number());
    assert!(
        number(&held["world"]["refusedNodes"]) < 5.0,
        "{}",
        held["world"]
    );
    adds_up(&held);
}

#[test]
fn a_zone_without_addresses_is_not_asked_for_what_it_does_not_have() {
    let calm = replay(EMR, "interruptions: {rate: 0}\n");
    let home = zone(app(&calm));
    let file = format!("interruptions: {{rate: 0}}\nsubnets: [{{zone: {home}, addresses: 8}}]\n");
    let moved = replay(EMR, &file);
    assert_ne!(zone(app(&moved)), home);
    assert_eq!(
        number(&moved["world"]["addressErrors"]),
        0.0,
        "known beforehand"
    );
    assert!(app(&moved)["finishedSeconds"].is_number());
    adds_up(&moved);
}

#[test]
fn throttled_calls_are_made_again_and_are_no_capacity_errors() {
    let copies = ["--copies", "12", "--arrivals", "every=1s"];
    let calm = run(EKS, "interruptions: {rate: 0}\n", &copies);
    let file = "interruptions: {rate: 0}\nrequests: {createFleet: {burst: 1, perSecond: 1}, \
                instances: {burst: 1, perSecond: 1}}\n";
    let slow = run(EKS, file, &copies);
    assert_eq!(number(&calm["world"]["throttledCalls"]), 0.0);
    assert!(number(&slow["world"]["throttledCalls"]) > 0.0);
    assert_eq!(number(&slow["world"]["capacityErrors"]["count"]), 0.0);
    assert_eq!(number(&slow["world"]["refusedNodes"]), 0.0);
    assert!(
        list(&slow, "apps")
            .iter()
            .all(|app| app["finishedSeconds"].is_number())
    );
    adds_up(&slow);
}

#[test]
fn a_price_step_is_paid_from_its_second_on() {
    let calm = replay(EMR, "interruptions: {rate: 0}\n");
    let at = (number(&app(&calm)["startedSeconds"]) + 10.0).round();
    let file = format!(
        "interruptions: {{rate: 0}}\nspotPrices: {{steps: [{{at: {at}s, factor: 0.5}}]}}\n"
    );
    let cheaper = replay(EMR, &file);
    assert!(number(&cheaper["world"]["priceChanges"]) > 1000.0);
    assert!(number(&cheaper["usd"]) < number(&calm["usd"]));
    assert!(number(&cheaper["usd"]) > number(&calm["usd"]) / 2.0);
    assert_eq!(
        app(&cheaper)["finishedSeconds"],
        app(&calm)["finishedSeconds"]
    );
    adds_up(&cheaper);
}

#[test]
fn a_rough_day_gives_the_same_bytes_for_the_same_seed_and_the_bill_adds_up() {
    let file = fs::read_to_string(repository("docs/world/rough-day.yaml")).unwrap();
    let copies = |seed| ["--copies", "12", "--arrivals", "every=150s", "--seed", seed];
    let first = run(EMR, &file, &copies("3"));
    assert_eq!(first.to_string(), run(EMR, &file, &copies("3")).to_string());
    assert_ne!(first["nodes"], run(EMR, &file, &copies("4"))["nodes"]);
    assert!(
        number(&first["world"]["interruptions"]["nodes"]) > 0.0,
        "{}",
        first["world"]
    );
    adds_up(&first);
}

#[test]
fn a_longer_boot_moves_every_ready_node_and_leaves_the_rest_of_the_luck_as_it_was() {
    let boots = |file: &str| -> Vec<(String, f64)> {
        let document = replay(EMR, file);
        let nodes = list(&document, "nodes").iter();
        let boot = |node: &Value| number(&node["readySeconds"]) - number(&node["launchedSeconds"]);
        nodes
            .map(|node| (node["instanceType"].to_string(), boot(node)))
            .collect()
    };
    let minute = boots("interruptions: {rate: 0}\ndelays: {boot: 60s}\n");
    assert!(
        minute.iter().all(|(_, boot)| (*boot - 60.0).abs() < 1e-6),
        "{minute:?}"
    );
    let usual = boots("interruptions: {rate: 0}\n");
    assert!(usual.iter().any(|(_, boot)| (*boot - 60.0).abs() > 1.0));
    let of = |boots: &[(String, f64)]| boots.iter().map(|(of, _)| of.clone()).collect::<Vec<_>>();
    assert_eq!(of(&minute), of(&usual));
}

#[test]
fn files_that_cannot_be_used_are_refused_in_one_line() {
    for (text, executors, told) in [
        ("delays: {boot: soon}\n", "simulated", "line 1"),
        ("weather: bad\n", "simulated", "weather"),
        ("delays: {}\n", "as-recorded", "--executors simulated"),
    ] {
        let output = command(EKS, text, &["--executors", executors]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}: {message}");
        assert!(
            message.contains(told) && message.trim().lines().count() == 1,
            "{message}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_table_tells_what_went_wrong_and_nothing_where_nothing_did() {
    let table = |text: &str| {
        let output = command(EMR, text, &["-o", "table"]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!table("interruptions: {rate: 0}\n").contains("\nEC2 "));
    let told = table("interruptions: {rate: 0, scripted: [{at: 100s}]}\n");
    assert!(
        told.contains("\nEC2 ") && told.contains("nodes taken back"),
        "{told}"
    );
    assert!(
        told.lines().all(|line| line.chars().count() <= 120),
        "{told}"
    );
}

const EKS: &str = "eventlog_v2_spark-110be3a8424d4a2789cb88134418217b";
const EMR: &str = "attempt_1_eventlog.zstd";

/// Printed parts add up to the printed whole, by application and by node.
fn adds_up(document: &Value) {
    let sum = |name: &str| -> i64 {
        list(document, name)
            .iter()
            .map(|each| micros(&each["usd"]))
            .sum()
    };
    let rest: i64 = ["usdIdle", "usdBoot", "usdSystem"]
        .iter()
        .map(|name| micros(&document[name]))
        .sum();
    let whole = micros(&document["usd"]);
    assert_eq!((sum("apps") + rest, sum("nodes")), (whole, whole));
}

fn replay(log: &str, world: &str) -> Value {
    run(log, world, &[])
}

fn run(log: &str, world: &str, arguments: &[&str]) -> Value {
    let output = command(log, world, &[arguments, &["-o", "json"]].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{world}: {message}");
    let mut document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let fields = document.as_object_mut().expect("an object");
    fields.remove("wallSeconds");
    fields.remove("podEventsPerSecond");
    document
}

fn command(log: &str, world: &str, arguments: &[&str]) -> Output {
    let scratch = TempDir::new().expect("a scratch folder");
    let file = scratch.path().join("world.yaml");
    fs::write(&file, world).expect("a scratch file");
    let log = repository("simulator/data/logs").join(log);
    Command::new(env!("CARGO_BIN_EXE_sparkwright-sim"))
        .args(["replay", "--trace"])
        .arg(log)
        .arg("--world")
        .arg(file)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn app(document: &Value) -> &Value {
    &document["apps"][0]
}

fn zone(app: &Value) -> String {
    app["zone"].as_str().expect("it has run").to_owned()
}

fn list<'a>(document: &'a Value, name: &str) -> &'a Vec<Value> {
    document[name].as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    assert!(value.is_number(), "{value}");
    value.as_f64().expect("finite")
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a count")).expect("small")
}

/// Micro-dollars, read as text so that nothing is rounded on the way.
fn micros(value: &Value) -> i64 {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<6}").parse().expect("an amount")
}
