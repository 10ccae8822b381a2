//! What a controller tells of itself: metrics, health and answers over HTTP, Kubernetes events, logs and
//! traces. Told by plain calls on values; decides nothing, and never holds up the loop.

pub mod breach;
pub mod explain;
pub mod http;
pub mod kubernetes;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod moment;
pub mod traces;

pub use http::{Shared, serve};
pub use memory::Memory;
pub use metrics::Metrics;
