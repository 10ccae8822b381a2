//! The recorded stream: every fact and every plan survives its lines, a cluster read back plans as the
//! one that was written, and a replay finds what was tampered with and nothing else.

use std::sync::Arc;

use proptest::prelude::*;
use sparkwright::Planner;
use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{AwaitedNode, Event, Fact, Held, Intent, PriceChange, Slot};
use sparkwright::model::cni::Cni;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::name::{AppId, NodeId, PodId};
use sparkwright::model::node::{Purpose, Taint, TaintEffect, Toleration};
use sparkwright::model::offering::{CapacityType, TypeId, ZoneId};
use sparkwright::model::placement::PodSelector;
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::referent::{Budget, BudgetBound, Referent, ReferentKind, VolumeClaim};
use sparkwright::model::requirement::{Condition, Constraints, Labels, Requirement};
use sparkwright::model::resources::{Bytes, Cpu, Resources};
use sparkwright::model::spark::{PodPhase, Role};
use sparkwright::model::time::{Span, Timestamp};
use sparkwright::plan::Plan;
use sparkwright::stream::{
    Comparison, Decoder, Encoder, Entry, Header, Round, StreamError, VERSION,
};

use crate::properties::{facts, scenario};
use crate::world::{apply, catalog, outcome, pod, pool, ready, shape, template};

/// A controller that writes down what it is told and what it decides.
struct Recorded {
    cluster: Cluster,
    planner: Planner,
    encoder: Encoder,
    lines: Vec<u8>,
    told: Vec<Event>,
    plans: Vec<Arc<Plan>>,
}

impl Recorded {
    fn new() -> Self {
        let mut recorded = Recorded {
            cluster: Cluster::default(),
            planner: Planner::default(),
            encoder: Encoder::default(),
            lines: Vec::new(),
            told: Vec::new(),
            plans: Vec::new(),
        };
        recorded.begin();
        recorded
    }

    fn begin(&mut self) {
        self.write(Entry::Begun(Header {
            version: VERSION,
            by: "test".into(),
            at: Timestamp::ZERO,
        }));
    }

    /// What a new file begins with.
    fn rotate(&mut self) {
        self.encoder = Encoder::default();
        self.lines.clear();
        self.begin();
        self.write(Entry::Known(self.cluster.snapshot().into()));
    }

    fn write(&mut self, entry: Entry) {
        let written = self.encoder.write(entry, &mut self.lines);
        written.expect("memory takes every line");
    }

    fn tell(&mut self, at: Timestamp, facts: impl IntoIterator<Item = Fact>) {
        for fact in facts {
            let event = Event { at, fact };
            self.write(Entry::Event(event.clone()));
            self.cluster.apply(&event);
            self.told.push(event);
        }
    }

    fn round(&mut self, now: Timestamp) {
        let plan = Arc::new(self.planner.plan(&self.cluster.view(now)));
        self.write(Entry::Round(Round {
            now,
            plan: plan.clone(),
        }));
        for effect in &plan.effects {
            let facts = outcome(&self.cluster, effect);
            self.tell(now, facts);
        }
        self.plans.push(plan);
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.lines).expect("lines are UTF-8")
    }
}

/// Everything from the first pod to the last node gone, with a look after each few facts.
fn lived(scenario: &crate::properties::Scenario, step: usize, rotate_at: usize) -> Recorded {
    let mut run = Recorded::new();
    run.tell(Timestamp::ZERO, [Fact::CatalogListed(catalog())]);
    for (i, facts) in facts(scenario).chunks(step).enumerate() {
        let at = second(i64::try_from(i).expect("a count fits"));
        run.tell(at, facts.to_vec());
        if i == rotate_at {
            run.rotate();
        }
        run.round(at);
    }
    let booted: Vec<Fact> = (run.cluster.nodes.keys())
        .map(|id| Fact::NodeApplied(Box::new(ready(&run.cluster, id.as_str(), false))))
        .collect();
    run.tell(second(100), booted);
    run.round(second(100));
    let first = run.cluster.nodes.keys().next().cloned();
    run.tell(
        second(110),
        first.map(|node| Fact::NodeInterrupted {
            node,
            until: second(230),
        }),
    );
    run.round(second(110));
    let pods: Vec<Fact> = (run.cluster.pods.keys().cloned())
        .map(Fact::PodEnded)
        .collect();
    run.tell(second(120), pods);
    for at in [120, 200, 300] {
        run.round(second(at));
    }
    run
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::ZERO + Span::from_secs(seconds)
}

fn read(text: &str) -> Vec<Entry> {
    let mut decoder = Decoder::default();
    let entries = text
        .lines()
        .map(|line| decoder.read(line).expect("it was written as a line"));
    entries.flatten().collect()
}

/// The comparison at the end, and what differed.
fn replayed(entries: Vec<Entry>) -> (Comparison, Vec<String>) {
    let mut comparison = Comparison::default();
    let differences = entries
        .into_iter()
        .filter_map(|entry| comparison.take(entry))
        .map(|difference| difference.to_string())
        .collect();
    (comparison, differences)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 8,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_says_what_was_told_and_decided_and_a_replay_of_it_decides_the_same(
        scenario in scenario(), step in 1_usize..30
    ) {
        let run = lived(&scenario, step, usize::MAX);
        let entries = read(run.text());
        let told: Vec<&Event> = entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            _ => None,
        }).collect();
        prop_assert_eq!(told, run.told.iter().collect::<Vec<_>>());
        let rounds: Vec<&Round> = entries.iter().filter_map(|entry| match entry {
            Entry::Round(round) => Some(round),
            _ => None,
        }).collect();
        prop_assert_eq!(rounds.len(), run.plans.len());
        for (round, plan) in rounds.iter().zip(&run.plans) {
            prop_assert_eq!(&round.plan.effects, &plan.effects);
            prop_assert_eq!(&round.plan.waiting, &plan.waiting);
        }
        let (comparison, differences) = replayed(entries);
        prop_assert_eq!(differences, Vec::<String>::new());
        let planned: usize = run.plans.iter().map(|plan| plan.effects.len()).sum();
        prop_assert_eq!(usize::try_from(comparison.tally.effects).unwrap(), planned);
    }

    #[test]
    fn a_file_that_begins_in_the_middle_stands_alone(
        scenario in scenario(), step in 1_usize..30, rotate_at in 0_usize..5
    ) {
        let run = lived(&scenario, step, rotate_at);
        let entries = read(run.text());
        let known = entries.iter().find_map(|entry| match entry {
            Entry::Known(snapshot) => Some(snapshot.clone()),
            _ => None,
        });
        if let Some(known) = known {
            prop_assert_eq!(&Cluster::restored(&known).snapshot(), &*known);
        }
        let (_, differences) = replayed(entries);
        prop_assert_eq!(differences, Vec::<String>::new());
    }
}

#[test]
fn every_fact_survives_its_line() {
    let mut encoder = Encoder::default();
    let mut decoder = Decoder::default();
    let mut lines = Vec::new();
    encoder.write(begun(), &mut lines).unwrap();
    let told: Vec<Event> = every_fact()
        .into_iter()
        .map(|fact| Event {
            at: second(7),
            fact,
        })
        .collect();
    for event in &told {
        encoder
            .write(Entry::Event(event.clone()), &mut lines)
            .unwrap();
    }
    let text = String::from_utf8(lines).unwrap();
    let read: Vec<Event> = text
        .lines()
        .filter_map(|line| decoder.read(line).unwrap())
        .filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(read, told);
    let catalogs = text.lines().filter(|line| line.starts_with("{\"catalog\""));
    assert_eq!(
        catalogs.count(),
        1,
        "the catalogue is listed twice and written once"
    );
}

#[test]
fn what_is_tampered_with_is_found_and_told() {
    let run = run_of_two_looks();
    let entries = read(run.text());
    let (_, differences) = replayed(entries.clone());
    assert_eq!(differences, Vec::<String>::new());
    let tampered = run
        .text()
        .replace("\"min\":3", "\"min\":4")
        .replace("\"initial\":3", "\"initial\":9");
    assert_ne!(tampered, run.text());
    let (comparison, differences) = replayed(read(&tampered));
    assert!(comparison.tally.differing > 0);
    assert!(
        differences[0].contains("\n  - launch ") && differences[0].contains("\n  + launch "),
        "{differences:?}"
    );
    let dearer = run
        .text()
        .replacen("\"performance\":1000", "\"performance\":1100", 1);
    let (_, differences) = replayed(read(&dearer));
    assert!(
        differences[0].contains("launch.performance: 1100 is recorded, 1000 is decided"),
        "{differences:?}"
    );
}

#[test]
fn names_of_nodes_to_be_do_not_matter() {
    let run = run_of_two_looks();
    let renamed = run.text().replace("\"drivers-", "\"drivers-6ae1f0c2-");
    assert_ne!(renamed, run.text());
    let (comparison, differences) = replayed(read(&renamed));
    assert_eq!(differences, Vec::<String>::new());
    assert!(comparison.tally.effects > 0);
}

#[test]
fn after_a_gap_nothing_is_compared_until_all_is_known_again() {
    let mut run = Recorded::new();
    run.tell(second(0), [Fact::CatalogListed(catalog())]);
    run.write(Entry::Gap(3));
    apply(&mut run.cluster, second(0), pools());
    run.tell(second(1), application());
    run.round(second(1));
    run.write(Entry::Known(run.cluster.snapshot().into()));
    run.round(second(2));
    let (comparison, differences) = replayed(read(run.text()));
    assert_eq!(differences, Vec::<String>::new());
    let tally = comparison.tally;
    assert_eq!((tally.lost, tally.uncompared, tally.rounds), (3, 1, 1));
}

#[test]
fn what_is_no_stream_of_this_version_says_so() {
    let refusal = |line: &str| Decoder::default().read(line).unwrap_err();
    assert_eq!(refusal("{\"kind\":\"Pod\"}"), StreamError::NoStream);
    assert_eq!(
        refusal("{\"stream\":{\"version\":99,\"new\":true}}"),
        StreamError::Version(99)
    );
    let mut decoder = Decoder::default();
    let mut lines = Vec::new();
    Encoder::default().write(begun(), &mut lines).unwrap();
    decoder.read(std::str::from_utf8(&lines).unwrap()).unwrap();
    for broken in [
        "{\"round\":{\"now\":1,",
        "{\"pod\":{\"at\":1,\"pod\":{\"id\":\"a/b\",\"template\":7,\"created\":0,\"phase\":\"Gated\"}}}",
        "{\"catalog-listed\":{\"at\":1,\"catalog\":3}}",
        "{\"event\":{\"at\":1,\"fact\":{\"zone-addresses\":{\"zone\":3,\"free\":1}}}}",
        "{\"known-pod\":{\"id\":\"a/b\",\"template\":7,\"created\":0,\"phase\":\"Gated\"}}",
    ] {
        let refusal = decoder.read(broken).unwrap_err();
        assert!(matches!(refusal, StreamError::Broken(_)), "{refusal}");
    }
}

fn begun() -> Entry {
    Entry::Begun(Header {
        version: VERSION,
        by: "test".into(),
        at: Timestamp::ZERO,
    })
}

fn pools() -> [Fact; 2] {
    [
        Fact::PoolApplied(pool("drivers", &[Role::Driver], 17).into()),
        Fact::PoolApplied(pool("executors", &[Role::Executor], 37).into()),
    ]
}

fn application() -> [Fact; 2] {
    let driver = template("default/a", Role::Driver, 1000, 4000);
    let executor = template("default/a", Role::Executor, 4000, 16_000);
    [
        pod("a-driver", &driver, PodPhase::Gated),
        shape("default/a", &driver, &executor, 3),
    ]
}

fn run_of_two_looks() -> Recorded {
    let mut run = Recorded::new();
    run.tell(second(0), [Fact::CatalogListed(catalog())]);
    run.tell(second(0), pools());
    run.tell(second(1), application());
    run.round(second(1));
    run.round(second(2));
    run
}

/// One of each, with every field set to something.
fn every_fact() -> Vec<Fact> {
    let node = || NodeId::from("executors-1");
    let driver = template("default/a", Role::Driver, 1000, 4000);
    let facts = vec![
        Fact::CatalogListed(catalog()),
        Fact::PoolApplied(pool("executors", &[Role::Executor], 37).into()),
        Fact::PoolDeleted("executors".into()),
        Fact::DaemonApplied(Box::new(daemon())),
        Fact::DaemonDeleted("kube-system/agent".into()),
        Fact::ReferentApplied {
            name: "default/claim".into(),
            referent: Box::new(Referent::Claim(VolumeClaim {
                volume: Some("pv-1".into()),
                class: Some("gp3".into()),
            })),
        },
        Fact::ReferentApplied {
            name: "default/budget".into(),
            referent: Box::new(Referent::Budget(Budget {
                pods: PodSelector::nothing(),
                bound: BudgetBound::MissingPercent(25),
            })),
        },
        Fact::ReferentDeleted(ReferentKind::Volume, "pv-1".into()),
        shape("default/a", &driver, &driver, 3),
        Fact::ShapeWithdrawn(AppId::from("default/a")),
        pod("a-driver", &driver, PodPhase::Gated),
        pod("a-driver", &driver, PodPhase::Pending),
        pod("a-driver", &driver, PodPhase::Bound(node())),
        Fact::PodEnded(PodId::from("default/a-driver")),
        Fact::NodeApplied(Box::new(node_facts())),
        Fact::NodeGone(node()),
        Fact::LaunchAsked(Box::new(intent())),
        Fact::RoomHeld {
            node: node(),
            held: Box::new(intent().nodes[0].held[0].clone()),
        },
        Fact::NodeLaunched {
            node: node(),
            instance_type: TypeId(3),
            price: UsdPerHour::from_micros(123_456),
        },
        Fact::NodeRefused(node()),
        Fact::OfferingUnavailable {
            instance_type: TypeId(3),
            zone: ZoneId(1),
            capacity_type: CapacityType::Spot,
            until: second(180),
        },
        Fact::QuotaReached {
            class: QuotaClass::HighMemory,
            capacity_type: CapacityType::OnDemand,
            until: second(180),
        },
        Fact::ZoneAddresses {
            zone: ZoneId(1),
            free: 250,
        },
        Fact::CniConfigured(Cni::default()),
        Fact::PricesChanged(Arc::new([PriceChange {
            instance_type: TypeId(3),
            zone: ZoneId(1),
            capacity_type: CapacityType::Spot,
            price: UsdPerHour::from_micros(99),
        }])),
        Fact::CatalogListed(catalog()),
        Fact::PodLeaving("default/a-exec-1".into()),
        Fact::NodeDraining {
            node: node(),
            until: second(600),
        },
        Fact::NodeLeaving(node()),
        Fact::NodeInterrupted {
            node: node(),
            until: second(120),
        },
        Fact::NodeReclaimed(node()),
    ];
    facts.iter().for_each(is_among_them);
    facts
}

/// Fails to compile where a fact is added, so that it is added above too.
fn is_among_them(fact: &Fact) {
    match fact {
        Fact::CatalogListed(_) | Fact::PoolApplied(_) | Fact::PoolDeleted(_) => {}
        Fact::DaemonApplied(_) | Fact::DaemonDeleted(_) => {}
        Fact::ReferentApplied { .. } | Fact::ReferentDeleted(..) => {}
        Fact::ShapeDeclared { .. } | Fact::ShapeWithdrawn(_) => {}
        Fact::PodApplied(_) | Fact::PodLeaving(_) | Fact::PodEnded(_) => {}
        Fact::NodeDraining { .. } => {}
        Fact::NodeApplied(_) | Fact::NodeGone(_) | Fact::LaunchAsked(_) => {}
        Fact::NodeLaunched { .. } | Fact::NodeRefused(_) | Fact::NodeLeaving(_) => {}
        Fact::OfferingUnavailable { .. } | Fact::QuotaReached { .. } => {}
        Fact::ZoneAddresses { .. } | Fact::CniConfigured(_) | Fact::PricesChanged(_) => {}
        Fact::NodeInterrupted { .. } | Fact::NodeReclaimed(_) => {}
        Fact::RoomHeld { .. } => {}
    }
}

fn daemon() -> Daemon {
    let only = Requirement {
        key: "size".into(),
        condition: Condition::Gt(4),
    };
    Daemon {
        name: "kube-system/agent".into(),
        requests: Resources::pod(Cpu::from_millis(50), Bytes::from_mib(64)),
        constraints: Constraints {
            all: vec![only.clone()],
            any: vec![vec![only]],
        },
        tolerations: vec![Toleration {
            key: None,
            value: None,
            effect: Some(TaintEffect::NoExecute),
        }],
    }
}

fn node_facts() -> sparkwright::cluster::event::NodeFacts {
    let mut allocatable = Resources::pod(Cpu::from_cores(8), Bytes::from_mib(30_000));
    allocatable.extended.insert("nvidia.com/gpu".into(), 2);
    sparkwright::cluster::event::NodeFacts {
        id: NodeId::from("i-0123"),
        labels: Labels::from([("a".into(), "b".into())]),
        taints: vec![Taint {
            key: "t".into(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        }],
        allocatable,
        unschedulable: true,
        ready: false,
    }
}

fn intent() -> Intent {
    let slot = Slot {
        role: Role::Executor,
        requests: Resources::pod(Cpu::from_cores(4), Bytes::from_mib(16_000)),
    };
    Intent {
        pool: "executors".into(),
        purpose: Purpose::Work,
        zone: ZoneId(1),
        capacity_type: CapacityType::Spot,
        types: vec![TypeId(3), TypeId(4)],
        labels: Labels::from([("a".into(), "b".into())]),
        taints: Vec::new(),
        nodes: vec![AwaitedNode {
            id: NodeId::from("executors-1"),
            room: Resources::pod(Cpu::from_cores(8), Bytes::from_mib(32_000)),
            held: vec![Held {
                app: AppId::from("default/a"),
                slot,
                count: 2,
            }],
        }],
    }
}
