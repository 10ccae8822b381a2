//! How a look that was made again differs from the one that was recorded, for people: effects and waits
//! that are on one side only, and of effects that read alike the fields that do not.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::model::offering::Catalog;
use crate::model::time::Timestamp;
use crate::plan::Effect;
use crate::plan::effect::{Launch, Waiting};

/// Fields that are named for effects that read alike.
const MOST_FIELDS: usize = 8;
/// Lines on each side that are told of one look.
const MOST_LINES: usize = 40;

/// One look that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which look, counted from one.
    pub round: u64,
    /// When.
    pub now: Timestamp,
    /// What is recorded (`-`) and what is decided (`+`), a line each.
    pub lines: Vec<String>,
}

impl Difference {
    pub(super) fn between(
        (round, now): (u64, Timestamp),
        (recorded, decided): (&[Effect], &[Effect]),
        (waited, waits): (&[Waiting], &[Waiting]),
        catalog: &Catalog,
    ) -> Difference {
        let mut lines = Vec::new();
        for i in 0..recorded.len().max(decided.len()) {
            match (recorded.get(i), decided.get(i)) {
                (Some(then), Some(now)) if then == now => {}
                (Some(then), Some(now)) => {
                    let (old, new) = (describe(then, catalog), describe(now, catalog));
                    let alike = old == new;
                    lines.push(format!("- {old}"));
                    lines.push(format!("+ {new}"));
                    if alike {
                        lines.extend(fields(then, now));
                    }
                }
                (Some(then), None) => lines.push(format!("- {}", describe(then, catalog))),
                (None, Some(now)) => lines.push(format!("+ {}", describe(now, catalog))),
                (None, None) => {}
            }
        }
        let waited: BTreeSet<&Waiting> = waited.iter().collect();
        let waits: BTreeSet<&Waiting> = waits.iter().collect();
        let told = |sign, w: &Waiting| format!("{sign} waits {}: {}", w.pod, w.reason);
        lines.extend(waited.difference(&waits).map(|w| told('-', w)));
        lines.extend(waits.difference(&waited).map(|w| told('+', w)));
        if lines.len() > MOST_LINES {
            let more = lines.len() - MOST_LINES;
            lines.truncate(MOST_LINES);
            lines.push(format!("… and {more} lines more"));
        }
        Difference { round, now, lines }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {} at {} ms differs:",
            self.round,
            self.now.millis()
        )?;
        self.lines
            .iter()
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

fn describe(effect: &Effect, catalog: &Catalog) -> String {
    match effect {
        Effect::Launch(launch) => describe_launch(launch, catalog),
        Effect::Place(place) => {
            let zone = place.zone.map(|zone| catalog.zone(zone).name.as_str());
            let capacity = place.capacity_type.map(|capacity| capacity.as_str());
            let purpose = place.purpose.map(|purpose| purpose.as_str());
            let parts: Vec<&str> = [zone, capacity, purpose].into_iter().flatten().collect();
            format!("place {} [{}]", place.pod, parts.join(", "))
        }
        Effect::Cordon { node, reason } => format!("cordon {node}: {reason}"),
        Effect::Evict { pod, reason } => format!("evict {pod}: {reason}"),
        Effect::Terminate { node, reason } => format!("terminate {node}: {reason}"),
    }
}

fn describe_launch(launch: &Launch, catalog: &Catalog) -> String {
    let intent = &launch.intent;
    let planned = intent.types.first();
    let planned = planned.map_or("nothing", |id| catalog.instance_type(*id).name.as_str());
    format!(
        "launch {} × {planned} or {} other types, {}, {}, NodePool {}, {} USD/h each, for {} pods: {}",
        launch.count(),
        intent.types.len().saturating_sub(1),
        intent.capacity_type,
        catalog.zone(intent.zone).name,
        intent.pool,
        launch.planned,
        launch.pods.iter().map(Vec::len).sum::<usize>(),
        launch.reason,
    )
}

/// The fields in which two effects differ, by path.
fn fields(then: &Effect, now: &Effect) -> Vec<String> {
    let value = |effect| serde_json::to_value(effect).unwrap_or_default();
    let mut found = Vec::new();
    differ(&value(then), &value(now), String::new(), &mut found);
    found
}

fn differ(then: &Value, now: &Value, path: String, found: &mut Vec<String>) {
    if then == now || found.len() >= MOST_FIELDS {
        return;
    }
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let side = |of: &serde_json::Map<String, Value>| of.get(key).cloned();
                let (a, b) = (side(a).unwrap_or_default(), side(b).unwrap_or_default());
                let dot = if path.is_empty() { "" } else { "." };
                differ(&a, &b, format!("{path}{dot}{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differ(a, b, format!("{path}[{i}]"), found);
            }
        }
        _ => found.push(format!("    {path}: {then} is recorded, {now} is decided")),
    }
}
