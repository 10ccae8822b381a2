//! A plan for people: what is launched and why, what fits on nodes that are there, what waits and why,
//! and the sums. No line is longer than a terminal of 120 columns.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::model::money::UsdPerHour;
use crate::model::name::PodId;
use crate::plan::effect::{Effect, Launch};

use super::{Answer, printable};

/// Width of a terminal on which no line should break.
const COLUMNS: usize = 120;

/// Writes the table.
///
/// # Errors
/// Where it cannot be written.
pub fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let plan = &answer.plan;
    for launch in plan.launches() {
        launched(answer, launch, out)?;
    }
    if !plan.existing.is_empty() {
        line(out, "ON NODES THAT ARE THERE")?;
    }
    for (node, pods) in &plan.existing {
        line(out, &format!("  {node}  {}", list(pods)))?;
    }
    waiting(answer, out)?;
    for effect in &plan.effects {
        if let Effect::Terminate { node, reason } = effect {
            line(out, &format!("TERMINATE {node}: {reason}"))?;
        }
    }
    for (app, advice) in &answer.advice {
        for one in advice {
            line(out, &format!("ADVICE {app}: {one}"))?;
        }
    }
    total(answer, out)
}

fn launched(answer: &Answer, launch: &Launch, out: &mut dyn Write) -> io::Result<()> {
    let name = |id| answer.catalog.instance_type(id).name.as_str();
    let intent = &launch.intent;
    let (planned, others) = match intent.types.split_first() {
        Some((planned, others)) => (name(*planned), others.len()),
        None => ("", 0),
    };
    let others = match others {
        0 => String::new(),
        1 => " or 1 other type".to_owned(),
        n => format!(" or {n} other types"),
    };
    let zone = &answer.catalog.zone(intent.zone).name;
    let head = format!(
        "LAUNCH {} × {planned}{others}, {}, {zone}, NodePool {}, {} USD/h each",
        launch.count(),
        intent.capacity_type,
        intent.pool,
        launch.planned,
    );
    line(out, &head)?;
    line(out, &format!("  why: {}", launch.reason))?;
    line(out, &chosen_by(launch))?;
    if let Some(narrow) = &launch.narrow {
        for part in wrapped(&format!("narrow: {narrow}"), COLUMNS - 2) {
            line(out, &format!("  {part}"))?;
        }
    }
    for (node, pods) in intent.nodes.iter().zip(&launch.pods) {
        line(out, &format!("  {}  {}", node.id, list(pods)))?;
    }
    Ok(())
}

/// How EC2 chooses and what that is expected to cost, and what the work costs where that is another sum.
fn chosen_by(launch: &Launch) -> String {
    let (strategy, expected) = (launch.strategy.as_str(), launch.expected);
    let mut text = format!("  EC2 chooses by {strategy}, {expected} USD/h expected each");
    if launch.compared != launch.planned {
        let (compared, performance) = (launch.compared, launch.performance);
        text += &format!("; compared at {compared} USD/h, performance {performance}");
    }
    text
}

/// Pods that wait, those with the same reason together.
fn waiting(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let mut by_reason: BTreeMap<_, Vec<PodId>> = BTreeMap::new();
    for waiting in &answer.plan.waiting {
        let pods = by_reason.entry(&waiting.reason).or_default();
        pods.push(waiting.pod.clone());
    }
    for (reason, pods) in by_reason {
        line(out, &format!("WAITING {}", list(&pods)))?;
        for part in wrapped(&format!("why: {reason}"), COLUMNS - 2) {
            line(out, &format!("  {part}"))?;
        }
    }
    Ok(())
}

fn total(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let plan = &answer.plan;
    let nodes: usize = plan
        .launches()
        .map(|launch| launch.intent.nodes.len())
        .sum();
    let placed: usize = plan
        .launches()
        .flat_map(|launch| &launch.pods)
        .map(Vec::len)
        .sum();
    let reused: usize = plan.existing.iter().map(|(_, pods)| pods.len()).sum();
    let text = format!(
        "TOTAL {nodes} new nodes for {placed} pods, {reused} pods on nodes that are there, {} waiting",
        plan.waiting.len()
    );
    line(out, &text)?;
    let text = format!(
        "  {} USD/h planned{}, {} expected, {} at least",
        plan.planned(),
        above(plan.planned(), plan.bound),
        plan.expected(),
        plan.bound
    );
    line(out, &text)?;
    let (compared, least) = (plan.compared(), plan.compared_bound);
    if (compared, least) == (plan.planned(), plan.bound) {
        return Ok(());
    }
    let above = above(compared, least);
    let text = format!("  compared at {compared} USD/h{above}, {least} at least");
    line(out, &text)
}

/// How far a cost is above its bound, in tenths of a per cent.
fn above(cost: UsdPerHour, bound: UsdPerHour) -> String {
    let over = i128::from((cost - bound).micros().max(0));
    match i128::from(bound.micros()) {
        0 => String::new(),
        bound => {
            let tenths = over * 1000 / bound;
            format!(" ({}.{} % above the least)", tenths / 10, tenths % 10)
        }
    }
}

/// `3 pods: a, b, c`.
fn list(pods: &[PodId]) -> String {
    let names: Vec<&str> = pods.iter().map(PodId::as_str).collect();
    let noun = if pods.len() == 1 { "pod" } else { "pods" };
    format!("{} {noun}: {}", pods.len(), names.join(", "))
}

/// Writes one line, cut where it would break.
fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let text = printable(text);
    match text.char_indices().nth(COLUMNS) {
        None => writeln!(out, "{text}"),
        Some(_) => {
            let cut: String = text.chars().take(COLUMNS - 1).collect();
            writeln!(out, "{cut}…")
        }
    }
}

/// The text in lines of at most `width` characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let current = lines.last_mut().expect("there is always a line");
        if current.is_empty() {
            current.push_str(word);
        } else if current.chars().count() + 1 + word.chars().count() <= width {
            current.push(' ');
            current.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_lose_none() {
        let text = "a reason of several words";
        assert_eq!(wrapped(text, 10), ["a reason", "of several", "words"]);
        assert_eq!(wrapped(text, 200), [text]);
        let mut out = Vec::new();
        line(&mut out, &"x".repeat(300)).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().chars().count(), COLUMNS + 1);
    }

    #[test]
    fn the_gap_to_the_bound_is_in_tenths_of_a_per_cent() {
        let usd = UsdPerHour::from_micros;
        assert_eq!(
            above(usd(1_010_000), usd(1_000_000)),
            " (1.0 % above the least)"
        );
        assert_eq!(above(usd(0), usd(0)), "");
    }
}
