//! Spark's rules against what a real Spark asked for, and against what no configuration may say.

use std::path::Path;

use super::*;

#[test]
fn real_config_maps_ask_for_what_spark_asked_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/spark-pods");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    for version in ["3.5.9", "4.3.0"] {
        let file = folder.join(format!("driver-configmap-{version}.json"));
        let object: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let conf = properties(object["data"]["spark.properties"].as_str().unwrap());
        assert_eq!(driver_requests(&conf).unwrap(), request(1000, 1433));
        assert_eq!(executor_requests(&conf).unwrap(), request(3400, 23552));
        let count = ExecutorCount {
            min: 2,
            initial: 8,
            max: Some(50),
        };
        assert_eq!(executor_count(&conf).unwrap(), count);
        let zone = ("topology.kubernetes.io/zone", "us-east-1a");
        let capacity = "karpenter.sh/capacity-type";
        assert_eq!(
            selectors(&conf, Role::Driver),
            owned(&[(capacity, "on-demand"), zone])
        );
        assert_eq!(
            selectors(&conf, Role::Executor),
            owned(&[(capacity, "spot"), zone])
        );
        assert_eq!(selectors(&conf, Role::Other), owned(&[zone]));
        assert_eq!(labels(&conf, Role::Driver), owned(&[("team", "growth")]));
    }
}

#[test]
fn memory_is_heap_overhead_off_heap_and_python_workers() {
    let python = ("spark.kubernetes.resource.type", "python");
    for (pairs, mebibytes) in [
        (vec![], 1408),
        (vec![("spark.executor.memory", "512m")], 896),
        (vec![("spark.executor.memory", "8g")], 8192 + 819),
        (vec![("spark.executor.memory", "8192")], 8192 + 819),
        (vec![("spark.executor.memory", "8388608K")], 8192 + 819),
        (vec![("spark.executor.memory", "1t")], 1_048_576 + 104_857),
        (
            vec![("spark.executor.memory", "10gb"), python],
            10240 + 4096,
        ),
        (
            vec![
                ("spark.executor.memory", "8g"),
                ("spark.executor.memoryOverhead", "100"),
                ("spark.memory.offHeap.enabled", "true"),
                ("spark.memory.offHeap.size", "1073741824"),
                ("spark.executor.pyspark.memory", "2g"),
                python,
            ],
            8192 + 100 + 1024 + 2048,
        ),
        (
            vec![
                ("spark.executor.memory", "8g"),
                ("spark.memory.offHeap.size", "4g"),
                ("spark.executor.pyspark.memory", "2g"),
                ("spark.yarn.executor.memoryOverhead", "1000"),
            ],
            9192,
        ),
        (
            vec![
                ("spark.executor.memory", "1g"),
                ("spark.executor.minMemoryOverhead", "500m"),
            ],
            1524,
        ),
        (
            vec![
                ("spark.executor.memory", "10g"),
                ("spark.kubernetes.memoryOverheadFactor", "0.2"),
            ],
            12288,
        ),
        (
            vec![
                ("spark.executor.memory", "10g"),
                ("spark.kubernetes.memoryOverheadFactor", "0.2"),
                ("spark.executor.memoryOverheadFactor", "0.5"),
            ],
            15360,
        ),
    ] {
        let asked = executor_requests(&conf(&pairs)).unwrap();
        assert_eq!(asked, request(1000, mebibytes), "{pairs:?}");
    }
}

#[test]
fn devices_are_extended_resources_of_their_vendor_and_without_one_are_not_asked_for() {
    let pairs = [
        ("spark.executor.resource.gpu.amount", "2"),
        ("spark.executor.resource.gpu.vendor", "nvidia.com"),
        ("spark.executor.resource.fpga.amount", "1"),
    ];
    let asked = executor_requests(&conf(&pairs)).unwrap().extended;
    assert_eq!(asked, [("nvidia.com/gpu".into(), 2)].into_iter().collect());
    assert_eq!(
        devices_without_vendor(&conf(&pairs), Role::Executor),
        ["fpga"]
    );
}

#[test]
fn dynamic_allocation_starts_with_the_largest_of_three() {
    let on = ("spark.dynamicAllocation.enabled", "true");
    let min = ("spark.dynamicAllocation.minExecutors", "3");
    let first = ("spark.dynamicAllocation.initialExecutors", "5");
    let instances = ("spark.executor.instances", "4");
    let unbounded = ("spark.dynamicAllocation.maxExecutors", "2147483647");
    for (pairs, expected) in [
        (vec![], (2, 2, Some(2))),
        (vec![instances, min], (4, 4, Some(4))),
        (vec![on], (0, 0, None)),
        (vec![on, min], (3, 3, None)),
        (vec![on, min, instances, unbounded], (3, 4, None)),
        (vec![on, min, instances, first], (3, 5, None)),
    ] {
        let count = executor_count(&conf(&pairs)).unwrap();
        assert_eq!((count.min, count.initial, count.max), expected, "{pairs:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_property_value_and_remedy() {
    for (key, value, remedy) in [
        ("spark.executor.memory", "lots", "such as 4g"),
        ("spark.executor.memory", "-1g", "such as 4g"),
        ("spark.executor.memory", "1.5g", "such as 4g"),
        ("spark.executor.memory", "99999999999999p", "such as 4g"),
        ("spark.executor.memory", "8191p", "lower it"),
        ("spark.executor.cores", "0", "1 or more"),
        ("spark.executor.cores", "-2", "such as 4"),
        (
            "spark.kubernetes.executor.request.cores",
            "-1",
            "zero or more",
        ),
        (
            "spark.kubernetes.executor.request.cores",
            "5g",
            "such as 500m",
        ),
        ("spark.executor.memoryOverheadFactor", "NaN", "such as 0.1"),
        ("spark.memory.offHeap.enabled", "maybe", "true nor false"),
    ] {
        let error = executor_requests(&conf(&[(key, value)])).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            (error.property.as_str(), error.value.as_str()),
            (key, value)
        );
        assert!(text.contains(remedy), "{text}");
    }
    let contradiction = conf(&[
        ("spark.dynamicAllocation.enabled", "true"),
        ("spark.dynamicAllocation.minExecutors", "9"),
        ("spark.dynamicAllocation.maxExecutors", "8"),
    ]);
    assert_eq!(
        executor_count(&contradiction).unwrap_err().to_string(),
        "spark.dynamicAllocation.minExecutors = \"9\" is above \
         spark.dynamicAllocation.maxExecutors = 8; lower it"
    );
}

#[test]
fn lengths_of_time_read_as_spark_reads_them() {
    for (text, millis) in [
        ("60s", 60_000),
        ("100ms", 100),
        ("2", 2000),
        ("1min", 60_000),
    ] {
        let read = value::duration(&conf(&[("k", text)]), "k").unwrap();
        assert_eq!(read.map(|span| span.millis()), Some(millis), "{text}");
    }
    assert!(value::duration(&conf(&[("k", "soon")]), "k").is_err());
}

fn conf(pairs: &[(&str, &str)]) -> Conf {
    owned(pairs).into_iter().collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn request(millis: u64, mebibytes: u64) -> Resources {
    Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(mebibytes))
}

/// The part of the properties format that Spark writes here: `key=value` with `\:` for `:`.
fn properties(text: &str) -> Conf {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.replace("\\:", ":")))
        .collect()
}
