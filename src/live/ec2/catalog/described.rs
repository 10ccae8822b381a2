//! EC2's description of an instance type to the numbers that the core knows types by. What follows from
//! them is decided there.

use aws_sdk_ec2::types::{
    ArchitectureType, AttachmentLimitType, DiskType, EphemeralNvmeSupport, GpuDeviceInfo,
    InstanceTypeInfo, NetworkInfo, UsageClassType,
};

use super::Sold;
use crate::model::machine::{Gpu, Machine};
use crate::model::offering::Interfaces;
use crate::model::quantity;

/// A type and how it is sold; None where no Linux node for pods can be had of it (Mac, 32-bit only).
pub(super) fn sold(info: &InstanceTypeInfo) -> Option<Sold> {
    let usage = info.supported_usage_classes();
    Some(Sold {
        machine: machine(info)?,
        on_demand: usage.contains(&UsageClassType::OnDemand),
        spot: usage.contains(&UsageClassType::Spot),
    })
}

fn machine(info: &InstanceTypeInfo) -> Option<Machine> {
    let processor = info.processor_info()?;
    let architectures = processor.supported_architectures();
    let arm64 = architectures.contains(&ArchitectureType::Arm64);
    if !arm64 && !architectures.contains(&ArchitectureType::X8664) {
        return None;
    }
    let ebs = info.ebs_info();
    let network = info.network_info();
    let bandwidth = ebs.and_then(|ebs| ebs.ebs_optimized_info());
    let gpus = info.gpu_info().and_then(|gpus| gpus.gpus().first());
    Some(Machine {
        name: info.instance_type()?.as_str().to_owned(),
        arm64,
        vcpus: whole(info.v_cpu_info()?.default_v_cpus())?,
        memory_mib: u64::try_from(info.memory_info()?.size_in_mib()?).ok()?,
        cpu_maker: processor.manufacturer().unwrap_or_default().to_owned(),
        clock_mhz: thousandths(processor.sustained_clock_speed_in_ghz()),
        hypervisor: info
            .hypervisor()
            .map_or(String::new(), |hypervisor| hypervisor.as_str().to_owned()),
        bare_metal: info.bare_metal().unwrap_or(false),
        burstable: info.burstable_performance_supported().unwrap_or(false),
        nvme: nvme(info),
        network_mbps: network.and_then(bandwidth_of),
        ebs_mbps: whole(bandwidth.and_then(|ebs| ebs.maximum_bandwidth_in_mbps())).map(u64::from),
        interfaces: network.and_then(interfaces),
        pods: None,
        attachments: whole(ebs.and_then(|ebs| ebs.maximum_ebs_attachments())),
        attachments_shared: ebs
            .and_then(|ebs| ebs.attachment_limit_type())
            .map(|limit| *limit == AttachmentLimitType::Shared),
        gpu: gpus.map(gpu),
        other_accelerator: info.fpga_info().is_some()
            || info.inference_accelerator_info().is_some()
            || info.media_accelerator_info().is_some()
            || info.neuron_info().is_some(),
    })
}

/// Local NVMe disks: how many, and GB of each. Spinning and older disks hold no pods' data.
fn nvme(info: &InstanceTypeInfo) -> (u32, u64) {
    let store = info.instance_storage_info();
    let is_nvme = store.and_then(|store| store.nvme_support());
    let is_nvme = is_nvme.is_some_and(|nvme| *nvme != EphemeralNvmeSupport::Unsupported);
    let mut disks = store.map_or(&[][..], |store| store.disks()).iter();
    let ssd = disks.find(|disk| is_nvme && disk.r#type() == Some(&DiskType::Ssd));
    ssd.map_or((0, 0), |disk| {
        let each = disk.size_in_gb().and_then(|gb| u64::try_from(gb).ok());
        (whole(disk.count()).unwrap_or(0), each.unwrap_or(0))
    })
}

/// Interfaces of the default card, which the VPC CNI uses.
fn interfaces(network: &NetworkInfo) -> Option<Interfaces> {
    let default = network.default_network_card_index().unwrap_or(0);
    let mut cards = network.network_cards().iter();
    let card = cards.find(|card| card.network_card_index() == Some(default));
    let of_card = card.and_then(|card| card.maximum_network_interfaces());
    Some(Interfaces {
        count: whole(of_card.or(network.maximum_network_interfaces()))?,
        addresses: whole(network.ipv4_addresses_per_interface())?,
    })
}

/// What all cards carry together for good.
fn bandwidth_of(network: &NetworkInfo) -> Option<u64> {
    let cards = network.network_cards().iter();
    let each = cards.filter_map(|card| thousandths(card.baseline_bandwidth_in_gbps()));
    Some(each.sum()).filter(|mbps| *mbps > 0)
}

/// EC2 gives all memory of a type's GPUs beside one GPU's; a part of one counts as none.
fn gpu(gpu: &GpuDeviceInfo) -> Gpu {
    let is_part = gpu.gpu_partition_size().is_some_and(|share| share < 1.0);
    let memory = gpu.memory_info().and_then(|memory| memory.size_in_mib());
    Gpu {
        name: gpu.name().unwrap_or_default().to_owned(),
        count: u64::from(whole(gpu.count()).filter(|_| !is_part).unwrap_or(0)),
        memory_mib: whole(memory).map(u64::from),
    }
}

fn whole(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// A decimal number in thousandths.
fn thousandths(number: Option<f64>) -> Option<u64> {
    let text = format!("{:.3}", number.filter(|number| *number >= 0.0)?);
    quantity::cpu(&text).ok().map(|cpu| cpu.millis())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{
        DiskInfo, InstanceStorageInfo, MemoryInfo, NetworkCardInfo, ProcessorInfo, VCpuInfo,
    };

    use super::*;

    fn c5d_9xlarge(architecture: ArchitectureType) -> InstanceTypeInfo {
        let disk = DiskInfo::builder()
            .count(1)
            .size_in_gb(900)
            .r#type(DiskType::Ssd);
        let card = |index, interfaces| {
            NetworkCardInfo::builder()
                .network_card_index(index)
                .maximum_network_interfaces(interfaces)
                .baseline_bandwidth_in_gbps(6.0)
                .build()
        };
        InstanceTypeInfo::builder()
            .instance_type("c5d.9xlarge".into())
            .supported_usage_classes(UsageClassType::OnDemand)
            .hypervisor("nitro".into())
            .processor_info(
                ProcessorInfo::builder()
                    .supported_architectures(architecture)
                    .manufacturer("Intel")
                    .sustained_clock_speed_in_ghz(3.0)
                    .build(),
            )
            .v_cpu_info(VCpuInfo::builder().default_v_cpus(36).build())
            .memory_info(MemoryInfo::builder().size_in_mib(73_728).build())
            .instance_storage_info(
                InstanceStorageInfo::builder()
                    .nvme_support(EphemeralNvmeSupport::Required)
                    .disks(disk.build())
                    .build(),
            )
            .network_info(
                NetworkInfo::builder()
                    .ipv4_addresses_per_interface(30)
                    .maximum_network_interfaces(16)
                    .network_cards(card(0, 8))
                    .network_cards(card(1, 8))
                    .build(),
            )
            .build()
    }

    #[test]
    fn a_description_becomes_the_type_that_the_tables_give() {
        let sold = sold(&c5d_9xlarge(ArchitectureType::X8664)).unwrap();
        assert!(sold.on_demand && !sold.spot);
        let machine = sold.machine.instance_type("us-east-1");
        let room = &machine.allocatable;
        let room = (room.cpu.millis(), room.memory.mib(), room.pods);
        assert_eq!(room, (35840, 65269, 234), "pods are the default card's");
        assert_eq!(machine.nvme.get(), 900_000_000_000);
        let label =
            |key: &str| machine.labels[&format!("karpenter.k8s.aws/instance-{key}")].clone();
        assert_eq!(
            label("network-bandwidth"),
            "12000",
            "bandwidth is all cards'"
        );
        assert_eq!(label("cpu-sustained-clock-speed-mhz"), "3000");
        assert_eq!(label("cpu-manufacturer"), "intel");
    }

    #[test]
    fn a_mac_is_no_node() {
        assert!(sold(&c5d_9xlarge(ArchitectureType::Arm64Mac)).is_none());
    }
}
