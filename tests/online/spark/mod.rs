//! Real Spark: submitted as its users do, on nodes that the controller launches through the emulator. A
//! small kubelet runs drivers and executors as processes of this machine, each with a loopback address of
//! its own; everything else is real. Where Java or Python cannot be had, the tests say that they are
//! skipped.

mod application;
mod boots;
mod container;
mod event_log;
mod install;
mod kubelet;
mod lives;
mod process;
mod running;
mod setting;
