//! Why a catalogue could not be read: always the file, the place in it, the value and the remedy. Only
//! the sentences are here; what is wrong is found where each table is read.

use std::path::PathBuf;

/// A catalogue that cannot be used, in one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A table that is needed is not there.
    #[error(
        "catalogue file {} is missing; a catalogue folder needs instance_types.csv, \
         zone_offerings.csv, on_demand_prices.csv and spot.csv", .0.display()
    )]
    Missing(PathBuf),
    /// A file that cannot be read at all.
    #[error("catalogue file {file} cannot be read: {cause}; {remedy}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader said.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A table without one of its columns.
    #[error(
        "catalogue file {file} has no column {column}; add it to the header row, \
         which has: {present}"
    )]
    Column {
        /// The file.
        file: String,
        /// The column that is needed.
        column: &'static str,
        /// The columns that are there.
        present: String,
    },
    /// A value that is not what its column holds.
    #[error("catalogue file {file} line {line}: column {column} has {value:?}; {remedy}")]
    Cell {
        /// The file.
        file: String,
        /// Line in the file; the header is line 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
        /// What to write instead.
        remedy: String,
    },
    /// No region named where the catalogue has several.
    #[error("the catalogue has several regions; choose with --region one of: {known}")]
    RegionNeeded {
        /// The regions it has.
        known: String,
    },
    /// A region that the catalogue does not have.
    #[error("region {wanted} is not in the catalogue; choose with --region one of: {known}")]
    Region {
        /// The region.
        wanted: String,
        /// The regions it has.
        known: String,
    },
    /// A region whose zone ids cannot be spelt.
    #[error(
        "catalogue file {file} has no zone id prefix for region {region}; add it to \
         constants.json under zone_id_prefix.by_region, such as {{\"us-east-1\": \"use1\"}}"
    )]
    Prefix {
        /// The file looked into last.
        file: String,
        /// The region.
        region: String,
    },
    /// An entry of the zone map that cannot be followed.
    #[error("--zone-map {entry}: {problem}")]
    ZoneMap {
        /// The entry.
        entry: String,
        /// What is wrong and the remedy.
        problem: String,
    },
}
