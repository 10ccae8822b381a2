//! The simulated world around Sparkwright's planner.
