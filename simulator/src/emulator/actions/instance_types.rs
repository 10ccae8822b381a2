//! DescribeInstanceTypes and DescribeInstanceTypeOfferings, from the catalogue. What its tables do not
//! have (several network cards, fields that no scheduler reads) is left out of the answer.

use serde::Deserialize;
use sparkwright::model::label::ARCH;
use sparkwright::model::offering::{CapacityType, InstanceType, TypeId};

use super::Answered;
use super::describe::page;
use super::filter::{self, Filter};
use crate::emulator::region::Region;
use crate::emulator::wire::page::cut;
use crate::emulator::wire::{ApiError, Xml};

/// DescribeInstanceTypes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Types {
    #[serde(rename = "InstanceType")]
    names: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe(region: &Region, request: Types) -> Result<Answered, ApiError> {
    let known = [
        "bare-metal",
        "burstable-performance-supported",
        "current-generation",
        "hypervisor",
        "instance-storage-supported",
        "instance-type",
        "processor-info.supported-architecture",
        "supported-root-device-type",
        "supported-usage-class",
        "supported-virtualization-type",
        "vcpu-info.default-vcpus",
        "memory-info.size-in-mib",
    ];
    filter::check(&request.filters, &known, false)?;
    let catalog = region.catalog();
    let names = request.names.iter().map(String::as_str);
    let unknown: Vec<&str> = names
        .filter(|name| catalog.find_type(name).is_none())
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let what = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(ApiError::client("InvalidInstanceType", what));
    }
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeInstanceTypes",
        &request.names,
        request.max_results,
        token,
    )?;
    let chosen = (0..)
        .map(TypeId)
        .zip(&catalog.types)
        .filter(|(id, machine)| {
            let named = request.names.is_empty() || request.names.contains(&machine.name);
            let of = |name: &str| properties(region, *id, machine, name);
            named && filter::hold(&request.filters, region.tags_of(""), of)
        });
    let page = cut(chosen.collect(), asked, 5..=100, Some(100))?;
    let types = page.entries.into_iter();
    let types = types.map(|(id, machine)| written(region, id, machine));
    let answer = Xml::new().with("instanceTypeSet", Xml::items(types));
    Ok(answer.with("nextToken", page.next).into())
}

fn properties(region: &Region, id: TypeId, machine: &InstanceType, name: &str) -> Vec<String> {
    let value = match name {
        "bare-metal" => machine.bare_metal.to_string(),
        "burstable-performance-supported" => machine.burstable.to_string(),
        "current-generation" => "true".to_owned(),
        "hypervisor" => hypervisor(machine).unwrap_or_default().to_owned(),
        "instance-storage-supported" => (machine.nvme.get() > 0).to_string(),
        "instance-type" => machine.name.clone(),
        "processor-info.supported-architecture" => architecture(machine).to_owned(),
        "supported-root-device-type" => "ebs".to_owned(),
        "supported-usage-class" => {
            return usage_classes(region, id).map(str::to_owned).collect();
        }
        "vcpu-info.default-vcpus" => (machine.cpu.millis() / 1000).to_string(),
        "memory-info.size-in-mib" => mib(machine).to_string(),
        _ => "hvm".to_owned(),
    };
    vec![value]
}

/// EC2's name of a type's processor.
pub(in crate::emulator) fn architecture(machine: &InstanceType) -> &'static str {
    match machine.labels.get(ARCH).map(String::as_str) {
        Some("arm64") => "arm64",
        _ => "x86_64",
    }
}

fn hypervisor(machine: &InstanceType) -> Option<&'static str> {
    match (machine.bare_metal, machine.nitro) {
        (true, _) => None,
        (false, true) => Some("nitro"),
        (false, false) => Some("xen"),
    }
}

fn mib(machine: &InstanceType) -> u64 {
    machine.memory.get() >> 20
}

fn usage_classes(region: &Region, id: TypeId) -> impl Iterator<Item = &'static str> {
    let sold = move |class| {
        let mut offerings = region.catalog().offerings_of(id);
        offerings.any(|offering| offering.capacity_type == class)
    };
    let classes = [CapacityType::OnDemand, CapacityType::Spot];
    classes
        .into_iter()
        .filter(move |class| sold(*class))
        .map(CapacityType::as_str)
}

fn written(region: &Region, id: TypeId, machine: &InstanceType) -> Xml {
    let vcpus = machine.cpu.millis() / 1000;
    let disks = region.setting.disks.get(&machine.name);
    let clock = machine
        .labels
        .get("karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz");
    let clock = clock.and_then(|mhz| mhz.parse::<u32>().ok());
    let clock = clock.map(|mhz| format!("{}.{}", mhz / 1000, mhz % 1000 / 100));
    let processor = Xml::new()
        .with(
            "supportedArchitectures",
            Xml::items([architecture(machine).into()]),
        )
        .with("sustainedClockSpeedInGhz", clock)
        .with("manufacturer", maker(machine));
    Xml::new()
        .with("instanceType", &machine.name)
        .with("currentGeneration", true)
        .with("freeTierEligible", false)
        .with(
            "supportedUsageClasses",
            Xml::items(usage_classes(region, id).map(Xml::from)),
        )
        .with("supportedRootDeviceTypes", Xml::items(["ebs".into()]))
        .with("supportedVirtualizationTypes", Xml::items(["hvm".into()]))
        .with("bareMetal", machine.bare_metal)
        .with("hypervisor", hypervisor(machine))
        .with("processorInfo", processor)
        .with("vCpuInfo", Xml::new().with("defaultVCpus", vcpus))
        .with("memoryInfo", Xml::new().with("sizeInMiB", mib(machine)))
        .with("instanceStorageSupported", disks.is_some())
        .with("instanceStorageInfo", disks.map(|disks| storage(*disks)))
        .with("ebsInfo", ebs(machine))
        .with("networkInfo", network(machine))
        .with("gpuInfo", gpus(machine))
        .with("burstablePerformanceSupported", machine.burstable)
        .with("dedicatedHostsSupported", false)
}

/// Who makes the processor, as EC2 writes it.
fn maker(machine: &InstanceType) -> Option<&str> {
    let label = "karpenter.k8s.aws/instance-cpu-manufacturer";
    let maker = machine.labels.get(label)?;
    Some(match maker.as_str() {
        "intel" => "Intel",
        "amd" => "AMD",
        "aws" => "AWS",
        other => other,
    })
}

fn storage((count, each): (u32, u32)) -> Xml {
    let disk = Xml::new()
        .with("sizeInGB", each)
        .with("count", count)
        .with("type", "ssd");
    Xml::new()
        .with("totalSizeInGB", count.saturating_mul(each))
        .with("disks", Xml::items([disk]))
        .with("nvmeSupport", "required")
        .with("encryptionSupport", "required")
}

fn ebs(machine: &InstanceType) -> Xml {
    let bandwidth = machine
        .labels
        .get("karpenter.k8s.aws/instance-ebs-bandwidth");
    let optimised = bandwidth.map(|mbps| Xml::new().with("maximumBandwidthInMbps", mbps));
    // The catalogue keeps what local disks leave, so none of it is shared with them here.
    Xml::new()
        .with("maximumEbsAttachments", machine.disks.saturating_add(1))
        .with("attachmentLimitType", "dedicated")
        .with("ebsOptimizedSupport", "default")
        .with("encryptionSupport", "supported")
        .with("ebsOptimizedInfo", optimised)
        .with(
            "nvmeSupport",
            if machine.nitro {
                "required"
            } else {
                "unsupported"
            },
        )
}

/// The default network card, which is what pods' addresses come from.
fn network(machine: &InstanceType) -> Xml {
    let mbps = machine
        .labels
        .get("karpenter.k8s.aws/instance-network-bandwidth");
    let mbps = mbps.and_then(|mbps| mbps.parse::<u32>().ok());
    let baseline = mbps.map(|mbps| format!("{}.{:03}", mbps / 1000, mbps % 1000));
    let performance = mbps.map(|mbps| format!("{}.{} Gigabit", mbps / 1000, mbps % 1000 / 100));
    let interfaces = machine.interfaces;
    let count = interfaces.map(|interfaces| interfaces.count);
    let card = Xml::new()
        .with("networkCardIndex", 0_u32)
        .with("networkPerformance", performance.clone())
        .with("baselineBandwidthInGbps", baseline)
        .with("maximumNetworkInterfaces", count);
    Xml::new()
        .with("networkPerformance", performance)
        .with("maximumNetworkInterfaces", count)
        .with("maximumNetworkCards", 1_u32)
        .with("defaultNetworkCardIndex", 0_u32)
        .with("networkCards", Xml::items([card]))
        .with("ipv4AddressesPerInterface", interfaces.map(|i| i.addresses))
        .with("ipv6Supported", true)
        .with(
            "enaSupport",
            if machine.nitro {
                "required"
            } else {
                "supported"
            },
        )
        .with("efaSupported", false)
}

fn gpus(machine: &InstanceType) -> Xml {
    let label = |name: &str| {
        machine
            .labels
            .get(&format!("karpenter.k8s.aws/instance-gpu-{name}"))
    };
    let Some(count) = label("count").and_then(|count| count.parse::<u32>().ok()) else {
        return Xml::Absent;
    };
    let memory = label("memory").and_then(|mib| mib.parse::<u32>().ok());
    let gpu = Xml::new()
        .with("name", label("name").map(|name| name.to_uppercase()))
        .with(
            "manufacturer",
            label("manufacturer").map(|name| name.to_uppercase()),
        )
        .with("count", count)
        .with("memoryInfo", Xml::new().with("sizeInMiB", memory));
    Xml::new().with("gpus", Xml::items([gpu])).with(
        "totalGpuMemoryInMiB",
        memory.map(|mib| mib.saturating_mul(count)),
    )
}

/// DescribeInstanceTypeOfferings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Offerings {
    location_type: Option<Location>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// What an offering's place is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    Region,
    AvailabilityZone,
    AvailabilityZoneId,
}

pub(super) fn offerings(region: &Region, request: Offerings) -> Result<Answered, ApiError> {
    filter::check(&request.filters, &["instance-type", "location"], false)?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeInstanceTypeOfferings",
        &[],
        request.max_results,
        token,
    )?;
    let place = request.location_type.unwrap_or(Location::Region);
    let chosen = sold(region, place).into_iter().filter(|(name, at)| {
        filter::hold(&request.filters, region.tags_of(""), |property| {
            vec![if property == "location" { at } else { name }.clone()]
        })
    });
    let page = cut(chosen.collect(), asked, 5..=1000, Some(1000))?;
    let kind = match place {
        Location::Region => "region",
        Location::AvailabilityZone => "availability-zone",
        Location::AvailabilityZoneId => "availability-zone-id",
    };
    let offerings = page.entries.into_iter().map(|(name, at)| {
        Xml::new()
            .with("instanceType", name)
            .with("locationType", kind)
            .with("location", at)
    });
    let answer = Xml::new().with("instanceTypeOfferingSet", Xml::items(offerings));
    Ok(answer.with("nextToken", page.next).into())
}

/// Types and places where they are sold at all, spot or on-demand.
fn sold(region: &Region, place: Location) -> Vec<(String, String)> {
    let catalog = region.catalog();
    let sold = catalog.offerings.iter().map(|offering| {
        let zone = catalog.zone(offering.zone);
        let at = match place {
            Location::Region => &catalog.region,
            Location::AvailabilityZone => &zone.name,
            Location::AvailabilityZoneId => &zone.id,
        };
        (
            catalog.instance_type(offering.instance_type).name.clone(),
            at.clone(),
        )
    });
    let mut sold: Vec<(String, String)> = sold.collect();
    sold.sort_unstable();
    sold.dedup();
    sold
}
