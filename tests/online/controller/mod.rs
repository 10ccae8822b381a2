//! The controller as users run it: its own program under the RBAC that ships, a real control plane, EC2
//! over the wire. Each test has a control plane and an EC2 of its own.

mod burst;
mod commands;
mod crash;
mod crowd;
mod faults;
mod gangs;
mod karpenter;
mod karpenter_aws;
mod lifecycle;
mod measure;
mod neighbour;
mod notices;
mod observed;
mod parity;
mod placed;
mod requests;
pub mod rig;
pub mod scene;
mod shapes;
mod side_by_side;
mod waits;
