//! What a line of the stream looks like. Pods' templates and catalogues are written once and named by
//! number from there on; everything else is as the events and effects themselves have it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster::event::Event;
use crate::cluster::snapshot::{KnownApp, KnownNode, Rest};
use crate::model::name::PodId;
use crate::model::offering::Catalog;
use crate::model::spark::{PodPhase, PodTemplate};
use crate::model::time::Timestamp;
use crate::plan::Effect;

use super::Header;
use super::waits::Change;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first of a file.
    Stream(Header),
    /// A template by number.
    Template(u32, Arc<PodTemplate>),
    /// A catalogue by number.
    Catalog(u32, Arc<Catalog>),
    /// So many `known-…` lines follow.
    Known(Box<Known>),
    /// An application that was known.
    KnownApp(Box<KnownApp>),
    /// A node that was known.
    KnownNode(Box<KnownNode>),
    /// A pod that was known.
    KnownPod(PodLine),
    /// An event.
    Event(Event),
    /// A pod is there, or has changed.
    Pod {
        /// When.
        at: Timestamp,
        /// The pod.
        pod: PodLine,
    },
    /// The region's offerings are listed.
    CatalogListed {
        /// When.
        at: Timestamp,
        /// Number of the catalogue.
        catalog: u32,
    },
    /// The planner looked.
    Round {
        /// When.
        now: Timestamp,
        /// What it decided.
        effects: Vec<Effect>,
        /// What waits otherwise than at the look before.
        #[serde(default, skip_serializing_if = "Change::is_nothing")]
        waits: Change,
    },
    /// So many entries are missing.
    Gap(u64),
}

/// The head of a snapshot.
#[derive(Serialize, Deserialize)]
pub struct Known {
    /// Number of the catalogue.
    pub catalog: u32,
    /// Lines of applications that follow.
    pub apps: usize,
    /// Lines of nodes after them.
    pub nodes: usize,
    /// Lines of pods at the end.
    pub pods: usize,
    /// What has no rows of its own.
    pub rest: Rest,
}

/// A pod, its template by number.
#[derive(Serialize, Deserialize)]
pub struct PodLine {
    /// `namespace/name`.
    pub id: PodId,
    /// Number of its template.
    pub template: u32,
    /// When it was created.
    pub created: Timestamp,
    /// Where it is in its life.
    pub phase: PodPhase,
}
