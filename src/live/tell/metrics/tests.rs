//! The page that is checked in, and figures as Prometheus reads them.

use std::path::Path;
use std::time::Duration;

use crate::model::time::Timestamp;

use super::*;
use crate::live::ec2::{Action, CallResult};

#[test]
fn the_page_is_the_one_that_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let expected = page(&Metrics::new());
    if std::env::var_os("SPARKWRIGHT_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        there, expected,
        "docs/metrics.md is stale; run with SPARKWRIGHT_BLESS=1"
    );
}

#[test]
fn what_is_counted_is_read_by_prometheus() {
    let metrics = Metrics::new();
    let at = Timestamp::ZERO;
    let fact = Fact::PodEnded("default/a".into());
    metrics.event(&Event { at, fact });
    metrics.round(
        &Plan::default(),
        &Cluster::default(),
        Duration::from_millis(3),
    );
    metrics.launch_answered(LaunchAnswer::Partial);
    metrics.launch_sent(Duration::from_millis(120));
    let calls = |count, seconds| {
        [CallCount {
            action: Action::CreateFleet,
            result: CallResult::Done,
            count,
            seconds,
        }]
    };
    metrics.ec2_calls(&calls(3, 1.5));
    metrics.ec2_calls(&calls(5, 2.5));
    metrics.leads(true);
    metrics.leads(true);
    let text = metrics.text();
    for line in [
        "sparkwright_events_total{kind=\"pod-ended\"} 1",
        "sparkwright_rounds_total 1",
        "sparkwright_plan_seconds_bucket{le=\"0.0025\"} 0",
        "sparkwright_plan_seconds_bucket{le=\"0.005\"} 1",
        "sparkwright_launches_total{answer=\"partial\"} 1",
        "sparkwright_watch_to_create_fleet_seconds_bucket{le=\"0.15\"} 1",
        "sparkwright_ec2_calls_total{action=\"CreateFleet\",result=\"done\"} 5",
        "sparkwright_ec2_call_seconds_total{action=\"CreateFleet\",result=\"done\"} 2.5",
        "sparkwright_leader 1",
        "sparkwright_lease_acquired_total 1",
    ] {
        assert!(
            text.lines().any(|told| told == line),
            "{line} is not in\n{text}"
        );
    }
    let memory = text
        .lines()
        .find_map(|line| line.strip_prefix("sparkwright_resident_memory_bytes "));
    assert!(memory.unwrap().parse::<u64>().unwrap() > 1 << 20 || !cfg!(target_os = "linux"));
}

#[test]
fn names_say_their_unit_and_counters_end_in_total() {
    for described in &Metrics::new().list.described {
        let name = described.name.as_str();
        assert!(name.starts_with("sparkwright_"), "{name}");
        assert_eq!(
            described.kind == "counter",
            name.ends_with("_total"),
            "{name}"
        );
        let says = described.help.contains("seconds") == name.contains("_seconds");
        assert!(says, "{name}: {}", described.help);
    }
}
