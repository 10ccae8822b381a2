//! A replay for people: the bill, the applications, the nodes and why they were launched. Says nothing
//! that the JSON document does not hold; it is written from it.

use std::io::{self, Write};

use crate::output::printable;
use sparkwright::model::decimal::Decimal;

use super::Answer;
use super::document::{self, Apps, Document};
use super::nodes::{Node, NodeGroup};

/// Nodes listed; the rest is counted.
const MOST_NODES: usize = 50;

/// Applications listed; the rest is counted.
const MOST_APPLICATIONS: usize = 200;
/// Pods that wait, listed; the rest is counted.
const MOST_WAITING: usize = 200;

/// Writes the tables.
pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let document = document::document(answer);
    bill(&document, out)?;
    world(&document, out)?;
    applications(&document.apps, out)?;
    match document.nodes_aggregated {
        true => node_groups(&document.node_groups, out)?,
        false => nodes(&document.nodes, out)?,
    }
    if !document.unplaced.is_empty() {
        writeln!(out, "\nPODS STILL WAITING AT THE END")?;
        for pod in document.unplaced.iter().take(MOST_WAITING) {
            writeln!(out, "{}  {}: {}", pod.pod, pod.reason, pod.message)?;
        }
        if let Some(more @ 1..) = document.unplaced.len().checked_sub(MOST_WAITING) {
            writeln!(out, "and {more} more; -o json lists all")?;
        }
    }
    for skip in &document.skipped {
        writeln!(
            out,
            "\nskipped {}: {}",
            printable(skip.input),
            printable(skip.reason)
        )?;
    }
    Ok(())
}

fn bill(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let apps = document.apps.len();
    writeln!(
        out,
        "BILL  {} USD for {apps} application{} in {}, {} nodes, at most {} USD per hour",
        document.usd,
        if apps == 1 { "" } else { "s" },
        document.region,
        document.node_count,
        document.usd_per_hour_peak,
    )?;
    writeln!(
        out,
        "      of it idle {}, boot {}, system {}; all was done after {} s",
        document.usd_idle, document.usd_boot, document.usd_system, document.makespan_seconds,
    )?;
    match &document.usd_per_work_hour {
        None => Ok(()),
        Some(usd) => writeln!(
            out,
            "      {usd} USD for an hour of one task's work on machines at performance 1; {} such hours were done",
            document.work_hours,
        ),
    }
}

/// What went wrong, where anything did.
fn world(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let world = &document.world;
    let taken = &world.interruptions;
    let moved = document.apps.iter();
    let moved = moved.filter(|app| !app.world.moved_from.is_empty());
    let counts = [
        ("nodes taken back", taken.nodes),
        ("of them free of charge", taken.free),
        ("executors lost", taken.executors_lost),
        ("drivers lost", taken.drivers_lost),
        ("nodes refused", world.refused_nodes),
        ("capacity errors", world.capacity_errors.count),
        ("quota errors", world.quota_errors),
        ("address errors", world.address_errors),
        ("pods without address", world.pods_without_address),
        ("throttled calls", world.throttled_calls),
        ("applications moved to another zone", count(moved.count())),
    ];
    let told = counts.iter().filter(|(_, count)| *count > 0);
    let told: Vec<String> = told
        .map(|(what, count)| format!("{what}: {count}"))
        .collect();
    let mut label = "EC2 ";
    for line in told.chunks(4) {
        writeln!(out, "{label}  {}", line.join("; "))?;
        label = "    ";
    }
    Ok(())
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn applications(apps: &Apps<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "APPLICATION", "USD", "WAIT s", "IN JOBS s", "LOGGED s", "ALL s", "LOGGED s", "ERROR"
    )?;
    for app in apps.iter().take(MOST_APPLICATIONS) {
        let all = app.finished_seconds.as_ref();
        writeln!(
            out,
            "{:<44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            clip(&format!("{} ({})", app.name, app.id), 44),
            app.usd,
            or_dash(app.wait_seconds.as_ref()),
            or_dash(app.in_job_seconds.as_ref()),
            or_dash(app.recorded_in_job_seconds.as_ref()),
            or_dash(all),
            app.recorded_seconds,
            or_dash(app.fidelity.as_ref().and_then(|f| f.error.as_ref())),
        )?;
    }
    if let Some(more @ 1..) = apps.len().checked_sub(MOST_APPLICATIONS) {
        writeln!(out, "and {more} more; -o json lists all")?;
    }
    writeln!(
        out,
        "WAIT: submission to first task. ERROR: how far the model misses the log's time in jobs with \
         the log's executors."
    )
}

fn nodes(nodes: &[Node<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<24} {:<16} {:<10} {:<16} {:>10} {:>10} {:>10} {:>10}",
        "NODE", "TYPE", "CAPACITY", "ZONE", "FROM s", "READY s", "TO s", "USD"
    )?;
    let mut why = "";
    for node in nodes.iter().take(MOST_NODES) {
        if node.message != why {
            writeln!(out, "  why: {}", node.message)?;
            why = &node.message;
        }
        writeln!(
            out,
            "{:<24} {:<16} {:<10} {:<16} {:>10} {:>10} {:>10} {:>10}",
            clip(node.id, 24),
            node.instance_type,
            node.capacity_type,
            node.zone,
            node.launched_seconds,
            or_dash(node.ready_seconds.as_ref()),
            or_dash(node.ended_seconds.as_ref()),
            node.usd,
        )?;
    }
    match nodes.len().saturating_sub(MOST_NODES) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; -o json lists all"),
    }
}

fn node_groups(groups: &[NodeGroup<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<24} {:<16} {:<10} {:<16} {:>10} {:>14} {:>12}",
        "POOL", "TYPE", "CAPACITY", "ZONE", "NODES", "NODE s", "USD"
    )?;
    for group in groups.iter().take(MOST_NODES) {
        writeln!(
            out,
            "{:<24} {:<16} {:<10} {:<16} {:>10} {:>14} {:>12}",
            clip(group.pool, 24),
            group.instance_type,
            group.capacity_type,
            group.zone,
            group.nodes,
            group.node_seconds,
            group.usd,
        )?;
    }
    match groups.len().saturating_sub(MOST_NODES) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; -o json lists all"),
    }
}

fn or_dash(number: Option<&Decimal>) -> String {
    number.map_or_else(|| "-".into(), ToString::to_string)
}

/// At most so many characters, and none that a terminal would obey.
fn clip(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}…")
}
