//! The live shell: clock, environment and network. It carries out what the core decides, and tells the
//! core what comes of it as events; it makes no choice of its own.
#![expect(
    clippy::disallowed_methods,
    reason = "the live shell is where clock, environment and network are"
)]

pub mod ec2;
