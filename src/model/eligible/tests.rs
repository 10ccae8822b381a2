//! What a pool may buy, on a catalogue of a few types.

use std::collections::BTreeSet;

use super::super::label::ARCH;
use super::super::money::UsdPerHour;
use super::super::offering::{TypeId, ZoneId};
use super::super::performance::Performances;
use super::super::pool::{EmptyTtl, Limits, PoolRequirement, SpotPolicy};
use super::super::requirement::{Labels, Requirement};
use super::super::resources::{Cpu, Resources};
use super::super::spark::Role;
use super::*;

#[test]
fn a_pool_that_names_nothing_gets_no_burstable_metal_accelerated_or_old_type() {
    let pool = pool();
    for (name, bought) in [
        ("c5d.large", true),
        ("c5d.metal", false),
        ("g5.xlarge", false),
        ("m4.large", false),
        ("t3.large", false),
    ] {
        assert_eq!(
            offers(&pool, name, CapacityType::OnDemand),
            bought,
            "{name}"
        );
    }
}

#[test]
fn naming_a_type_or_a_family_lifts_the_exclusions_for_it_alone() {
    let mut by_family = pool();
    by_family.requirements = vec![wanted(FAMILY, &["t3", "g5"])];
    assert!(offers(&by_family, "t3.large", CapacityType::OnDemand));
    assert!(offers(&by_family, "g5.xlarge", CapacityType::OnDemand));
    assert!(!offers(&by_family, "c5d.large", CapacityType::OnDemand));
    let mut by_type = pool();
    by_type.requirements = vec![wanted(INSTANCE_TYPE, &["c5d.metal", "c5d.large"])];
    assert!(offers(&by_type, "c5d.metal", CapacityType::OnDemand));
}

#[test]
fn requirements_are_asked_of_type_zone_capacity_type_and_template_labels() {
    for (requirement, bought) in [
        (wanted(ARCH, &["amd64"]), true),
        (wanted("beta.kubernetes.io/arch", &["amd64"]), true),
        (wanted(ZONE, &["us-east-1a"]), true),
        (wanted(ZONE, &["us-east-1b"]), false),
        (wanted(ZONE_ID, &["use1-az4"]), true),
        (wanted(CAPACITY_TYPE, &["spot"]), false),
        (wanted(REGION, &["us-east-1"]), true),
        (wanted(OS, &["linux"]), true),
        (wanted("team", &["a"]), true),
        (wanted("team", &["b"]), false),
    ] {
        let mut pool = pool();
        pool.labels.insert("team".into(), "a".into());
        pool.requirements = vec![requirement];
        let answer = offers(&pool, "c5d.large", CapacityType::OnDemand);
        assert_eq!(answer, bought, "{:?}", pool.requirements);
    }
}

#[test]
fn spot_above_the_interruption_bucket_is_not_bought_and_unknown_counts_as_worst() {
    let mut pool = pool();
    for (most, bucket, bought) in [
        (4, None, true),
        (3, None, false),
        (2, Some(2), true),
        (2, Some(3), false),
    ] {
        pool.spot.max_interruption = most;
        let offering = Offering {
            interruption: bucket,
            ..offering("c5d.large", CapacityType::Spot)
        };
        assert_eq!(
            pool.offers(&catalog(), &offering),
            bought,
            "{most} {bucket:?}"
        );
    }
}

#[test]
fn a_fixed_zone_is_known_by_name_id_and_placeholder() {
    for (zone, bought) in [
        ("us-east-1a", true),
        ("use1-az4", true),
        ("{region}a", true),
        ("us-east-1b", false),
    ] {
        let mut pool = pool();
        pool.zone = ZonePolicy::Fixed(zone.into());
        pool.requirements = vec![wanted(ZONE, &["{region}a"])];
        let pool = pool.for_region("us-east-1");
        assert_eq!(
            offers(&pool, "c5d.large", CapacityType::OnDemand),
            bought,
            "{zone}"
        );
    }
}

#[test]
fn local_storage_asked_for_must_be_there() {
    for (least, name, bought) in [
        (Some(50), "c5d.large", true),
        (Some(51), "c5d.large", false),
        (Some(0), "m5.large", false),
        (None, "m5.large", true),
    ] {
        let mut pool = pool();
        pool.min_local_storage = least.map(Bytes::from_gb);
        assert_eq!(
            offers(&pool, name, CapacityType::OnDemand),
            bought,
            "{least:?} {name}"
        );
    }
}

#[test]
fn a_node_carries_our_labels_and_they_cannot_be_shadowed() {
    let (catalog, mut pool) = (catalog(), pool());
    pool.labels.insert(MANAGED.into(), "false".into());
    let offering = offering("c5d.large", CapacityType::Spot);
    let labels = pool.node_labels(&catalog, &offering, Purpose::Driver);
    for (key, value) in [
        (MANAGED, Some("true")),
        (NODEPOOL, Some("test")),
        (PURPOSE, Some("driver")),
        (CAPACITY_TYPE, Some("spot")),
        ("failure-domain.beta.kubernetes.io/zone", Some("us-east-1a")),
        ("karpenter.sh/nodepool", None),
    ] {
        assert_eq!(labels.label(key), value, "{key}");
    }
}

fn offers(pool: &Pool, name: &str, capacity_type: CapacityType) -> bool {
    pool.offers(&catalog(), &offering(name, capacity_type))
}

fn offering(name: &str, capacity_type: CapacityType) -> Offering {
    Offering {
        instance_type: catalog().find_type(name).unwrap_or(TypeId(0)),
        zone: ZoneId(0),
        capacity_type,
        price: UsdPerHour::ZERO,
        interruption: None,
    }
}

fn wanted(key: &str, values: &[&str]) -> PoolRequirement {
    PoolRequirement {
        requirement: Requirement {
            key: key.into(),
            condition: Condition::In(values.iter().map(ToString::to_string).collect()),
        },
        min_values: None,
    }
}

fn catalog() -> Catalog {
    let types = [
        "c5d.large",
        "c5d.metal",
        "g5.xlarge",
        "m4.large",
        "m5.large",
        "t3.large",
    ];
    Catalog {
        region: "us-east-1".into(),
        zones: vec![Zone {
            name: "us-east-1a".into(),
            id: "use1-az4".into(),
        }],
        types: types.map(machine).to_vec(),
        offerings: Vec::new(),
    }
}

fn machine(name: &str) -> InstanceType {
    let family = name.split('.').next().unwrap_or_default();
    let labels = [(FAMILY, family), (ARCH, "amd64")];
    InstanceType {
        name: name.into(),
        family: family.into(),
        cpu: Cpu::from_cores(2),
        memory: Bytes::from_mib(4096),
        interfaces: None,
        nvme: Bytes::from_gb(if family == "c5d" { 50 } else { 0 }),
        allocatable: Resources::default(),
        disks: 27,
        burstable: family == "t3",
        bare_metal: name.ends_with("metal"),
        nitro: family != "m4" && !name.ends_with("metal"),
        accelerated: family == "g5",
        labels: Labels::from(labels.map(|(key, value)| (key.into(), value.into()))),
    }
}

fn pool() -> Pool {
    Pool {
        name: "test".into(),
        weight: 0,
        paused: false,
        roles: BTreeSet::from([Role::Executor]),
        pod_selector: None,
        labels: Labels::new(),
        taints: Vec::new(),
        startup_taints: Vec::new(),
        requirements: Vec::new(),
        zone: ZonePolicy::PerApplication,
        spot: SpotPolicy {
            roles: BTreeSet::from([Role::Executor]),
            fallback_after: None,
            max_interruption: 4,
            penalty: [UsdPerHour::ZERO; INTERRUPTION_BUCKETS],
        },
        max_premium_percent: 15,
        performance: Performances::default(),
        min_local_storage: None,
        empty_ttl: EmptyTtl {
            driver: None,
            executor: None,
            other: None,
        },
        limits: Limits::default(),
        max_pods: None,
    }
}
