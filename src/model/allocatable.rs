//! What is left for pods on an instance type before any node of it was seen: capacity less what
//! kubelet, the system and eviction hold. The numbers are those that Karpenter's AWS provider 1.14
//! uses for EKS images, so that both plan for the same room. Knows no image and no kubelet setting.

use super::resources::{Bytes, Cpu};

/// Pods per node where the number of network interfaces is not known (kubelet's own default).
pub const DEFAULT_PODS: u32 = 110;
/// Share of nominal memory that hypervisor and kernel keep, in thousandths (7.5 %).
const VM_OVERHEAD_THOUSANDTHS: u64 = 75;
/// Graviton reserves contiguous memory for devices, which the guest never sees.
const ARM_RESERVED_MIB: u64 = 64;
/// kubelet evicts below this much free memory.
const EVICTION_MIB: u64 = 100;
/// EKS reserves memory for kubelet and runtime: so much per pod, and so much besides.
const KUBELET_MIB_PER_POD: u64 = 11;
const KUBELET_MIB: u64 = 255;

/// The ENI rule: each interface's first address is its own, and two pods use the host's network.
pub fn pods(interfaces: u32, addresses_each: u32) -> u32 {
    interfaces
        .saturating_mul(addresses_each.saturating_sub(1))
        .saturating_add(2)
}

/// CPU for pods: all but 6 % of the first core, 1 % of the second, 0.5 % of the third and fourth and
/// 0.25 % of each further one, every part rounded down to 1 m.
pub fn cpu(cores: u32) -> Cpu {
    let cores = u64::from(cores);
    let part = |first: u64, last: u64, thousandths_of_millis: u64| {
        (cores.min(last) - cores.min(first)) * thousandths_of_millis / 1000
    };
    let reserved =
        part(0, 1, 60_000) + part(1, 2, 10_000) + part(2, 4, 5_000) + part(4, u64::MAX, 2_500);
    Cpu::from_millis(cores * 1000 - reserved)
}

/// Memory for pods on a node of nominal `memory` that may hold `pods` by the ENI rule (also where
/// fewer are allowed: that is how EKS sizes its reservation). Zero where nothing is left.
pub fn memory(memory: Bytes, arm64: bool, pods: u32) -> Bytes {
    let seen = memory
        .mib()
        .saturating_sub(if arm64 { ARM_RESERVED_MIB } else { 0 });
    let overhead = (seen * VM_OVERHEAD_THOUSANDTHS).div_ceil(1000);
    let kubelet = KUBELET_MIB_PER_POD * u64::from(pods) + KUBELET_MIB;
    Bytes::from_mib(seen.saturating_sub(overhead + kubelet + EVICTION_MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_pods_is_what_karpenter_computes() {
        for (name, vcpu, mib, arm64, interfaces, addresses, expected) in [
            ("m5.large", 2, 8192, false, 3, 10, (1930, 6903, 29)),
            ("c5d.9xlarge", 36, 73728, false, 8, 30, (35840, 65269, 234)),
            (
                "r6gd.4xlarge",
                16,
                131_072,
                true,
                8,
                30,
                (15890, 118_253, 234),
            ),
            (
                "m7g.16xlarge",
                64,
                262_144,
                true,
                15,
                50,
                (63770, 233_962, 737),
            ),
        ] {
            let pods = pods(interfaces, addresses);
            let room = (
                cpu(vcpu).millis(),
                memory(Bytes::from_mib(mib), arm64, pods).mib(),
                pods,
            );
            assert_eq!(room, expected, "{name}");
        }
    }

    #[test]
    fn each_part_of_the_cpu_reservation_is_rounded_down_alone() {
        for (cores, reserved) in [(1, 60), (2, 70), (3, 75), (4, 80), (5, 82), (6, 85)] {
            assert_eq!(
                cpu(cores).millis(),
                u64::from(cores) * 1000 - reserved,
                "{cores}"
            );
        }
    }

    #[test]
    fn a_tiny_machine_has_no_room_rather_than_a_negative_one() {
        assert_eq!(memory(Bytes::from_mib(512), false, 29), Bytes::default());
    }
}
