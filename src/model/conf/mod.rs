//! Spark's configuration to what its pods ask for: requests, executor counts, selectors and labels,
//! by Spark's own rules for Kubernetes (3.3 to 4.3). Pod templates and what the application sets in
//! code are not in its properties, so pods that exist are the better source.

mod advice;
pub mod value;

use std::collections::BTreeMap;

use super::extended::Extended;
use super::resources::{Bytes, Cpu, Resources};
use super::spark::Role;
use value::Plain;

pub use advice::advice;
pub use value::ConfError;

/// Spark properties by key, as `spark.properties` or an event log holds them.
pub type Conf = BTreeMap<String, String>;

/// Executors of a static application that says nothing: Spark's default on Kubernetes and YARN.
const DEFAULT_INSTANCES: u32 = 2;
/// `spark.driver.memory` and `spark.executor.memory` where absent.
const DEFAULT_MEMORY_MIB: u64 = 1024;
/// Least overhead; `spark.{driver,executor}.minMemoryOverhead` replaces it from Spark 4.0.
const MIN_OVERHEAD_MIB: u64 = 384;
/// Overhead as a share of the heap, for a JVM.
const JVM_OVERHEAD: f64 = 0.1;
/// The same for Python and R in cluster mode.
const NON_JVM_OVERHEAD: f64 = 0.4;

/// Executors that an application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorCount {
    /// Kept however idle.
    pub min: u32,
    /// Asked for at the start. Spark asks for it even where it is above `max`.
    pub initial: u32,
    /// Asked for at most; None is without bound.
    pub max: Option<u32>,
}

/// The memory of an executor, part by part, in mebibytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutorMemory {
    /// The JVM's heap.
    pub heap: u64,
    /// What the configuration says of the overhead; None is the rule by factor.
    pub overhead: Option<u64>,
    /// Off-heap memory.
    pub off_heap: u64,
    /// Python workers.
    pub pyspark: u64,
}

/// What the driver's pod asks for.
pub fn driver_requests(conf: &Conf) -> Result<Resources, ConfError> {
    let cores = value::positive(conf, "spark.driver.cores")?.unwrap_or(1);
    let request = value::cpu(conf, "spark.kubernetes.driver.request.cores")?;
    let heap = heap(conf, Role::Driver)?;
    let memory = heap.saturating_add(match stated_overhead(conf, Role::Driver)? {
        Some(overhead) => overhead,
        None => overhead_by_factor(conf, Role::Driver, heap)?,
    });
    pod(
        conf,
        Role::Driver,
        request.unwrap_or(Cpu::from_cores(cores)),
        memory,
    )
}

/// What an executor's pod of the default resource profile asks for.
pub fn executor_requests(conf: &Conf) -> Result<Resources, ConfError> {
    let cores = executor_cores(conf)?;
    let request = value::cpu(conf, "spark.kubernetes.executor.request.cores")?;
    let mut resources = profile_requests(conf, cores, &executor_memory(conf)?)?;
    resources.cpu = request.unwrap_or(resources.cpu);
    Ok(resources)
}

/// What an executor's pod asks for, given its profile's cores and memory. `request.cores` is left
/// out, as Spark ignores it for profiles other than the default one.
pub fn profile_requests(
    conf: &Conf,
    cores: u32,
    memory: &ExecutorMemory,
) -> Result<Resources, ConfError> {
    let overhead = match memory.overhead {
        Some(overhead) => overhead,
        None => overhead_by_factor(conf, Role::Executor, memory.heap)?,
    };
    let total = [overhead, memory.off_heap, memory.pyspark]
        .iter()
        .fold(memory.heap, |sum, part| sum.saturating_add(*part));
    pod(conf, Role::Executor, Cpu::from_cores(cores), total)
}

/// `spark.executor.cores`: the slots of an executor before they are divided by `spark.task.cpus`.
pub fn executor_cores(conf: &Conf) -> Result<u32, ConfError> {
    Ok(value::positive(conf, "spark.executor.cores")?.unwrap_or(1))
}

/// The parts of the default profile's executor memory.
pub fn executor_memory(conf: &Conf) -> Result<ExecutorMemory, ConfError> {
    let off_heap = if value::flag(conf, "spark.memory.offHeap.enabled")? {
        value::mebibytes(conf, "spark.memory.offHeap.size", Plain::Bytes)?.unwrap_or(0)
    } else {
        0
    };
    let pyspark = if is_python(conf) {
        value::mebibytes(conf, "spark.executor.pyspark.memory", Plain::Mebibytes)?.unwrap_or(0)
    } else {
        0
    };
    Ok(ExecutorMemory {
        heap: heap(conf, Role::Executor)?,
        overhead: stated_overhead(conf, Role::Executor)?,
        off_heap,
        pyspark,
    })
}

/// Executors that one application may ask for at the start. Twice what the largest tested Kubernetes
/// cluster has nodes for at ten executors each; beyond, it is a slip of the pen.
const MOST_EXECUTORS: u32 = 100_000;

/// How many executors the application asks for, statically or by dynamic allocation.
pub fn executor_count(conf: &Conf) -> Result<ExecutorCount, ConfError> {
    let instances = at_start(conf, "spark.executor.instances")?;
    if !value::flag(conf, "spark.dynamicAllocation.enabled")? {
        let count = instances.unwrap_or(DEFAULT_INSTANCES);
        return Ok(ExecutorCount {
            min: count,
            initial: count,
            max: Some(count),
        });
    }
    let min_key = "spark.dynamicAllocation.minExecutors";
    let min = at_start(conf, min_key)?.unwrap_or(0);
    let first = at_start(conf, "spark.dynamicAllocation.initialExecutors")?.unwrap_or(min);
    // Spark's own "without bound" is its largest integer, and some logs hold it in full.
    let max = value::number(conf, "spark.dynamicAllocation.maxExecutors")?
        .filter(|&max| i32::try_from(max) != Ok(i32::MAX));
    if let Some(max) = max.filter(|&max| max < min) {
        let problem = format!("is above spark.dynamicAllocation.maxExecutors = {max}; lower it");
        return Err(ConfError::new(conf, min_key, problem));
    }
    Ok(ExecutorCount {
        min,
        initial: min.max(first).max(instances.unwrap_or(0)),
        max,
    })
}

fn at_start(conf: &Conf, key: &str) -> Result<Option<u32>, ConfError> {
    let count = value::number(conf, key)?;
    if count.is_some_and(|count| count > MOST_EXECUTORS) {
        let problem = format!("is more than {MOST_EXECUTORS} executors; lower it");
        return Err(ConfError::new(conf, key, problem));
    }
    Ok(count)
}

/// The node selector of the pods of a role; for other roles than driver and executor, what both share.
pub fn selectors(conf: &Conf, role: Role) -> Vec<(String, String)> {
    let mut selectors = below(conf, "spark.kubernetes.node.selector.");
    if let Some(role) = spark_role(role) {
        selectors.extend(below(
            conf,
            &format!("spark.kubernetes.{role}.node.selector."),
        ));
    }
    selectors.into_iter().collect()
}

/// The labels that the configuration puts on pods of a role.
pub fn labels(conf: &Conf, role: Role) -> Vec<(String, String)> {
    spark_role(role)
        .map(|role| below(conf, &format!("spark.kubernetes.{role}.label.")))
        .unwrap_or_default()
        .into_iter()
        .collect()
}

fn spark_role(role: Role) -> Option<&'static str> {
    match role {
        Role::Driver | Role::Executor => Some(role.as_str()),
        Role::Other => None,
    }
}

/// Properties under a prefix, which is taken off.
fn below(conf: &Conf, prefix: &str) -> BTreeMap<String, String> {
    conf.range(prefix.to_owned()..)
        .map_while(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())))
        .collect()
}

/// Python by the submitter's own mark, on Kubernetes or on YARN.
fn is_python(conf: &Conf) -> bool {
    value::text(conf, "spark.kubernetes.resource.type") == Some("python")
        || value::text(conf, "spark.yarn.isPython") == Some("true")
}

fn heap(conf: &Conf, role: Role) -> Result<u64, ConfError> {
    let key = format!("spark.{role}.memory");
    Ok(value::mebibytes(conf, &key, Plain::Mebibytes)?.unwrap_or(DEFAULT_MEMORY_MIB))
}

/// The overhead where the configuration gives an amount; the older key is YARN's, up to Spark 2.2.
fn stated_overhead(conf: &Conf, role: Role) -> Result<Option<u64>, ConfError> {
    let key = format!("spark.{role}.memoryOverhead");
    let older = format!("spark.yarn.{role}.memoryOverhead");
    match value::mebibytes(conf, &key, Plain::Mebibytes)? {
        Some(overhead) => Ok(Some(overhead)),
        None => value::mebibytes(conf, &older, Plain::Mebibytes),
    }
}

/// A share of the heap, but not less than the least overhead.
fn overhead_by_factor(conf: &Conf, role: Role, heap: u64) -> Result<u64, ConfError> {
    let own_key = format!("spark.{role}.memoryOverheadFactor");
    let least_key = format!("spark.{role}.minMemoryOverhead");
    let least = value::mebibytes(conf, &least_key, Plain::Mebibytes)?.unwrap_or(MIN_OVERHEAD_MIB);
    let shared = value::ratio(conf, "spark.kubernetes.memoryOverheadFactor")?;
    let factor = match value::text(conf, "spark.kubernetes.resource.type") {
        Some("python" | "r") => shared.unwrap_or(NON_JVM_OVERHEAD),
        _ => shared.unwrap_or(JVM_OVERHEAD),
    };
    let factor = value::ratio(conf, &own_key)?.unwrap_or(factor);
    Ok(least.max(share(heap, factor)))
}

/// `factor` × `mebibytes`, truncated. In floating point, because Spark rounds as it does.
#[expect(
    clippy::as_conversions,
    reason = "sizes in mebibytes are exact in a float; truncation is Spark's own rule"
)]
fn share(mebibytes: u64, factor: f64) -> u64 {
    (factor * mebibytes as f64) as u64
}

fn pod(conf: &Conf, role: Role, cpu: Cpu, mebibytes: u64) -> Result<Resources, ConfError> {
    if mebibytes > MOST_MIB {
        let key = format!("spark.{role}.memory");
        let problem = "makes a pod of more than 8 EiB with its overhead; lower it";
        return Err(ConfError::new(conf, &key, problem));
    }
    Ok(Resources {
        extended: devices(conf, role)?,
        ..Resources::pod(cpu, Bytes::from_mib(mebibytes))
    })
}

/// The largest Kubernetes quantity, 2⁶³ bytes, in mebibytes.
const MOST_MIB: u64 = (1 << 43) - 1;

/// GPUs and the like: `spark.<role>.resource.<name>.amount` of `<vendor>/<name>`. Kubernetes cannot be
/// asked for a device without its vendor, so one without, as logs of other cluster managers have it,
/// is not asked for (see [`devices_without_vendor`]).
fn devices(conf: &Conf, role: Role) -> Result<Extended, ConfError> {
    let mut devices = Extended::default();
    for (name, vendor) in named_devices(conf, role) {
        let amount = value::number(conf, &format!("spark.{role}.resource.{name}.amount"))?;
        if let (Some(vendor), Some(amount @ 1..)) = (vendor, amount) {
            devices.insert(format!("{vendor}/{name}").into(), u64::from(amount));
        }
    }
    Ok(devices)
}

/// Names of devices that a role asks for and that Kubernetes cannot be asked for.
pub fn devices_without_vendor(conf: &Conf, role: Role) -> Vec<String> {
    let devices = named_devices(conf, role).into_iter();
    devices
        .filter_map(|(name, vendor)| vendor.is_none().then_some(name))
        .collect()
}

fn named_devices(conf: &Conf, role: Role) -> Vec<(String, Option<&str>)> {
    let prefix = format!("spark.{role}.resource.");
    let names = below(conf, &prefix).into_keys();
    names
        .filter_map(|key| key.strip_suffix(".amount").map(str::to_owned))
        .map(|name| {
            let vendor = value::text(conf, &format!("{prefix}{name}.vendor"));
            (name, vendor.filter(|vendor| !vendor.is_empty()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
