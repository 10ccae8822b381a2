//! Files of conditions: those that ship, and bad ones, each refused with line, field and remedy.

use std::path::Path;

use sparkwright::model::offering::CapacityType;
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::time::Span;

use super::*;
use crate::catalog::Source;
use crate::world::delays::Distribution;

fn parse(text: &str) -> Result<Conditions, String> {
    Conditions::parse(text, &Source::default().load().unwrap())
}

#[test]
fn an_empty_file_says_nothing_and_leaves_the_defaults() {
    for text in ["", "# nothing\n", "{}", "delays: {}\n"] {
        assert_eq!(parse(text).unwrap(), Conditions::default(), "{text:?}");
    }
}

#[test]
fn every_field_of_the_page_is_in_the_shipped_examples_or_the_reader() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let catalog = Source::default().load().unwrap();
    let read = |name: &str| Conditions::read(&docs.join("world").join(name), &catalog).unwrap();
    let dry = read("dry-zone.yaml");
    let zone = catalog.find_zone("use1-az1");
    assert!(dry.droughts[0].of.zone == zone && dry.droughts[0].instances == 0);
    let rough = read("rough-day.yaml");
    assert_eq!(rough.interruptions.scripted.len(), 2);
    let spot = (QuotaClass::Standard, CapacityType::Spot);
    assert_eq!(rough.quotas[&spot], 1152);
    assert_eq!(rough.cni.minimum_ips, Some(10));
    assert!(rough.prices.drift.is_some() && rough.spells.is_some() && rough.launches.is_some());
    assert_eq!(
        rough.delays.shutdown,
        Distribution::constant(Span::from_secs(30))
    );
    let pull = rough.delays.pull;
    assert!(
        pull.p99 > Span::from_secs(79) && pull.p99 < Span::from_secs(81),
        "{}",
        pull.p99
    );
    let shipped = std::fs::read_dir(docs.join("world")).unwrap().count();
    assert_eq!(shipped, 2, "an example that no test reads");
}

#[test]
fn the_page_shows_a_file_that_is_read() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/world.md"));
    let page = page.unwrap();
    let example = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let conditions = parse(example.unwrap()).unwrap();
    assert_eq!(conditions.delays.boot.p99, Span::from_secs(75));
    assert_eq!(conditions.droughts.len(), 1);
}

#[test]
fn bad_files_are_refused_with_line_field_and_remedy() {
    for (text, told) in [
        ("delays:\n  bot: 40s\n", &["line 2", "bot", "boot"][..]),
        ("delays:\n  boot: soon\n", &["line 2", "soon", "90s"]),
        (
            "delays:\n  boot: {p50: 40s}\n",
            &["line 2", "delays.boot.p99", "75s"],
        ),
        (
            "delays: {boot: {p50: 90s, p99: 40s}}",
            &["line 1", "delays.boot.p50", "smaller"],
        ),
        (
            "interruptions:\n  rate: -1\n",
            &["line 2", "interruptions.rate", "between 0 and 1000"],
        ),
        (
            "interruptions:\n  scripted:\n  - {at: 1m, nodes: 2, percent: 3}\n",
            &["line 3", "interruptions.scripted[0].nodes", "one of them"],
        ),
        (
            "capacity:\n  droughts:\n  - {zone: use1-az9, to: 1h}\n",
            &[
                "line 3",
                "capacity.droughts[0].zone",
                "use1-az9",
                "use1-az1",
            ],
        ),
        (
            "capacity:\n  droughts:\n  - {from: 2h, to: 1h}\n",
            &["line 3", "capacity.droughts[0].to", "later"],
        ),
        (
            "capacity: {droughts: [{to: 1h, types: [c9.huge]}]}",
            &["line 1", "types", "c9.huge", "not sold"],
        ),
        (
            "quotas:\n- {class: big, capacityType: spot, vcpus: 1}\n",
            &["line 2", "quotas[0].class", "standard"],
        ),
        (
            "quotas:\n- {class: g, capacityType: spot}\n",
            &["line 2", "quotas[0].vcpus", "missing"],
        ),
        (
            "subnets:\n- {zone: us-east-1a}\n",
            &["line 2", "subnets[0].addresses", "4091"],
        ),
        (
            "spotPrices: {steps: [{at: 1m, factor: 0}]}",
            &["spotPrices.steps[0].factor", "above 0"],
        ),
        (
            "requests: {createFleet: {burst: 0, perSecond: 5}}",
            &["requests.createFleet", "above zero"],
        ),
        ("[1, 2]", &["line 1"]),
    ] {
        let problem = parse(text).expect_err(text);
        assert!(!problem.contains('\n'), "{problem}");
        for part in told {
            assert!(problem.contains(part), "{text:?}: {problem}");
        }
    }
}
