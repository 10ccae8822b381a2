//! A replay for people: the bill, the applications, the nodes and why they were launched. Says nothing
//! that the JSON document does not hold; it is written from it.

use std::io::{self, Write};

use crate::decimal::Decimal;
use crate::output::printable;

use super::Answer;
use super::document::{self, App, Document, Node};

/// Nodes listed; the rest is counted.
const MOST_NODES: usize = 50;

/// Writes the tables.
pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let document = document::document(answer);
    bill(&document, out)?;
    world(&document, out)?;
    applications(&document.apps, out)?;
    nodes(&document.nodes, out)?;
    if !document.unplaced.is_empty() {
        writeln!(out, "\nPODS STILL WAITING AT THE END")?;
        for pod in &document.unplaced {
            writeln!(out, "{}  {}: {}", pod.pod, pod.reason, pod.message)?;
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
        document.nodes.len(),
        document.usd_per_hour_peak,
    )?;
    writeln!(
        out,
        "      of it idle {}, boot {}, system {}; all was done after {} s",
        document.usd_idle, document.usd_boot, document.usd_system, document.makespan_seconds,
    )
}

/// What went wrong, where anything did.
fn world(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let world = &document.world;
    let taken = &world.interruptions;
    let mut told: Vec<String> = Vec::new();
    if taken.nodes > 0 {
        let (nodes, free) = (taken.nodes, taken.free);
        let executors = taken.executors_lost;
        told.push(format!(
            "{nodes} nodes taken back ({free} free of charge) with {executors} executors"
        ));
    }
    for (count, what) in [
        (taken.drivers_lost, "drivers lost with their nodes"),
        (world.refused_nodes, "nodes refused"),
        (world.quota_errors, "quota errors"),
        (world.address_errors, "address errors"),
        (world.pods_without_address, "pods without address"),
        (world.throttled_calls, "throttled calls"),
    ] {
        if count > 0 {
            told.push(format!("{count} {what}"));
        }
    }
    for zone in &world.capacity_errors.by_zone {
        told.push(format!("{} capacity errors in {}", zone.count, zone.zone));
    }
    let moved = document
        .apps
        .iter()
        .filter(|app| !app.world.moved_from.is_empty())
        .count();
    if moved > 0 {
        told.push(format!("{moved} applications moved to another zone"));
    }
    let mut label = "EC2 ";
    for line in told.chunks(3) {
        writeln!(out, "{label}  {}", line.join("; "))?;
        label = "    ";
    }
    Ok(())
}

fn applications(apps: &[App<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "APPLICATION", "USD", "WAIT s", "IN JOBS s", "LOGGED s", "ALL s", "LOGGED s", "ERROR"
    )?;
    for app in apps {
        let all = app.finished_seconds.as_ref();
        writeln!(
            out,
            "{:<44} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            clip(&format!("{} ({})", app.name, app.id), 44),
            app.usd,
            or_dash(app.wait_seconds.as_ref()),
            app.in_job_seconds,
            app.recorded_in_job_seconds,
            or_dash(all),
            app.recorded_seconds,
            or_dash(app.fidelity.error.as_ref()),
        )?;
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
