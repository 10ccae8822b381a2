//! A pod that runs, and how it is brought to its end: preStop, SIGTERM, SIGKILL, each when its time has
//! come.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use rustix::process::Signal;

use super::process::Process;

/// What is left to a program between SIGTERM and SIGKILL when its preStop has used up its grace, as a kubelet
/// has it.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// A pod's process.
pub struct Running {
    /// The node that it is on.
    pub node: String,
    /// Its pod's address.
    pub address: String,
    /// Its container.
    pub process: Process,
    ending: Option<Ending>,
}

#[derive(Clone, Copy)]
enum Ending {
    /// Its preStop runs until then at the longest.
    Stopping(Instant),
    /// It has had SIGTERM, and is killed then.
    Terminating(Instant),
}

impl Running {
    /// A pod that has just begun.
    pub fn new(node: &str, address: &str, process: Process) -> Self {
        Running {
            node: node.to_owned(),
            address: address.to_owned(),
            process,
            ending: None,
        }
    }

    /// The next step of the end that its pod was asked to come to, when its time has come.
    pub fn end(&mut self, pod: &Pod) {
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let now = Instant::now();
        self.ending = match self.ending {
            // Spark's script for decommissioning sends this signal, and waits.
            None if decommissions(pod) => {
                self.process.signal(Signal::POWER);
                Some(Ending::Stopping(now + grace))
            }
            None => {
                self.process.signal(Signal::TERM);
                Some(Ending::Terminating(now + grace))
            }
            Some(Ending::Stopping(until)) if now >= until => {
                self.process.signal(Signal::TERM);
                Some(Ending::Terminating(now + LAST_GRACE))
            }
            Some(Ending::Terminating(until)) if now >= until => {
                self.process.kill();
                self.ending
            }
            still => still,
        };
    }
}

fn decommissions(pod: &Pod) -> bool {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let lifecycle = container.and_then(|one| one.lifecycle.as_ref());
    let stop = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let command = stop.and_then(|stop| stop.exec.as_ref()?.command.as_ref());
    command.is_some_and(|command| command.iter().any(|word| word.contains("decom")))
}
