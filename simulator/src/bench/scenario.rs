//! Seeded scenarios for the yardstick: which region, which sizes of nodes, which zones and capacity
//! types, and which applications of which pods. A scenario follows from seed and number alone, so that
//! each can be run again by itself. Knows nothing of who will plan for it.

use std::collections::BTreeSet;

use rand_pcg::Pcg64Mcg;
use serde::Serialize;
use sparkwright::model::offering::CapacityType;
use sparkwright::model::spark::Role;

use crate::world::stream::{normal, pick, stream, uniform};

use super::goods::Goods;

/// The regions of the embedded catalogue.
pub const REGIONS: [&str; 5] = [
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "ap-northeast-1",
    "ap-northeast-2",
];
/// The most vCPUs that a node may have.
const SIZES: [Option<u32>; 4] = [Some(36), Some(64), Some(96), None];
/// Pods of the scenarios on which CPU time is compared.
pub const MEASURED_PODS: u32 = 10_000;
/// From so many pods on a plan is held against the linear programme alone.
pub const MANY_PODS: u32 = 1000;
/// Most executors of one application.
const MOST_EXECUTORS: f64 = 1000.0;
/// vCPUs of a pool's limit beyond four times what is asked for: it is there, and not in the way.
const LIMIT_SLACK: u32 = 200;

/// Everything about a scenario but its pods.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Seed of the set.
    pub seed: u64,
    /// Its number in the set.
    pub number: u32,
    /// AWS region.
    pub region: &'static str,
    /// The most vCPUs of a node; None is any size.
    pub max_vcpu: Option<u32>,
    /// Applications are pinned to one zone each; else zones are open.
    pub pinned: bool,
    /// Spot prices differ between zones.
    pub zone_prices: bool,
    /// What executors run on.
    pub capacity: Capacity,
    /// Pods to be.
    pub pods: u32,
    /// Distinct requests of them.
    pub shapes: u32,
    /// The pool of executors has a limit that is wide enough.
    pub limited: bool,
    /// Only types of the categories c, m and r may be bought, as most NodePools have it.
    pub general: bool,
}

/// What executors run on; drivers are always on-demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Executors on spot.
    Spot,
    /// Executors on-demand.
    OnDemand,
    /// Some applications' executors on spot, some on-demand.
    Mixed,
}

/// A scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// All but its pods.
    #[serde(flatten)]
    pub setting: Setting,
    /// `spec.limits.cpu` of the pool of executors, in vCPUs.
    pub cpu_limit: Option<u32>,
    /// Equal pods of one application.
    pub groups: Vec<Group>,
}

/// Equal pods of one application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The application's number.
    pub app: u32,
    /// Driver or executor.
    pub role: Role,
    /// How many.
    pub count: u32,
    /// CPU of one, in thousandths of a core.
    pub cpu: u32,
    /// Memory of one, in MiB.
    pub memory: u32,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// The zone that it selects, by name.
    pub zone: Option<String>,
}

/// CPU (thousandths of a core) and memory (MiB) of a pod.
type Requests = (u32, u32);

impl Setting {
    /// The setting of a number in a set.
    pub fn new(seed: u64, number: u32) -> Self {
        let mut random = stream(seed, "setting", &number.to_string());
        let position = usize::try_from(number).unwrap_or(usize::MAX);
        let pods = pods(&mut random);
        let most = (pods / 2).clamp(1, 100);
        Setting {
            seed,
            number,
            region: REGIONS[position % REGIONS.len()],
            max_vcpu: SIZES[position / REGIONS.len() % SIZES.len()],
            pinned: position / (REGIONS.len() * SIZES.len()) % 2 == 1,
            zone_prices: uniform(&mut random) < 0.5,
            capacity: [
                Capacity::Spot,
                Capacity::Spot,
                Capacity::OnDemand,
                Capacity::Mixed,
            ][pick(&mut random, 4)],
            pods,
            shapes: log_uniform(&mut random, 1, most),
            limited: uniform(&mut random) < 0.25,
            general: uniform(&mut random) < 0.5,
        }
    }
}

/// Nearly half below a thousand, a tenth of the size on which CPU time is compared, a few above.
fn pods(random: &mut Pcg64Mcg) -> u32 {
    match uniform(random) {
        share if share < 0.45 => log_uniform(random, 5, MANY_PODS - 1),
        share if share < 0.85 => log_uniform(random, MANY_PODS, MEASURED_PODS - 1),
        share if share < 0.95 => MEASURED_PODS,
        _ => log_uniform(random, MEASURED_PODS + 1, 2 * MEASURED_PODS),
    }
}

impl Scenario {
    /// The pods of a setting; zones are pinned to those in which what they need is sold.
    pub fn new(setting: Setting, goods: &Goods) -> Self {
        Scenario::sized(setting, goods, executors_of)
    }

    /// The same with applications of so many pods each.
    pub fn even(setting: Setting, goods: &Goods, pods: u32) -> Self {
        Scenario::sized(setting, goods, |_, left| pods.min(left) - 1)
    }

    fn sized(
        setting: Setting,
        goods: &Goods,
        executors_of: impl Fn(&mut Pcg64Mcg, u32) -> u32,
    ) -> Self {
        let mut random = stream(setting.seed, "pods", &setting.number.to_string());
        let (drivers, executors) = shapes(&mut random, setting.shapes);
        let mut groups = Vec::new();
        let (mut left, mut app) = (setting.pods, 0);
        while left > 0 {
            let driver = drivers[pick(&mut random, drivers.len())];
            let executor = executors[pick(&mut random, executors.len())];
            let count = executors_of(&mut random, left);
            let capacity_type = capacity_type(&mut random, setting.capacity);
            let one = |role, count, (cpu, memory), capacity_type| Group {
                app,
                role,
                count,
                cpu,
                memory,
                capacity_type,
                zone: None,
            };
            let mut both = vec![one(Role::Driver, 1, driver, CapacityType::OnDemand)];
            if count > 0 {
                both.push(one(Role::Executor, count, executor, capacity_type));
            }
            if setting.pinned {
                let zones = goods.zones_for(&both);
                let zone = zones.get(pick(&mut random, zones.len())).cloned();
                both.iter_mut().for_each(|group| group.zone = zone.clone());
            }
            groups.extend(both);
            left -= count + 1;
            app += 1;
        }
        let asked: u32 = groups
            .iter()
            .map(|group| group.count * group.cpu.div_ceil(1000))
            .sum();
        Scenario {
            cpu_limit: setting.limited.then(|| asked * 4 + LIMIT_SLACK),
            setting,
            groups,
        }
    }

    /// How many pods there are.
    pub fn pods(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many applications there are.
    pub fn apps(&self) -> usize {
        let apps: BTreeSet<u32> = self.groups.iter().map(|group| group.app).collect();
        apps.len()
    }

    /// How many distinct requests there are.
    pub fn shapes(&self) -> usize {
        let requests = self.groups.iter().map(|group| (group.cpu, group.memory));
        requests.collect::<BTreeSet<Requests>>().len()
    }
}

/// Executors of the next application: log-normal around twenty, and no rest of a few pods.
fn executors_of(random: &mut Pcg64Mcg, left: u32) -> u32 {
    let drawn = (3.0 + normal(random)).exp().clamp(2.0, MOST_EXECUTORS);
    let count = rounded(drawn).min(left - 1);
    if left - 1 - count < 3 {
        left - 1
    } else {
        count
    }
}

fn capacity_type(random: &mut Pcg64Mcg, capacity: Capacity) -> CapacityType {
    match capacity {
        Capacity::Spot => CapacityType::Spot,
        Capacity::OnDemand => CapacityType::OnDemand,
        Capacity::Mixed if uniform(random) < 0.5 => CapacityType::Spot,
        Capacity::Mixed => CapacityType::OnDemand,
    }
}

/// Requests of drivers and of executors; where there is to be one shape, both are of it.
fn shapes(random: &mut Pcg64Mcg, count: u32) -> (Vec<Requests>, Vec<Requests>) {
    let mut executors = BTreeSet::new();
    let drivers_count = (count / 8).clamp(1, 8);
    let executors_count = count.saturating_sub(drivers_count).max(1);
    while executors.len() < usize::try_from(executors_count).unwrap_or(1) {
        executors.insert(executor(random));
    }
    let executors: Vec<Requests> = executors.into_iter().collect();
    if count == 1 {
        return (executors.clone(), executors);
    }
    let mut drivers = BTreeSet::new();
    while drivers.len() < usize::try_from(drivers_count).unwrap_or(1) {
        let cores = [1, 1, 2, 2, 4][pick(random, 5)];
        drivers.insert((
            cores * 1000,
            with_overhead([1, 2, 3, 4, 6, 8, 12, 16][pick(random, 8)] * 1024),
        ));
    }
    (drivers.into_iter().collect(), executors)
}

/// One in four asks for less CPU than its cores, as `spark.kubernetes.executor.request.cores` does.
fn executor(random: &mut Pcg64Mcg) -> Requests {
    let cores = [1, 2, 2, 3, 4, 4, 4, 5, 5, 6, 8, 16][pick(random, 12)];
    let share = if uniform(random) < 0.25 {
        [500, 750, 850, 950][pick(random, 4)]
    } else {
        1000
    };
    let per_core = 1.5 + 9.0 * uniform(random);
    let heap = rounded(f64::from(cores) * per_core).max(1) * 1024;
    (cores * share, with_overhead(heap))
}

/// Spark adds a tenth of the heap, and 384 MiB at least.
fn with_overhead(heap: u32) -> u32 {
    heap + (heap / 10).max(384)
}

/// A whole number from `low` to `high`, each factor equally likely.
fn log_uniform(random: &mut Pcg64Mcg, low: u32, high: u32) -> u32 {
    let (from, to) = (f64::from(low).ln(), f64::from(high + 1).ln());
    rounded((from + (to - from) * uniform(random)).exp() - 0.5).clamp(low, high)
}

/// The nearest whole number of a small positive one, found without a cast.
fn rounded(number: f64) -> u32 {
    let text = format!("{:.0}", number.max(0.0));
    text.parse().unwrap_or(u32::MAX)
}
