//! A report for people: each bar with what was measured beside it, then the scenarios that did worst. No
//! line is longer than a terminal of 120 columns.

use std::io::{self, Write};

use super::figure::Spread;
use super::report::{Report, Rivalry, Times, Worst};

/// Mean of cost ÷ bound.
const MEAN: f64 = 1.01;
/// 99th percentile of cost ÷ bound.
const P99: f64 = 1.03;
/// Our bound ÷ the other at least.
const OWN_BOUND: f64 = 0.995;
/// Karpenter's CPU time ÷ ours at least.
const CPU: f64 = 1000.0;

/// Writes the table.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} scenarios, {} failures",
        report.scenarios,
        report.failures.len()
    )?;
    for (number, failure) in report.failures.iter().take(20) {
        writeln!(out, "  scenario {number}: {failure}")?;
    }
    let near = |spread: &Spread| spread.mean <= MEAN && spread.p99 <= P99;
    let bar = format!("mean ≤ {MEAN}, p99 ≤ {P99}");
    line(
        out,
        "cost ÷ programme, ≥ 1,000 pods",
        &bar,
        report.many_over_programme.as_ref(),
        near,
    )?;
    line(
        out,
        "  each application kept in its zone",
        "printed",
        report.many_in_their_zones.as_ref(),
        |_| true,
    )?;
    line(
        out,
        "cost ÷ whole nodes, < 1,000 pods",
        &bar,
        report.few_over_whole.as_ref(),
        near,
    )?;
    if let Some(few) = &report.few_over_whole {
        writeln!(
            out,
            "    of {} the optimum is known for {}",
            few.count, report.few_exact
        )?;
    }
    line(
        out,
        "cost ÷ programme, < 1,000 pods",
        "printed",
        report.few_over_programme.as_ref(),
        |_| true,
    )?;
    let none_above = report.own_bound_above.is_empty();
    let own = |spread: &Spread| spread.min >= OWN_BOUND && none_above;
    line(
        out,
        "own bound ÷ the other",
        &format!("{OWN_BOUND} to 1"),
        report.own_bound.as_ref(),
        own,
    )?;
    line(
        out,
        "  the other's bracket",
        "printed",
        report.bracket.as_ref(),
        |_| true,
    )?;
    if !none_above {
        writeln!(
            out,
            "    above it in scenarios {:?}",
            report.own_bound_above
        )?;
    }
    writeln!(out, "{:.1} types per launch", report.types_per_launch)?;
    match &report.karpenter {
        Some(rivalry) => rival(rivalry, out)?,
        None => writeln!(out, "Karpenter was not asked; --against karpenter asks it")?,
    }
    for times in &report.times {
        time(times, out)?;
    }
    writeln!(
        out,
        "the worst: ratio, and with each application kept in its zone"
    )?;
    report.worst.iter().try_for_each(|worst| bad(worst, out))
}

fn bad(worst: &Worst, out: &mut dyn Write) -> io::Result<()> {
    let setting = &worst.setting;
    let size = setting
        .max_vcpu
        .map_or("any".to_owned(), |most| format!("≤ {most}"));
    let zones = match (setting.pinned, setting.zone_prices) {
        (true, _) => "pinned",
        (false, true) => "open, prices by zone",
        (false, false) => "open",
    };
    let types = if setting.general {
        "c, m, r"
    } else {
        "all types"
    };
    writeln!(
        out,
        "  {:>3} {:.4} {:.4} {} pods, {} shapes, {}, {size} vCPU, {types}, {zones}",
        setting.number,
        worst.ratio,
        worst.in_its_zones,
        setting.pods,
        setting.shapes,
        setting.region
    )?;
    writeln!(out, "      {}", worst.because)
}

fn line(
    out: &mut dyn Write,
    what: &str,
    bar: &str,
    spread: Option<&Spread>,
    holds: impl Fn(&Spread) -> bool,
) -> io::Result<()> {
    let Some(spread) = spread else {
        return writeln!(out, "{what:<34} {bar:<24} nothing of it was run");
    };
    writeln!(
        out,
        "{what:<34} {bar:<24} mean {:.4} p50 {:.4} p99 {:.4} max {:.4} min {:.4} {}",
        spread.mean,
        spread.p50,
        spread.p99,
        spread.max,
        spread.min,
        if holds(spread) { "" } else { "MISSED" }
    )
}

fn rival(rivalry: &Rivalry, out: &mut dyn Write) -> io::Result<()> {
    let Some(saving) = &rivalry.saving else {
        return writeln!(out, "Karpenter {} ended no scenario", rivalry.version);
    };
    writeln!(
        out,
        "saving on Karpenter {}, {} scenarios: min {:.2} % p10 {:.2} % p50 {:.2} % p90 {:.2} % max {:.2} %{}",
        rivalry.version,
        saving.count,
        saving.min,
        saving.p10,
        saving.p50,
        saving.p90,
        saving.max,
        if rivalry.dearer.is_empty() {
            ""
        } else {
            " MISSED"
        }
    )?;
    if let Some(over) = &rivalry.over_programme {
        writeln!(
            out,
            "    its cost ÷ programme: p50 {:.4} max {:.4}",
            over.p50, over.max
        )?;
    }
    for (what, numbers) in [
        ("we are dearer", &rivalry.dearer),
        ("it ran out of time", &rivalry.timed_out),
        ("it left pods out", &rivalry.left_out),
    ] {
        if !numbers.is_empty() {
            writeln!(out, "    {what} in scenarios {numbers:?}")?;
        }
    }
    Ok(())
}

fn time(times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let Some(ours) = &times.ours_ms else {
        return Ok(());
    };
    let size = match times.to {
        u32::MAX => format!("> {} pods", times.from - 1),
        to if to == times.from => format!("{to} pods"),
        to => format!("{} to {to} pods", times.from),
    };
    write!(
        out,
        "CPU, {size}: ours p50 {:.1} ms, max {:.1} ms",
        ours.p50, ours.max
    )?;
    if let (Some(theirs), Some(ratio)) = (&times.karpenter_ms, &times.ratio) {
        write!(
            out,
            "; Karpenter p50 {:.0} ms, max {:.0} ms; ratio p50 {:.0}, min {:.0}{}",
            theirs.p50,
            theirs.max,
            ratio.p50,
            ratio.min,
            if times.from == times.to && ratio.min < CPU {
                " MISSED"
            } else {
                ""
            }
        )?;
    }
    writeln!(out)
}
