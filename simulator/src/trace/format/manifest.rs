//! A trace's manifest: what the tables hold and where they come from. Written last, so that a trace
//! that was cut off while it was written has none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::Rest;
use super::{FORMAT, Finding, MANIFEST, Rule};

/// A larger manifest is refused: it holds a few words and one number per application.
const MOST_BYTES: u64 = 64 << 20;

/// What a trace says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name and version of the format.
    pub format: String,
    /// The instant that times count from, in ms since 1970-01-01 UTC; None where the source does not say.
    pub origin_ms: Option<i64>,
    /// Where the trace comes from: `eventlog`, `openb`, `alibaba`, `simkube`, `pods` or a recorder's name.
    pub source: String,
    /// The program that wrote it.
    pub recorder: String,
    /// True where names mean nothing.
    #[serde(default)]
    pub anonymised: bool,
    /// Rows by table.
    #[serde(default)]
    pub rows: BTreeMap<String, u64>,
    /// How far a replay with the recorded executors misses the recorded time in jobs, in thousandths, by
    /// application; where known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fidelity_permille: BTreeMap<String, u64>,
    /// What was assumed and what was left out, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Fields that the format does not name, kept as they are.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Reads a folder's manifest.
///
/// # Errors
/// Where it is missing, is no manifest, or is one of another format or version.
pub fn read(folder: &Path) -> Result<Manifest, Finding> {
    let found = |problem: String| Finding::new(Rule::Manifest, MANIFEST, None, problem);
    let file = File::open(folder.join(MANIFEST)).map_err(|error| {
        found(format!("cannot be read ({error})")).remedy("name a folder that holds a trace")
    })?;
    let mut text = String::new();
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| found(format!("cannot be read ({error})")))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
        found(format!("is no manifest ({error})"))
            .remedy("write format, source and recorder as docs/trace-format.md says")
    })?;
    if manifest.format != FORMAT {
        return Err(found("is not a format that is read here".to_owned())
            .column("format")
            .value(&manifest.format)
            .remedy(format!("write {FORMAT}")));
    }
    Ok(manifest)
}
