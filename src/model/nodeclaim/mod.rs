//! The NodeClaim custom resource: one node that we own or await. Written before EC2 is asked, filled from
//! EC2's answer, followed until the node is gone. Its spec never changes; what becomes of it is its status.

pub mod spec;
pub mod status;

pub use spec::{NodeClaim, NodeClaimSpec};
pub use status::NodeClaimStatus;

#[cfg(test)]
mod tests;
