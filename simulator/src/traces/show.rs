//! `trace show`: what is in a trace or in event logs, as a table for people or as JSON. Prints what
//! `summary` has counted.

use std::io::{self, Write};
use std::path::PathBuf;

use super::TraceError;
use super::summary::{Summary, summary_of_logs, summary_of_trace};
use crate::output::{Outcome, Output, OutputArgs, printable};
use crate::trace::format;

/// Applications listed in the table; the rest is counted.
const MOST_LISTED: usize = 20;

/// Arguments of `trace show`.
#[derive(Clone, Debug, clap::Args)]
pub struct ShowArgs {
    /// A trace's folder, an event log, or a folder of event logs
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A table, or JSON.
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(
    args: &ShowArgs,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Outcome, TraceError> {
    let (summary, problems) = match format::is_trace(&args.path) {
        true => summary_of_trace(&args.path).map_err(|finding| TraceError::Input {
            input: args.path.display().to_string(),
            reason: finding.to_string(),
        })?,
        false => summary_of_logs(&args.path),
    };
    for problem in &problems {
        writeln!(messages, "skipped {}", printable(problem))?;
    }
    match args.output.form {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &summary).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Output::Table => table(&summary, out)?,
    }
    Ok(
        match summary.pods.total == 0 && summary.applications.is_empty() {
            true => Outcome::Refused,
            false => Outcome::Done,
        },
    )
}

fn table(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let applications = summary.applications.len();
    writeln!(
        out,
        "TRACE  {}: {applications} applications and {} pods over {} s",
        printable(&summary.source),
        summary.pods.total,
        summary.span_ms / 1000,
    )?;
    let words = |counts: &std::collections::BTreeMap<String, u64>| {
        let words: Vec<String> = counts
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        words.join(", ")
    };
    writeln!(out, "roles  {}", words(&summary.pods.by_role))?;
    writeln!(out, "ends   {}", words(&summary.pods.by_end))?;
    if let Some(minute) = &summary.busiest_minute {
        writeln!(
            out,
            "busy   {} pods created in the minute from {} s",
            minute.pods,
            minute.from_ms / 1000
        )?;
    }
    writeln!(
        out,
        "\n{:<10} {:>12} {:>12} {:>12} {:>12}",
        "ASKED FOR", "P50", "P90", "P99", "MOST"
    )?;
    for (name, asked) in [
        ("CPU milli", &summary.cpu_milli),
        ("MEM MiB", &summary.mem_mib),
    ] {
        if let Some(asked) = asked {
            writeln!(
                out,
                "{name:<10} {:>12} {:>12} {:>12} {:>12}",
                asked.p50, asked.p90, asked.p99, asked.max
            )?;
        }
    }
    writeln!(
        out,
        "\n{:<44} {:<6} {:>8} {:>10} {:>10}",
        "APPLICATION", "KIND", "PODS", "TASKS", "LASTS s"
    )?;
    for app in summary.applications.iter().take(MOST_LISTED) {
        let id: String = printable(&app.id).chars().take(44).collect();
        let lasts = app.length_ms / 1000;
        writeln!(
            out,
            "{id:<44} {:<6} {:>8} {:>10} {lasts:>10}",
            app.kind, app.pods, app.tasks
        )?;
    }
    match applications.saturating_sub(MOST_LISTED) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; -o json lists all"),
    }
}
