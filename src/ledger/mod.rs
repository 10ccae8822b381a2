//! What it costs: the same events that the cluster is folded from, folded into money. Every
//! micro-dollar of node time ends in exactly one account.

pub mod bygone;
pub mod cost;
pub mod node;
pub mod weight;

pub use cost::{Account, Ledger};
pub use node::PaidNode;
