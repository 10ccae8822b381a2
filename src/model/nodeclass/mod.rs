//! The NodeClass custom resource: what nodes are made of. What is written becomes a [`Class`], or every
//! bad field is named; from a class and what is known of the cluster follows the user data with which a
//! node joins. Knows no AWS: which subnets and images there are is asked elsewhere.

mod check;
mod class;
pub mod disk;
pub mod image;
pub mod kubelet;
pub mod selector;
pub mod spec;
pub mod status;
pub mod user_data;

use serde_json::Value;

use super::object::fault::Faults;
use super::object::{self, FieldError};
pub use class::{Class, Identity, ImageSelector, InstanceStore, MetadataOptions, Selector};
pub use spec::{AmiFamily, NodeClass, NodeClassSpec};

/// Reads and checks a NodeClass.
///
/// # Errors
/// Every bad field that can be told, in order of the checks.
pub fn read(document: Value) -> Result<Class, Vec<FieldError>> {
    let mut faults = Faults::default();
    let read = object::read::<NodeClass, NodeClassSpec>(document, &mut faults);
    let class = read.and_then(|(name, spec)| check::class(name, spec, &mut faults));
    match class {
        Some(class) if faults.errors.is_empty() => Ok(class),
        _ => Err(faults.errors),
    }
}

#[cfg(test)]
mod tests;
