//! A row of instance_types.csv to an instance type. What pods get of it, and its well-known labels, follow
//! from the row's numbers where EC2's own answers are read too.

use sparkwright::model::allocatable;
use sparkwright::model::machine::{Gpu, Machine};
use sparkwright::model::offering::{InstanceType, Interfaces};

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

/// Reads a type; None where no Linux node for pods can be had of it (Mac, 32-bit only).
pub(super) fn read(row: &Row<'_>, region: &str) -> Result<Option<InstanceType>, CatalogError> {
    let arm64 = match row.text("arch").split('/').collect::<Vec<_>>()[..] {
        ["arm64"] => true,
        ref names if names.contains(&"x86_64") => false,
        _ => return Ok(None),
    };
    let disks = row.number("nvme_count")?.unwrap_or(0);
    let each = row.number("nvme_gb_each")?.unwrap_or(0);
    let machine = Machine {
        name: row.text("type").to_owned(),
        arm64,
        vcpus: row.known("vcpu")?,
        memory_mib: row.known("memory_mib")?,
        cpu_maker: row.text("cpu_vendor").to_owned(),
        clock_mhz: row.thousandths("clock_ghz")?,
        hypervisor: row.text("hypervisor").to_owned(),
        bare_metal: row.flag("bare_metal")?,
        burstable: row.flag("burstable")?,
        nvme: (disks, each),
        network_mbps: row.thousandths("net_base_gbps")?,
        ebs_mbps: row.number("ebs_max_mbps")?,
        interfaces: interfaces(row)?,
        pods: pods(row)?,
        attachments: row.optional("ebs_attach_max")?,
        attachments_shared: row
            .optional::<u32>("ebs_attach_shared")?
            .map(|shared| shared != 0),
        gpu: gpu(row)?,
        other_accelerator: !row.text("other_accel").is_empty(),
    };
    if machine.family() != row.text("family") {
        return Err(row.bad("family", "write what stands before the point of type"));
    }
    Ok(Some(machine.instance_type(region)))
}

fn interfaces(row: &Row<'_>) -> Result<Option<Interfaces>, CatalogError> {
    let known = row.number("eni_pods")?.zip(row.number("ipv4_per_eni")?);
    Ok(known.map(|(count, addresses)| Interfaces { count, addresses }))
}

/// The table's own answer, checked against the ENI rule.
fn pods(row: &Row<'_>) -> Result<Option<u32>, CatalogError> {
    let stated = row.number::<u32>("max_pods")?;
    let derived = interfaces(row)?.map(|i| allocatable::pods(i.count, i.addresses));
    match (derived, stated) {
        (Some(derived), Some(stated)) if derived != stated => Err(row.bad(
            "max_pods",
            &format!(
                "eni_pods × (ipv4_per_eni − 1) + 2 is {derived}; write that or leave it empty"
            ),
        )),
        _ => Ok(stated),
    }
}

fn gpu(row: &Row<'_>) -> Result<Option<Gpu>, CatalogError> {
    let name = row.text("gpu_name");
    let count = row.number("gpu_count")?.unwrap_or(0);
    if name.is_empty() && count == 0 {
        return Ok(None);
    }
    let all = row.number::<u64>("gpu_mem_mib")?;
    Ok(Some(Gpu {
        name: name.to_owned(),
        count,
        memory_mib: all.map(|all| all / count.max(1)),
    }))
}
