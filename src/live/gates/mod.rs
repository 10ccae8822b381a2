//! Gates' safety: no gate is ever the reason that a cluster without a controller stands still. Whoever
//! leads is only looked on from here; every replica lifts gates that are too old or whose leader is gone,
//! and so does `sparkwright ungate`. Knows neither plans nor EC2.

pub mod held;
pub mod leader;
pub mod lift;
pub mod ungate;
pub mod watchdog;

pub use leader::Leader;
