//! Placed mode's way in: a webhook that adds our gate, and a driver's toleration, to Spark's pods while a
//! leader is there to lift it, and nothing else. Every replica answers from memory. Where anything is odd
//! the pod stays as it is, and is served as it comes.

pub mod certificate;
pub mod decide;
pub mod keep;
pub mod mark;
pub mod review;
pub mod server;
pub mod standing;

/// Name of the MutatingWebhookConfiguration, and of the policy's binding.
pub const CONFIGURATION: &str = "sparkwright";
/// Label or annotation of a pod or a label of its namespace, by which pods are served as they come.
pub const OPT_OUT: (&str, &str) = (crate::model::spark::GATE, "observe");
