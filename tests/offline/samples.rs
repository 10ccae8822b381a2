//! Every NodePool that ships in `nodepools/` is planned: it serves what it says, with what it says.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::offering::{CapacityType, InstanceType};
use sparkwright::model::performance::Performance;
use sparkwright::model::resources::Bytes;
use sparkwright::model::spark::{PodPhase, PodTemplate, Role};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::Plan;
use sparkwright_sim::nodepools;

use crate::world::{cluster, plan_at, pod, template};

/// A driver and twelve executors of one application and a driver of another, planned with one sample.
fn planned(sample: &str) -> (Cluster, Plan) {
    let driver = template("default/app", Role::Driver, 1000, 4000);
    let executor = template("default/app", Role::Executor, 3400, 23_552);
    let mut facts = vec![pod("driver", &driver, PodPhase::Bound("elsewhere".into()))];
    facts.extend((0..12).map(|n| pod(&format!("exec-{n}"), &executor, PodPhase::Pending)));
    let other = template("default/second", Role::Driver, 1000, 4000);
    facts.push(pod("second-driver", &other, PodPhase::Pending));
    planned_with(sample, facts)
}

/// Pods planned with one sample.
fn planned_with(sample: &str, pods: Vec<Fact>) -> (Cluster, Plan) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("nodepools")
        .join(sample);
    let chosen = nodepools::chosen(Some(&path), &mut std::io::empty());
    assert!(
        chosen.refusals.is_empty() && chosen.warnings.is_empty(),
        "{sample}: {chosen:?}"
    );
    let pools = chosen.pools.into_iter();
    let mut facts: Vec<Fact> = pools
        .map(|pool| Fact::PoolApplied(pool.for_region("us-east-1").into()))
        .collect();
    facts.extend(pods);
    let cluster = cluster(facts);
    let plan = plan_at(&cluster, Timestamp::ZERO);
    (cluster, plan)
}

/// Types that the launches for executors or for the driver name.
fn named<'a>(cluster: &'a Cluster, plan: &'a Plan, driver: bool) -> Vec<&'a InstanceType> {
    let launches = plan.launches().filter(move |launch| {
        launch
            .pods
            .iter()
            .flatten()
            .any(|pod| (pod.as_str() == "default/second-driver") == driver)
    });
    let types = launches.flat_map(|launch| &launch.intent.types);
    types.map(|id| cluster.catalog.instance_type(*id)).collect()
}

fn waiting(plan: &Plan) -> usize {
    plan.waiting.len()
}

fn capacity_types(plan: &Plan) -> BTreeSet<CapacityType> {
    plan.launches()
        .map(|launch| launch.intent.capacity_type)
        .collect()
}

#[test]
fn drivers_on_demand_serves_drivers_alone_and_never_on_spot() {
    let (cluster, plan) = planned("drivers-on-demand.yaml");
    assert_eq!(
        (named(&cluster, &plan, true).is_empty(), waiting(&plan)),
        (false, 12)
    );
    assert_eq!(
        capacity_types(&plan),
        BTreeSet::from([CapacityType::OnDemand])
    );
}

#[test]
fn executors_serves_executors_on_spot_first() {
    let (cluster, plan) = planned("executors.yaml");
    assert_eq!(
        (named(&cluster, &plan, false).is_empty(), waiting(&plan)),
        (false, 1)
    );
    assert_eq!(capacity_types(&plan), BTreeSet::from([CapacityType::Spot]));
}

#[test]
fn executors_spot_nvme_has_local_disks_on_every_type() {
    let (cluster, plan) = planned("executors-spot-nvme.yaml");
    let types = named(&cluster, &plan, false);
    assert!(!types.is_empty() && types.iter().all(|t| t.nvme > Bytes::default()));
    assert_eq!(capacity_types(&plan), BTreeSet::from([CapacityType::Spot]));
}

#[test]
fn executors_graviton_is_arm_only() {
    let (cluster, plan) = planned("executors-graviton.yaml");
    let types = named(&cluster, &plan, false);
    assert!(
        !types.is_empty()
            && types
                .iter()
                .all(|t| t.labels["kubernetes.io/arch"] == "arm64")
    );
}

#[test]
fn executors_by_work_buys_the_family_whose_work_is_cheapest() {
    let (cluster, plan) = planned("executors-by-work.yaml");
    let types = named(&cluster, &plan, false);
    assert!(!types.is_empty());
    let launch = plan.launches().next().unwrap();
    assert!(launch.performance > Performance::ONE, "{launch:?}");
    assert!(plan.compared() < plan.planned());
    assert!(plan.compared_bound <= plan.compared() && plan.bound <= plan.planned());
}

#[test]
fn mixed_serves_everybody_drivers_apart_and_on_demand() {
    let (cluster, plan) = planned("mixed.yaml");
    assert_eq!(waiting(&plan), 0);
    assert!(!named(&cluster, &plan, true).is_empty() && !named(&cluster, &plan, false).is_empty());
    assert_eq!(capacity_types(&plan).len(), 2);
}

#[test]
fn the_article_s_provisioner_buys_its_families_sizes_and_zone_and_lets_go_after_thirty_seconds() {
    let (cluster, plan) = planned("emr-on-eks-article.yaml");
    assert_eq!(waiting(&plan), 0);
    let types: Vec<&InstanceType> = [true, false]
        .iter()
        .flat_map(|driver| named(&cluster, &plan, *driver))
        .collect();
    for instance_type in types {
        let (family, size) = instance_type.name.split_once('.').unwrap();
        assert!(
            ["c5", "c5a", "c5d", "c5ad", "m5", "c6a"].contains(&family),
            "{family}"
        );
        assert!(
            ["2xlarge", "4xlarge", "8xlarge", "9xlarge"].contains(&size),
            "{size}"
        );
        assert_eq!(instance_type.labels["kubernetes.io/arch"], "amd64");
    }
    for launch in plan.launches() {
        assert_eq!(cluster.catalog.zone(launch.intent.zone).name, "us-east-1a");
    }
    let pool = cluster.pools.values().next().unwrap();
    let half_a_minute = Some(Span::from_secs(30));
    let ttl = pool.empty_ttl;
    assert_eq!([ttl.driver, ttl.executor, ttl.other], [half_a_minute; 3]);
}

/// Two pods that are not Spark's, one of them with a GPU, planned with one sample.
fn planned_other(sample: &str) -> (Cluster, Plan) {
    let plain = template("default/batch", Role::Other, 4000, 16_384);
    let mut gpu = PodTemplate::clone(&plain);
    gpu.requests.extended.insert("nvidia.com/gpu".into(), 1);
    let pods = [("plain", plain), ("gpu", Arc::new(gpu))];
    let pods = pods.map(|(name, template)| pod(name, &template, PodPhase::Pending));
    planned_with(sample, pods.into())
}

#[test]
fn imported_pods_go_on_demand_and_leave_gpus_to_the_other_pool() {
    let (_, plan) = planned_other("imported-pods.yaml");
    assert_eq!(
        capacity_types(&plan),
        [CapacityType::OnDemand].into(),
        "{:#?}",
        plan.waiting
    );
    assert_eq!((plan.launches().count(), waiting(&plan)), (1, 1));
}

#[test]
fn imported_gpu_buys_types_with_gpus_for_all_it_serves() {
    let (cluster, plan) = planned_other("imported-gpu.yaml");
    assert_eq!(waiting(&plan), 0);
    let types = named(&cluster, &plan, false);
    assert!(
        !types.is_empty()
            && types
                .iter()
                .all(|t| t.allocatable.extended.contains_key("nvidia.com/gpu"))
    );
}

#[test]
fn every_sample_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodepools");
    let tested = include_str!("samples.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            tested.contains(&format!("planned(\"{name}\")"))
                || tested.contains(&format!("planned_other(\"{name}\")")),
            "{name} is planned by no test"
        );
    }
}
