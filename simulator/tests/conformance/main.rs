//! The emulator under the AWS SDK for Rust, over the wire: what an SDK sends is understood, what it is
//! answered it can read, and both mean what EC2's documentation says. moto is asked the same where it is
//! right (`moto.rs`).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test asks with ends the test where it fails"
)]

#[path = "../emulated/mod.rs"]
mod emulated;
mod events;
mod fleets;
mod instances;
mod limits;
mod lists;
mod moto;
mod peer;
mod templates;
