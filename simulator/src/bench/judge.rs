//! A plan judged from outside: every node that it names is filled, on the first type of its launch and
//! on every alternative, with the pods that it names, and what is left out is tried on everything that
//! is sold. Reads the plan as EC2 and the scheduler would, and uses none of the planner's own checks.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright::model::offering::{CapacityType, Catalog};
use sparkwright::model::spark::Role;
use sparkwright::plan::effect::{Effect, Launch, Plan};

use super::goods::{Goods, Machine};
use super::ours::pod_name;
use super::scenario::{Group, Scenario};

/// How much dearer than the planned type an alternative may be, in per cent: the pools' default.
const PREMIUM: u64 = 15;

/// What a plan comes to.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is wrong with it, one line each.
    pub failures: Vec<String>,
    /// Micro-dollars per hour, each node at its first type, by what its pods have in common.
    pub cost: BTreeMap<Lane, u64>,
    /// Nodes, likewise.
    pub nodes: BTreeMap<Lane, u32>,
    /// Pods that have a node, by position of their group.
    pub placed: Vec<u32>,
    /// The zone in which each application is, by its number.
    pub zones: BTreeMap<u32, String>,
    /// The alternatives named, and launches.
    pub alternatives: (usize, usize),
}

/// Pods that can share nodes: those of one role on one capacity type, in one zone where zones are pinned.
pub type Lane = (Role, CapacityType, Option<String>);

/// The lane of a group.
pub fn lane(group: &Group) -> Lane {
    (group.role, group.capacity_type, group.zone.clone())
}

impl Verdict {
    /// Micro-dollars per hour in all.
    pub fn total(&self) -> u64 {
        self.cost.values().sum()
    }
}

/// Judges a plan.
pub fn judge(scenario: &Scenario, goods: &Goods, catalog: &Catalog, plan: &Plan) -> Verdict {
    let mut bench = Bench::new(scenario, goods, catalog);
    for effect in &plan.effects {
        match effect {
            Effect::Launch(launch) => bench.launch(launch),
            other => bench.fail(format!("an effect on nothing that is there: {other:?}")),
        }
    }
    for waiting in &plan.waiting {
        bench.take(waiting.pod.as_str());
    }
    bench.left_out();
    bench.gangs();
    bench.limits();
    bench.verdict.zones = (bench.zones.into_iter())
        .filter_map(|(app, zones)| Some((app, zones.into_iter().next()?)))
        .collect();
    bench.verdict
}

struct Bench<'a> {
    scenario: &'a Scenario,
    goods: &'a Goods,
    catalog: &'a Catalog,
    /// Pods that the plan has not named yet, with their groups.
    unnamed: BTreeMap<String, usize>,
    zones: BTreeMap<u32, BTreeSet<String>>,
    /// vCPUs of executors' nodes, each at the largest type that it may become.
    vcpus: u32,
    verdict: Verdict,
}

impl<'a> Bench<'a> {
    fn new(scenario: &'a Scenario, goods: &'a Goods, catalog: &'a Catalog) -> Self {
        let groups = scenario.groups.iter().enumerate();
        let names = groups.flat_map(|(i, group)| {
            (0..group.count).map(move |number| (pod_name(group, number), i))
        });
        Bench {
            unnamed: names.collect(),
            zones: BTreeMap::new(),
            vcpus: 0,
            verdict: Verdict {
                placed: vec![0; scenario.groups.len()],
                ..Verdict::default()
            },
            scenario,
            goods,
            catalog,
        }
    }

    fn fail(&mut self, what: String) {
        self.verdict.failures.push(what);
    }

    /// The group of a pod that is named for the first time.
    fn take(&mut self, pod: &str) -> Option<usize> {
        let group = self.unnamed.remove(pod);
        if group.is_none() {
            self.fail(format!("{pod} is named twice, or is no pod"));
        }
        group
    }

    fn launch(&mut self, launch: &Launch) {
        let zone = self.catalog.zone(launch.intent.zone).name.clone();
        let capacity_type = launch.intent.capacity_type;
        let names = launch.intent.types.iter();
        let names: Vec<String> = names
            .map(|id| self.catalog.instance_type(*id).name.clone())
            .collect();
        let key = (zone.clone(), capacity_type);
        let (goods, mut machines) = (self.goods, Vec::new());
        for name in &names {
            match goods
                .machines
                .get(name)
                .filter(|machine| machine.offers.contains_key(&key))
            {
                Some(machine) => machines.push(machine),
                None => self.fail(format!(
                    "{name} is not for sale as {capacity_type} in {zone}"
                )),
            }
        }
        let Some(first) = machines.first().map(|machine| machine.offers[&key]) else {
            return self.fail("a launch without types".to_owned());
        };
        for machine in &machines {
            if u64::from(machine.offers[&key]) * 100 > u64::from(first) * (100 + PREMIUM) {
                self.fail(format!(
                    "{} is dearer than the premium allows",
                    machine.name
                ));
            }
        }
        if i64::from(first) != launch.planned.micros()
            || launch.pods.len() != launch.intent.nodes.len()
        {
            self.fail(format!("{} is priced or counted wrongly", names[0]));
        }
        self.verdict.alternatives.0 += machines.len();
        self.verdict.alternatives.1 += 1;
        for pods in &launch.pods {
            self.node(pods.iter().map(|pod| pod.as_str()), &machines, &key);
        }
    }

    /// One node: its pods on each of its machines.
    fn node<'p>(
        &mut self,
        pods: impl Iterator<Item = &'p str>,
        machines: &[&Machine],
        key: &(String, CapacityType),
    ) {
        let (mut cpu, mut memory, mut count, mut lanes) = (0_u64, 0_u64, 0_u32, BTreeSet::new());
        for pod in pods {
            let Some(i) = self.take(pod) else { continue };
            let group = &self.scenario.groups[i];
            self.verdict.placed[i] += 1;
            cpu += u64::from(group.cpu);
            memory += u64::from(group.memory);
            count += 1;
            lanes.insert(lane(group));
            self.zones
                .entry(group.app)
                .or_default()
                .insert(key.0.clone());
            let elsewhere = group.zone.as_ref().is_some_and(|zone| *zone != key.0);
            if group.capacity_type != key.1 || elsewhere {
                self.verdict
                    .failures
                    .push(format!("{pod} is put on {} in {}", key.1, key.0));
            }
        }
        for machine in machines {
            if cpu > machine.cpu.into() || memory > machine.memory.into() || count > machine.pods {
                let name = &machine.name;
                self.verdict.failures.push(format!(
                    "{count} pods of {cpu} m and {memory} MiB on a {name}"
                ));
            }
        }
        let mut lanes = lanes.into_iter();
        let (Some(lane), None) = (lanes.next(), lanes.next()) else {
            return self.fail("a node for nobody, or for pods that should be apart".to_owned());
        };
        if lane.0 == Role::Executor {
            self.vcpus += machines
                .iter()
                .map(|machine| machine.vcpu)
                .max()
                .unwrap_or(0);
        }
        *self.verdict.nodes.entry(lane.clone()).or_default() += 1;
        *self.verdict.cost.entry(lane).or_default() += u64::from(machines[0].offers[key]);
    }

    /// What waits may wait only where nothing that is sold could hold all of its application.
    fn left_out(&mut self) {
        let forgotten: Vec<String> = self.unnamed.keys().cloned().collect();
        for pod in forgotten {
            self.fail(format!("{pod} is forgotten"));
        }
        for (app, groups) in self.apps() {
            let placed = |i: &usize| self.verdict.placed[*i] == self.scenario.groups[*i].count;
            if groups.iter().all(placed) {
                continue;
            }
            let asked: Vec<Group> = groups
                .iter()
                .map(|i| self.scenario.groups[*i].clone())
                .collect();
            let mut zones = self.goods.zones_for(&asked);
            zones.retain(|zone| {
                asked
                    .iter()
                    .all(|group| group.zone.as_ref().is_none_or(|own| own == zone))
            });
            if let Some(zone) = zones.first() {
                self.fail(format!(
                    "pods of application {app} are left out, and {zone} could hold them"
                ));
            }
        }
    }

    /// An application is whole or waits whole, and is in one zone.
    fn gangs(&mut self) {
        for (app, groups) in self.apps() {
            let placed: u32 = groups.iter().map(|i| self.verdict.placed[*i]).sum();
            let asked: u32 = groups.iter().map(|i| self.scenario.groups[*i].count).sum();
            if placed != 0 && placed != asked {
                self.fail(format!(
                    "application {app} is torn: {placed} of {asked} pods"
                ));
            }
            if self.zones.get(&app).is_some_and(|zones| zones.len() > 1) {
                self.fail(format!("application {app} lies in several zones"));
            }
        }
    }

    fn limits(&mut self) {
        if self
            .scenario
            .cpu_limit
            .is_some_and(|most| self.vcpus > most)
        {
            self.fail(format!(
                "executors' nodes may become {} vCPUs, above the limit",
                self.vcpus
            ));
        }
    }

    fn apps(&self) -> BTreeMap<u32, Vec<usize>> {
        let mut apps: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, group) in self.scenario.groups.iter().enumerate() {
            apps.entry(group.app).or_default().push(i);
        }
        apps
    }
}
