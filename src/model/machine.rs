//! What EC2 tells of an instance type to what the core knows of it: room for pods, and well-known labels
//! under Karpenter's names. Tables and EC2's own answers both come through here, so that the same numbers
//! give the same type. Knows no price and no zone.

use super::allocatable;
use super::label::{ARCH, FAMILY, OS, REGION};
use super::node::INSTANCE_TYPE;
use super::offering::{InstanceType, Interfaces};
use super::requirement::Labels;
use super::resources::{Bytes, Cpu, Resources};

/// EBS volumes beside the root volume where a type does not say: the bus of a Nitro machine has 28
/// places, one of them the network's. Source: EC2 documentation, EBS volume limits.
const ATTACHMENTS: u32 = 27;

/// A type in EC2's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `c5d.9xlarge`.
    pub name: String,
    /// Graviton.
    pub arm64: bool,
    /// vCPUs.
    pub vcpus: u32,
    /// Nominal memory, MiB.
    pub memory_mib: u64,
    /// Who makes the processor, as EC2 writes it; empty where not known.
    pub cpu_maker: String,
    /// Sustained clock.
    pub clock_mhz: Option<u64>,
    /// `nitro`, `xen`, or nothing on bare metal.
    pub hypervisor: String,
    /// A whole machine.
    pub bare_metal: bool,
    /// CPU credits.
    pub burstable: bool,
    /// Local NVMe disks: how many, and GB of each.
    pub nvme: (u32, u64),
    /// Baseline of all network cards together.
    pub network_mbps: Option<u64>,
    /// Most bandwidth to EBS.
    pub ebs_mbps: Option<u64>,
    /// Interfaces of the default network card.
    pub interfaces: Option<Interfaces>,
    /// Pods where the interfaces are not known.
    pub pods: Option<u32>,
    /// EBS volumes that it takes, the root volume included.
    pub attachments: Option<u32>,
    /// Whether local disks take places of volumes; None where not known, which counts as yes.
    pub attachments_shared: Option<bool>,
    /// GPUs.
    pub gpu: Option<Gpu>,
    /// Has an accelerator that is no GPU.
    pub other_accelerator: bool,
}

/// GPUs of a type, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// EC2's spelling of the name.
    pub name: String,
    /// Whole GPUs; zero where the type has a part of one.
    pub count: u64,
    /// Memory of one of them.
    pub memory_mib: Option<u64>,
}

impl Machine {
    /// The type as the core knows it.
    pub fn instance_type(&self, region: &str) -> InstanceType {
        let memory = Bytes::from_mib(self.memory_mib);
        let pods = self.pods();
        let gpu = self.gpu.iter().filter(|gpu| gpu.count > 0);
        let extended = gpu.map(|gpu| (format!("{}.com/gpu", gpu.maker()).into(), gpu.count));
        InstanceType {
            name: self.name.clone(),
            family: self.family().to_owned(),
            cpu: Cpu::from_cores(self.vcpus),
            memory,
            nvme: Bytes::from_gb(self.nvme_gb()),
            interfaces: self.interfaces,
            allocatable: Resources {
                cpu: allocatable::cpu(self.vcpus),
                memory: allocatable::memory(memory, self.arm64, pods),
                pods,
                storage: Bytes::default(),
                extended: extended.collect(),
            },
            disks: self.disks(),
            burstable: self.burstable,
            bare_metal: self.bare_metal,
            nitro: self.hypervisor == "nitro",
            accelerated: self.gpu.is_some() || self.other_accelerator,
            labels: self.labels(region),
        }
    }

    /// `c5d`.
    pub fn family(&self) -> &str {
        self.name
            .split_once('.')
            .map_or(&self.name, |(family, _)| family)
    }

    fn nvme_gb(&self) -> u64 {
        let (count, each) = self.nvme;
        u64::from(count).saturating_mul(each)
    }

    /// The ENI rule where the interfaces are known.
    fn pods(&self) -> u32 {
        let rule = |i: Interfaces| allocatable::pods(i.count, i.addresses);
        let pods = self.interfaces.map(rule).or(self.pods);
        pods.unwrap_or(allocatable::DEFAULT_PODS)
    }

    /// EBS volumes beside the root volume. On most types local disks share the bus with them.
    fn disks(&self) -> u32 {
        let most = self.attachments.unwrap_or(ATTACHMENTS);
        let local = if self.attachments_shared == Some(false) {
            0
        } else {
            self.nvme.0
        };
        most.saturating_sub(1).saturating_sub(local).max(1)
    }

    fn labels(&self, region: &str) -> Labels {
        let family = self.family();
        let (category, generation) = lineage(family);
        let size = self.name.split_once('.').map_or("", |(_, size)| size);
        let mut labels = Labels::new();
        let mut put = |key: &str, value: String| {
            if !value.is_empty() {
                labels.insert(key.to_owned(), value);
            }
        };
        put(INSTANCE_TYPE, self.name.clone());
        put(ARCH, if self.arm64 { "arm64" } else { "amd64" }.to_owned());
        put(OS, "linux".to_owned());
        put(REGION, region.to_owned());
        put(FAMILY, family.to_owned());
        let mut instance = |key: &str, value: String| {
            put(&format!("karpenter.k8s.aws/instance-{key}"), value);
        };
        instance("category", category.to_owned());
        instance("generation", generation.to_owned());
        instance("size", size.to_owned());
        instance("capability-flex", family.ends_with("-flex").to_string());
        instance("cpu", self.vcpus.to_string());
        instance("cpu-manufacturer", self.cpu_maker.to_lowercase());
        instance("cpu-sustained-clock-speed-mhz", spelt(self.clock_mhz));
        instance("memory", self.memory_mib.to_string());
        instance("hypervisor", self.hypervisor.clone());
        instance("network-bandwidth", spelt(self.network_mbps));
        instance("ebs-bandwidth", spelt(self.ebs_mbps));
        let nvme_gb = self.nvme_gb();
        instance("local-nvme", spelt(Some(nvme_gb).filter(|gb| *gb > 0)));
        if let Some(gpu) = &self.gpu {
            instance("gpu-name", gpu.name.to_lowercase().replace(' ', "-"));
            instance("gpu-manufacturer", gpu.maker().to_owned());
            instance("gpu-count", spelt(Some(gpu.count).filter(|n| *n > 0)));
            instance("gpu-memory", spelt(gpu.memory_mib));
        }
        labels
    }
}

impl Gpu {
    /// `nvidia` or `amd`; also the prefix of the device plugin's resource.
    fn maker(&self) -> &'static str {
        if self.name.to_lowercase().contains("radeon") {
            "amd"
        } else {
            "nvidia"
        }
    }
}

fn spelt(number: Option<u64>) -> String {
    number.map(|n| n.to_string()).unwrap_or_default()
}

/// A family's category (its first letters) and generation (its first number); a memory size such as
/// `-6tb` between them is passed over, so `u-6tb1` is category `u`, generation `1`.
fn lineage(family: &str) -> (&str, &str) {
    let end = |text: &str, inside: fn(&char) -> bool| {
        text.find(|c: char| !inside(&c)).unwrap_or(text.len())
    };
    let (category, rest) = family.split_at(end(family, char::is_ascii_lowercase));
    let rest = match rest.split_once("tb") {
        Some((size, rest)) if size.starts_with('-') => rest,
        _ => rest,
    };
    (category, &rest[..end(rest, char::is_ascii_digit)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_is_the_first_letters_and_generation_the_first_number() {
        for (family, expected) in [
            ("c7gd", ("c", "7")),
            ("u-6tb1", ("u", "1")),
            ("u7i-12tb", ("u", "7")),
            ("hpc6id", ("hpc", "6")),
            ("m5", ("m", "5")),
            ("x2iedn", ("x", "2")),
            ("t3a", ("t", "3")),
            ("c7i-flex", ("c", "7")),
            ("im4gn", ("im", "4")),
            ("p6-b200", ("p", "6")),
        ] {
            assert_eq!(lineage(family), expected, "{family}");
        }
    }

    #[test]
    fn local_disks_take_places_of_volumes_unless_the_type_says_otherwise() {
        let machine = |shared| Machine {
            name: "c5d.9xlarge".to_owned(),
            nvme: (4, 900),
            attachments: Some(27),
            attachments_shared: shared,
            ..Machine::default()
        };
        let disks = |shared| machine(shared).instance_type("us-east-1").disks;
        assert_eq!(
            (disks(None), disks(Some(true)), disks(Some(false))),
            (22, 22, 26)
        );
    }
}
