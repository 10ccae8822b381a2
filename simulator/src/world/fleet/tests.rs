//! Calls to EC2 and their answers: what is given, what is refused, and with which code.

use sparkwright::cluster::event::AwaitedNode;
use sparkwright::model::node::Purpose;
use sparkwright::model::requirement::Labels;
use sparkwright::model::resources::Resources;
use sparkwright::plan::effect::AllocationStrategy::{
    LowestPrice, PriceCapacityOptimized, Prioritized,
};

use super::capacity::Drought;
use super::pick::Pick;
use super::throttle::Bucket;
use super::*;
use crate::catalog::Source;

const NOW: Timestamp = Timestamp::ZERO;

#[test]
fn on_demand_is_the_cheapest_that_ec2_has_and_dearer_ones_follow_when_it_has_no_more() {
    let mut conditions = Conditions::default();
    let catalog = catalog();
    conditions.droughts.push(drought(&catalog, "m5.xlarge", 2));
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let intent = intent(
        &catalog,
        CapacityType::OnDemand,
        &["m5.2xlarge", "m5.xlarge"],
        3,
    );
    let answer = fleet.create(&intent, LowestPrice, None, NOW).unwrap();
    let of = |node: &str| fleet.instances[node].of.0;
    let small = catalog.find_type("m5.xlarge").unwrap();
    assert_eq!([of("n0"), of("n1")], [small, small]);
    assert_ne!(of("n2"), small);
    assert_eq!(codes(&answer), [Code::InsufficientInstanceCapacity]);
    assert!(answer.refused.is_empty());
}

#[test]
fn prioritized_on_demand_follows_the_call_s_order_whatever_the_prices() {
    let catalog = catalog();
    let mut conditions = Conditions::default();
    conditions.droughts.push(drought(&catalog, "m5.2xlarge", 2));
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let order = ["m5.2xlarge", "m5.xlarge"];
    let intent = intent(&catalog, CapacityType::OnDemand, &order, 3);
    fleet.create(&intent, Prioritized, None, NOW).unwrap();
    let of = |node: &str| fleet.instances[node].of.0;
    let [large, small] = order.map(|name| catalog.find_type(name).unwrap());
    assert_eq!([of("n0"), of("n1"), of("n2")], [large, large, small]);
}

#[test]
fn spot_goes_past_dry_pools_and_names_them_only_where_all_are_dry() {
    let catalog = catalog();
    let types = ["m5.xlarge", "m5.2xlarge"];
    let spot = intent(&catalog, CapacityType::Spot, &types, 4);
    let mut conditions = Conditions::default();
    conditions.droughts.push(drought(&catalog, "m5.xlarge", 0));
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let answer = fleet
        .create(&spot, PriceCapacityOptimized, None, NOW)
        .unwrap();
    assert_eq!((answer.given.len(), answer.errors.len()), (4, 0));
    conditions.droughts.push(drought(&catalog, "m5.2xlarge", 1));
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let answer = fleet
        .create(&spot, PriceCapacityOptimized, None, NOW)
        .unwrap();
    assert_eq!((answer.given.len(), answer.refused.len()), (1, 3));
    assert_eq!(codes(&answer), [Code::InsufficientInstanceCapacity; 2]);
}

#[test]
fn a_quota_and_a_subnet_refuse_with_their_own_codes_and_come_free_again() {
    let catalog = catalog();
    let standard = QuotaClass::Standard;
    for (capacity_type, code) in [
        (CapacityType::OnDemand, Code::VcpuLimitExceeded),
        (CapacityType::Spot, Code::MaxSpotInstanceCountExceeded),
    ] {
        let mut conditions = Conditions::default();
        conditions.quotas.insert((standard, capacity_type), 8);
        let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
        let three = intent(&catalog, capacity_type, &["m5.xlarge"], 3);
        let answer = fleet.create(&three, LowestPrice, None, NOW).unwrap();
        assert_eq!((answer.given.len(), codes(&answer)), (2, vec![code]));
        fleet.gone(&"n0".into());
        let answer = fleet.create(&three, LowestPrice, None, NOW).unwrap();
        assert_eq!(answer.given.len(), 1);
    }
    let mut conditions = Conditions::default();
    let zone = catalog.find_zone("us-east-1a").unwrap();
    conditions.subnets.insert(zone, 31);
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let three = intent(&catalog, CapacityType::OnDemand, &["m5.xlarge"], 3);
    let answer = fleet.create(&three, LowestPrice, None, NOW).unwrap();
    let code = Code::InsufficientFreeAddressesInSubnet;
    assert_eq!((answer.given.len(), codes(&answer)), (2, vec![code]));
    assert_eq!(fleet.addresses().collect::<Vec<_>>(), [(zone, 1)]);
}

#[test]
fn calls_and_launches_are_throttled_each_by_its_bucket() {
    let catalog = catalog();
    let bucket = |burst| {
        Some(Bucket {
            burst,
            per_second: 1,
        })
    };
    let conditions = Conditions {
        calls: bucket(2),
        launches: bucket(5),
        ..Conditions::default()
    };
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let four = intent(&catalog, CapacityType::Spot, &["m5.xlarge"], 4);
    let mut throttled = |now: i64| {
        let answer = fleet.create(
            &four,
            PriceCapacityOptimized,
            None,
            Timestamp::from_millis(now),
        );
        answer.map(|answer| answer.throttled.len())
    };
    assert_eq!(
        [throttled(0), throttled(0), throttled(0)],
        [Some(0), Some(3), None]
    );
    assert_eq!(throttled(1000), Some(3), "a token of each has come back");
}

#[test]
fn what_one_node_draws_does_not_depend_on_the_others() {
    let catalog = catalog();
    let types = ["m5.xlarge", "m5.2xlarge", "c5.xlarge", "r5.xlarge"];
    let last = |count: usize| {
        let mut fleet = Fleet::new(catalog.clone(), &Conditions::default(), 9);
        let mut intent = intent(&catalog, CapacityType::Spot, &types, 8);
        intent.nodes = intent.nodes.split_off(8 - count);
        let answer = fleet
            .create(&intent, PriceCapacityOptimized, None, NOW)
            .unwrap();
        let node = NodeId::from("n7");
        let after = fleet.interrupted_after(&node);
        (
            answer.given.last().cloned(),
            fleet.instances[&node].of.0,
            fleet.boot(&node),
            after,
        )
    };
    assert_eq!(last(8), last(1));
}

#[test]
fn a_scripted_interruption_takes_running_spot_instances_only() {
    let catalog = catalog();
    let mut conditions = Conditions::default();
    conditions.interruptions.scripted.push(interrupt::Scripted {
        at: NOW,
        of: Pick::default(),
        share: interrupt::Share::Percent(50),
    });
    let mut fleet = Fleet::new(catalog.clone(), &conditions, 1);
    let spot = intent(&catalog, CapacityType::Spot, &["m5.xlarge"], 4);
    fleet
        .create(&spot, PriceCapacityOptimized, None, NOW)
        .unwrap();
    assert!(fleet.scripted_interruption(0).is_empty(), "none runs yet");
    for node in ["n0", "n1", "n2", "n3"] {
        fleet.launched(&node.into()).unwrap();
    }
    fleet.terminate(&"n3".into());
    let taken = fleet.scripted_interruption(0);
    assert_eq!(taken.len(), 2, "half of three, rounded up");
    assert!(!taken.contains(&"n3".into()), "it goes anyway");
    assert!(fleet.interrupt(&taken[0]).is_some() && fleet.interrupt(&taken[0]).is_none());
}

fn catalog() -> Arc<Catalog> {
    Arc::new(Source::default().load().unwrap())
}

fn drought(catalog: &Catalog, name: &str, instances: u32) -> Drought {
    Drought {
        of: Pick {
            types: Some([catalog.find_type(name).unwrap()].into()),
            ..Pick::default()
        },
        from: NOW,
        to: Timestamp::from_millis(1000),
        instances,
    }
}

fn intent(catalog: &Catalog, capacity_type: CapacityType, types: &[&str], count: usize) -> Intent {
    let node = |i| AwaitedNode {
        id: NodeId::from(format!("n{i}")),
        room: Resources::default(),
        held: Vec::new(),
    };
    Intent {
        pool: "pool".into(),
        purpose: Purpose::Work,
        zone: catalog.find_zone("us-east-1a").unwrap(),
        capacity_type,
        types: types
            .iter()
            .map(|name| catalog.find_type(name).unwrap())
            .collect(),
        labels: Labels::new(),
        taints: Vec::new(),
        nodes: (0..count).map(node).collect(),
    }
}

fn codes(answer: &Answer) -> Vec<Code> {
    answer.errors.iter().map(|error| error.code).collect()
}
