//! Nodes' taints and pods' tolerations, with Kubernetes' meanings, and the labels and taints that
//! Sparkwright itself puts on nodes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Label of every node we launch; placed pods select it, so that no other autoscaler buys for them.
pub const MANAGED: &str = "sparkwright.dev/managed";
/// Label of a node: the NodePool it came from.
pub const NODEPOOL: &str = "sparkwright.dev/nodepool";
/// Label and taint of a node: what it serves, `driver` or `work`.
pub const PURPOSE: &str = "sparkwright.dev/purpose";
/// Taint of a node until its labels and taints are complete; it goes last.
pub const UNREGISTERED: &str = "sparkwright.dev/unregistered";
/// Karpenter's well-known label for spot or on-demand.
pub const CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";
/// Kubernetes' well-known zone label: the account's zone name.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// AWS's well-known label for the zone id, which means the same place in every account.
pub const ZONE_ID: &str = "topology.k8s.aws/zone-id";
/// Kubernetes' well-known instance type label.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled there last.
    PreferNoSchedule,
    /// They are not scheduled there, and evicted.
    NoExecute,
}

/// A node's taint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// Name.
    pub key: String,
    /// Value, empty where none was given.
    pub value: String,
    /// Effect.
    pub effect: TaintEffect,
}

/// A pod's toleration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's name; None tolerates every name.
    pub key: Option<String>,
    /// The taint's value; None (`operator: Exists`) tolerates every value.
    pub value: Option<String>,
    /// The taint's effect; None tolerates every effect.
    pub effect: Option<TaintEffect>,
}

/// What a node is for. Nodes for drivers carry a taint that only drivers tolerate, so that executors
/// do not land beside a driver and their own nodes empty out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Drivers only.
    Driver,
    /// Executors and whatever else a pool serves.
    Work,
}

impl Purpose {
    /// The value of the purpose label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Driver => "driver",
            Purpose::Work => "work",
        }
    }

    /// The taint that nodes of this purpose carry.
    pub fn taint(self) -> Option<Taint> {
        (self == Purpose::Driver).then(|| Taint {
            key: PURPOSE.into(),
            value: self.as_str().into(),
            effect: TaintEffect::NoSchedule,
        })
    }
}

impl Toleration {
    /// True where this toleration matches the taint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self
                .value
                .as_ref()
                .is_none_or(|value| *value == taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

/// True where each taint that keeps pods away is tolerated. `PreferNoSchedule` keeps nothing away.
pub fn tolerated<'a>(
    taints: impl IntoIterator<Item = &'a Taint>,
    tolerations: &[Toleration],
) -> bool {
    taints
        .into_iter()
        .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
        .all(|taint| {
            tolerations
                .iter()
                .any(|toleration| toleration.tolerates(taint))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_matching_toleration_lifts_a_taint() {
        let taint = Taint {
            key: "team".into(),
            value: "a".into(),
            effect: TaintEffect::NoSchedule,
        };
        let toleration = |key: Option<&str>, value: Option<&str>, effect| Toleration {
            key: key.map(Into::into),
            value: value.map(Into::into),
            effect,
        };
        assert!(!tolerated([&taint], &[]));
        assert!(tolerated(
            [&taint],
            &[toleration(Some("team"), Some("a"), None)]
        ));
        assert!(tolerated([&taint], &[toleration(None, None, None)]));
        assert!(!tolerated(
            [&taint],
            &[toleration(Some("team"), Some("b"), None)]
        ));
        assert!(!tolerated(
            [&taint],
            &[toleration(Some("team"), None, Some(TaintEffect::NoExecute))]
        ));
        let soft = Taint {
            effect: TaintEffect::PreferNoSchedule,
            ..taint
        };
        assert!(tolerated([&soft], &[]));
    }
}
