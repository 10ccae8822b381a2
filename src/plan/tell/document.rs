//! A plan as JSON: a contract with programs, so fields are added and never changed. Money is printed
//! from integers; `planSeconds` is the only field that differs between two runs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::advice::Written;
use crate::model::decimal::Decimal;
use crate::plan::effect::{Effect, Launch};

use super::Answer;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    region: &'a str,
    usd_per_hour: Decimal,
    expected_usd_per_hour: Decimal,
    bound_usd_per_hour: Decimal,
    whole_bound_usd_per_hour: Decimal,
    /// What the planner sought to make least: list prices with interruption penalties, for as much work
    /// as machines at performance 1 do in an hour; and the least that it could be.
    compared_usd_per_hour: Decimal,
    compared_bound_usd_per_hour: Decimal,
    plan_seconds: f64,
    nodes: Vec<Node<'a>>,
    existing: Vec<Existing<'a>>,
    unplaced: Vec<Unplaced<'a>>,
    leaving: Vec<Leaving<'a>>,
    advice: Vec<Advised<'a>>,
}

#[derive(Serialize)]
struct Advised<'a> {
    application: &'a str,
    #[serde(flatten)]
    advice: Written<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    name: &'a str,
    pool: &'a str,
    zone: &'a str,
    zone_id: &'a str,
    capacity_type: &'a str,
    instance_types: Vec<&'a str>,
    usd_per_hour: Decimal,
    expected_usd_per_hour: Decimal,
    compared_usd_per_hour: Decimal,
    performance: Decimal,
    allocation_strategy: &'static str,
    /// Why EC2 has fewer types to choose from than is well; null where it has enough.
    narrow: Option<Narrow>,
    pods: Vec<&'a str>,
    applications: BTreeSet<&'a str>,
    reason: &'a str,
    message: String,
}

#[derive(Clone, Serialize)]
struct Narrow {
    reason: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Existing<'a> {
    node: &'a str,
    pods: Vec<&'a str>,
}

#[derive(Serialize)]
struct Unplaced<'a> {
    pod: &'a str,
    reason: &'a str,
    message: String,
}

#[derive(Serialize)]
struct Leaving<'a> {
    node: &'a str,
    reason: &'a str,
    message: String,
}

/// Writes the document and a line's end.
///
/// # Errors
/// Where it cannot be written.
pub fn write(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let plan = &answer.plan;
    let document = Document {
        region: &answer.catalog.region,
        usd_per_hour: plan.planned().into(),
        expected_usd_per_hour: plan.expected().into(),
        bound_usd_per_hour: plan.bound.into(),
        whole_bound_usd_per_hour: plan.whole_bound.into(),
        compared_usd_per_hour: plan.compared().into(),
        compared_bound_usd_per_hour: plan.compared_bound.into(),
        plan_seconds: answer.took.as_secs_f64(),
        nodes: plan
            .launches()
            .flat_map(|launch| nodes(answer, launch))
            .collect(),
        existing: existing(answer),
        unplaced: unplaced(answer),
        leaving: leaving(answer),
        advice: advice(answer),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn nodes<'a>(answer: &'a Answer, launch: &'a Launch) -> impl Iterator<Item = Node<'a>> {
    let zone = answer.catalog.zone(launch.intent.zone);
    let types = launch.intent.types.iter();
    let instance_types: Vec<&str> = types
        .map(|id| answer.catalog.instance_type(*id).name.as_str())
        .collect();
    let narrow = launch.narrow.as_ref().map(|reason| Narrow {
        reason: reason.code(),
        message: reason.to_string(),
    });
    let planned = launch.intent.nodes.iter().zip(&launch.pods);
    planned.map(move |(node, pods)| Node {
        name: node.id.as_str(),
        pool: launch.intent.pool.as_str(),
        zone: &zone.name,
        zone_id: &zone.id,
        capacity_type: launch.intent.capacity_type.as_str(),
        instance_types: instance_types.clone(),
        usd_per_hour: launch.planned.into(),
        expected_usd_per_hour: launch.expected.into(),
        compared_usd_per_hour: launch.compared.into(),
        performance: launch.performance.into(),
        allocation_strategy: launch.strategy.as_str(),
        narrow: narrow.clone(),
        pods: pods.iter().map(|pod| pod.as_str()).collect(),
        applications: node.held.iter().map(|held| held.app.as_str()).collect(),
        reason: launch.reason.code(),
        message: launch.reason.to_string(),
    })
}

fn existing(answer: &Answer) -> Vec<Existing<'_>> {
    let taken = answer.plan.existing.iter();
    taken
        .map(|(node, pods)| Existing {
            node: node.as_str(),
            pods: pods.iter().map(|pod| pod.as_str()).collect(),
        })
        .collect()
}

fn unplaced(answer: &Answer) -> Vec<Unplaced<'_>> {
    let waiting = answer.plan.waiting.iter();
    waiting
        .map(|waiting| Unplaced {
            pod: waiting.pod.as_str(),
            reason: waiting.reason.code(),
            message: waiting.reason.to_string(),
        })
        .collect()
}

fn advice(answer: &Answer) -> Vec<Advised<'_>> {
    let apps = answer.advice.iter();
    let each = apps.flat_map(|(app, advice)| advice.iter().map(move |one| (app, one)));
    each.map(|(app, advice)| Advised {
        application: app.as_str(),
        advice: advice.into(),
    })
    .collect()
}

fn leaving(answer: &Answer) -> Vec<Leaving<'_>> {
    let effects = answer.plan.effects.iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Terminate { node, reason } => Some(Leaving {
                node: node.as_str(),
                reason: reason.code(),
                message: reason.to_string(),
            }),
            _ => None,
        })
        .collect()
}
