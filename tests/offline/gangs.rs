//! Applications that need others' patience: gangs that are one call or several, that wait for a limit, that
//! run while others grow; zones and roles that EC2 runs dry of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::Fact;
use sparkwright::cluster::market::purpose_of;
use sparkwright::cluster::node::{Node, Stage};
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::node::CAPACITY_TYPE;
use sparkwright::model::offering::{CapacityType, ZoneId};
use sparkwright::model::pool::{Limits, ZonePolicy};
use sparkwright::model::requirement::Requirement;
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::{ExecutorGroup, Pod, PodPhase, PodTemplate, Role, Shape};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::effect::{Effect, Launch, Plan};

use crate::world::{apply, carry_out, cluster, plan_at, pool, ready, template};

#[test]
fn a_gang_is_one_call_or_none_and_the_call_for_drivers_is_the_last() {
    let cluster = cluster(pools(None).into_iter().chain(application("a", 4, 4, 0)));
    let plan = plan_at(&cluster, at(0));
    let calls: Vec<(u32, Option<u32>)> = plan.launches().map(|l| (l.count(), l.minimum)).collect();
    assert_eq!(
        calls,
        [(4, Some(4)), (1, None)],
        "executors, then the driver"
    );
}

#[test]
fn growth_beyond_the_minimum_may_be_given_in_part() {
    let cluster = cluster(pools(None).into_iter().chain(application("a", 2, 5, 0)));
    let plan = plan_at(&cluster, at(0));
    let executors = plan.launches().next().unwrap();
    assert_eq!((executors.count(), executors.minimum), (5, Some(2)));
    let first = executors.pods[..2].iter().flatten();
    let first: Vec<&str> = first.map(PodId::as_str).collect();
    assert_eq!(first, ["default/a-exec-1", "default/a-exec-2"]);
}

#[test]
fn what_was_refused_is_asked_for_alone_until_it_is_given_and_nothing_is_placed_before() {
    let facts = pools(None).into_iter().chain(application("a", 4, 4, 0));
    let mut life = Life::new(cluster(facts));
    // On-demand is dry everywhere for fifty minutes: executors can be had, their driver cannot.
    life.dry =
        |launch, now| launch.intent.capacity_type == CapacityType::OnDemand && now < at(3000);
    life.until(2990);
    assert!(life.placed.is_empty(), "no driver: {:?}", life.placed);
    let spot = life.given[&CapacityType::Spot];
    assert!((4..=8).contains(&spot), "{spot} nodes for four executors");
    assert_eq!(
        life.alive(CapacityType::Spot),
        0,
        "they left after their time"
    );
    life.until(4200);
    assert_eq!(life.placed.len(), 5, "driver and executors");
    assert_eq!(life.alive(CapacityType::Spot), 4);
}

#[test]
fn executors_that_are_refused_do_not_take_drivers_nodes_along_each_time() {
    let facts = pools(None).into_iter().chain(application("a", 4, 4, 0));
    let mut life = Life::new(cluster(facts));
    life.dry = |_, now| now < at(3000);
    life.until(100);
    assert_eq!(life.given.values().sum::<usize>(), 0);
    life.dry = |launch, now| launch.intent.capacity_type == CapacityType::Spot && now < at(3000);
    life.until(290);
    let drivers = life
        .given
        .get(&CapacityType::OnDemand)
        .copied()
        .unwrap_or(0);
    assert!(drivers <= 2, "{drivers} nodes for one driver");
    assert!(life.placed.is_empty());
}

#[test]
fn small_ones_that_come_later_do_not_pass_a_large_one() {
    let mut life = Life::new(cluster(pools(Some(4))));
    life.tell(application("first", 2, 2, 0));
    life.until(100);
    assert_eq!(life.cluster.apps["default/first"].bound.len(), 3);
    life.tell(application("large", 3, 3, 100));
    life.tell(application("small", 1, 1, 101));
    life.until(400);
    let waiting = life.reasons();
    assert_eq!(
        waiting["default/large-exec-1"], "limit-reached",
        "{waiting:?}"
    );
    assert_eq!(
        waiting["default/small-exec-1"], "behind-other",
        "{waiting:?}"
    );
    life.end("first", 2);
    life.until(900);
    assert!(life.placed.contains("default/large-driver"));
    assert!(
        life.placed.contains("default/small-driver"),
        "one is left for it"
    );
    assert_eq!(life.most_spot, 4);
}

#[test]
fn one_that_can_never_fit_says_so_and_stands_in_nobodys_way() {
    let mut life = Life::new(cluster(pools(Some(4))));
    life.tell(application("vast", 5, 5, 0));
    life.tell(application("small", 1, 1, 1));
    life.until(100);
    assert_eq!(life.reasons()["default/vast-exec-1"], "above-limit");
    assert!(life.placed.contains("default/small-driver"));
}

#[test]
fn the_higher_priority_waits_in_front_whoever_came_first() {
    let mut life = Life::new(cluster(pools(Some(4))));
    life.tell(application("early", 4, 4, 0));
    life.tell(with_priority(10, application("urgent", 3, 3, 5)));
    life.until(100);
    assert!(life.placed.contains("default/urgent-driver"));
    assert!(!life.placed.contains("default/early-driver"));
}

#[test]
fn a_growing_application_waits_for_anothers_minimum() {
    let mut life = Life::new(cluster(pools(Some(4))));
    life.tell(application("grows", 2, 2, 0));
    life.until(100);
    // Both want the two nodes that are left, and the growth comes first.
    let more = (3..=6).map(|n| executor_pod("grows", n, PodPhase::Gated, 100));
    life.tell(more.chain(application("starts", 2, 2, 101)));
    life.until(300);
    for pod in ["starts-driver", "starts-exec-1", "starts-exec-2"] {
        let pod = format!("default/{pod}");
        assert!(
            life.placed.contains(pod.as_str()),
            "{pod} of {:?}",
            life.placed
        );
    }
    let growth = |n| {
        life.placed
            .contains(format!("default/grows-exec-{n}").as_str())
    };
    assert!(!(3..=6).any(growth), "{:?}", life.placed);
}

#[test]
fn growth_takes_no_node_that_was_bought_for_another_gang() {
    let mut life = Life::new(cluster(pools(Some(4))));
    life.tell(application("grows", 2, 2, 0));
    life.until(100);
    // Declared, and only its driver is there: its nodes boot and stay free for its executors.
    let declared: Vec<Fact> = application("starts", 2, 2, 100)
        .into_iter()
        .take(2)
        .collect();
    life.tell(declared);
    life.until(105);
    life.tell((3..=6).map(|n| executor_pod("grows", n, PodPhase::Gated, 105)));
    life.until(200);
    let plan = plan_at(&life.cluster, at(200));
    let taken = plan.existing.iter().flat_map(|(_, pods)| pods);
    let taken: Vec<&PodId> = taken.filter(|pod| pod.as_str().contains("grows")).collect();
    assert!(taken.is_empty(), "{taken:?}");
    life.tell((1..=2).map(|n| executor_pod("starts", n, PodPhase::Gated, 200)));
    life.until(260);
    assert!(life.placed.contains("default/starts-exec-2"));
    assert!(!life.placed.contains("default/grows-exec-3"));
}

#[test]
fn nodes_of_a_driver_that_never_asks_for_its_executors_leave_after_ten_minutes() {
    let mut life = Life::new(cluster(pools(None)));
    life.tell(application("silent", 2, 2, 0).into_iter().take(2));
    life.until(500);
    assert!(life.placed.contains("default/silent-driver"));
    assert_eq!(life.alive(CapacityType::Spot), 2, "kept for its executors");
    life.until(900);
    assert_eq!(life.alive(CapacityType::Spot), 0);
    assert_eq!(life.alive(CapacityType::OnDemand), 1);
}

#[test]
fn executors_leave_their_drivers_zone_only_where_the_pool_spreads() {
    for (mode, crosses) in [
        (ZonePolicy::PerApplication, false),
        (ZonePolicy::Spread, true),
    ] {
        let spread = pools(None).map(|fact| match fact {
            Fact::PoolApplied(pool) => {
                let zone = mode.clone();
                Fact::PoolApplied(Arc::new(sparkwright::model::pool::Pool {
                    zone,
                    ..(*pool).clone()
                }))
            }
            other => other,
        });
        let mut life = Life::new(cluster(spread));
        life.tell(application("a", 0, 0, 0));
        life.until(100);
        let home = life.cluster.apps["default/a"]
            .bound
            .values()
            .next()
            .unwrap();
        let home = life.cluster.nodes[&home.1].zone.unwrap();
        dry(&mut life.cluster, at(100), |zone, _| zone == home);
        life.tell((1..=2).map(|n| executor_pod("a", n, PodPhase::Gated, 100)));
        // Patience for spot is over.
        let plan = plan_at(&life.cluster, at(450));
        let zones: BTreeSet<ZoneId> = plan.launches().map(|l| l.intent.zone).collect();
        assert_eq!(!zones.is_empty(), crosses, "{:?}", plan.waiting);
        assert!(!zones.contains(&home));
        if !crosses {
            let reason = &plan.waiting[0].reason;
            assert_eq!(reason.code(), "zone-dry");
            let name = &life.cluster.catalog.zone(home).name;
            let told = reason.to_string();
            assert!(
                told.contains(name.as_str()) && told.contains("spec.zonePolicy.mode"),
                "{told}"
            );
        }
    }
}

#[test]
fn executors_fall_back_to_on_demand_after_patience_later_ones_return_and_pinned_ones_wait() {
    let mut life = Life::new(cluster(pools(None)));
    life.tell(application("a", 0, 0, 0));
    life.until(100);
    dry(&mut life.cluster, at(100), |_, of| of == CapacityType::Spot);
    let mut pinned =
        PodTemplate::clone(&template("default/pinned", Role::Executor, 14_000, 20_000));
    let spot = Requirement::is(CAPACITY_TYPE, "spot");
    pinned.constraints.all.push(spot);
    let pinned = waits("pinned-exec-1", &Arc::new(pinned), PodPhase::Gated, 100);
    life.tell([executor_pod("a", 1, PodPhase::Gated, 100), pinned]);
    let early = plan_at(&life.cluster, at(200));
    let reasons = codes(&early);
    assert_eq!(reasons["default/a-exec-1"], "waiting-for-spot");
    assert_eq!(reasons["default/pinned-exec-1"], "pinned-by-user");
    let late = plan_at(&life.cluster, at(450));
    assert_eq!(codes(&late)["default/pinned-exec-1"], "pinned-by-user");
    let bought: Vec<CapacityType> = late.launches().map(|l| l.intent.capacity_type).collect();
    assert_eq!(bought, [CapacityType::OnDemand]);
    carry_out(&mut life.cluster, at(450), &late);
    // Spot is believed in again: who comes now gets it, and the one that waited for it.
    life.tell([executor_pod("a", 2, PodPhase::Gated, 800)]);
    let back = plan_at(&life.cluster, at(800));
    let bought: BTreeSet<CapacityType> = back.launches().map(|l| l.intent.capacity_type).collect();
    assert_eq!(
        bought,
        BTreeSet::from([CapacityType::Spot]),
        "{:?}",
        back.waiting
    );
    assert!(back.waiting.is_empty(), "{:?}", back.waiting);
}

/// A cluster in which everything works but what `dry` says: nodes take 40 s, placed pods are bound at once
/// where the plan saw them, empty nodes go as they are told.
struct Life {
    cluster: Cluster,
    now: i64,
    dry: fn(&Launch, Timestamp) -> bool,
    /// Nodes that EC2 gave in all.
    given: BTreeMap<CapacityType, usize>,
    placed: BTreeSet<String>,
    booting: BTreeMap<NodeId, i64>,
    most_spot: usize,
}

impl Life {
    fn new(cluster: Cluster) -> Self {
        Life {
            cluster,
            now: 0,
            dry: |_, _| false,
            given: BTreeMap::new(),
            placed: BTreeSet::new(),
            booting: BTreeMap::new(),
            most_spot: 0,
        }
    }

    fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        apply(&mut self.cluster, at(self.now), facts);
    }

    /// A look every ten seconds, each until nothing is left to do.
    fn until(&mut self, end: i64) {
        while self.now < end {
            self.boot();
            for round in 0.. {
                assert!(
                    round < 2000,
                    "the planner does not come to rest at {} s",
                    self.now
                );
                let plan = plan_at(&self.cluster, at(self.now));
                assert!(plan.broken.is_empty(), "{:?}", plan.broken);
                if plan.effects.is_empty() && plan.holds.is_empty() {
                    break;
                }
                self.carry_out(&plan);
            }
            self.most_spot = self.most_spot.max(self.alive(CapacityType::Spot));
            self.now = (self.now + 10).min(end);
        }
    }

    fn boot(&mut self) {
        let now = self.now;
        let due: Vec<NodeId> = self
            .booting
            .extract_if(.., |_, at| *at <= now)
            .map(|(id, _)| id)
            .collect();
        for node in due {
            let facts = Fact::NodeApplied(Box::new(ready(&self.cluster, node.as_str(), false)));
            self.tell([facts]);
        }
        self.schedule();
    }

    /// Pods that have been let to the scheduler are bound: where room is held for them, else where there is
    /// some.
    fn schedule(&mut self) {
        let pods = self.cluster.pods.values();
        let mut pending: Vec<Pod> = pods
            .filter(|pod| pod.phase == PodPhase::Pending)
            .cloned()
            .collect();
        pending.sort_by(|a, b| a.id.cmp(&b.id));
        for pod in pending {
            let (template, app) = (
                &pod.template,
                pod.template.app.as_ref().expect("a Spark pod has one"),
            );
            let takes = |node: &&Node| {
                node.stage == Stage::Ready
                    && node.purpose == Some(purpose_of(template.role))
                    && template
                        .requests
                        .fits(&node.free_beside(&Resources::default()))
            };
            let nodes = self.cluster.nodes.values().filter(takes);
            let node = nodes.min_by_key(|node| (!node.held_by.contains(app), node.id.clone()));
            if let Some(id) = node.map(|node| node.id.clone()) {
                let phase = PodPhase::Bound(id);
                self.tell([Fact::PodApplied(Pod {
                    phase,
                    ..pod.clone()
                })]);
            }
        }
    }

    fn carry_out(&mut self, plan: &Plan) {
        let refused: Vec<Launch> = plan
            .launches()
            .filter(|launch| (self.dry)(launch, at(self.now)))
            .cloned()
            .collect();
        let mut rest = plan.clone();
        rest.effects
            .retain(|effect| !matches!(effect, Effect::Launch(l) if refused.contains(l)));
        for effect in &rest.effects {
            match effect {
                Effect::Launch(launch) => {
                    let count = launch.intent.nodes.len();
                    *self.given.entry(launch.intent.capacity_type).or_default() += count;
                    let nodes = launch.intent.nodes.iter();
                    self.booting
                        .extend(nodes.map(|node| (node.id.clone(), self.now + 40)));
                }
                Effect::Place(place) => {
                    self.placed.insert(place.pod.as_str().to_owned());
                }
                _ => {}
            }
        }
        carry_out(&mut self.cluster, at(self.now), &rest);
        for launch in refused {
            self.refuse(&launch);
        }
    }

    fn refuse(&mut self, launch: &Launch) {
        let intent = &launch.intent;
        let mut facts = vec![Fact::LaunchAsked(Box::new(intent.clone()))];
        for of in &intent.types {
            let (zone, capacity_type) = (intent.zone, intent.capacity_type);
            let shortages = &self.cluster.shortages;
            facts.push(Fact::OfferingUnavailable {
                instance_type: *of,
                zone,
                capacity_type,
                until: shortages.believe_offering((*of, zone, capacity_type), at(self.now)),
            });
        }
        let nodes = intent.nodes.iter();
        facts.extend(nodes.map(|node| Fact::NodeRefused(node.id.clone())));
        self.tell(facts);
    }

    /// All pods of an application end.
    fn end(&mut self, app: &str, executors: u32) {
        let driver = format!("default/{app}-driver");
        let executors = (1..=executors).map(|n| format!("default/{app}-exec-{n}"));
        let pods: Vec<String> = std::iter::once(driver).chain(executors).collect();
        self.tell(
            pods.iter()
                .map(|pod| Fact::PodEnded(PodId::from(pod.as_str()))),
        );
    }

    fn alive(&self, capacity_type: CapacityType) -> usize {
        let nodes = self.cluster.nodes.values();
        nodes
            .filter(|node| node.capacity_type == Some(capacity_type))
            .count()
    }

    fn reasons(&self) -> BTreeMap<String, &'static str> {
        codes(&plan_at(&self.cluster, at(self.now)))
    }
}

fn codes(plan: &Plan) -> BTreeMap<String, &'static str> {
    let waiting = plan.waiting.iter();
    waiting
        .map(|w| (w.pod.as_str().to_owned(), w.reason.code()))
        .collect()
}

/// A pool for drivers, and one for executors of so many nodes.
fn pools(nodes: Option<u32>) -> [Fact; 2] {
    let mut executors = pool("executors", &[Role::Executor], 17);
    executors.limits = Limits {
        nodes,
        ..Limits::default()
    };
    let drivers = pool("drivers", &[Role::Driver], 17);
    [
        Fact::PoolApplied(drivers.into()),
        Fact::PoolApplied(executors.into()),
    ]
}

/// A declared application whose pods all wait behind their gates: declaration, driver, executors. Each
/// executor fills a node.
fn application(app: &str, minimum: u32, initial: u32, created: i64) -> Vec<Fact> {
    let id = format!("default/{app}");
    let driver = template(&id, Role::Driver, 1000, 2048);
    let group = ExecutorGroup {
        template: executor(app),
        min: minimum,
        initial,
        max: None,
    };
    let shape = Shape {
        name: app.to_owned(),
        namespace: "default".to_owned(),
        declared: at(created),
        driver: Some(driver.clone()),
        executors: vec![group],
        advice: Vec::new(),
    };
    let mut facts = vec![
        Fact::ShapeDeclared {
            app: id.as_str().into(),
            shape: Box::new(shape),
        },
        waits(&format!("{app}-driver"), &driver, PodPhase::Gated, created),
    ];
    facts.extend((1..=initial).map(|n| executor_pod(app, n, PodPhase::Gated, created)));
    facts
}

/// The same facts of pods with a priority.
fn with_priority(priority: i32, facts: Vec<Fact>) -> Vec<Fact> {
    let raised = |template: &Arc<PodTemplate>| {
        Arc::new(PodTemplate {
            priority,
            ..PodTemplate::clone(template)
        })
    };
    let facts = facts.into_iter().map(|fact| match fact {
        Fact::PodApplied(pod) => {
            let template = raised(&pod.template);
            Fact::PodApplied(Pod { template, ..pod })
        }
        Fact::ShapeDeclared { app, mut shape } => {
            shape.driver = shape.driver.as_ref().map(raised);
            for group in &mut shape.executors {
                group.template = raised(&group.template);
            }
            Fact::ShapeDeclared { app, shape }
        }
        other => other,
    });
    facts.collect()
}

fn executor(app: &str) -> Arc<PodTemplate> {
    template(&format!("default/{app}"), Role::Executor, 14_000, 20_000)
}

fn executor_pod(app: &str, number: u32, phase: PodPhase, created: i64) -> Fact {
    waits(
        &format!("{app}-exec-{number}"),
        &executor(app),
        phase,
        created,
    )
}

fn waits(name: &str, template: &Arc<PodTemplate>, phase: PodPhase, created: i64) -> Fact {
    Fact::PodApplied(Pod {
        id: PodId::from(format!("default/{name}")),
        template: template.clone(),
        created: at(created),
        phase,
    })
}

/// EC2 has none of these offerings for ten minutes.
fn dry(cluster: &mut Cluster, now: Timestamp, of: impl Fn(ZoneId, CapacityType) -> bool) {
    let catalog = cluster.catalog.clone();
    let offerings = catalog.offerings.iter();
    let dry = offerings.filter(|offering| of(offering.zone, offering.capacity_type));
    let facts = dry.map(|offering| Fact::OfferingUnavailable {
        instance_type: offering.instance_type,
        zone: offering.zone,
        capacity_type: offering.capacity_type,
        until: now + Span::from_secs(600),
    });
    apply(cluster, now, facts);
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}
