//! A small world for tests: the embedded catalogue, pools, pods, and an executor of plans that believes
//! everything.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact, NodeFacts};
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::name::{AppId, PodId};
use sparkwright::model::node::INSTANCE_TYPE;
use sparkwright::model::offering::Catalog;
use sparkwright::model::performance::Performances;
use sparkwright::model::pool::{EmptyTtl, Limits, Pool, PoolRequirement, SpotPolicy, ZonePolicy};
use sparkwright::model::requirement::{Condition, Labels, Requirement};
use sparkwright::model::resources::{Bytes, Cpu, Resources};
use sparkwright::model::spark::{ExecutorGroup, Pod, PodPhase, PodTemplate, Role, Shape};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::{Effect, Plan};
use sparkwright_sim::catalog::{Source, ZonePrices};

/// The embedded catalogue of us-east-1.
pub fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let load = || {
        let source = Source {
            dir: None,
            region: None,
            zone_prices: ZonePrices::List,
            zone_map: Vec::new(),
        };
        Arc::new(source.load().expect("the embedded catalogue is sound"))
    };
    CATALOG.get_or_init(load).clone()
}

/// A pool of types below `cpus` vCPU for these roles.
pub fn pool(name: &str, roles: &[Role], cpus: i64) -> Pool {
    let smaller = Requirement {
        key: "karpenter.k8s.aws/instance-cpu".into(),
        condition: Condition::Lt(cpus),
    };
    let minute = Some(Span::from_secs(60));
    Pool {
        name: name.into(),
        weight: 0,
        paused: false,
        roles: roles.iter().copied().collect(),
        pod_selector: None,
        labels: Labels::new(),
        taints: Vec::new(),
        startup_taints: Vec::new(),
        requirements: vec![PoolRequirement {
            requirement: smaller,
            min_values: None,
        }],
        zone: ZonePolicy::PerApplication,
        spot: SpotPolicy {
            roles: BTreeSet::from([Role::Executor]),
            fallback_after: Some(Span::from_secs(300)),
            max_interruption: 4,
            penalty: [UsdPerHour::ZERO; 5],
        },
        max_premium_percent: 15,
        performance: Performances::default(),
        min_local_storage: None,
        empty_ttl: EmptyTtl {
            driver: minute,
            executor: minute,
            other: minute,
        },
        limits: Limits::default(),
        max_pods: None,
    }
}

/// A template of a pod of an application.
pub fn template(app: &str, role: Role, millis: u64, mib: u64) -> Arc<PodTemplate> {
    let requests = Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(mib));
    Arc::new(PodTemplate::plain(
        role,
        Some(AppId::from(app)),
        "default",
        requests,
    ))
}

/// A pod that waits.
pub fn pod(name: &str, template: &Arc<PodTemplate>, phase: PodPhase) -> Fact {
    Fact::PodApplied(Pod {
        id: PodId::from(format!("default/{name}")),
        template: template.clone(),
        created: Timestamp::ZERO,
        phase,
    })
}

/// A declaration of a driver and executors, all of which are the minimum.
pub fn shape(
    app: &str,
    driver: &Arc<PodTemplate>,
    executor: &Arc<PodTemplate>,
    count: u32,
) -> Fact {
    let group = ExecutorGroup {
        template: executor.clone(),
        min: count,
        initial: count,
        max: Some(count),
    };
    Fact::ShapeDeclared {
        app: AppId::from(app),
        shape: Box::new(Shape {
            name: app.replace('/', "-"),
            namespace: "default".into(),
            declared: Timestamp::ZERO,
            driver: Some(driver.clone()),
            executors: vec![group],
            advice: Vec::new(),
        }),
    }
}

/// A cluster that knows the catalogue and these facts.
pub fn cluster(facts: impl IntoIterator<Item = Fact>) -> Cluster {
    let mut cluster = Cluster::default();
    apply(
        &mut cluster,
        Timestamp::ZERO,
        std::iter::once(Fact::CatalogListed(catalog())).chain(facts),
    );
    cluster
}

/// Folds facts.
pub fn apply(cluster: &mut Cluster, at: Timestamp, facts: impl IntoIterator<Item = Fact>) {
    for fact in facts {
        cluster.apply(&Event { at, fact });
    }
}

/// Plans at a moment.
pub fn plan_at(cluster: &Cluster, at: Timestamp) -> Plan {
    sparkwright::plan(&cluster.view(at))
}

/// Carries a plan out as a world would in which everything works: launches run at once as the planned
/// type, gates are lifted, cordons and terminations happen.
pub fn carry_out(cluster: &mut Cluster, at: Timestamp, plan: &Plan) {
    for effect in &plan.effects {
        let facts = outcome(cluster, effect);
        apply(cluster, at, facts);
    }
    let holds = plan.holds.iter().cloned();
    let held = holds.map(|(node, held)| Fact::RoomHeld {
        node,
        held: Box::new(held),
    });
    apply(cluster, at, held);
}

/// What comes of one effect in such a world.
pub fn outcome(cluster: &Cluster, effect: &Effect) -> Vec<Fact> {
    match effect {
        Effect::Launch(launch) => {
            let asked = Fact::LaunchAsked(Box::new(launch.intent.clone()));
            let launched = launch.intent.nodes.iter().map(|node| Fact::NodeLaunched {
                node: node.id.clone(),
                instance_type: launch.intent.types[0],
                price: launch.planned,
            });
            std::iter::once(asked).chain(launched).collect()
        }
        Effect::Place(place) => {
            let pod = Pod {
                phase: PodPhase::Pending,
                ..cluster.pods[&place.pod].clone()
            };
            vec![Fact::PodApplied(pod)]
        }
        Effect::Cordon { node, .. } => {
            vec![Fact::NodeApplied(Box::new(ready(
                cluster,
                node.as_str(),
                true,
            )))]
        }
        Effect::Evict { pod, .. } => vec![Fact::PodLeaving(pod.clone())],
        Effect::Terminate { node, .. } => vec![Fact::NodeGone(node.clone())],
    }
}

/// A node of ours as its object says when it is ready.
pub fn ready(cluster: &Cluster, node: &str, unschedulable: bool) -> NodeFacts {
    let node = &cluster.nodes[node];
    let instance_type = cluster.catalog.instance_type(node.types[0]);
    let mut labels = node.labels.clone();
    labels.insert(INSTANCE_TYPE.into(), instance_type.name.clone());
    NodeFacts {
        id: node.id.clone(),
        labels,
        taints: node.taints.clone(),
        allocatable: Resources {
            storage: instance_type.storage(false),
            ..instance_type.allocatable.clone()
        },
        unschedulable,
        ready: true,
    }
}
