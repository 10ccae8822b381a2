//! Kubelet's settings as they are written, in the names of Karpenter's `kubelet` block, and their checks.
//! They reach the node in the same form, so they are kept as text.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::fault::Faults;
use super::super::object::rule::rules;
use super::super::object::scalar::{self, Length};
use super::super::quantity;
use super::check::bounded;
use super::spec::AmiFamily;

/// Resources that can be reserved.
const RESERVED: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];
/// Signals at which kubelet evicts.
const SIGNALS: [&str; 6] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
];

/// Kubelet's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "!has(self.evictionSoft) || (has(self.evictionSoftGracePeriod) && \
         self.evictionSoft.all(signal, signal in self.evictionSoftGracePeriod))",
        "each signal of evictionSoft needs its evictionSoftGracePeriod",
    ),
    (
        "!has(self.imageGCHighThresholdPercent) || !has(self.imageGCLowThresholdPercent) || \
         self.imageGCLowThresholdPercent < self.imageGCHighThresholdPercent",
        "imageGCLowThresholdPercent must be below imageGCHighThresholdPercent",
    ),
])))]
pub struct KubeletSpec {
    /// Addresses of the cluster's DNS; the cluster's own when absent.
    #[serde(rename = "clusterDNS", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 3), inner(length(max = 45)))]
    pub cluster_dns: Option<Vec<String>>,
    /// Most pods; the ENI rule when absent. A NodePool's maxPods goes before it.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pods: Option<i64>,
    /// Most pods for each vCPU.
    #[schemars(range(min = 1, max = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods_per_core: Option<i64>,
    /// Kept for the system: cpu, memory, ephemeral-storage, pid.
    #[schemars(extend("maxProperties" = 4))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_reserved: Option<BTreeMap<String, String>>,
    /// Kept for kubelet and the container runtime, instead of what the image computes.
    #[schemars(extend("maxProperties" = 4))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_reserved: Option<BTreeMap<String, String>>,
    /// Signals below which pods are evicted at once, such as memory.available: 5%.
    #[schemars(extend("maxProperties" = 6))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_hard: Option<BTreeMap<String, String>>,
    /// Signals below which pods are evicted after a time.
    #[schemars(extend("maxProperties" = 6))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_soft: Option<BTreeMap<String, String>>,
    /// That time, such as 90s, for each signal.
    #[schemars(extend("maxProperties" = 6))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_soft_grace_period: Option<BTreeMap<String, Length>>,
    /// Longest that such a pod may take to end, in seconds.
    #[schemars(range(min = 0, max = 86400))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_max_pod_grace_period: Option<i64>,
    /// Disk use above which images are removed, in per cent.
    #[schemars(range(min = 0, max = 100))]
    #[serde(
        rename = "imageGCHighThresholdPercent",
        skip_serializing_if = "Option::is_none"
    )]
    pub image_gc_high_threshold_percent: Option<i64>,
    /// Disk use down to which they are removed, in per cent.
    #[schemars(range(min = 0, max = 100))]
    #[serde(
        rename = "imageGCLowThresholdPercent",
        skip_serializing_if = "Option::is_none"
    )]
    pub image_gc_low_threshold_percent: Option<i64>,
    /// Whether CPU limits are enforced.
    #[serde(rename = "cpuCFSQuota", skip_serializing_if = "Option::is_none")]
    pub cpu_cfs_quota: Option<bool>,
}

/// Checks kubelet's settings, which are kept as they are written: kubelet reads the same forms.
pub(super) fn check(
    given: KubeletSpec,
    family: Option<AmiFamily>,
    faults: &mut Faults,
) -> KubeletSpec {
    const FIELD: &str = "spec.kubelet";
    for (i, address) in given.cluster_dns.iter().flatten().enumerate() {
        if address.parse::<core::net::IpAddr>().is_err() {
            let field = format!("{FIELD}.clusterDNS[{i}]");
            faults.refuse(
                &field,
                address,
                "is no address; write one such as 10.100.0.10",
            );
        }
    }
    let numbers = [
        ("maxPods", given.max_pods, 1, 1000),
        ("podsPerCore", given.pods_per_core, 1, 100),
        (
            "evictionMaxPodGracePeriod",
            given.eviction_max_pod_grace_period,
            0,
            86_400,
        ),
        (
            "imageGCHighThresholdPercent",
            given.image_gc_high_threshold_percent,
            0,
            100,
        ),
        (
            "imageGCLowThresholdPercent",
            given.image_gc_low_threshold_percent,
            0,
            100,
        ),
    ];
    for (name, value, least, most) in numbers {
        bounded(&format!("{FIELD}.{name}"), value, least, most, faults);
    }
    let high = given.image_gc_high_threshold_percent;
    if let (Some(low), Some(high)) = (given.image_gc_low_threshold_percent, high)
        && low >= high
    {
        let problem = format!("is not below imageGCHighThresholdPercent ({high}); lower it");
        faults.refuse(&format!("{FIELD}.imageGCLowThresholdPercent"), low, problem);
    }
    for (name, reserved) in [
        ("systemReserved", &given.system_reserved),
        ("kubeReserved", &given.kube_reserved),
    ] {
        each(name, reserved.as_ref(), &RESERVED, amount, faults);
    }
    for (name, signals) in [
        ("evictionHard", &given.eviction_hard),
        ("evictionSoft", &given.eviction_soft),
    ] {
        each(name, signals.as_ref(), &SIGNALS, threshold, faults);
    }
    grace(&given, faults);
    if let (Some(pods), Some(AmiFamily::Bottlerocket)) = (given.pods_per_core, family) {
        let problem = "is no setting of Bottlerocket; write maxPods";
        faults.refuse(&format!("{FIELD}.podsPerCore"), pods, problem);
    }
    given
}

/// Checks a map by its keys and values.
fn each(
    name: &str,
    given: Option<&BTreeMap<String, String>>,
    keys: &[&str],
    check: fn(&str) -> Result<(), String>,
    faults: &mut Faults,
) {
    for (key, value) in given.into_iter().flatten() {
        let field = format!("spec.kubelet.{name}.{key}");
        if !keys.contains(&key.as_str()) {
            let problem = format!("is not known; write one of {}", keys.join(", "));
            faults.refuse(&field, value, problem);
        } else {
            faults.keep(&field, value, check(value));
        }
    }
}

fn amount(text: &str) -> Result<(), String> {
    quantity::bytes(text)
        .map(|_| ())
        .or_else(|_| quantity::cpu(text).map(|_| ()))
        .map_err(|error| error.to_string())
}

/// A quantity, or a percentage below 100.
fn threshold(text: &str) -> Result<(), String> {
    match text.strip_suffix('%').map(str::parse::<u8>) {
        Some(Ok(percent)) if percent < 100 => Ok(()),
        Some(_) => Err("is no percentage; write one below 100%, such as 5%".to_owned()),
        None => amount(text),
    }
}

/// Soft thresholds and their times come in pairs.
fn grace(given: &KubeletSpec, faults: &mut Faults) {
    const FIELD: &str = "spec.kubelet.evictionSoftGracePeriod";
    let empty = BTreeMap::new();
    let times = given.eviction_soft_grace_period.as_ref().unwrap_or(&empty);
    for signal in given.eviction_soft.iter().flat_map(BTreeMap::keys) {
        if !times.contains_key(signal) {
            let problem = "is missing; write how long evictionSoft waits, such as 90s";
            faults.refuse(&format!("{FIELD}.{signal}"), "", problem);
        }
    }
    for (signal, Length(text)) in times {
        faults.keep(&format!("{FIELD}.{signal}"), text, scalar::span(text));
    }
}
