//! Prices: what a pool says of families' performance steers executors and not drivers, money stays list
//! money, and a launch is as wide as the premium allows, or says why not.

use std::collections::BTreeSet;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, Catalog, Offering, ZoneId};
use sparkwright::model::performance::Performance;
use sparkwright::model::pool::{Limits, Pool, PoolRequirement, ZonePolicy};
use sparkwright::model::requirement::{Condition, Requirement};
use sparkwright::model::resources::Cpu;
use sparkwright::model::spark::{PodPhase, Role};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::Plan;
use sparkwright::plan::effect::{AllocationStrategy, Launch};
use sparkwright::plan::reason::{Narrowness, Reason};

use crate::world::{catalog, plan_at, pod, pool, template};

/// A pool for these families alone.
fn of_families(families: &[&str], capacity_type: CapacityType) -> Pool {
    let only = |key: &str, values: &[&str]| PoolRequirement {
        requirement: Requirement {
            key: key.into(),
            condition: Condition::In(values.iter().map(|value| (*value).to_owned()).collect()),
        },
        min_values: None,
    };
    let mut pool = pool("test", &[Role::Driver, Role::Executor], 37);
    pool.requirements.extend([
        only("karpenter.k8s.aws/instance-family", families),
        only("karpenter.sh/capacity-type", &[capacity_type.as_str()]),
    ]);
    if capacity_type == CapacityType::Spot {
        pool.spot.roles.insert(Role::Driver);
    }
    pool
}

fn faster(mut pool: Pool, family: &str, factor: &str) -> Pool {
    let performance = Performance::parse(factor).expect("a factor");
    pool.performance = [(family.to_owned(), performance)].into_iter().collect();
    pool
}

/// A waiting driver and executors of 4 cores and 14,000 MiB.
fn planned_from(catalog: Catalog, pool: Pool, executors: usize) -> (Cluster, Plan) {
    let driver = template("default/app", Role::Driver, 2000, 7000);
    let executor = template("default/app", Role::Executor, 4000, 14_000);
    let mut facts = vec![Fact::PoolApplied(pool.into())];
    facts.push(pod("driver", &driver, PodPhase::Pending));
    let pods = (0..executors).map(|n| pod(&format!("exec-{n}"), &executor, PodPhase::Pending));
    facts.extend(pods);
    let mut cluster = Cluster::default();
    let listed = Fact::CatalogListed(catalog.into());
    let all = std::iter::once(listed).chain(facts);
    crate::world::apply(&mut cluster, Timestamp::ZERO, all);
    let plan = plan_at(&cluster, Timestamp::ZERO);
    assert_eq!(plan.waiting, []);
    (cluster, plan)
}

fn planned(pool: Pool, executors: usize) -> (Cluster, Plan) {
    planned_from(Catalog::clone(&catalog()), pool, executors)
}

fn launch_for<'a>(plan: &'a Plan, pod: &str) -> &'a Launch {
    let serves = |launch: &&Launch| launch.pods.iter().flatten().any(|p| p.as_str() == pod);
    plan.launches().find(serves).expect("a launch for them")
}

fn family(cluster: &Cluster, launch: &Launch) -> String {
    let planned = cluster.catalog.instance_type(launch.intent.types[0]);
    planned.family.clone()
}

#[test]
fn executors_go_where_their_work_is_cheapest_and_drivers_where_the_price_is() {
    let pool = || of_families(&["m5", "m6i", "m6a"], CapacityType::OnDemand);
    let (cluster, by_price) = planned(pool(), 40);
    let (executor, driver) = ("default/exec-0", "default/driver");
    assert_eq!(family(&cluster, launch_for(&by_price, executor)), "m6a");
    assert_eq!(
        (by_price.compared(), by_price.compared_bound),
        (by_price.planned(), by_price.bound)
    );
    let (cluster, by_work) = planned(faster(pool(), "m5", "1.3"), 40);
    let launch = launch_for(&by_work, executor);
    assert_eq!(family(&cluster, launch), "m5");
    assert_eq!(launch.performance.to_string(), "1.3");
    assert_eq!(
        launch.compared,
        launch.performance.price_of_work(launch.planned)
    );
    assert_eq!(family(&cluster, launch_for(&by_work, driver)), "m6a");
    assert_eq!(launch_for(&by_work, driver).performance, Performance::ONE);
    assert!(by_work.planned() > by_price.planned());
    assert!(by_work.compared() < by_price.compared());
}

#[test]
fn both_bounds_hold_under_penalties_and_performance_and_the_compared_one_is_near() {
    for (factor, penalty) in [
        ("1.3", 0),
        ("0.7", 0),
        ("1.15", 20_000),
        ("1", 50_000),
        ("3", 100_000),
    ] {
        let mut pool = faster(
            of_families(&["m5", "m6i", "m6a", "m7i"], CapacityType::Spot),
            "m6i",
            factor,
        );
        pool.spot.penalty = [0, 1, 2, 3, 4].map(|n| UsdPerHour::from_micros(n * penalty));
        let (_, plan) = planned(pool, 300);
        assert!(plan.bound <= plan.planned(), "{factor} {penalty}");
        let (compared, least) = (plan.compared().micros(), plan.compared_bound.micros());
        assert!(least <= compared, "{factor} {penalty}");
        assert!(
            compared * 100 <= least * 102,
            "{factor} {penalty}: {compared} above {least}"
        );
    }
}

#[test]
fn on_demand_is_prioritized_where_the_best_for_the_work_is_not_the_cheapest() {
    let pool = of_families(&["m5", "m6a"], CapacityType::OnDemand);
    let (_, plain) = planned(pool.clone(), 8);
    let launch = launch_for(&plain, "default/exec-0");
    assert_eq!(launch.strategy, AllocationStrategy::LowestPrice);
    assert_eq!(launch.narrow, None, "the aim is for spot");
    let mut wide = faster(pool, "m5", "1.2");
    wide.max_premium_percent = 50;
    let (cluster, plan) = planned(wide, 8);
    let launch = launch_for(&plan, "default/exec-0");
    let price = |at: usize| {
        let (of, zone) = (launch.intent.types[at], launch.intent.zone);
        cluster.catalog.price(of, zone, CapacityType::OnDemand)
    };
    assert!((1..launch.intent.types.len()).any(|at| price(at) < price(0)));
    assert_eq!(launch.strategy, AllocationStrategy::Prioritized);
    assert_eq!(launch.expected, launch.planned);
}

/// Every other type that could hold the launch's pods within the premium, found from outside.
fn within_premium(cluster: &Cluster, launch: &Launch) -> BTreeSet<String> {
    let catalog = &cluster.catalog;
    let pool = &cluster.pools[&launch.intent.pool];
    let most_pods = launch.pods.iter().map(Vec::len).max().unwrap_or(0);
    let of = |family: &str| pool.performance.of(family);
    let planned = catalog.instance_type(launch.intent.types[0]);
    let limit = of(&planned.family).price_of_work(launch.planned).micros();
    let offerings = catalog.offerings.iter().filter(|offering| {
        let machine = catalog.instance_type(offering.instance_type);
        let work = of(&machine.family).price_of_work(offering.price).micros();
        let pods = u64::try_from(most_pods).expect("few pods");
        pool.offers(catalog, offering)
            && offering.zone == launch.intent.zone
            && offering.capacity_type == launch.intent.capacity_type
            && machine.allocatable.cpu.millis() >= 4000 * pods
            && machine.allocatable.memory.get() >= (14_000 << 20) * pods
            && work * 100 <= limit * i64::from(100 + pool.max_premium_percent)
    });
    let names = offerings.map(|o| catalog.instance_type(o.instance_type).name.clone());
    names.collect()
}

#[test]
fn a_launch_names_every_type_within_the_premium() {
    for (premium, factor) in [(0, "1"), (15, "1"), (40, "1"), (15, "1.2"), (60, "0.8")] {
        let mut pool = faster(
            pool("test", &[Role::Driver, Role::Executor], 37),
            "m6i",
            factor,
        );
        pool.max_premium_percent = premium;
        let (cluster, plan) = planned(pool, 60);
        let executors = plan
            .launches()
            .filter(|launch| launch.intent.capacity_type == CapacityType::Spot);
        for launch in executors {
            let wanted = within_premium(&cluster, launch);
            let named: BTreeSet<String> = (launch.intent.types.iter())
                .map(|id| cluster.catalog.instance_type(*id).name.clone())
                .collect();
            match wanted.len() {
                ..=60 => assert_eq!(named, wanted, "{premium} {factor}"),
                _ => assert!(named.len() == 60 && named.is_subset(&wanted)),
            }
        }
    }
}

#[test]
fn spot_with_fewer_than_five_types_of_three_families_says_what_would_widen_it() {
    let narrow = |pool: Pool| {
        let (_, plan) = planned(pool, 12);
        launch_for(&plan, "default/exec-0")
            .narrow
            .as_deref()
            .cloned()
    };
    let all = [
        "m5", "m5a", "m5d", "m5n", "m6i", "m6a", "m6id", "m7i", "r5", "r6i",
    ];
    let mut tight = of_families(&all, CapacityType::Spot);
    tight.zone = ZonePolicy::Fixed("us-east-1a".into());
    tight.max_premium_percent = 0;
    let Some(Reason::FewTypes {
        types,
        families,
        because: Narrowness::Premium { enough_at },
    }) = narrow(tight.clone())
    else {
        panic!("{:?}", narrow(tight));
    };
    assert_eq!((types, families), (1, 1));
    tight.max_premium_percent = u32::try_from(enough_at).unwrap();
    assert_eq!(narrow(tight.clone()), None, "{enough_at}% is enough");
    tight.max_premium_percent -= 1;
    assert!(narrow(tight).is_some(), "less than {enough_at}% is not");

    let few = narrow(of_families(&["m5", "m6i"], CapacityType::Spot)).unwrap();
    assert_eq!(few.code(), "few-types");
    assert!(few.to_string().contains("NodePool test"), "{few}");

    let mut limited = of_families(&all, CapacityType::Spot);
    limited.max_premium_percent = 300;
    let (cluster, plan) = planned(limited.clone(), 12);
    let cpu: u64 = (plan.launches())
        .map(|launch| {
            let planned = cluster.catalog.instance_type(launch.intent.types[0]);
            planned.cpu.millis() * u64::from(launch.count())
        })
        .sum();
    limited.limits = Limits {
        cpu: Some(Cpu::from_millis(cpu)),
        usd_per_hour: Some(plan.planned()),
        ..Limits::default()
    };
    let Some(Reason::FewTypes {
        because: Narrowness::Limits(_),
        ..
    }) = narrow(limited.clone())
    else {
        panic!("{:?}", narrow(limited));
    };
}

#[test]
fn of_zones_that_cost_the_same_the_one_expected_to_cost_less_is_taken() {
    let families = ["m5", "m5a", "m5d", "m6i", "m6a", "m7i"];
    let pool = of_families(&families, CapacityType::Spot);
    let mut even = Catalog::clone(&catalog());
    let zones: Vec<ZoneId> = [0, 1].map(ZoneId).to_vec();
    even.offerings
        .retain(|offering| zones.contains(&offering.zone));
    let of = |o: &Offering| (o.instance_type, o.capacity_type);
    let (first, second): (Vec<Offering>, Vec<Offering>) =
        (even.offerings.iter().copied()).partition(|offering| offering.zone == zones[0]);
    let [first, second] = [first, second].map(|all| all.iter().map(of).collect::<BTreeSet<_>>());
    even.offerings
        .retain(|o| first.contains(&of(o)) && second.contains(&of(o)));
    // One price per vCPU for m5 in both zones, others dearer by family: a little here, more there.
    for dearer in zones.clone() {
        let mut catalog = even.clone();
        for i in 0..catalog.offerings.len() {
            let offering = &mut catalog.offerings[i];
            let machine = even.instance_type(offering.instance_type);
            let rank = families.iter().position(|f| *f == machine.family);
            let rank = i64::try_from(rank.unwrap_or(9)).unwrap();
            let step = if offering.zone == dearer { 2 } else { 1 };
            let micros = i64::try_from(machine.cpu.millis()).unwrap() * (1000 + rank * step * 10);
            offering.price = UsdPerHour::from_micros(micros / 100);
        }
        catalog.offerings.sort();
        let (_, plan) = planned_from(catalog, pool.clone(), 12);
        let launch = launch_for(&plan, "default/exec-0");
        assert_ne!(launch.intent.zone, dearer);
        assert!(launch.expected > launch.planned);
        assert_eq!(launch.strategy, AllocationStrategy::PriceCapacityOptimized);
    }
}
