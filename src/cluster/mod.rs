//! What is known: events are folded into a cluster, and a plan is decided from a view that borrows it.
//! Kubernetes objects become facts at its border; nothing is decided here.

pub mod app;
pub mod count;
pub mod event;
pub mod idle;
pub mod kubernetes;
pub mod market;
pub mod node;
pub mod shortage;
pub mod snapshot;
pub mod space;
pub mod state;
pub mod usage;
pub mod view;

pub use state::Cluster;
pub use view::View;
