//! The live shell: what runs beside the pure core, with clock, environment and network. Tells what
//! happens and what was decided, to files, metrics, Kubernetes and people.

#![expect(
    clippy::disallowed_methods,
    reason = "the live shell is where clock, environment and network are"
)]

pub mod ask;
pub mod dry_run;
pub mod record;
pub mod tell;
