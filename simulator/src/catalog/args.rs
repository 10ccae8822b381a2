//! The flags by which every command says where its catalogue comes from: folder, region, zone prices
//! and zone names. Opens no file: whether the folder holds a catalogue shows when it is loaded.

use std::path::PathBuf;

use super::{Source, ZonePrices};

/// Which catalogue, which region, and how zones are named and priced.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// Folder with instance_types.csv, zone_offerings.csv, on_demand_prices.csv and spot.csv
    /// [default: the embedded tables of five regions]
    #[arg(long, value_name = "DIR")]
    pub catalog: Option<PathBuf>,
    /// AWS region [default: the folder's only one; us-east-1 of the embedded tables]
    #[arg(long)]
    pub region: Option<String>,
    /// Spot prices of zones: the list price everywhere, or the measured spread dealt out by --seed
    #[arg(long, value_enum, default_value = "list", value_name = "HOW")]
    pub zone_prices: ZonePricesArg,
    /// What the account calls a zone id, such as us-east-1a=use1-az4; may be repeated
    #[arg(long, value_name = "NAME=ID", value_parser = zone_entry)]
    pub zone_map: Vec<(String, String)>,
}

/// The values of `--zone-prices`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ZonePricesArg {
    /// The list price in every zone.
    List,
    /// The measured spread over zones, dealt out by the seed.
    Seeded,
}

impl SourceArgs {
    /// The source that the flags name; `seed` counts only with seeded zone prices.
    pub fn source(&self, seed: u64) -> Source {
        Source {
            dir: self.catalog.clone(),
            region: self.region.clone(),
            zone_prices: match self.zone_prices {
                ZonePricesArg::List => ZonePrices::List,
                ZonePricesArg::Seeded => ZonePrices::Seeded(seed),
            },
            zone_map: self.zone_map.clone(),
        }
    }
}

fn zone_entry(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, id)) if !name.is_empty() && !id.is_empty() => Ok((name.into(), id.into())),
        _ => Err("is no NAME=ID; write it like us-east-1a=use1-az4".to_owned()),
    }
}
