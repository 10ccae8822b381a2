//! A DaemonSet as far as it matters to a node's room: what its pod takes, and where it runs. How many
//! of its pods run already does not matter: room is kept for all of them.

use serde::{Deserialize, Serialize};

use super::node::Toleration;
use super::requirement::Constraints;
use super::resources::Resources;

/// One DaemonSet's pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// `namespace/name` of the DaemonSet.
    pub name: String,
    /// What its pod takes from each node where it runs.
    pub requests: Resources,
    /// Which nodes it runs on.
    pub constraints: Constraints,
    /// Taints that it tolerates.
    pub tolerations: Vec<Toleration>,
}
