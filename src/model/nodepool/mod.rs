//! The NodePool custom resource and its checking into a [`Pool`]: what is written becomes what is
//! meant, defaults filled in, or every bad field is named. Knows no catalogue: whether any offering
//! meets the requirements is asked elsewhere.

mod check;
mod contradiction;
mod lifetime;
mod requirement;
pub mod spec;
pub mod status;
mod taint;
pub mod template;

use serde_json::Value;

use super::object;
use super::object::fault::Faults;
pub use super::object::{API_VERSION, FieldError, MOST_BYTES};
use super::pool::Pool;
pub use spec::{NodePool, NodePoolSpec};

/// Reads and checks a NodePool. The answer is the pool and warnings on what is allowed but probably
/// not meant.
///
/// # Errors
/// Every bad field that can be told, in order of the checks.
pub fn read(document: Value) -> Result<(Pool, Vec<String>), Vec<FieldError>> {
    let mut faults = Faults::default();
    let read = object::read::<NodePool, NodePoolSpec>(document, &mut faults);
    let pool = read.map(|(name, spec)| check::pool(&name, &spec, &mut faults));
    match pool {
        Some(pool) if faults.errors.is_empty() => Ok((pool, faults.warnings)),
        _ => Err(faults.errors),
    }
}

#[cfg(test)]
mod tests;
