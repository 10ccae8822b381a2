//! `sparkwright-sim catalog`: which types a region sells, filtered, sorted and priced per vCPU and
//! per GiB. Prints a table for people or JSON for programs; money is printed from integers.

use std::collections::BTreeSet;
use std::io;

use sparkwright::model::label::ARCH;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, Catalog, InstanceType, Offering, TypeId};
use sparkwright::model::resources::Bytes;

use crate::output::{Output, OutputArgs};

use super::args::SourceArgs;
use super::{CatalogError, print};

/// Flags of `sparkwright-sim catalog`.
#[derive(Clone, Debug, clap::Args)]
pub struct CatalogArgs {
    /// Where the catalogue comes from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Seed of --zone-prices seeded
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only this family, such as c5d; may be repeated
    #[arg(long)]
    pub family: Vec<String>,
    /// Only this processor architecture
    #[arg(long, value_parser = ["amd64", "arm64"])]
    pub arch: Option<String>,
    /// Only types with local NVMe disks
    #[arg(long)]
    pub nvme: bool,
    /// Only what is sold in this zone, by name or id
    #[arg(long)]
    pub zone: Option<String>,
    /// Only this capacity type
    #[arg(long, value_enum)]
    pub capacity_type: Option<CapacityTypeArg>,
    /// Only types with at least so many vCPUs
    #[arg(long, value_name = "N")]
    pub min_cpu: Option<u32>,
    /// Only types with at most so many vCPUs
    #[arg(long, value_name = "N")]
    pub max_cpu: Option<u32>,
    /// Order; prices are those of the cheaper capacity type shown
    #[arg(long, value_enum, default_value = "name")]
    pub sort: Sort,
    /// Only the first so many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// A table, or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The values of `--capacity-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CapacityTypeArg {
    /// Spot.
    Spot,
    /// On-demand.
    OnDemand,
}

/// The values of `--sort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sort {
    /// Cheapest type first.
    Price,
    /// Cheapest vCPU first.
    PerVcpu,
    /// Cheapest GiB of memory first.
    PerGib,
    /// By family, then by vCPUs.
    Name,
}

/// Why the list could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The catalogue.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A filter that names nothing in the region.
    #[error("{flag} {value} is not in region {region}; choose one of: {known}")]
    Unknown {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The region.
        region: String,
        /// What there is.
        known: String,
    },
    /// The answer could not be written.
    #[error("the list cannot be written")]
    Write(#[from] io::Error),
}

/// A type with the least of its prices in the zones shown.
pub(super) struct Row<'a> {
    pub machine: &'a InstanceType,
    pub zones: Vec<&'a str>,
    pub on_demand: Option<UsdPerHour>,
    pub spot: Option<UsdPerHour>,
    pub interruption: Option<u8>,
}

/// Lists the catalogue to `out`.
///
/// # Errors
/// Where the catalogue cannot be read, a filter names what is not there, or `out` fails.
pub fn run(args: &CatalogArgs, out: &mut dyn io::Write) -> Result<(), ListError> {
    let catalog = args.source.source(args.seed).load()?;
    check_filters(args, &catalog)?;
    let mut rows = rows(args, &catalog);
    match args.sort {
        Sort::Name => rows.sort_by(|a, b| a.by_name().cmp(&b.by_name())),
        Sort::Price => rows.sort_by_key(|row| (row.price(), row.machine.cpu)),
        Sort::PerVcpu => rows.sort_by_key(Row::per_vcpu),
        Sort::PerGib => rows.sort_by_key(Row::per_gib),
    }
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    match args.output.form {
        Output::Table => print::table(&rows, &catalog, out)?,
        Output::Json => print::json(&rows, out)?,
    }
    Ok(())
}

fn check_filters(args: &CatalogArgs, catalog: &Catalog) -> Result<(), ListError> {
    let unknown = |flag, value: &str, known: Vec<&str>| ListError::Unknown {
        flag,
        value: value.to_owned(),
        region: catalog.region.clone(),
        known: known.join(", "),
    };
    if let Some(zone) = &args.zone
        && catalog.find_zone(zone).is_none()
    {
        let names = catalog.zones.iter().flat_map(|z| [&*z.name, &*z.id]);
        return Err(unknown("--zone", zone, names.collect()));
    }
    let families: BTreeSet<&str> = catalog.types.iter().map(|t| &*t.family).collect();
    match args
        .family
        .iter()
        .find(|name| !families.contains(name.as_str()))
    {
        Some(family) => Err(unknown("--family", family, families.into_iter().collect())),
        None => Ok(()),
    }
}

fn rows<'a>(args: &CatalogArgs, catalog: &'a Catalog) -> Vec<Row<'a>> {
    let shown = catalog
        .offerings
        .iter()
        .filter(|offering| wanted(args, catalog, offering));
    let mut rows: Vec<(TypeId, Row<'a>)> = Vec::new();
    for offering in shown {
        if rows
            .last()
            .is_none_or(|(id, _)| *id != offering.instance_type)
        {
            let row = Row {
                machine: catalog.instance_type(offering.instance_type),
                zones: Vec::new(),
                on_demand: None,
                spot: None,
                interruption: None,
            };
            rows.push((offering.instance_type, row));
        }
        if let Some((_, row)) = rows.last_mut() {
            row.add(offering, &catalog.zone(offering.zone).name);
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn wanted(args: &CatalogArgs, catalog: &Catalog, offering: &Offering) -> bool {
    let machine = catalog.instance_type(offering.instance_type);
    let cores = machine.cpu.millis() / 1000;
    let capacity_type = match args.capacity_type {
        None => offering.capacity_type,
        Some(CapacityTypeArg::Spot) => CapacityType::Spot,
        Some(CapacityTypeArg::OnDemand) => CapacityType::OnDemand,
    };
    let zone = args
        .zone
        .as_deref()
        .and_then(|name| catalog.find_zone(name));
    (args.family.is_empty() || args.family.contains(&machine.family))
        && args
            .arch
            .as_ref()
            .is_none_or(|arch| machine.labels.get(ARCH) == Some(arch))
        && (!args.nvme || machine.nvme > Bytes::default())
        && args.min_cpu.is_none_or(|least| cores >= u64::from(least))
        && args.max_cpu.is_none_or(|most| cores <= u64::from(most))
        && zone.is_none_or(|zone| offering.zone == zone)
        && offering.capacity_type == capacity_type
}

impl<'a> Row<'a> {
    fn add(&mut self, offering: &Offering, zone: &'a str) {
        if let Err(position) = self.zones.binary_search(&zone) {
            self.zones.insert(position, zone);
        }
        let price = match offering.capacity_type {
            CapacityType::OnDemand => &mut self.on_demand,
            CapacityType::Spot => &mut self.spot,
        };
        *price = Some(price.map_or(offering.price, |least| least.min(offering.price)));
        self.interruption = self.interruption.or(offering.interruption);
    }

    fn price(&self) -> UsdPerHour {
        let prices = self.on_demand.into_iter().chain(self.spot);
        prices.min().expect("a row has an offering")
    }

    /// Price per vCPU-hour.
    pub fn per_vcpu(&self) -> UsdPerHour {
        share(self.price(), 1000, self.machine.cpu.millis())
    }

    /// Price per GiB-hour of nominal memory.
    pub fn per_gib(&self) -> UsdPerHour {
        share(self.price(), 1024, self.machine.memory.mib())
    }

    fn by_name(&self) -> (&str, u64, &str) {
        (
            &self.machine.family,
            self.machine.cpu.millis(),
            &self.machine.name,
        )
    }
}

/// `price × unit ÷ whole`, rounded half up to the micro-dollar.
fn share(price: UsdPerHour, unit: u64, whole: u64) -> UsdPerHour {
    let whole = i128::from(whole.max(1));
    let micros = (i128::from(price.micros()) * i128::from(unit) * 2 + whole) / (whole * 2);
    UsdPerHour::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: CatalogArgs,
    }

    fn list(flags: &str) -> Result<String, ListError> {
        let cli = Cli::parse_from(std::iter::once("catalog").chain(flags.split_whitespace()));
        let mut out = Vec::new();
        run(&cli.args, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn names(flags: &str) -> Vec<String> {
        let text = list(&format!("{flags} -o json")).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let name = |entry: &serde_json::Value| entry["instanceType"].as_str().unwrap().to_owned();
        entries.iter().map(name).collect()
    }

    #[test]
    fn filters_leave_what_they_name() {
        let family = names("--family c5d --min-cpu 16 --max-cpu 48");
        assert_eq!(family, ["c5d.4xlarge", "c5d.9xlarge", "c5d.12xlarge"]);
        let in_zone = names("--family c5d --min-cpu 48 --max-cpu 48 --zone use1-az5");
        assert!(in_zone.is_empty(), "c5d.12xlarge is not sold there");
        assert!(
            names("--nvme --arch arm64 --family m7g --family m7gd")
                .iter()
                .all(|n| n.starts_with("m7gd"))
        );
        let spot = list("--family r9g --capacity-type on-demand").unwrap();
        assert!(spot.contains("0 types"), "r9g has no price: {spot}");
    }

    #[test]
    fn sorting_by_price_per_gib_puts_the_cheapest_memory_first() {
        let text = list("--arch amd64 --capacity-type on-demand --sort per-gib -o json").unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let price = |entry: &serde_json::Value| entry["usdPerGibHour"].as_f64().unwrap();
        assert!(entries.len() > 400 && entries.is_sorted_by(|a, b| price(a) <= price(b)));
        assert!(
            entries
                .iter()
                .all(|entry| entry["spotUsdPerHour"].is_null())
        );
    }

    #[test]
    fn the_table_shows_prices_per_unit_of_the_cheaper_capacity_type() {
        let text = list("--family c5d --min-cpu 36 --max-cpu 36").unwrap();
        let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        let expected = [
            "c5d.9xlarge",
            "amd64",
            "36",
            "72",
            "900",
            "35840m",
            "65269Mi",
            "234",
            "a,b,d,e,f",
            "1.728",
            "0.6566",
            ">20%",
            "0.018239",
            "0.009119",
        ];
        assert_eq!(row, expected);
    }

    #[test]
    fn a_filter_that_names_nothing_is_refused_with_what_there_is() {
        let error = list("--zone us-east-1z").unwrap_err().to_string();
        assert!(
            error.contains("us-east-1z") && error.contains("use1-az6"),
            "{error}"
        );
        let error = list("--family c99").unwrap_err().to_string();
        assert!(error.contains("c99") && error.contains("c7gd"), "{error}");
    }
}
