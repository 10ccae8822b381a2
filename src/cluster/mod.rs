//! What is known: events are folded into a cluster, and a plan is decided from a view that borrows it.

pub mod event;
pub mod kubernetes;
