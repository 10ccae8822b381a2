//! The simulated world: a virtual clock, EC2's fleet, kube-scheduler and applications around the
//! same cluster, planner and ledger that run live. It carries out what the planner decides and decides
//! nothing itself.

pub mod agenda;
pub mod arrivals;
mod asking;
mod carry_out;
pub mod conditions;
mod daemons;
pub mod delays;
pub mod fleet;
mod images;
mod life;
mod over;
mod pace;
pub mod phase;
mod placing;
pub mod pod_set;
pub mod pods;
pub mod record;
pub mod run;
pub mod scheduler;
pub mod stream;
pub mod submission;
pub mod submissions;
pub mod tally;
mod upheaval;
pub mod workload;

pub use run::{Outcome, Simulation, run};
