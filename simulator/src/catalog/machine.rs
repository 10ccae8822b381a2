//! A row of instance_types.csv to an instance type: its size, what pods get of it, and its
//! well-known labels under Karpenter's names.

use sparkwright::model::allocatable;
use sparkwright::model::label::{ARCH, FAMILY, OS, REGION};
use sparkwright::model::node::INSTANCE_TYPE;
use sparkwright::model::offering::{InstanceType, Interfaces};
use sparkwright::model::requirement::Labels;
use sparkwright::model::resources::{Bytes, Cpu, Resources};

use super::error::CatalogError;
use super::table::Row;

/// The columns read here.
pub(super) const COLUMNS: &[&str] = &[
    "type",
    "family",
    "arch",
    "vcpu",
    "memory_mib",
    "cpu_vendor",
    "clock_ghz",
    "hypervisor",
    "bare_metal",
    "burstable",
    "nvme_count",
    "nvme_gb_each",
    "net_base_gbps",
    "ebs_max_mbps",
    "eni_pods",
    "ipv4_per_eni",
    "max_pods",
    "gpu_count",
    "gpu_name",
    "gpu_mem_mib",
    "other_accel",
];

/// GPUs of a type, as far as they are known.
struct Gpu {
    /// Karpenter's spelling of the name.
    name: String,
    /// `nvidia` or `amd`; also the prefix of the device plugin's resource.
    maker: &'static str,
    /// Whole GPUs; zero where the type has a part of one.
    count: u64,
    /// Memory of one of them, MiB.
    memory_mib: Option<u64>,
}

/// Reads a type; None where no Linux node for pods can be had of it (Mac, 32-bit only).
pub(super) fn read(row: &Row<'_>, region: &str) -> Result<Option<InstanceType>, CatalogError> {
    let arm64 = match row.text("arch").split('/').collect::<Vec<_>>()[..] {
        ["arm64"] => true,
        ref names if names.contains(&"x86_64") => false,
        _ => return Ok(None),
    };
    let vcpu: u32 = row.known("vcpu")?;
    let memory = Bytes::from_mib(row.known("memory_mib")?);
    let disks: u64 = row.number("nvme_count")?.unwrap_or(0);
    let nvme_gb = disks.saturating_mul(row.number("nvme_gb_each")?.unwrap_or(0));
    let pods = pods(row)?;
    let gpu = gpu(row)?;
    let extended = gpu
        .iter()
        .filter(|gpu| gpu.count > 0)
        .map(|gpu| (format!("{}.com/gpu", gpu.maker).into(), gpu.count));
    let accelerated = gpu.is_some() || !row.text("other_accel").is_empty();
    Ok(Some(InstanceType {
        name: row.text("type").to_owned(),
        family: row.text("family").to_owned(),
        cpu: Cpu::from_cores(vcpu),
        memory,
        nvme: Bytes::from_gb(nvme_gb),
        interfaces: interfaces(row)?,
        allocatable: Resources {
            cpu: allocatable::cpu(vcpu),
            memory: allocatable::memory(memory, arm64, pods),
            pods,
            storage: Bytes::default(),
            extended: extended.collect(),
        },
        disks: attachments(row, disks)?,
        burstable: row.flag("burstable")?,
        bare_metal: row.flag("bare_metal")?,
        nitro: row.text("hypervisor") == "nitro",
        accelerated,
        labels: labels(row, region, arm64, nvme_gb, gpu.as_ref())?,
    }))
}

fn interfaces(row: &Row<'_>) -> Result<Option<Interfaces>, CatalogError> {
    let known = row.number("eni_pods")?.zip(row.number("ipv4_per_eni")?);
    Ok(known.map(|(count, addresses)| Interfaces { count, addresses }))
}

/// EBS volumes beside the root volume where a type does not say: the bus of a Nitro machine has 28
/// places, one of them the network's. Source: EC2 documentation, EBS volume limits.
const ATTACHMENTS: u32 = 27;

/// EBS volumes beside the root volume. On most types local disks share the bus with them. Tables
/// without these columns say nothing.
fn attachments(row: &Row<'_>, local_disks: u64) -> Result<u32, CatalogError> {
    let most = row.optional("ebs_attach_max")?.unwrap_or(ATTACHMENTS);
    let is_shared = row.optional::<u32>("ebs_attach_shared")? != Some(0);
    let local = if is_shared {
        u32::try_from(local_disks).unwrap_or(u32::MAX)
    } else {
        0
    };
    Ok(most.saturating_sub(1).saturating_sub(local).max(1))
}

/// The ENI rule, checked against the table's own answer; that answer where the rule lacks a factor.
fn pods(row: &Row<'_>) -> Result<u32, CatalogError> {
    let stated = row.number::<u32>("max_pods")?;
    let rule = row.number("eni_pods")?.zip(row.number("ipv4_per_eni")?);
    let derived = rule.map(|(interfaces, addresses)| allocatable::pods(interfaces, addresses));
    match (derived, stated) {
        (Some(derived), Some(stated)) if derived != stated => Err(row.bad(
            "max_pods",
            &format!(
                "eni_pods × (ipv4_per_eni − 1) + 2 is {derived}; write that or leave it empty"
            ),
        )),
        _ => Ok(derived.or(stated).unwrap_or(allocatable::DEFAULT_PODS)),
    }
}

fn gpu(row: &Row<'_>) -> Result<Option<Gpu>, CatalogError> {
    let name = row.text("gpu_name");
    let count = row.number("gpu_count")?.unwrap_or(0);
    if name.is_empty() && count == 0 {
        return Ok(None);
    }
    let maker = if name.contains("Radeon") {
        "amd"
    } else {
        "nvidia"
    };
    Ok(Some(Gpu {
        name: name.to_lowercase().replace(' ', "-"),
        maker,
        count,
        memory_mib: row
            .number::<u64>("gpu_mem_mib")?
            .map(|all| all / count.max(1)),
    }))
}

fn labels(
    row: &Row<'_>,
    region: &str,
    arm64: bool,
    nvme_gb: u64,
    gpu: Option<&Gpu>,
) -> Result<Labels, CatalogError> {
    let (name, family) = (row.text("type"), row.text("family"));
    let (category, generation) = lineage(family);
    let size = name.split_once('.').map_or("", |(_, size)| size);
    let thousandth = |column| row.thousandths(column).map(spelt);
    let mut labels = Labels::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            labels.insert(key.to_owned(), value);
        }
    };
    put(INSTANCE_TYPE, name.to_owned());
    put(ARCH, if arm64 { "arm64" } else { "amd64" }.to_owned());
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
    instance("cpu", row.text("vcpu").to_owned());
    instance("cpu-manufacturer", row.text("cpu_vendor").to_lowercase());
    instance("cpu-sustained-clock-speed-mhz", thousandth("clock_ghz")?);
    instance("memory", row.text("memory_mib").to_owned());
    instance("hypervisor", row.text("hypervisor").to_owned());
    instance("network-bandwidth", thousandth("net_base_gbps")?);
    instance("ebs-bandwidth", spelt(row.number("ebs_max_mbps")?));
    instance("local-nvme", spelt(Some(nvme_gb).filter(|gb| *gb > 0)));
    if let Some(gpu) = gpu {
        instance("gpu-name", gpu.name.clone());
        instance("gpu-manufacturer", gpu.maker.to_owned());
        instance("gpu-count", spelt(Some(gpu.count).filter(|n| *n > 0)));
        instance("gpu-memory", spelt(gpu.memory_mib));
    }
    Ok(labels)
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
}
