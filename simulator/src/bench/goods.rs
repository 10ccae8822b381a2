//! What both planners may buy in a scenario: machines with their room for pods and offers with their
//! prices. Room is worked out here from nominal sizes, apart from the planner's own reckoning, so that
//! one can be held against the other.

use std::collections::BTreeMap;

use sparkwright::model::label::ARCH;
use sparkwright::model::offering::{CapacityType, Catalog, InstanceType};

use super::scenario::{Group, Setting};

/// Memory that hypervisor and kernel keep, in thousandths of what the guest is told.
const HYPERVISOR: u64 = 75;
/// MiB that a Graviton guest never sees.
const GRAVITON: u64 = 64;
/// MiB that are kept for kubelet, and below which it evicts.
const KUBELET_AND_EVICTION: u64 = 255 + 100;
/// MiB that are kept for kubelet for each pod that the node could have.
const KUBELET_PER_POD: u64 = 11;

/// A type that may be bought.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `c5d.9xlarge`.
    pub name: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// vCPUs.
    pub vcpu: u32,
    /// CPU for pods, in thousandths of a core.
    pub cpu: u32,
    /// Memory for pods, in MiB.
    pub memory: u32,
    /// Pods.
    pub pods: u32,
    /// Prices in micro-dollars per hour, by zone and capacity type.
    pub offers: BTreeMap<(String, CapacityType), u32>,
}

/// Everything that may be bought, by name.
#[derive(Clone, Debug)]
pub struct Goods {
    /// Types.
    pub machines: BTreeMap<String, Machine>,
    /// Names of zones, in order.
    pub zones: Vec<String>,
}

impl Goods {
    /// Of the region's types those of nitro with hypervisor, neither burstable nor with accelerators, and
    /// no larger than the setting's limit; of the general categories alone where the setting says so.
    pub fn new(setting: &Setting, catalog: &Catalog) -> Self {
        let mut machines: BTreeMap<String, Machine> = BTreeMap::new();
        for offering in &catalog.offerings {
            let sold = catalog.instance_type(offering.instance_type);
            let vcpu = u32::try_from(sold.cpu.millis() / 1000).unwrap_or(u32::MAX);
            let excluded = sold.burstable || sold.bare_metal || sold.accelerated || !sold.nitro;
            let other = setting.general && !is_general(&sold.name);
            if excluded || other || setting.max_vcpu.is_some_and(|most| vcpu > most) {
                continue;
            }
            let zone = catalog.zone(offering.zone).name.clone();
            let price = u32::try_from(offering.price.micros()).unwrap_or(u32::MAX);
            let machine = machines.entry(sold.name.clone());
            let machine = machine.or_insert_with(|| machine_of(sold, vcpu));
            machine.offers.insert((zone, offering.capacity_type), price);
        }
        let zones = catalog.zones.iter().map(|zone| zone.name.clone()).collect();
        Goods { machines, zones }
    }

    /// Zones in which each of these pods could run on some machine of its capacity type.
    pub fn zones_for(&self, groups: &[Group]) -> Vec<String> {
        let sold = |zone: &String, group: &Group| {
            let key = (zone.clone(), group.capacity_type);
            let mut machines = self.machines.values();
            machines.any(|machine| machine.holds(group) && machine.offers.contains_key(&key))
        };
        let zones = self.zones.iter();
        zones
            .filter(|zone| groups.iter().all(|group| sold(zone, group)))
            .cloned()
            .collect()
    }
}

impl Machine {
    /// True where one such pod fits.
    pub fn holds(&self, group: &Group) -> bool {
        group.cpu <= self.cpu && group.memory <= self.memory && self.pods > 0
    }
}

/// Categories are the letters before the first digit: c5d is of c, x2iedn of x.
fn is_general(name: &str) -> bool {
    let category = name.split(|c: char| !c.is_ascii_alphabetic()).next();
    category.is_some_and(|category| ["c", "m", "r"].contains(&category))
}

fn machine_of(sold: &InstanceType, vcpu: u32) -> Machine {
    let arch = sold.labels.get(ARCH).cloned().unwrap_or_default();
    let pods = match sold.interfaces {
        Some(interfaces) => interfaces.count * (interfaces.addresses - 1) + 2,
        None => 110,
    };
    Machine {
        name: sold.name.clone(),
        vcpu,
        cpu: vcpu * 1000 - reserved(vcpu),
        memory: memory(sold.memory.mib(), arch == "arm64", pods),
        pods,
        arch,
        offers: BTreeMap::new(),
    }
}

/// What kubelet keeps of the CPU: 60 m of the first core, 10 m of the second, 5 m of the next two
/// together rounded down each, and a quarter of a per cent of the rest.
fn reserved(vcpu: u32) -> u32 {
    let rest = vcpu.saturating_sub(4) * 25 / 10;
    match vcpu {
        0 => 0,
        1 => 60,
        2 => 70,
        3 => 75,
        _ => 80 + rest,
    }
}

fn memory(mib: u64, arm64: bool, pods: u32) -> u32 {
    let told = if arm64 { mib - GRAVITON } else { mib };
    let lost = (told * HYPERVISOR).div_ceil(1000);
    let kept = KUBELET_AND_EVICTION + KUBELET_PER_POD * u64::from(pods);
    u32::try_from(told.saturating_sub(lost + kept)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_is_known_of_machines_that_ran() {
        assert_eq!((2000 - reserved(2), memory(8192, false, 29)), (1930, 6903));
        assert_eq!(
            (36_000 - reserved(36), memory(73_728, false, 234)),
            (35_840, 65_269)
        );
        assert_eq!(
            (16_000 - reserved(16), memory(131_072, true, 234)),
            (15_890, 118_253)
        );
        assert_eq!(
            (64_000 - reserved(64), memory(262_144, true, 737)),
            (63_770, 233_962)
        );
    }
}
