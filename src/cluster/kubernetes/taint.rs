//! Taints and tolerations, each checked as the API server checks them. Which taint a toleration covers
//! is decided by the nouns they become.

use k8s_openapi::api::core::v1;

use super::fault::Fault;
use crate::model::node::{Taint, TaintEffect, Toleration};

/// The tolerations of a pod. How long a `NoExecute` taint is tolerated does not matter to placing.
pub fn tolerations(given: &[v1::Toleration]) -> Result<Vec<Toleration>, Fault> {
    let one = |(i, given)| {
        toleration(given).map_err(|fault| fault.under(format_args!("tolerations[{i}]")))
    };
    given.iter().enumerate().map(one).collect()
}

/// The taints of a node.
pub fn taints(given: &[v1::Taint]) -> Result<Vec<Taint>, Fault> {
    let one = |(i, taint): (usize, &v1::Taint)| {
        Ok(Taint {
            key: taint.key.clone(),
            value: taint.value.clone().unwrap_or_default(),
            effect: effect(&taint.effect)
                .map_err(|fault| fault.under(format_args!("taints[{i}]")))?,
        })
    };
    given.iter().enumerate().map(one).collect()
}

fn toleration(given: &v1::Toleration) -> Result<Toleration, Fault> {
    let key = given.key.clone().filter(|key| !key.is_empty());
    let value = given.value.clone().unwrap_or_default();
    let value = match given.operator.as_deref().unwrap_or("") {
        "" | "Equal" if key.is_none() => {
            let problem = "is missing; write a taint's key, or operator: Exists for every taint";
            return Err(Fault::missing("key", problem));
        }
        "" | "Equal" => Some(value),
        "Exists" if !value.is_empty() => {
            let problem = "is not allowed with Exists; leave value out, or write operator: Equal";
            return Err(Fault::new("value", value, problem));
        }
        "Exists" => None,
        other => {
            let problem = "is no operator; write Equal or Exists";
            return Err(Fault::new("operator", other, problem));
        }
    };
    let effect = match given.effect.as_deref() {
        None | Some("") => None,
        Some(given) => Some(effect(given)?),
    };
    Ok(Toleration { key, value, effect })
}

fn effect(given: &str) -> Result<TaintEffect, Fault> {
    match given {
        "NoSchedule" => Ok(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Ok(TaintEffect::PreferNoSchedule),
        "NoExecute" => Ok(TaintEffect::NoExecute),
        other => {
            let problem = "is no effect; write NoSchedule, PreferNoSchedule or NoExecute";
            Err(Fault::new("effect", other, problem))
        }
    }
}
