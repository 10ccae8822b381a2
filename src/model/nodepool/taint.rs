//! Taints and annotations of nodes: syntax, and what is ours to set. Which pods tolerate a taint is not
//! asked here.

use super::super::label::{key_fault, value_fault};
use super::super::node::{Taint, TaintEffect};
use super::super::object::fault::Faults;
use super::requirement::key;
use super::template::{Effect, TaintSpec, TemplateMetadata};

/// Prefix of taints that Sparkwright sets itself.
const OURS: &str = "sparkwright.dev/";

/// Checks a list of taints.
pub(super) fn check(list: &str, given: Option<Vec<TaintSpec>>, faults: &mut Faults) -> Vec<Taint> {
    let mut taints: Vec<Taint> = Vec::new();
    for (i, taint) in given.into_iter().flatten().enumerate() {
        let field = format!("{list}[{i}]");
        let key = key(&field, taint.key.as_deref(), faults);
        if let Some(key) = key.as_deref().filter(|key| key.starts_with(OURS)) {
            let problem = "is set by Sparkwright itself; take it out";
            faults.refuse(&format!("{field}.key"), key, problem);
        }
        let value = taint.value.unwrap_or_default();
        if let Some(problem) = value_fault(&value) {
            faults.refuse(&format!("{field}.value"), &value, problem);
        }
        if taint.effect.is_none() {
            let problem = "is missing; write NoSchedule, PreferNoSchedule or NoExecute";
            faults.refuse(&format!("{field}.effect"), "", problem);
        }
        let (Some(key), Some(effect)) = (key, taint.effect.map(Effect::meant)) else {
            continue;
        };
        if taints
            .iter()
            .any(|other| other.key == key && other.effect == effect)
        {
            let problem = "stands twice with one effect; keep one";
            faults.refuse(&field, &key, problem);
        }
        taints.push(Taint { key, value, effect });
    }
    taints
}

/// Checks annotations' names; their values are free.
pub(super) fn annotations(metadata: &TemplateMetadata, faults: &mut Faults) {
    for (name, value) in metadata.annotations.iter().flatten() {
        if let Some(problem) = key_fault(name) {
            faults.refuse(
                &format!("spec.template.metadata.annotations.{name}"),
                value,
                problem,
            );
        }
    }
}

impl Effect {
    fn meant(self) -> TaintEffect {
        match self {
            Effect::NoSchedule => TaintEffect::NoSchedule,
            Effect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
            Effect::NoExecute => TaintEffect::NoExecute,
        }
    }
}
