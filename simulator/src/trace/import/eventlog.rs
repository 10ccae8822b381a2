//! Spark event logs to the open format: one application after the other, with everything that a replay
//! of the log reads, so that a replay of the trace gives the same result.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::{Import, Options};
use crate::trace::format::application;
use crate::trace::{self, Recorded};

pub(super) fn import(
    path: &Path,
    options: &Options<'_>,
    import: &mut Import<'_>,
) -> io::Result<()> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for log in trace::open(path) {
        match log {
            Ok(recorded) => write(&recorded, &mut seen, options, import)?,
            Err(skipped) => import.skip(skipped),
        }
    }
    import.note(
        "event logs do not hold when pods were created or scheduled, pods that were asked for and never \
         granted, nor nodes: those columns are null",
    );
    Ok(())
}

/// Times count from the first application's submission; an earlier one's are negative.
fn write(
    recorded: &Recorded,
    seen: &mut BTreeMap<String, u32>,
    options: &Options<'_>,
    import: &mut Import<'_>,
) -> io::Result<()> {
    let manifest = &mut import.writer.manifest;
    manifest
        .origin_ms
        .get_or_insert((recorded.submitted - sparkwright::model::time::Timestamp::ZERO).millis());
    let count = seen.entry(recorded.id.clone()).or_default();
    *count += 1;
    let name = match count {
        1 => recorded.id.clone(),
        count => format!("{}#{count}", recorded.id),
    };
    if let Some(permille) = (options.fidelity)(recorded) {
        let shown = import.writer.shown(&name);
        let fidelity = &mut import.writer.manifest.fidelity_permille;
        fidelity.insert(shown, permille);
    }
    application::write(recorded, &name, import.writer)
}
