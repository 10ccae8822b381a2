//! The simulated world around Sparkwright's planner: what EC2 sells, what manifests and event logs say,
//! EC2's fleet, kube-scheduler and Spark in virtual time, and the commands that put them together.

pub mod bench;
pub mod calibrate;
pub mod catalog;
pub mod dry_run;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod manifests;
pub mod nodepools;
pub mod output;
pub mod overhead;
pub mod replay;
pub mod spark;
mod timeline;
pub mod trace;
pub mod traces;
pub mod world;
