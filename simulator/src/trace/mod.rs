//! What really happened, read from event logs and from traces in the open format: paths to logs, logs to
//! recorded applications, recorded applications to the work that a replay runs; and other traces to the
//! open format. Knows no simulation.

#[cfg(feature = "s3")]
pub mod bucket;
pub mod clock;
pub mod codec;
pub mod eventlog;
pub mod events;
pub mod format;
pub mod import;
pub mod layout;
pub mod machine;
pub mod recorded;
pub mod requests;
pub mod settings;
pub mod store;
pub mod work;

use std::path::Path;

pub use recorded::Recorded;
pub use settings::Settings;
pub use work::Work;

/// An input that is left out, and why; the others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The path.
    pub input: String,
    /// What is wrong with it, and what to do about it where anything can be.
    pub reason: String,
}

/// The applications under a path, one after the other, so that only one log need be in memory.
pub fn open(path: &Path) -> impl Iterator<Item = Result<Recorded, Skipped>> + use<> {
    layout::logs(path)
        .into_iter()
        .map(|log| log.and_then(|log| eventlog::read(&log)))
}

impl Skipped {
    /// Leaves out `path` because of `reason`.
    pub fn new(path: &Path, reason: impl Into<String>) -> Self {
        Skipped {
            input: path.display().to_string(),
            reason: reason.into(),
        }
    }
}
