//! The controller as users run it: its own program under the RBAC that ships, a real control plane, EC2
//! over the wire. Each test has a control plane and an EC2 of its own.

mod burst;
mod crash;
mod faults;
mod lifecycle;
mod measure;
mod parity;
mod rig;
