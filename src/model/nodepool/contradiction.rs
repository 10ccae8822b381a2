//! Requirements on one label that no node can meet together, told with the one that each contradicts.
//! Decided from the conditions alone: whether EC2 sells what they leave is the catalogue's matter.

use std::collections::BTreeMap;

use super::super::object::fault::Faults;
use super::super::requirement::Condition;
use super::requirement::Sourced;

/// Refuses each requirement that no node can meet together with those before it on the same key,
/// naming the one it contradicts, or all of them where only their sum leaves nothing.
pub(super) fn refuse(all: &[Sourced], faults: &mut Faults) {
    let mut by_key: BTreeMap<&str, Vec<&Sourced>> = BTreeMap::new();
    for sourced in all {
        let earlier = by_key.entry(&sourced.wanted.requirement.key).or_default();
        let condition = |sourced: &Sourced| sourced.wanted.requirement.condition.clone();
        let meets = |others: &[&Sourced]| {
            let conditions = others.iter().copied().chain([sourced]).map(condition);
            satisfiable(&conditions.collect::<Vec<_>>())
        };
        if !earlier.is_empty() && !meets(earlier) {
            let one = earlier.iter().find(|other| !meets(&[**other]));
            let culprits: Vec<String> = match one {
                Some(other) => vec![describe(other)],
                None => earlier.iter().map(|other| describe(other)).collect(),
            };
            let problem = format!(
                "contradicts {}: no node can meet both; take one of them out",
                culprits.join(" with ")
            );
            faults.refuse(
                &sourced.field,
                format!("{}", sourced.wanted.requirement),
                problem,
            );
        } else {
            earlier.push(sourced);
        }
    }
}

fn describe(sourced: &Sourced) -> String {
    format!("{} ({})", sourced.field, sourced.wanted.requirement)
}

/// True where some value (or absence) of one label meets all conditions.
fn satisfiable(conditions: &[Condition]) -> bool {
    let holds = |value: Option<&str>| conditions.iter().all(|condition| condition.holds(value));
    let listed = conditions.iter().find_map(|condition| match condition {
        Condition::In(values) => Some(values),
        _ => None,
    });
    if let Some(values) = listed {
        return values.iter().any(|value| holds(Some(value)));
    }
    if holds(None) {
        return true;
    }
    let above = conditions.iter().filter_map(|condition| match condition {
        Condition::Gt(bound) => Some(*bound),
        _ => None,
    });
    let below = conditions.iter().filter_map(|condition| match condition {
        Condition::Lt(bound) => Some(*bound),
        _ => None,
    });
    let absent = conditions.contains(&Condition::DoesNotExist);
    // Excluded values are single ones among many, so they decide nothing here.
    let (low, high) = (
        above.max().unwrap_or(i64::MIN),
        below.min().unwrap_or(i64::MAX),
    );
    !absent && i128::from(high) - i128::from(low) >= 2
}
