//! What the pods of a recorded application ask for. Logs of other cluster managers are read as if
//! they had run on Kubernetes; where such a log leaves a number to its cluster manager, the number
//! that it came to is taken.

use sparkwright::model::conf::value::{self, ConfError};
use sparkwright::model::conf::{self, ExecutorCount};
use sparkwright::model::resources::{Cpu, Resources};

use super::recorded::Recorded;
use super::settings::executor_cores;

/// What the driver's pod asks for. Where tasks run in it, it has a CPU for each that runs at once.
pub fn driver(recorded: &Recorded) -> Result<Resources, ConfError> {
    let mut requests = conf::driver_requests(&recorded.properties)?;
    if let Some(slots) = recorded.local_slots {
        let cpus = value::positive(&recorded.properties, "spark.task.cpus")?.unwrap_or(1);
        requests.cpu = requests
            .cpu
            .max(Cpu::from_cores(slots.saturating_mul(cpus)));
    }
    Ok(requests)
}

/// What an executor's pod of a resource profile asks for.
pub fn executor(recorded: &Recorded, profile: u32) -> Result<Resources, ConfError> {
    let cores = executor_cores(recorded, profile)?;
    let properties = &recorded.properties;
    let Some(own) = recorded.profiles.get(&profile).filter(|_| profile != 0) else {
        let mut requests = conf::executor_requests(properties)?;
        if value::text(properties, "spark.kubernetes.executor.request.cores").is_none() {
            requests.cpu = Cpu::from_cores(cores);
        }
        return Ok(requests);
    };
    let amount = |name: &str| own.executor.get(name).map(|request| request.amount);
    let mut memory = conf::executor_memory(properties)?;
    memory.heap = amount("memory").unwrap_or(memory.heap);
    memory.overhead = amount("memoryOverhead").or(memory.overhead);
    memory.off_heap = amount("offHeap").unwrap_or(memory.off_heap);
    memory.pyspark = amount("pyspark.memory").unwrap_or(memory.pyspark);
    conf::profile_requests(properties, cores, &memory)
}

/// How many executors it asks for: none where it ran in one process. A static log that does not say
/// has the number that it got.
pub fn executor_count(recorded: &Recorded) -> Result<ExecutorCount, ConfError> {
    if recorded.local_slots.is_some() {
        return Ok(ExecutorCount {
            min: 0,
            initial: 0,
            max: Some(0),
        });
    }
    let count = conf::executor_count(&recorded.properties)?;
    let said = recorded.properties.contains_key("spark.executor.instances");
    let dynamic = value::flag(&recorded.properties, "spark.dynamicAllocation.enabled")?;
    match u32::try_from(recorded.executors.len()) {
        Ok(got) if !said && !dynamic && got > 0 => Ok(ExecutorCount {
            min: got,
            initial: got,
            max: Some(got),
        }),
        _ => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use sparkwright::model::resources::Bytes;

    use super::*;
    use crate::trace::recorded::{Executor, ExecutorRequest, Profile};

    #[test]
    fn a_profile_asks_for_its_own_cores_and_memory_and_for_no_fraction_of_a_core() {
        let mut recorded = application(&[
            ("spark.executor.cores", "4"),
            ("spark.kubernetes.executor.request.cores", "3400m"),
            ("spark.executor.memory", "2g"),
        ]);
        let amount = |amount| ExecutorRequest {
            amount,
            vendor: String::new(),
        };
        let requests = [("cores", 2), ("memory", 8192), ("memoryOverhead", 1000)];
        let profile = Profile {
            executor: requests
                .map(|(name, n)| (name.to_owned(), amount(n)))
                .into(),
            ..Profile::default()
        };
        recorded.profiles.insert(1, profile);
        let default = executor(&recorded, 0).unwrap();
        assert_eq!(default.cpu, Cpu::from_millis(3400));
        assert_eq!(default.memory, Bytes::from_mib(2048 + 384));
        let own = executor(&recorded, 1).unwrap();
        assert_eq!(
            (own.cpu, own.memory),
            (Cpu::from_cores(2), Bytes::from_mib(9192))
        );
    }

    #[test]
    fn what_a_log_leaves_to_its_cluster_manager_is_what_it_got() {
        let recorded = application(&[]);
        assert_eq!(executor(&recorded, 0).unwrap().cpu, Cpu::from_cores(16));
        assert_eq!(executor_count(&recorded).unwrap().initial, 1);
        let said = application(&[("spark.executor.instances", "3")]);
        assert_eq!(executor_count(&said).unwrap().initial, 3);
    }

    fn application(conf: &[(&str, &str)]) -> Recorded {
        let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Recorded {
            properties: conf.iter().map(text).collect(),
            executors: vec![Executor {
                id: "1".to_owned(),
                added: Default::default(),
                removed: None,
                last_launch: None,
                cores: 16,
                profile: 0,
            }],
            ..Recorded::default()
        }
    }
}
