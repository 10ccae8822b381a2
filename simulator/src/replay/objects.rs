//! `-f`: objects of the cluster that replayed pods meet, as `kubectl get -o json` prints them: DaemonSets, which take
//! room on every node, and what pods' rules refer to (disruption budgets, namespaces). Everything else that a
//! cluster has comes from the trace, or from the run itself.

use std::io::{self, Write};

use sparkwright::cluster::event::Fact;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::referent::Referent;

use crate::manifests;

use super::{ReplayArgs, ReplayError};

/// What is there before the first application comes.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub daemons: Vec<Daemon>,
    /// By `namespace/name`, or the name alone where there are no namespaces.
    pub referents: Vec<(String, Referent)>,
}

/// Reads what the arguments name. Err where an object is refused, with a line for each.
pub(super) fn read(args: &ReplayArgs, messages: &mut dyn Write) -> Result<Objects, ReplayError> {
    let given = manifests::read(&args.files, &mut io::stdin());
    if !given.refusals.is_empty() {
        return Err(ReplayError::Objects(given.refusals));
    }
    for line in &given.warnings {
        writeln!(messages, "warning: {line}")?;
    }
    let mut objects = Objects::default();
    let mut others: usize = 0;
    for fact in given.facts {
        match fact {
            Fact::DaemonApplied(daemon) => objects.daemons.push(*daemon),
            Fact::ReferentApplied { name, referent } => objects.referents.push((name, *referent)),
            _ => others += 1,
        }
    }
    if others > 0 {
        writeln!(
            messages,
            "warning: {others} objects of -f are passed over: pods come from --trace, nodes are launched by the run, \
             and NodePools are given with --nodepools"
        )?;
    }
    Ok(objects)
}
