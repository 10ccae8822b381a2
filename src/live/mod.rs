//! The live shell: watches become events, plans become calls to Kubernetes and EC2, and what comes of
//! them returns as events. It chooses nothing that a plan could choose, and keeps nothing that could not
//! be listed again.
#![expect(
    clippy::disallowed_methods,
    reason = "the live shell is where clock, environment and network are"
)]

pub mod admission;
pub mod ask;
pub mod clock;
pub mod controller;
pub mod crash;
pub mod driver_conf;
pub mod dry_run;
pub mod ec2;
pub mod effects;
pub mod gates;
pub mod guard;
pub mod heard;
mod http;
pub mod lease;
pub mod neighbour;
pub mod pace;
pub mod preflight;
pub mod record;
pub mod rounds;
pub mod settings;
pub mod tell;
pub mod translate;
pub mod watch;
pub mod world;
