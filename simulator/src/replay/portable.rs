//! Traces in the open format as inputs of a replay: Spark applications as from their logs, pods as they
//! are; what is wrong with a trace is skipped row by row.

use std::io::{self, Write};
use std::path::Path;

use indicatif::ProgressBar;
use sparkwright::model::spark::Role;

use super::ReplayArgs;
use crate::output::printable;
use crate::trace::Skipped;
use crate::trace::format::{Demand, Finding, Tables, demands};
use crate::world::pod_set::PodSubmission;
use crate::world::workload::Workload;

/// The applications of a trace. What is left out goes to `skipped`, what was assumed to `messages`.
pub(super) fn read(
    args: &ReplayArgs,
    folder: &Path,
    bar: &ProgressBar,
    skipped: &mut Vec<Skipped>,
    messages: &mut dyn Write,
) -> io::Result<Vec<Workload>> {
    let leave_out = |finding: &Finding| Skipped {
        input: folder.join(finding.table).display().to_string(),
        reason: finding.to_string(),
    };
    let tables = match Tables::read(folder) {
        Ok(tables) => tables,
        Err(finding) => {
            skipped.push(leave_out(&finding));
            return Ok(Vec::new());
        }
    };
    skipped.extend(tables.findings.kept.iter().map(leave_out));
    let notes = tables.manifest.notes.clone();
    let mut demands = demands(folder, tables);
    let mut workloads = Vec::new();
    for demand in &mut demands {
        bar.inc(1);
        let workload = match demand {
            Ok(Demand::Pods(pods)) => Ok(Workload::Pods(Box::new(PodSubmission::new(pods)))),
            Ok(Demand::Spark(recorded)) => super::submission(args, folder, *recorded, messages)
                .map(|submission| Workload::Spark(Box::new(submission))),
            Err(finding) => Err(leave_out(&finding)),
        };
        match workload {
            Ok(workload) => workloads.push(workload),
            Err(problem) => skipped.push(problem),
        }
    }
    for note in notes {
        writeln!(messages, "note: {}: {}", folder.display(), printable(&note))?;
    }
    if demands.unscheduled > 0 {
        let count = demands.unscheduled;
        writeln!(
            messages,
            "note: {count} pods never had a node in the trace, and are left out"
        )?;
    }
    if demands.censored > 0 {
        let count = demands.censored;
        writeln!(
            messages,
            "note: {count} pods outlive the trace, and run for as long as they were seen"
        )?;
    }
    Ok(workloads)
}

/// True for pods that no pool serves which is made for Spark.
pub(super) fn has_other_pods(workload: &Workload) -> bool {
    match workload {
        Workload::Spark(_) => false,
        Workload::Pods(pods) => {
            let mut pods = pods.recorded.pods.iter();
            pods.any(|pod| pod.template.role == Role::Other)
        }
    }
}
