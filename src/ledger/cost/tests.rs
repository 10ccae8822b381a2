//! A node's life as facts, and where each second of it is booked.

use std::sync::Arc;

use super::*;
use crate::cluster::event::{AwaitedNode, Intent, PriceChange};
use crate::model::money::apportion;
use crate::model::node::Purpose;
use crate::model::requirement::Labels;
use crate::model::resources::{Bytes, Cpu, Resources};
use crate::model::spark::{PodTemplate, Role};

fn room() -> Resources {
    Resources {
        pods: 10,
        ..Resources::pod(Cpu::from_cores(4), Bytes::from_mib(4096))
    }
}

fn asked(node: &str) -> Fact {
    Fact::LaunchAsked(Box::new(Intent {
        pool: "pool".into(),
        purpose: Purpose::Work,
        zone: ZoneId(0),
        capacity_type: CapacityType::Spot,
        types: vec![TypeId(0)],
        labels: Labels::new(),
        taints: Vec::new(),
        nodes: vec![AwaitedNode {
            id: node.into(),
            room: room(),
            held: Vec::new(),
        }],
    }))
}

fn launched(node: &str, micros: i64) -> Fact {
    let price = UsdPerHour::from_micros(micros);
    Fact::NodeLaunched {
        node: node.into(),
        instance_type: TypeId(0),
        price,
    }
}

fn ready(node: &str) -> Fact {
    Fact::NodeApplied(Box::new(NodeFacts {
        id: node.into(),
        labels: Labels::new(),
        taints: Vec::new(),
        allocatable: room(),
        unschedulable: false,
        ready: true,
    }))
}

fn bound(pod: &str, app: Option<&str>, cores: u32, node: &str) -> Fact {
    let role = match app {
        Some(_) => Role::Executor,
        None => Role::Other,
    };
    let memory = Bytes::from_mib(1024 * u64::from(cores));
    let requests = Resources::pod(Cpu::from_cores(cores), memory);
    let template = PodTemplate {
        daemon: app.is_none(),
        ..PodTemplate::plain(role, app.map(AppId::from), "default", requests)
    };
    Fact::PodApplied(Pod {
        id: pod.into(),
        template: Arc::new(template),
        created: Timestamp::ZERO,
        phase: PodPhase::Bound(node.into()),
    })
}

fn folded(facts: &[(i64, Fact)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (seconds, fact) in facts {
        let at = Timestamp::from_millis(seconds * 1000);
        ledger.apply(&Event {
            at,
            fact: fact.clone(),
        });
    }
    ledger
}

fn dollars(cost: Cost) -> i64 {
    cost.rounded().micros()
}

#[test]
fn a_node_is_boot_then_its_tenants_then_idle() {
    // 3.6 USD an hour is 1000 micro-dollars a second.
    let ledger = folded(&[
        (0, asked("n")),
        (10, launched("n", 3_600_000)),
        (50, ready("n")),
        (60, bound("d/x", None, 1, "n")),
        (60, bound("default/e", Some("a"), 2, "n")),
        (160, Fact::PodEnded("default/e".into())),
        (200, Fact::NodeLeaving("n".into())),
        (230, Fact::NodeGone("n".into())),
    ]);
    let balance = ledger.balance(Timestamp::from_millis(1_000_000));
    assert_eq!(dollars(balance.boot), 40_000);
    assert_eq!(
        balance
            .apps
            .iter()
            .map(|(_, cost)| dollars(*cost))
            .collect::<Vec<_>>(),
        [50_000]
    );
    assert_eq!(dollars(balance.system), 35_000);
    assert_eq!(dollars(balance.idle), 190_000 - 40_000 - 50_000 - 35_000);
    assert_eq!(ledger.peak(), UsdPerHour::from_micros(3_600_000));
}

#[test]
fn the_first_minute_is_paid_whole_and_seconds_are_rounded_up() {
    let ledger = folded(&[
        (0, asked("n")),
        (0, launched("n", 3_600_000)),
        (5, Fact::NodeGone("n".into())),
    ]);
    let balance = ledger.balance(Timestamp::from_millis(5_000));
    assert_eq!(
        (dollars(balance.boot), dollars(balance.idle)),
        (5_000, 55_000)
    );
    let mut ledger = folded(&[(0, asked("n")), (0, launched("n", 3_600_000))]);
    let at = Timestamp::from_millis(70_001);
    ledger.apply(&Event {
        at,
        fact: Fact::NodeGone("n".into()),
    });
    assert_eq!(dollars(ledger.balance(at).nodes[0].1), 71_000);
}

#[test]
fn an_instance_that_ec2_takes_back_in_its_first_hour_is_free_and_so_is_what_ran_on_it() {
    let life = |end: i64, last: Fact| {
        let ledger = folded(&[
            (0, asked("n")),
            (0, launched("n", 3_600_000)),
            (40, ready("n")),
            (50, bound("default/e", Some("a"), 2, "n")),
            (end, last),
            (end, Fact::PodEnded("default/e".into())),
            (end, Fact::NodeGone("n".into())),
        ]);
        let balance = ledger.balance(Timestamp::from_millis(10_000_000));
        let apps: Vec<i64> = balance
            .apps
            .iter()
            .map(|(_, cost)| dollars(*cost))
            .collect();
        let rest = (dollars(balance.boot), dollars(balance.idle));
        let forgiven = ledger.nodes["n"].forgiven.map(dollars);
        (dollars(balance.nodes[0].1), apps, rest, forgiven)
    };
    let reclaimed = || Fact::NodeReclaimed("n".into());
    assert_eq!(
        life(3_599, reclaimed()),
        (0, vec![], (0, 0), Some(3_599_000))
    );
    let (total, apps, rest, forgiven) = life(3_600, reclaimed());
    assert_eq!((total, forgiven), (3_600_000, None), "an hour is paid");
    assert_eq!(apps[0] + rest.0 + rest.1, total);
    let (given_back, ..) = life(3_599, Fact::NodeLeaving("n".into()));
    assert_eq!(given_back, 3_599_000, "what we give back is paid");
}

#[test]
fn a_spot_instance_pays_each_price_for_as_long_as_it_holds() {
    let ledger = folded(&[
        (0, asked("n")),
        (0, launched("n", 3_600_000)),
        (40, ready("n")),
        (40, bound("default/e", Some("a"), 4, "n")),
        (100, priced(7_200_000)),
        (150, Fact::PodEnded("default/e".into())),
        (200, Fact::NodeGone("n".into())),
    ]);
    let balance = ledger.balance(Timestamp::from_millis(200_000));
    assert_eq!(dollars(balance.nodes[0].1), 100_000 + 200_000);
    assert_eq!(dollars(balance.boot), 40_000, "at the price of its boot");
    assert_eq!(dollars(balance.apps[0].1), 60_000 + 100_000);
    assert_eq!(ledger.peak(), UsdPerHour::from_micros(7_200_000));
}

fn priced(micros: i64) -> Fact {
    let change = PriceChange {
        instance_type: TypeId(0),
        zone: ZoneId(0),
        capacity_type: CapacityType::Spot,
        price: UsdPerHour::from_micros(micros),
    };
    Fact::PricesChanged(Arc::from([change]))
}

proptest::proptest! {
    #[test]
    fn every_micro_dollar_of_node_time_is_in_one_account(
        prices in proptest::collection::vec(1_i64..50_000_000, 1..6),
        pods in proptest::collection::vec((0_usize..6, 1_u32..5, 0_i64..500, 1_i64..500, proptest::bool::ANY), 0..20),
        changes in proptest::collection::vec((0_i64..1_500, 1_i64..50_000_000), 0..4),
        reclaimed in 0_usize..6,
        until in 0_i64..2_000,
        collected_every in 1_usize..20,
        slowness in 1_i64..8,
    ) {
        let mut facts = Vec::new();
        for (i, price) in prices.iter().enumerate() {
            let node = format!("n{i}");
            facts.push((0, asked(&node)));
            facts.push((i64::try_from(i).unwrap(), launched(&node, *price)));
            facts.push((40, ready(&node)));
            if i % 2 == 0 {
                facts.push((1_500, Fact::NodeLeaving(node.as_str().into())));
            }
        }
        for (i, (node, cores, start, length, is_app)) in pods.iter().enumerate() {
            let (pod, node) = (format!("p{i}"), format!("n{}", node % prices.len()));
            let app = format!("a{}", i % 3);
            facts.push((40 + start, bound(&pod, is_app.then_some(app.as_str()), *cores, &node)));
            facts.push((40 + start + length, Fact::PodEnded(pod.as_str().into())));
        }
        facts.extend(changes.iter().map(|(at, price)| (*at, priced(*price))));
        let taken_back = format!("n{reclaimed}");
        facts.push((700, Fact::NodeReclaimed(taken_back.as_str().into())));
        facts.sort_by_key(|(at, _)| *at);
        facts.retain(|(at, _)| *at <= until);
        facts.iter_mut().for_each(|(at, _)| *at *= slowness);
        let until = until * slowness;
        let balance = folded(&facts).balance(Timestamp::from_millis(until * 1000));
        let nodes: Cost = balance.nodes.iter().map(|(_, cost)| *cost).sum();
        let apps: Cost = balance.apps.iter().map(|(_, cost)| *cost).sum();
        proptest::prop_assert_eq!(apps + balance.idle + balance.boot + balance.system, nodes);
        let mut parts: Vec<Cost> = balance.apps.iter().map(|(_, cost)| *cost).collect();
        parts.extend([balance.idle, balance.boot, balance.system]);
        let printed: i64 = apportion(&parts).iter().map(|usd| usd.micros()).sum();
        proptest::prop_assert_eq!(printed, nodes.rounded().micros());
        let (kept, mut books) = collected(&facts, collected_every);
        let at = Timestamp::from_millis(until * 1000);
        let told = kept.balance(at);
        let sum: Cost = books.values().copied().sum();
        proptest::prop_assert_eq!(told.collected, sum);
        for (app, cost) in told.apps {
            *books.entry(app).or_default() += cost;
        }
        proptest::prop_assert_eq!(books.into_iter().collect::<Vec<_>>(), balance.apps);
        let parts = (told.idle, told.boot, told.system, told.nodes);
        proptest::prop_assert_eq!(parts, (balance.idle, balance.boot, balance.system, balance.nodes));
    }
}

/// The facts folded by a ledger from which costs are collected now and then, and what was collected. What is
/// not collected after a collection is what debtors owe.
fn collected(facts: &[(i64, Fact)], every: usize) -> (Ledger, BTreeMap<AppId, Cost>) {
    let (mut ledger, mut books) = (Ledger::default(), BTreeMap::<AppId, Cost>::new());
    for (place, (seconds, fact)) in facts.iter().enumerate() {
        let at = Timestamp::from_millis(seconds * 1000);
        let fact = fact.clone();
        ledger.apply(&Event { at, fact });
        if place % every == 0 {
            for (app, cost) in ledger.collect(at) {
                *books.entry(app).or_default() += cost;
            }
            let left = ledger.balance(at).apps;
            assert!(left.iter().map(|(app, _)| app).eq(ledger.debtors()));
        }
    }
    (ledger, books)
}

#[test]
fn nodes_beyond_those_known_by_name_are_summed_up_to_the_same_bill() {
    let more = 40;
    let mut facts = Vec::new();
    let mut whole = Cost::ZERO;
    for i in 0..MOST_NAMED + more {
        let (node, pod) = (format!("n-{i}"), format!("default/e-{i}"));
        facts.extend([
            (0, asked(&node)),
            (0, launched(&node, 3_600_000)),
            (50, ready(&node)),
            (60, bound(&pod, Some("a"), 2, &node)),
        ]);
        whole += UsdPerHour::from_micros(3_600_000)
            .over(Timestamp::from_millis(200_000) - Timestamp::ZERO);
    }
    for i in 0..MOST_NAMED + more {
        facts.push((200, Fact::NodeLeaving(format!("n-{i}").as_str().into())));
    }
    let ledger = folded(&facts);
    let balance = ledger.balance(Timestamp::from_millis(1_000_000));
    let named: Cost = balance.nodes.iter().map(|(_, cost)| *cost).sum();
    let apps: Cost = balance.apps.iter().map(|(_, cost)| *cost).sum();
    let [sum] = ledger.bygone.values().collect::<Vec<_>>()[..] else {
        panic!("nodes that are alike are one sum: {:?}", ledger.bygone);
    };
    assert_eq!((balance.nodes.len(), sum.nodes), (MOST_NAMED, 40));
    assert_eq!(sum.time.millis(), 40 * 200_000);
    assert_eq!([named, balance.bygone].into_iter().sum::<Cost>(), whole);
    let parts = [apps, balance.idle, balance.boot, balance.system];
    assert_eq!(parts.into_iter().sum::<Cost>(), whole);
}
