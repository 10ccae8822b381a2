//! What a pod asks of its neighbours and of a node beyond labels and room: affinity to other pods,
//! spread over a topology, ports of the host, disks. Kubernetes' meanings, already checked; who is
//! where is for others to know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::referent::Referents;
use super::requirement::{Condition, Labels, Requirement};
use super::spark::PodTemplate;

/// Label by which a node is told from every other.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Label that every namespace carries: its own name.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Everything of this sort that one pod asks for. Most pods ask for none of it and have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// Pods that must be in the same place.
    pub affinity: Vec<PodTerm>,
    /// Pods that must not be in the same place.
    pub anti_affinity: Vec<PodTerm>,
    /// How evenly pods must lie, or should.
    pub spread: Vec<Spread>,
    /// Ports that it takes of its host.
    pub ports: Vec<HostPort>,
    /// Disks that it mounts through claims.
    pub claims: Vec<Claim>,
    /// Pods that it would like near (weight above zero) or far (below).
    pub likes_pods: Vec<(i32, PodTerm)>,
    /// Nodes that it would like, by weight; each list must hold whole.
    pub likes_nodes: Vec<(i32, Vec<Requirement>)>,
    /// `preemptionPolicy: Never`: it waits rather than push others out.
    pub never_preempts: bool,
}

/// Some pods, and the node label that tells places apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodTerm {
    /// Nodes with the same value of this label are one place.
    pub topology: String,
    /// Which pods.
    pub pods: PodSelector,
}

/// Pods by their labels and namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodSelector {
    /// Conditions on the pods' labels; none selects every pod.
    pub labels: Vec<Requirement>,
    /// Namespaces by name.
    pub namespaces: BTreeSet<String>,
    /// Further namespaces, by conditions on their labels.
    pub namespaces_with: Option<Vec<Requirement>>,
}

/// How evenly selected pods lie over places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spread {
    /// The most by which a place may exceed the emptiest; above zero.
    pub max_skew: u32,
    /// Nodes with the same value of this label are one place.
    pub topology: String,
    /// A pod that cannot keep it waits (`DoNotSchedule`); else it only counts for ranking.
    pub required: bool,
    /// Which pods are counted.
    pub pods: PodSelector,
    /// With fewer places than this the emptiest counts as empty.
    pub min_domains: u32,
    /// Places count only where the pod's node selector and affinity hold (the default).
    pub honours_selectors: bool,
    /// Places count only where the pod tolerates the taints (not the default).
    pub honours_taints: bool,
}

/// A port of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostPort {
    /// The address; empty is every address.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The port.
    pub port: u16,
}

/// A PersistentVolumeClaim that a pod mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Its name; where `own`, what follows the pod's name in it (`-pvc-0`).
    pub name: String,
    /// Made for this pod alone and named after it, so that equal pods stay equal.
    pub own: bool,
    /// StorageClass of a claim that is not there yet, where it says one.
    pub class: Option<String>,
}

impl Placement {
    /// True where nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Placement::default()
    }

    /// Names claims that begin with the pod's name relative to it: pods that differ in nothing else
    /// are equal then.
    pub fn name_claims_after(&mut self, pod: &str) {
        for claim in &mut self.claims {
            let rest = claim.name.strip_prefix(pod);
            if let Some(rest) = rest.filter(|rest| rest.starts_with('-') && !claim.own) {
                (claim.name, claim.own) = (rest.to_owned(), true);
            }
        }
    }

    /// True where a pod with these ports cannot be beside it.
    pub fn shares_port_with(&self, other: &Placement) -> bool {
        self.ports
            .iter()
            .any(|port| other.ports.iter().any(|taken| port.conflicts(taken)))
    }

    /// Spread constraints that keep a pod waiting.
    pub fn required_spread(&self) -> impl Iterator<Item = &Spread> {
        self.spread.iter().filter(|spread| spread.required)
    }
}

impl PodSelector {
    /// Selects no pod at all.
    pub fn nothing() -> Self {
        PodSelector {
            labels: vec![Requirement {
                key: String::new(),
                condition: Condition::In(BTreeSet::new()),
            }],
            namespaces: BTreeSet::new(),
            namespaces_with: None,
        }
    }

    /// True where it selects pods of this template.
    pub fn selects(&self, pod: &PodTemplate, referents: &Referents) -> bool {
        self.covers(&pod.namespace, referents)
            && self.labels.iter().all(|label| label.holds(&pod.labels))
    }

    fn covers(&self, namespace: &str, referents: &Referents) -> bool {
        self.namespaces.contains(namespace)
            || self.namespaces_with.as_ref().is_some_and(|conditions| {
                let labels = referents.namespaces.get(namespace);
                conditions.iter().all(|wanted| {
                    let value = match wanted.key.as_str() {
                        NAMESPACE_NAME => Some(namespace),
                        key => {
                            labels.and_then(|labels: &Labels| labels.get(key).map(String::as_str))
                        }
                    };
                    wanted.condition.holds(value)
                })
            })
    }
}

impl HostPort {
    /// True where both cannot be had of one host.
    pub fn conflicts(&self, other: &HostPort) -> bool {
        let same_address = self.ip.is_empty() || other.ip.is_empty() || self.ip == other.ip;
        self.port == other.port && self.protocol == other.protocol && same_address
    }
}

/// True where pods of these templates may not be in one place of this topology: an anti-affinity term
/// of either selects the other. On one host, ports count too.
pub fn are_apart(a: &PodTemplate, b: &PodTemplate, topology: &str, referents: &Referents) -> bool {
    let rejects = |from: &PodTemplate, other: &PodTemplate| {
        from.placement.as_ref().is_some_and(|placement| {
            placement
                .anti_affinity
                .iter()
                .any(|term| term.topology == topology && term.pods.selects(other, referents))
        })
    };
    let ports = || {
        let both = a.placement.as_ref().zip(b.placement.as_ref());
        topology == HOSTNAME && both.is_some_and(|(a, b)| a.shares_port_with(b))
    };
    rejects(a, b) || rejects(b, a) || ports()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: &str, protocol: &str, port: u16) -> HostPort {
        HostPort {
            ip: ip.into(),
            protocol: protocol.into(),
            port,
        }
    }

    #[test]
    fn ports_conflict_on_the_same_or_every_address() {
        let taken = port("10.0.0.1", "TCP", 80);
        assert!(taken.conflicts(&port("", "TCP", 80)));
        assert!(taken.conflicts(&port("10.0.0.1", "TCP", 80)));
        assert!(!taken.conflicts(&port("10.0.0.2", "TCP", 80)));
        assert!(!taken.conflicts(&port("", "UDP", 80)));
        assert!(!taken.conflicts(&port("", "TCP", 81)));
    }

    #[test]
    fn claims_named_after_their_pod_are_alike() {
        let claim = |name: &str| Claim {
            name: name.into(),
            own: false,
            class: None,
        };
        let mut placement = Placement {
            claims: vec![claim("exec-1-pvc-0"), claim("shared"), claim("exec-1")],
            ..Placement::default()
        };
        placement.name_claims_after("exec-1");
        let names: Vec<_> = placement
            .claims
            .iter()
            .map(|c| (c.name.as_str(), c.own))
            .collect();
        assert_eq!(
            names,
            [("-pvc-0", true), ("shared", false), ("exec-1", false)]
        );
    }
}
