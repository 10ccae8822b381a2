//! The simulated world around Sparkwright's planner.

pub mod catalog;
pub mod dry_run;
pub mod manifests;
pub mod nodepools;
pub mod spark;
pub mod trace;
pub mod world;
