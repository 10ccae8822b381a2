//! The timers and counts by which Spark runs an application, from its properties and version.
//! Defaults are those of Spark's configuration page for the version that wrote the log.

use sparkwright::model::conf::value::{self, ConfError};
use sparkwright::model::conf::{self, Conf, ExecutorCount};
use sparkwright::model::time::Span;

use super::recorded::Recorded;

/// How an application asks for executors and waits for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Executors asked for.
    pub count: ExecutorCount,
    /// Dynamic allocation's rules; None is a static application.
    pub dynamic: Option<Dynamic>,
    /// Most pods created at once, by Spark on Kubernetes.
    pub batch_size: u32,
    /// Least time between two batches.
    pub batch_delay: Span,
    /// Most pods that wait to run; None is without bound.
    pub max_pending_pods: Option<u32>,
    /// Share of the initial executors that must have registered before the first job, where the
    /// log was written.
    pub recorded_ratio: f64,
    /// The same on Kubernetes.
    pub kubernetes_ratio: f64,
    /// How long the first job waits for that share.
    pub max_registration_wait: Span,
    /// How long tasks wait for a slot in the rack of their data, once none is free on its node; and
    /// for a slot anywhere after that.
    pub locality_waits: [Span; 2],
    /// What becomes of an executor that is told to go; None stops it at once.
    pub decommission: Option<Decommission>,
    /// Shuffle files outlive their executors where the log was written.
    pub recorded_files_stay: bool,
    /// The same on Kubernetes.
    pub kubernetes_files_stay: bool,
}

/// `spark.decommission.enabled`: an executor that is told to go takes no more tasks and ends those
/// that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decommission {
    /// It hands its shuffle files on, and looks for more of them each time that so much has passed;
    /// it goes when it finds none. None hands nothing on.
    pub migration: Option<Span>,
    /// It can hand them on to a store where no other executor is left.
    pub fallback: bool,
}

/// Dynamic allocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    /// From the first pending task to the first request.
    pub backlog: Span,
    /// From one request to the next.
    pub sustained_backlog: Span,
    /// An executor is given back after so long without a task.
    pub idle: Span,
    /// Executors asked for per slot's worth of tasks.
    pub ratio: f64,
    /// Executors that hold shuffle files are kept, where the log was written.
    pub recorded_tracking: bool,
    /// The same on Kubernetes.
    pub kubernetes_tracking: bool,
    /// How long they are kept once no running job reads the files; None is while they are needed.
    pub shuffle_timeout: Option<Span>,
    /// An executor that holds cached blocks is given back after so long; None is never.
    pub cached_idle: Option<Span>,
}

impl Settings {
    /// Reads them from what the log says. A YARN log's external shuffle service is replaced by
    /// shuffle tracking: on Kubernetes there is no such service.
    pub fn of(recorded: &Recorded, count: ExecutorCount) -> Result<Self, ConfError> {
        let conf = &recorded.properties;
        let version = version(recorded.version.as_deref());
        let ratio = value::ratio(conf, "spark.scheduler.minRegisteredResourcesRatio")?;
        let max_pending = value::positive(conf, "spark.kubernetes.allocation.maxPendingPods")?;
        Ok(Settings {
            count,
            dynamic: Dynamic::of(conf, version)?.filter(|_| recorded.local_slots.is_none()),
            batch_size: value::positive(conf, "spark.kubernetes.allocation.batch.size")?
                .unwrap_or(batch_size(version)),
            batch_delay: span(conf, "spark.kubernetes.allocation.batch.delay", 1)?,
            max_pending_pods: max_pending,
            recorded_ratio: ratio.unwrap_or(default_ratio(conf)),
            kubernetes_ratio: ratio.unwrap_or(0.8),
            max_registration_wait: span(
                conf,
                "spark.scheduler.maxRegisteredResourcesWaitingTime",
                30,
            )?,
            locality_waits: locality_waits(conf)?,
            decommission: decommission(conf)?,
            recorded_files_stay: value::flag(conf, "spark.shuffle.service.enabled")?
                || has_remote_shuffle(conf),
            kubernetes_files_stay: has_remote_shuffle(conf),
        })
    }
}

impl Dynamic {
    fn of(conf: &Conf, version: (u32, u32)) -> Result<Option<Self>, ConfError> {
        if !value::flag(conf, "spark.dynamicAllocation.enabled")? {
            return Ok(None);
        }
        let key = |name: &str| format!("spark.dynamicAllocation.{name}");
        let backlog = span(conf, &key("schedulerBacklogTimeout"), 1)?;
        let sustained = value::duration(conf, &key("sustainedSchedulerBacklogTimeout"))?;
        let tracking =
            value::flag_if_set(conf, &key("shuffleTracking.enabled"))?.unwrap_or(version >= (3, 4));
        let service = value::flag(conf, "spark.shuffle.service.enabled")?;
        Ok(Some(Dynamic {
            backlog,
            sustained_backlog: sustained.unwrap_or(backlog),
            idle: span(conf, &key("executorIdleTimeout"), 60)?,
            ratio: value::ratio(conf, &key("executorAllocationRatio"))?.unwrap_or(1.0),
            recorded_tracking: !service && tracking,
            kubernetes_tracking: service || tracking,
            shuffle_timeout: value::duration(conf, &key("shuffleTracking.timeout"))?,
            cached_idle: value::duration(conf, &key("cachedExecutorIdleTimeout"))?,
        }))
    }
}

fn span(conf: &Conf, key: &str, default_seconds: i64) -> Result<Span, ConfError> {
    Ok(value::duration(conf, key)?.unwrap_or(Span::from_secs(default_seconds)))
}

/// Major and minor; an unknown version counts as 3.5.
fn version(text: Option<&str>) -> (u32, u32) {
    let parse = |text: &str| {
        let mut numbers = text.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    text.and_then(parse).unwrap_or((3, 5))
}

/// `spark.kubernetes.allocation.batch.size` where it is not set: Spark's sources, by version.
fn batch_size(version: (u32, u32)) -> u32 {
    match version {
        (0..=3, _) => 5,
        (4, 0 | 1) => 10,
        _ => 20,
    }
}

/// The default depends on the cluster manager: 0.8 on Kubernetes and YARN, none elsewhere.
fn default_ratio(conf: &Conf) -> f64 {
    let master = value::text(conf, "spark.master").unwrap_or_default();
    if master.starts_with("k8s") || master.starts_with("yarn") {
        0.8
    } else {
        0.0
    }
}

fn locality_waits(conf: &Conf) -> Result<[Span; 2], ConfError> {
    let wait = span(conf, "spark.locality.wait", 3)?;
    let node = value::duration(conf, "spark.locality.wait.node")?.unwrap_or(wait);
    let rack = value::duration(conf, "spark.locality.wait.rack")?.unwrap_or(wait);
    Ok([node, rack])
}

/// Shuffle blocks are handed on where storage takes part and `shuffleBlocks.enabled` is not off. The
/// executor looks twice before it trusts that none is left, an interval apart (BlockManagerDecommissioner).
fn decommission(conf: &Conf) -> Result<Option<Decommission>, ConfError> {
    if !value::flag(conf, "spark.decommission.enabled")? {
        return Ok(None);
    }
    let storage = |name: &str| format!("spark.storage.decommission.{name}");
    let blocks = value::flag_if_set(conf, &storage("shuffleBlocks.enabled"))?.unwrap_or(true);
    let moves = value::flag(conf, &storage("enabled"))? && blocks;
    let interval = span(conf, &storage("replicationReattemptInterval"), 30)?;
    Ok(Some(Decommission {
        migration: moves.then_some(interval),
        fallback: conf.contains_key(&storage("fallbackStorage.path")),
    }))
}

/// Shuffle managers that keep the files away from the executors: Apache Celeborn's and Uniffle's.
fn has_remote_shuffle(conf: &Conf) -> bool {
    let manager = conf.get("spark.shuffle.manager").map(String::as_str);
    manager.is_some_and(|class| {
        ["celeborn", "uniffle", "RssShuffleManager"]
            .iter()
            .any(|known| class.contains(known))
    })
}

/// No machine runs more tasks at once; a larger number in a log is a slip of the pen.
const MOST_SLOTS: u32 = 4096;

/// Tasks that run at once on an executor: the scarcest of cores and devices.
pub fn slots(recorded: &Recorded, cores: u32, profile: u32) -> Result<u32, ConfError> {
    let conf = &recorded.properties;
    let own = recorded.profiles.get(&profile).filter(|_| profile != 0);
    let cpus = match own.and_then(|own| own.task.get("cpus")) {
        Some(&cpus) => cpus,
        None => f64::from(value::positive(conf, "spark.task.cpus")?.unwrap_or(1)),
    };
    let by_cores = quotient(f64::from(cores), cpus);
    let amount = |key: &str| value::ratio(conf, key);
    let by_devices = match own {
        Some(own) => (own.executor.iter())
            .filter_map(|(name, have)| Some((own.task.get(name)?, have.amount)))
            .map(|(&need, have)| quotient(f64::from(u32::try_from(have).unwrap_or(u32::MAX)), need))
            .min(),
        None => match (
            amount("spark.executor.resource.gpu.amount")?,
            amount("spark.task.resource.gpu.amount")?,
        ) {
            (Some(have), Some(need)) => Some(quotient(have, need)),
            _ => None,
        },
    };
    Ok(by_cores
        .min(by_devices.unwrap_or(u32::MAX))
        .clamp(1, MOST_SLOTS))
}

/// `have` ÷ `need`, rounded down; a need of nothing is met without bound.
#[expect(
    clippy::as_conversions,
    reason = "a float to integer cast truncates, as wanted, and saturates"
)]
fn quotient(have: f64, need: f64) -> u32 {
    if need > 0.0 {
        // A quarter of a device is not exact in binary; a hair must not cost a slot.
        (have / need + 1e-9) as u32
    } else {
        u32::MAX
    }
}

/// Executors that must have registered before the first job.
#[expect(
    clippy::as_conversions,
    reason = "a float to integer cast truncates and saturates"
)]
pub fn share_of(count: u32, ratio: f64) -> u32 {
    (f64::from(count) * ratio).ceil() as u32
}

/// Executors that so many tasks need.
#[expect(
    clippy::as_conversions,
    reason = "a float to integer cast truncates and saturates"
)]
pub fn executors_for(tasks: u32, ratio: f64, slots: u32) -> u32 {
    (f64::from(tasks) * ratio / f64::from(slots)).ceil() as u32
}

/// `spark.executor.cores`, else what the log's executors had, else Spark's default.
pub fn executor_cores(recorded: &Recorded, profile: u32) -> Result<u32, ConfError> {
    let asked = (recorded.profiles.get(&profile))
        .filter(|_| profile != 0)
        .and_then(|own| own.executor.get("cores"))
        .and_then(|cores| u32::try_from(cores.amount).ok());
    if let Some(cores) = asked {
        return Ok(cores.max(1));
    }
    if recorded.properties.contains_key("spark.executor.cores") {
        return conf::executor_cores(&recorded.properties);
    }
    let seen = recorded.executors.iter().find(|e| e.profile == profile);
    Ok(seen.map_or(1, |executor| executor.cores.max(1)))
}
