//! EC2 as the live shell speaks to it, against the emulator over the wire. These tests need no Kubernetes
//! and no account, so they run offline too.
#![expect(
    clippy::unwrap_used,
    reason = "what does not answer as expected fails the test"
)]

mod account;
mod catalog;
mod classes;
mod fleets;
mod instances;
mod limits;
mod notices;
mod templates;
