//! The open trace format, `sparkwright.trace/v1`: a folder with `manifest.json` and tables as JSON lines,
//! plain or zstd. Rows are written and read one at a time; `docs/trace-format.md` is the format's page.
//! What a source of traces means is for `import`, what a replay makes of a trace for the world.

pub mod amounts;
pub mod anonymise;
pub mod application;
pub mod check;
pub mod demand;
pub mod finding;
pub mod manifest;
pub mod pods;
pub mod read;
pub mod row;
pub mod tables;
pub mod write;

pub use demand::{Demand, demands};
pub use finding::{Finding, Findings, Rule};
pub use manifest::Manifest;
pub use read::Tables;
pub use row::{Column, Row};
pub use write::Writer;

use std::path::Path;

/// Name and version of the format.
pub const FORMAT: &str = "sparkwright.trace/v1";
/// The file that makes a folder a trace.
pub const MANIFEST: &str = "manifest.json";

/// True where a path is a folder that holds a trace of this format.
pub fn is_trace(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

#[cfg(test)]
mod tests;
