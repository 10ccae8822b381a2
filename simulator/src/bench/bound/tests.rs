//! The second bound tried on problems that can be solved by hand or by trying everything.

use super::*;

fn kind(price: u32, cpu: u32, memory: u32) -> Kind {
    Kind {
        price,
        cpu,
        memory,
        pods: 110,
    }
}

fn lot(cpu: u32, memory: u32, count: u32) -> Lot {
    Lot { cpu, memory, count }
}

#[test]
fn halves_of_nodes_are_paid_by_halves_in_the_programme_and_whole_otherwise() {
    let (lots, kinds) = ([lot(1000, 1000, 5)], [kind(100, 2000, 2000)]);
    let found = bracket(&lots, &kinds);
    assert!(
        (found.low - 250.0).abs() < 0.01 && (found.high - 250.0).abs() < 0.01,
        "{found:?}"
    );
    let whole = whole(&lots, &kinds, &found, 1000);
    assert_eq!((whole.least, whole.is_exact), (300, true));
}

#[test]
fn pods_that_fill_each_other_s_gaps_are_paid_together() {
    // One of each fills a node: neither alone could use more than half of it.
    let (lots, kinds) = (
        [lot(1800, 200, 40), lot(200, 1800, 40)],
        [kind(100, 2000, 2000)],
    );
    let found = bracket(&lots, &kinds);
    assert!(
        (found.low - 4000.0).abs() < 0.1 && (found.high - 4000.0).abs() < 0.1,
        "{found:?}"
    );
}

#[test]
fn a_plan_that_is_known_to_be_cheaper_is_never_beaten_by_the_proof() {
    let (lots, kinds) = (
        [lot(900, 900, 7), lot(700, 300, 9)],
        [kind(100, 2000, 2000), kind(190, 4000, 4000)],
    );
    let found = bracket(&lots, &kinds);
    let optimum = whole(&lots, &kinds, &found, 1_000_000);
    assert!(optimum.is_exact && f64::from(u32::try_from(optimum.least).unwrap()) >= found.low);
}
