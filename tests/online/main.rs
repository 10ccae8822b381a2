//! Tests against real peers: a Kubernetes control plane that the test bed builds and starts, and EC2 as the
//! emulator serves it.
#![expect(
    clippy::disallowed_methods,
    reason = "the test bed waits for processes and reads its settings from the environment"
)]
#![expect(
    clippy::panic,
    reason = "a test bed that does not work fails the test that asked for it"
)]

mod admission;
#[path = "../admission/mod.rs"]
mod cases;
mod cluster;
mod controller;
mod ec2;
mod rbac;
#[cfg(target_os = "linux")]
mod spark;
mod testbed;
