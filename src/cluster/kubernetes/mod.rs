//! Kubernetes' objects to facts: pods, nodes, DaemonSets, SparkApplications and what pods' rules
//! refer to, read alike from a watch and from a manifest. Kubernetes' words stay here; an object with a bad value is refused alone,
//! with the field and the remedy. What to do with the facts is for others.

pub mod affinity;
pub mod application;
mod cni;
pub mod daemonset;
pub mod decode;
pub mod fault;
pub mod identity;
mod neighbours;
pub mod node;
pub mod obstacle;
mod placement;
pub mod pod;
pub mod referent;
pub mod requests;
pub mod role;
pub mod taint;
pub mod template;

pub use application::{SparkApplication, shape};
pub use cni::cni;
pub use daemonset::daemon;
pub use decode::{Kind, Statement, priority_class, statement, template_of};
pub use fault::{Fault, Refusal};
pub use node::node;
pub use pod::pod;

#[cfg(test)]
mod tests;
