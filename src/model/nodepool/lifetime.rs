//! How long nodes live: empty times, and Karpenter's disruption fields. Budgets, expiry and the rest
//! are checked for form here and not acted on by the planner.

use super::super::label::is_subdomain;
use super::super::object::fault::Faults;
use super::super::object::scalar::{self, Length, Quantity};
use super::super::pool::EmptyTtl;
use super::super::time::Span;
use super::spec::{BudgetSpec, DisruptionSpec, NodePoolSpec};
use super::template::NodeSpec;

/// Default of `emptyTTL`: the minute that EC2 bills at least.
const EMPTY_TTL: Span = Span::from_secs(60);
/// Karpenter's bound on budgets.
const MOST_BUDGETS: usize = 50;
/// Karpenter's budget where none is given is 10 %; its percentages end at 100.
const MOST_PERCENT: u64 = 100;
const SCHEDULES: [&str; 7] = [
    "@annually",
    "@yearly",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

/// Empty times by purpose, with `consolidateAfter` as their common default.
pub(super) fn empty_ttl(spec: &NodePoolSpec, faults: &mut Faults) -> EmptyTtl {
    let disruption = spec.disruption.as_ref();
    let default = length_or_never(
        "spec.disruption.consolidateAfter",
        disruption.and_then(|d| d.consolidate_after.as_ref()),
        Some(EMPTY_TTL),
        faults,
    );
    let given = spec.empty_ttl.clone().unwrap_or_default();
    let mut ttl = |field: &str, given: Option<Length>| {
        length_or_never(field, given.as_ref(), default, faults)
    };
    EmptyTtl {
        driver: ttl("spec.emptyTTL.driver", given.driver),
        executor: ttl("spec.emptyTTL.executor", given.executor),
        other: ttl("spec.emptyTTL.other", given.other),
    }
}

/// A length of time, `Never` (None), or the default where absent or bad.
pub(super) fn length_or_never(
    field: &str,
    given: Option<&Length>,
    default: Option<Span>,
    faults: &mut Faults,
) -> Option<Span> {
    match given {
        None => default,
        Some(Length(text)) if text == "Never" => None,
        Some(Length(text)) => {
            let span = scalar::span(text).map_err(|problem| format!("{problem}, or Never"));
            faults.keep(field, text, span).or(default)
        }
    }
}

/// Checks the form of what the planner does not act on.
pub(super) fn check(disruption: Option<&DisruptionSpec>, node: &NodeSpec, faults: &mut Faults) {
    let budgets = disruption
        .and_then(|d| d.budgets.as_deref())
        .unwrap_or_default();
    if budgets.len() > MOST_BUDGETS {
        let problem = format!("budgets are too many; write at most {MOST_BUDGETS}");
        faults.refuse("spec.disruption.budgets", budgets.len(), problem);
    }
    for (i, budget) in budgets.iter().take(MOST_BUDGETS).enumerate() {
        check_budget(&format!("spec.disruption.budgets[{i}]"), budget, faults);
    }
    let expiry = node.expire_after.as_ref();
    length_or_never("spec.template.spec.expireAfter", expiry, None, faults);
    if let Some(Length(text)) = &node.termination_grace_period {
        let field = "spec.template.spec.terminationGracePeriod";
        faults.keep(field, text, scalar::span(text));
    }
    check_class(node, faults);
}

fn check_budget(field: &str, budget: &BudgetSpec, faults: &mut Faults) {
    match &budget.nodes {
        Some(Quantity(text)) if is_count_or_percent(text) => {}
        Some(Quantity(text)) => {
            let problem = "is no bound; write a count such as 5 or a percentage such as 10%";
            faults.refuse(&format!("{field}.nodes"), text, problem);
        }
        None => faults.refuse(&format!("{field}.nodes"), "", "is missing; write 5 or 10%"),
    }
    if let Some(schedule) = &budget.schedule
        && !is_schedule(schedule)
    {
        let problem = "is no schedule; write five cron fields, or @daily, @hourly, @weekly …";
        faults.refuse(&format!("{field}.schedule"), schedule, problem);
    }
    if let Some(Length(text)) = &budget.duration {
        faults.keep(&format!("{field}.duration"), text, scalar::span(text));
    }
    if budget.schedule.is_some() != budget.duration.is_some() {
        let missing = if budget.schedule.is_some() {
            "duration"
        } else {
            "schedule"
        };
        let problem = "is missing; schedule and duration count only together";
        faults.refuse(&format!("{field}.{missing}"), "", problem);
    }
}

fn is_count_or_percent(text: &str) -> bool {
    let (number, most) = match text.strip_suffix('%') {
        Some(number) => (number, MOST_PERCENT),
        None => (text, u64::from(u32::MAX)),
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits && number.parse::<u64>().is_ok_and(|number| number <= most)
}

fn is_schedule(text: &str) -> bool {
    let field = |field: &str| {
        field
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'/' | b',' | b'-'))
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    SCHEDULES.contains(&text) || (fields.len() == 5 && fields.into_iter().all(field))
}

fn check_class(node: &NodeSpec, faults: &mut Faults) {
    let Some(class) = &node.node_class_ref else {
        return;
    };
    for (name, value) in [
        ("group", &class.group),
        ("kind", &class.kind),
        ("name", &class.name),
    ] {
        let field = format!("spec.template.spec.nodeClassRef.{name}");
        let value = value.as_deref().unwrap_or_default();
        if value.is_empty() {
            faults.refuse(
                &field,
                "",
                "is missing; name the NodeClass by group, kind and name",
            );
        } else if name != "kind" && !is_subdomain(value) {
            faults.refuse(&field, value, "is no DNS name; correct it");
        }
    }
}
