//! The list's two forms: aligned columns for people, and JSON in which money is printed from integers.
//! Which rows there are, and in which order, is decided before.

use std::io;

use serde::Serialize;
use sparkwright::model::label::ARCH;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{Catalog, InstanceType};

use sparkwright::model::decimal::Decimal;

use super::list::Row;

/// Monthly interruption rate of each bucket, as AWS publishes it.
const BUCKETS: [&str; 5] = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"];

const HEADER: [&str; 14] = [
    "TYPE",
    "ARCH",
    "VCPU",
    "GIB",
    "NVME-GB",
    "CPU",
    "MEMORY",
    "PODS",
    "ZONES",
    "ON-DEMAND",
    "SPOT",
    "TAKEN",
    "PER-VCPU",
    "PER-GIB",
];
/// Columns of text; numbers stand at the right.
const TEXT: [usize; 3] = [0, 1, 8];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    instance_type: &'a str,
    family: &'a str,
    arch: &'a str,
    vcpu: u64,
    memory_mib: u64,
    nvme_gb: u64,
    allocatable: Allocatable,
    zones: &'a [&'a str],
    on_demand_usd_per_hour: Option<Decimal>,
    spot_usd_per_hour: Option<Decimal>,
    interruption_bucket: Option<u8>,
    usd_per_vcpu_hour: Decimal,
    usd_per_gib_hour: Decimal,
}

#[derive(Serialize)]
struct Allocatable {
    cpu: String,
    memory: String,
    pods: u32,
}

/// Writes aligned columns, then a line that says what they are.
pub(super) fn table(
    rows: &[Row<'_>],
    catalog: &Catalog,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut lines: Vec<[String; 14]> = vec![HEADER.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| cells(row, &catalog.region)));
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match TEXT.contains(&column) {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    writeln!(
        out,
        "{} types in {}; CPU, MEMORY and PODS are what pods get; prices in USD per hour, PER-VCPU and \
         PER-GIB of the cheaper one; TAKEN: monthly rate of spot interruption",
        rows.len(),
        catalog.region
    )
}

/// Writes a JSON array.
pub(super) fn json(rows: &[Row<'_>], out: &mut dyn io::Write) -> io::Result<()> {
    let entries: Vec<Entry<'_>> = rows.iter().map(entry).collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}

fn cells(row: &Row<'_>, region: &str) -> [String; 14] {
    let machine = row.machine;
    let price = |price: Option<UsdPerHour>| price.map_or("-".to_owned(), |p| p.to_string());
    let letters = row
        .zones
        .iter()
        .map(|zone| zone.strip_prefix(region).unwrap_or(zone));
    let taken = row
        .interruption
        .and_then(|bucket| BUCKETS.get(usize::from(bucket)));
    [
        machine.name.clone(),
        arch(machine).to_owned(),
        (machine.cpu.millis() / 1000).to_string(),
        gib(machine.memory.mib()),
        gigabytes(machine).to_string(),
        machine.allocatable.cpu.to_string(),
        machine.allocatable.memory.to_string(),
        machine.allocatable.pods.to_string(),
        letters.collect::<Vec<_>>().join(","),
        price(row.on_demand),
        price(row.spot),
        taken.map_or("-".to_owned(), ToString::to_string),
        row.per_vcpu().to_string(),
        row.per_gib().to_string(),
    ]
}

fn entry<'a>(row: &'a Row<'a>) -> Entry<'a> {
    let machine = row.machine;
    Entry {
        instance_type: &machine.name,
        family: &machine.family,
        arch: arch(machine),
        vcpu: machine.cpu.millis() / 1000,
        memory_mib: machine.memory.mib(),
        nvme_gb: gigabytes(machine),
        allocatable: Allocatable {
            cpu: machine.allocatable.cpu.to_string(),
            memory: machine.allocatable.memory.to_string(),
            pods: machine.allocatable.pods,
        },
        zones: &row.zones,
        on_demand_usd_per_hour: row.on_demand.map(Decimal::from),
        spot_usd_per_hour: row.spot.map(Decimal::from),
        interruption_bucket: row.interruption,
        usd_per_vcpu_hour: row.per_vcpu().into(),
        usd_per_gib_hour: row.per_gib().into(),
    }
}

fn arch(machine: &InstanceType) -> &str {
    machine.labels.get(ARCH).map_or("-", String::as_str)
}

fn gigabytes(machine: &InstanceType) -> u64 {
    machine.nvme.get() / 1_000_000_000
}

/// GiB with at most two decimals.
fn gib(mib: u64) -> String {
    let hundredths = mib * 100 / 1024;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
