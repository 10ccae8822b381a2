//! The factors as a NodePool takes them, with what they rest on; or as JSON, to which fields are added and
//! never changed.

use std::io::{self, Write};

use serde::Serialize;

use sparkwright::model::decimal::Decimal;

use super::{Estimate, Form};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    reference: &'a str,
    families: Vec<Family<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Family<'a> {
    family: &'a str,
    performance: Decimal,
    lower_quartile: Decimal,
    upper_quartile: Decimal,
    stages: usize,
    tasks: usize,
    matched_percent: i64,
}

pub(super) fn write(
    form: Form,
    reference: &str,
    estimates: &[(String, Estimate)],
    out: &mut dyn Write,
) -> io::Result<()> {
    match form {
        Form::Yaml => yaml(reference, estimates, out),
        Form::Json => json(reference, estimates, out),
    }
}

fn yaml(reference: &str, estimates: &[(String, Estimate)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Work per vCPU and hour beside {reference}, by CPU time of the same tasks on both."
    )?;
    writeln!(
        out,
        "# {:<12} {:>11} {:>16} {:>7} {:>8} {:>8}",
        "family", "performance", "middle half", "stages", "tasks", "matched"
    )?;
    for (family, estimate) in estimates {
        let (low, high) = estimate.middle_half;
        let half = format!("{low} to {high}");
        let (performance, share) = (estimate.performance.to_string(), estimate.share);
        let (stages, tasks) = (estimate.stages, estimate.tasks);
        writeln!(
            out,
            "# {family:<12} {performance:>11} {half:>16} {stages:>7} {tasks:>8} {share:>6} %"
        )?;
    }
    writeln!(out, "performance:\n  {reference}: 1")?;
    for (family, estimate) in estimates {
        writeln!(out, "  {family}: {}", estimate.performance)?;
    }
    Ok(())
}

fn json(reference: &str, estimates: &[(String, Estimate)], out: &mut dyn Write) -> io::Result<()> {
    let families = estimates.iter().map(|(family, estimate)| Family {
        family,
        performance: estimate.performance.into(),
        lower_quartile: estimate.middle_half.0.into(),
        upper_quartile: estimate.middle_half.1.into(),
        stages: estimate.stages,
        tasks: estimate.tasks,
        matched_percent: estimate.share,
    });
    let document = Document {
        reference,
        families: families.collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
