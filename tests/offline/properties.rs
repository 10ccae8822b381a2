//! What holds of every plan, tried on seeded scenarios of applications with and without shapes, pools
//! with and without limits, gated and ungated pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use sparkwright::Planner;
use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::name::PodId;
use sparkwright::model::node::Toleration;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::placement::{HOSTNAME, HostPort, Placement, PodSelector, PodTerm, Spread};
use sparkwright::model::pool::Limits;
use sparkwright::model::requirement::Requirement;
use sparkwright::model::resources::{Cpu, Resources};
use sparkwright::model::spark::{PodPhase, PodTemplate, Role};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::{Effect, Plan, check};
use sparkwright_sim::world::pods::PodKey;
use sparkwright_sim::world::scheduler::{Scheduler, Scoring};

use crate::world::{apply, carry_out, cluster, plan_at, pod, pool, ready, shape, template};

/// One application of a scenario.
#[derive(Clone, Debug)]
struct App {
    executors: u32,
    millis: u64,
    mib: u64,
    declared: bool,
    gated: bool,
    pinned: bool,
    rule: Rule,
}

/// What the executors of an application ask of each other.
#[derive(Clone, Copy, Debug)]
enum Rule {
    None,
    Apart,
    Port,
    Spread,
    Together,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    apps: Vec<App>,
    cpus: i64,
    nodes: Option<u32>,
    cpu_limit: Option<u64>,
}

/// Applications and pools as they come.
pub fn scenario() -> impl Strategy<Value = Scenario> {
    let app = (
        1_u32..40,
        500_u64..8_000,
        1_000_u64..60_000,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop_oneof![
            4 => Just(Rule::None),
            1 => Just(Rule::Apart),
            1 => Just(Rule::Port),
            1 => Just(Rule::Spread),
            1 => Just(Rule::Together),
        ],
    )
        .prop_map(
            |(executors, millis, mib, declared, gated, pinned, rule)| App {
                executors,
                millis,
                mib,
                declared,
                gated,
                pinned,
                rule,
            },
        );
    let sizes = prop_oneof![Just(17_i64), Just(37), Just(65), Just(97)];
    (
        proptest::collection::vec(app, 1..6),
        sizes,
        proptest::option::weighted(0.3, 1_u32..6),
        proptest::option::weighted(0.3, 16_u64..400),
    )
        .prop_map(|(apps, cpus, nodes, cpu_limit)| Scenario {
            apps,
            cpus,
            nodes,
            cpu_limit,
        })
}

/// What a scenario says.
pub fn facts(scenario: &Scenario) -> Vec<Fact> {
    let mut executors = pool("executors", &[Role::Executor], scenario.cpus);
    executors.limits = Limits {
        nodes: scenario.nodes,
        cpu: scenario
            .cpu_limit
            .map(|cores| Cpu::from_millis(cores * 1000)),
        ..Limits::default()
    };
    let mut facts = vec![
        Fact::PoolApplied(executors.into()),
        Fact::PoolApplied(pool("drivers", &[Role::Driver], 17).into()),
    ];
    for (i, app) in scenario.apps.iter().enumerate() {
        let id = format!("default/app{i}");
        let driver = template(&id, Role::Driver, 1000, 4000);
        let executor = executor(i, app);
        let phase = if app.gated {
            PodPhase::Gated
        } else {
            PodPhase::Pending
        };
        facts.push(pod(&format!("app{i}-driver"), &driver, phase.clone()));
        if app.declared {
            facts.push(shape(&id, &driver, &executor, app.executors));
        } else {
            facts.extend(
                (0..app.executors)
                    .map(|n| pod(&format!("app{i}-exec-{n}"), &executor, phase.clone())),
            );
        }
    }
    facts
}

fn executor(i: usize, app: &App) -> Arc<PodTemplate> {
    let id = format!("default/app{i}");
    let mut executor = PodTemplate::clone(&template(&id, Role::Executor, app.millis, app.mib));
    executor.labels.insert("app".into(), id.clone());
    if app.pinned {
        let zone = Requirement::is("topology.kubernetes.io/zone", "us-east-1c");
        executor.constraints.all.push(zone);
    }
    let pods = PodSelector {
        labels: vec![Requirement::is("app", id)],
        namespaces: ["default".to_owned()].into(),
        namespaces_with: None,
    };
    let term = PodTerm {
        topology: HOSTNAME.into(),
        pods: pods.clone(),
    };
    let mut placement = Placement::default();
    match app.rule {
        Rule::None => return executor.into(),
        Rule::Apart => placement.anti_affinity = vec![term],
        Rule::Together => placement.affinity = vec![term],
        Rule::Port => {
            placement.ports = vec![HostPort {
                ip: String::new(),
                protocol: "TCP".into(),
                port: 4040,
            }];
        }
        Rule::Spread => {
            placement.spread = vec![Spread {
                max_skew: 2,
                topology: HOSTNAME.into(),
                required: true,
                pods,
                min_domains: 1,
                honours_selectors: true,
                honours_taints: false,
            }];
        }
    }
    executor.placement = Some(placement.into());
    executor.into()
}

/// Template of every pod that a plan names, expected ones included, pinned to a node by its label.
fn pinned(scenario: &Scenario, pod: &PodId, node: &str) -> Arc<PodTemplate> {
    let app = pod.as_str().split("app").nth(1).unwrap_or_default();
    let number = app.split('-').next().and_then(|number| number.parse().ok());
    let i: usize = number.expect("pods are named after their application");
    let mut template = if pod.as_str().ends_with("-driver") {
        PodTemplate::clone(&template("default/any", Role::Driver, 1000, 4000))
    } else {
        PodTemplate::clone(&executor(i, &scenario.apps[i]))
    };
    template
        .constraints
        .all
        .push(Requirement::is("planned", node));
    template.tolerations.push(Toleration {
        key: None,
        value: None,
        effect: None,
    });
    template.into()
}

/// Requests of every pod that a plan names, expected ones included.
fn requests(scenario: &Scenario) -> BTreeMap<PodId, Resources> {
    let mut requests = BTreeMap::new();
    for (i, app) in scenario.apps.iter().enumerate() {
        let driver = template("default/any", Role::Driver, 1000, 4000)
            .requests
            .clone();
        requests.insert(PodId::from(format!("default/app{i}-driver")), driver);
        let executor = template("default/any", Role::Executor, app.millis, app.mib)
            .requests
            .clone();
        for n in 0..=app.executors {
            for name in [
                format!("default/app{i}-exec-{n}"),
                format!("default/default-app{i}-exec-{n}"),
            ] {
                requests.insert(PodId::from(name), executor.clone());
            }
        }
    }
    requests
}

fn placed_pods(plan: &Plan) -> Vec<&PodId> {
    let launched = plan
        .launches()
        .flat_map(|launch| launch.pods.iter().flatten());
    launched
        .chain(plan.existing.iter().flat_map(|(_, pods)| pods))
        .collect()
}

/// Why pods wait. Once a launch is charged at its largest type, a limit leaves nothing that could be kept for
/// another, so the two ways of saying that a limit is in the way count as one.
fn why(plan: &Plan) -> Vec<(&PodId, &'static str)> {
    let code = |code| match code {
        "behind-other" => "limit-reached",
        code => code,
    };
    let waiting = plan.waiting.iter();
    waiting
        .map(|waiting| (&waiting.pod, code(waiting.reason.code())))
        .collect()
}

fn is_quiet(plan: &Plan) -> bool {
    plan.effects.is_empty()
}

proptest! {
    // A quarter of proptest's default, since each case plans several times; PROPTEST_CASES still counts.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_order_of_facts_does_not_matter(scenario in scenario(), seed in any::<u64>()) {
        let facts = facts(&scenario);
        let mut shuffled = facts.clone();
        // A multiplicative shuffle is enough here, and needs no generator.
        let key = |i: usize| u64::try_from(i).unwrap().wrapping_add(1).wrapping_mul(seed | 1).rotate_left(17);
        let mut order: Vec<usize> = (0..facts.len()).collect();
        order.sort_by_key(|&i| key(i));
        for (place, &i) in order.iter().enumerate() {
            shuffled[place] = facts[i].clone();
        }
        let plan = plan_at(&cluster(facts), Timestamp::ZERO);
        prop_assert_eq!(plan, plan_at(&cluster(shuffled), Timestamp::ZERO));
    }

    #[test]
    fn what_is_named_fits_on_every_type_that_is_named(scenario in scenario()) {
        let cluster = cluster(facts(&scenario));
        let requests = requests(&scenario);
        let plan = plan_at(&cluster, Timestamp::ZERO);
        for launch in plan.launches() {
            for (pods, id) in launch.pods.iter().flat_map(|pods| launch.intent.types.iter().map(move |id| (pods, id))) {
                let mut load = Resources::default();
                pods.iter().for_each(|pod| load += &requests[pod]);
                let instance_type = cluster.catalog.instance_type(*id);
                let room = Resources { storage: instance_type.storage(false), ..instance_type.allocatable.clone() };
                prop_assert!(load.fits(&room), "{pods:?} on {}", instance_type.name);
            }
        }
        let mut named = placed_pods(&plan);
        let waiting: Vec<&PodId> = plan.waiting.iter().map(|waiting| &waiting.pod).collect();
        named.extend(&waiting);
        let distinct: BTreeSet<&&PodId> = named.iter().collect();
        prop_assert_eq!(named.len(), distinct.len(), "a pod is named twice");
        let wanted: usize = scenario.apps.iter().map(|app| usize::try_from(app.executors).unwrap() + 1).sum();
        prop_assert_eq!(named.len(), wanted, "a pod is forgotten");
    }

    #[test]
    fn kube_scheduler_lets_every_pod_onto_the_node_that_was_planned_for_it(scenario in scenario()) {
        let mut cluster = cluster(facts(&scenario));
        let plan = plan_at(&cluster, Timestamp::ZERO);
        carry_out(&mut cluster, Timestamp::ZERO, &plan);
        let mut scheduler = Scheduler::new(Scoring::LeastAllocated, cluster.catalog.clone());
        let mut wanted = 0_u32;
        for launch in plan.launches() {
            for (node, pods) in launch.intent.nodes.iter().zip(&launch.pods) {
                let mut facts = ready(&cluster, node.id.as_str(), false);
                facts.labels.insert("planned".into(), node.id.to_string());
                scheduler.apply_node(&facts);
                for pod in pods {
                    let key = PodKey { place: wanted, before: 0 };
                    scheduler.enqueue(key, pod.clone(), pinned(&scenario, pod, node.id.as_str()));
                    wanted += 1;
                }
            }
        }
        let mut decisions = Vec::new();
        scheduler.bind(&mut decisions);
        let wanted = usize::try_from(wanted).unwrap();
        prop_assert_eq!(decisions.len(), wanted, "{:?}", plan.effects);
    }

    #[test]
    fn no_plan_is_cheaper_than_its_bound(scenario in scenario()) {
        let plan = plan_at(&cluster(facts(&scenario)), Timestamp::ZERO);
        prop_assert!(plan.bound <= plan.planned(), "{} > {}", plan.bound, plan.planned());
        if plan.planned() > UsdPerHour::ZERO {
            prop_assert!(plan.bound > UsdPerHour::ZERO);
        }
    }

    #[test]
    fn gangs_are_whole_or_wait_whole(scenario in scenario()) {
        let plan = plan_at(&cluster(facts(&scenario)), Timestamp::ZERO);
        let placed: BTreeSet<&PodId> = placed_pods(&plan).into_iter().collect();
        for i in 0..scenario.apps.len() {
            let of_app = |pod: &PodId| {
                pod.as_str().starts_with(&format!("default/app{i}-"))
                    || pod.as_str().starts_with(&format!("default/default-app{i}-"))
            };
            let inside = placed.iter().filter(|pod| of_app(pod)).count();
            let outside = plan.waiting.iter().filter(|waiting| of_app(&waiting.pod)).count();
            prop_assert!(inside == 0 || outside == 0, "app{i}: {inside} placed, {outside} wait");
        }
    }

    #[test]
    fn limits_hold_whatever_type_ec2_chooses(scenario in scenario()) {
        let cluster = cluster(facts(&scenario));
        let plan = plan_at(&cluster, Timestamp::ZERO);
        let (mut nodes, mut cpu) = (0, 0);
        for launch in plan.launches().filter(|launch| launch.intent.pool.as_str() == "executors") {
            let largest = launch.intent.types.iter().map(|id| cluster.catalog.instance_type(*id).cpu.millis()).max();
            nodes += launch.count();
            cpu += largest.unwrap() * u64::from(launch.count());
        }
        prop_assert!(scenario.nodes.is_none_or(|most| nodes <= most));
        prop_assert!(scenario.cpu_limit.is_none_or(|most| cpu <= most * 1000));
        prop_assert!(check::violations(&cluster.view(Timestamp::ZERO), &plan.effects).is_empty());
    }

    #[test]
    fn drivers_are_on_demand_and_an_application_is_in_one_zone(scenario in scenario()) {
        let plan = plan_at(&cluster(facts(&scenario)), Timestamp::ZERO);
        let mut zones: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
        for launch in plan.launches() {
            for held in launch.intent.nodes.iter().flat_map(|node| &node.held) {
                zones.entry(held.app.as_str()).or_default().insert(launch.intent.zone.0);
                let on_demand = launch.intent.capacity_type == CapacityType::OnDemand;
                prop_assert!(on_demand || held.slot.role != Role::Driver);
            }
        }
        prop_assert!(zones.values().all(|zones| zones.len() == 1), "{zones:?}");
    }

    #[test]
    fn planners_that_remember_or_say_less_plan_as_one_that_does_neither(scenario in scenario(), step in 1_usize..8) {
        let mut cluster = cluster([]);
        let (mut planner, mut terse) = (Planner::default(), Planner::terse());
        for facts in facts(&scenario).chunks(step) {
            apply(&mut cluster, Timestamp::ZERO, facts.to_vec());
            let view = cluster.view(Timestamp::ZERO);
            let plan = planner.plan(&view);
            prop_assert_eq!(&plan, &plan_at(&cluster, Timestamp::ZERO));
            let said = terse.plan(&view);
            prop_assert_eq!((&said.effects, &said.holds), (&plan.effects, &plan.holds));
            prop_assert_eq!((&said.waiting, said.next_look), (&plan.waiting, plan.next_look));
            carry_out(&mut cluster, Timestamp::ZERO, &plan);
        }
    }

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_plan(scenario in scenario()) {
        let mut cluster = cluster(facts(&scenario));
        let first = plan_at(&cluster, Timestamp::ZERO);
        carry_out(&mut cluster, Timestamp::ZERO, &first);
        let second = plan_at(&cluster, Timestamp::ZERO);
        prop_assert!(second.launches().next().is_none(), "{:?}", second.effects);
        // Which of two limits is named first may change with what is in use.
        prop_assert_eq!(why(&second), why(&first));
        // The second round may lift the gates that waited for the launch; the third has nothing left.
        carry_out(&mut cluster, Timestamp::ZERO, &second);
        let third = plan_at(&cluster, Timestamp::ZERO);
        prop_assert!(is_quiet(&third), "{:?}", third.effects);
        boot(&mut cluster);
        let fourth = plan_at(&cluster, Timestamp::ZERO + Span::from_secs(40));
        prop_assert!(is_quiet(&fourth), "{:?}", fourth.effects);
    }
}

/// Every awaited node becomes ready.
fn boot(cluster: &mut Cluster) {
    let awaited: Vec<Fact> = cluster
        .nodes
        .keys()
        .map(|id| Fact::NodeApplied(Box::new(ready(cluster, id.as_str(), false))))
        .collect();
    apply(cluster, Timestamp::ZERO + Span::from_secs(40), awaited);
}

#[test]
fn an_empty_node_is_cordoned_past_its_ttl_and_then_terminated_but_not_in_its_paid_minute() {
    let facts = facts(&Scenario {
        apps: vec![App {
            executors: 1,
            millis: 1000,
            mib: 1000,
            declared: false,
            gated: false,
            pinned: false,
            rule: Rule::None,
        }],
        cpus: 17,
        nodes: None,
        cpu_limit: None,
    });
    let mut cluster = cluster(facts);
    let plan = plan_at(&cluster, Timestamp::ZERO);
    carry_out(&mut cluster, Timestamp::ZERO, &plan);
    let pods: Vec<Fact> = cluster.pods.keys().cloned().map(Fact::PodEnded).collect();
    apply(&mut cluster, Timestamp::ZERO, pods);
    let nodes: Vec<Fact> = cluster
        .nodes
        .keys()
        .map(|id| Fact::NodeApplied(Box::new(ready(&cluster, id.as_str(), false))))
        .collect();
    let at = |secs| Timestamp::ZERO + Span::from_secs(secs);
    apply(&mut cluster, at(10), nodes);
    let early = plan_at(&cluster, at(69));
    assert!(is_quiet(&early), "{:?}", early.effects);
    assert_eq!(early.next_look, Some(at(70)));
    let due = plan_at(&cluster, at(70));
    assert_eq!(
        due.effects
            .iter()
            .filter(|e| matches!(e, Effect::Cordon { .. }))
            .count(),
        2
    );
    carry_out(&mut cluster, at(70), &due);
    let end = plan_at(&cluster, at(71));
    assert_eq!(
        end.effects
            .iter()
            .filter(|e| matches!(e, Effect::Terminate { .. }))
            .count(),
        2
    );
}
