//! Seeded applications: 28 sizes of executors as Spark users write them, four of drivers, and as many
//! pods in all as are asked for. Pools have no limits; what they may buy is bounded by vCPU alone.

use std::sync::Arc;

use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::model::offering::Catalog;
use sparkwright::model::spark::{PodPhase, PodTemplate, Role};
use sparkwright::model::time::Timestamp;
use sparkwright_sim::catalog::{Source, ZonePrices};

use crate::world;

/// vCPUs below which a pool that takes every type buys.
pub const ANY_SIZE: i64 = 100_000;

const CORES: [u64; 7] = [1, 2, 3, 4, 5, 8, 16];
const GIB_PER_CORE: [u64; 4] = [2, 4, 7, 12];
const DRIVERS: [(u64, u64); 4] = [(1, 2), (1, 4), (2, 4), (2, 8)];

/// SplitMix64: a seeded stream in one line, the same on every machine.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let length = u64::try_from(all.len()).expect("a short list");
        all[usize::try_from(self.below(length)).expect("below its length")]
    }
}

/// MiB of a pod whose heap has so many GiB, with Spark's default overhead.
fn with_overhead(gib: u64) -> u64 {
    let heap = gib * 1024;
    heap + (heap / 10).max(384)
}

/// One application.
pub struct App {
    pub name: String,
    pub driver: Arc<PodTemplate>,
    pub executor: Arc<PodTemplate>,
    pub executors: u64,
}

impl App {
    /// An application of a driver and executors of one of the sizes.
    pub fn roll(dice: &mut Dice, name: String, executors: u64) -> App {
        let id = format!("default/{name}");
        let (cores, gib) = dice.one_of(&DRIVERS);
        let driver = world::template(&id, Role::Driver, cores * 1000, with_overhead(gib));
        let cores = dice.one_of(&CORES);
        let mib = with_overhead(cores * dice.one_of(&GIB_PER_CORE));
        let executor = world::template(&id, Role::Executor, cores * 1000, mib);
        App {
            name,
            driver,
            executor,
            executors,
        }
    }

    /// Its pods, which wait.
    pub fn pods(&self) -> Vec<Fact> {
        let driver = world::pod(
            &format!("{}-driver", self.name),
            &self.driver,
            PodPhase::Pending,
        );
        let executors = (1..=self.executors).map(|n| {
            let name = format!("{}-exec-{n}", self.name);
            world::pod(&name, &self.executor, PodPhase::Pending)
        });
        std::iter::once(driver).chain(executors).collect()
    }
}

/// `pods` pods in `apps` applications, some nine times as large as others.
pub fn applications(seed: u64, pods: u64, apps: u64) -> Vec<App> {
    let mut dice = Dice(seed);
    let weights: Vec<u64> = (0..apps).map(|_| 1 + dice.below(9)).collect();
    let all: u64 = weights.iter().sum();
    let executors = pods - apps;
    let (mut before, mut given) = (0, 0);
    let mut rolled = Vec::new();
    for (i, weight) in weights.into_iter().enumerate() {
        before += weight;
        let share = executors * before / all - given;
        given += share;
        rolled.push(App::roll(&mut dice, format!("app{i:04}"), share));
    }
    rolled
}

/// The full catalogue of us-east-1, zones' spot prices dealt out by a seed.
pub fn catalog(seed: u64) -> Arc<Catalog> {
    let source = Source {
        zone_prices: ZonePrices::Seeded(seed),
        ..Source::default()
    };
    Arc::new(source.load().expect("the embedded catalogue is sound"))
}

/// A cluster with a pool for executors on spot and one for drivers on demand, of types below `cpus`
/// vCPU, in which these facts hold; its market is made.
pub fn cluster(
    catalog: &Arc<Catalog>,
    cpus: i64,
    facts: impl IntoIterator<Item = Fact>,
) -> Cluster {
    let listed = Fact::CatalogListed(catalog.clone());
    let pools = [
        world::pool("executors", &[Role::Executor], cpus),
        world::pool("drivers", &[Role::Driver], cpus),
    ];
    let pools = pools.map(|pool| Fact::PoolApplied(pool.into()));
    let mut cluster = Cluster::default();
    for fact in std::iter::once(listed).chain(pools).chain(facts) {
        let at = Timestamp::ZERO;
        cluster.apply(&Event { at, fact });
    }
    cluster.market();
    cluster
}
