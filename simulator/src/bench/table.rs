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
    bars(report, out)?;
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

/// Costs and bounds, each beside its bar.
fn bars(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let near = |spread: &Spread| spread.mean <= MEAN && spread.p99 <= P99;
    let no_bar = |_: &Spread| true;
    let none_above = report.own_bound_above.is_empty();
    let own = |spread: &Spread| spread.min >= OWN_BOUND && none_above;
    let bar = format!("mean ≤ {MEAN}, p99 ≤ {P99}");
    let range = format!("{OWN_BOUND} to 1");
    let printed = "printed";
    let many = report.many_over_programme.as_ref();
    line(out, "cost ÷ programme, ≥ 1,000 pods", &bar, many, near)?;
    let kept = report.many_in_their_zones.as_ref();
    line(
        out,
        "  each application kept in its zone",
        printed,
        kept,
        no_bar,
    )?;
    let few = report.few_over_whole.as_ref();
    line(out, "cost ÷ whole nodes, < 1,000 pods", &bar, few, near)?;
    if let Some(few) = few {
        let (count, exact) = (few.count, report.few_exact);
        writeln!(out, "    of {count} the optimum is known for {exact}")?;
    }
    let few = report.few_over_programme.as_ref();
    line(out, "cost ÷ programme, < 1,000 pods", printed, few, no_bar)?;
    let bound = report.own_bound.as_ref();
    line(out, "own bound ÷ the other", &range, bound, own)?;
    if !none_above {
        writeln!(
            out,
            "    above it in scenarios {:?}",
            report.own_bound_above
        )?;
    }
    let bracket = report.bracket.as_ref();
    line(out, "  the other's bracket", printed, bracket, no_bar)
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
    let ratio = rivalry.measured_ratio.as_ref();
    let what = "its CPU ÷ ours, 10,000 pods, ≤ 64";
    line(out, what, &format!("min ≥ {CPU}"), ratio, |ratio| {
        ratio.min >= CPU
    })?;
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
            "; Karpenter p50 {:.0} ms, max {:.0} ms; ratio p50 {:.0}, min {:.0}",
            theirs.p50, theirs.max, ratio.p50, ratio.min
        )?;
    }
    writeln!(out)
}
