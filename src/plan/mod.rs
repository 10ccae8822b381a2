//! What to do: a plan is decided from a view of the cluster, the same view giving the same plan.

pub mod effect;
pub mod reason;
