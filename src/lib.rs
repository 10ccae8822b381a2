//! Sparkwright: a node autoscaler for Apache Spark on Kubernetes and EC2.
//!
//! One loop, two worlds. Facts arrive as events and are folded into a cluster; a plan is decided from
//! a view of it; the plan's effects are carried out by the live shell or by the simulator, and their
//! outcomes return as events. Everything in this crate but the live shell is pure: no async, network,
//! clock, randomness, environment or logging, so what was simulated is what runs.

pub mod cluster;
pub mod ledger;
#[cfg(feature = "live")]
pub mod live;
pub mod model;
pub mod plan;
pub mod stream;

pub use plan::{Planner, plan};
