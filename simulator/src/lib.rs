//! The simulated world around Sparkwright's planner.

pub mod spark;
pub mod trace;
