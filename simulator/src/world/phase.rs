//! What a run is busy with, told to whoever watches it: a progress bar, a benchmark, a recording. The run itself
//! reads no clock.

use sparkwright::cluster::event::Event;
use sparkwright::model::time::Timestamp;
use sparkwright::plan::Plan;

/// A part of a run's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Applications, pods and EC2 do what was due.
    Happen,
    /// Facts are folded into the cluster and the ledger.
    Fold,
    /// kube-scheduler binds.
    Bind,
    /// The planner plans.
    Plan,
    /// What was planned is done.
    CarryOut,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 5] = [
        Phase::Happen,
        Phase::Fold,
        Phase::Bind,
        Phase::Plan,
        Phase::CarryOut,
    ];
}

/// What a run tells.
#[derive(Clone, Copy, Debug)]
pub enum Watched<'a> {
    /// It turns to this.
    Enters(Phase),
    /// So many applications have finished.
    Finished(usize),
    /// This was folded.
    Happened(&'a Event),
    /// The planner looked, and decided this.
    Planned(Timestamp, &'a Plan),
}
