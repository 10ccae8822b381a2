//! The recorded stream: everything that a controller was told and what it decided at each look, as
//! lines of JSON (docs/recorded-stream.md). Turns entries into lines and back, and tells where a plan
//! made again differs from the one that was made; reads and writes no file.

mod compare;
mod difference;
mod line;
mod read;
mod waits;
mod write;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster::event::Event;
use crate::cluster::snapshot::Snapshot;
use crate::model::time::Timestamp;
use crate::plan::Plan;

pub use compare::Comparison;
pub use difference::Difference;
pub use read::{Decoder, StreamError};
pub use write::Encoder;

/// The form of the lines that is written here, and the only one that is read.
pub const VERSION: u32 = 1;

/// How a file begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the lines.
    pub version: u32,
    /// Version of the program that wrote it.
    pub by: String,
    /// When the file was begun.
    pub at: Timestamp,
}

/// One thing of the stream.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A file begins.
    Begun(Header),
    /// Everything that was known at a moment: what follows needs nothing from before.
    Known(Box<Snapshot>),
    /// Something happened.
    Event(Event),
    /// The planner looked.
    Round(Round),
    /// So many entries are missing here.
    Gap(u64),
}

/// A look, and what was decided.
#[derive(Clone, Debug)]
pub struct Round {
    /// When.
    pub now: Timestamp,
    /// The plan. Effects and what waits are written, the rest is not.
    pub plan: Arc<Plan>,
}
