//! Objects that pods' rules refer to: claims, volumes and storage classes for where a disk can be,
//! namespaces for selectors, disruption budgets for who may be pushed out. Says what a claim leaves of
//! the nodes; which node is taken is for others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::placement::{Claim, PodSelector};
use super::requirement::{Labelled, Labels, Requirement};
use super::spark::PodTemplate;

/// Provisioner and driver of EBS volumes, and the name of its driver before CSI.
const EBS_DRIVERS: [&str; 2] = ["ebs.csi.aws.com", "kubernetes.io/aws-ebs"];

/// One such object, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Referent {
    /// A PersistentVolumeClaim.
    Claim(VolumeClaim),
    /// A PersistentVolume.
    Volume(Volume),
    /// A StorageClass.
    Class(Class),
    /// A namespace's labels.
    Namespace(Labels),
    /// A PodDisruptionBudget.
    Budget(Budget),
}

/// What sort of object, to name one that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReferentKind {
    /// A PersistentVolumeClaim, by `namespace/name`.
    Claim,
    /// A PersistentVolume.
    Volume,
    /// A StorageClass.
    Class,
    /// A namespace.
    Namespace,
    /// A PodDisruptionBudget, by `namespace/name`.
    Budget,
}

/// A claim: which volume it has, or which class will make one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeClaim {
    /// The volume, once there is one.
    pub volume: Option<String>,
    /// The class; None is the default one.
    pub class: Option<String>,
}

/// A volume: from where it can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// One of these lists must hold of a node; none is reached from everywhere.
    pub nodes: Vec<Vec<Requirement>>,
    /// CSI driver or in-tree plugin.
    pub driver: String,
}

/// A class: who makes volumes, when and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The provisioner.
    pub provisioner: String,
    /// Volumes are made before a pod has a node (`volumeBindingMode: Immediate`).
    pub immediate: bool,
    /// One of these lists must hold of a node; none makes volumes everywhere.
    pub nodes: Vec<Vec<Requirement>>,
    /// Claims without a class are of this one.
    pub is_default: bool,
}

/// How many of some pods may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The pods.
    pub pods: PodSelector,
    /// The bound.
    pub bound: BudgetBound,
}

/// A bound on pods that are there or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BudgetBound {
    /// At least so many.
    Available(u32),
    /// At least so many per cent of all, rounded up.
    AvailablePercent(u32),
    /// At most so many missing.
    Missing(u32),
    /// At most so many per cent of all missing, rounded up.
    MissingPercent(u32),
}

/// All of them that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referents {
    /// By `namespace/name`.
    pub claims: BTreeMap<String, VolumeClaim>,
    /// By name.
    pub volumes: BTreeMap<String, Volume>,
    /// By name.
    pub classes: BTreeMap<String, Class>,
    /// Labels by name.
    pub namespaces: BTreeMap<String, Labels>,
    /// By `namespace/name`.
    pub budgets: BTreeMap<String, Budget>,
}

/// What a claim leaves: nodes on which one of the lists holds (none: every node), and whether its disk
/// counts against the attachments of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Alternatives.
    pub nodes: Vec<Vec<Requirement>>,
    /// An EBS volume.
    pub is_ebs: bool,
}

/// Why a claim cannot be mounted anywhere yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmountable {
    /// The claim is not known.
    NoClaim(String),
    /// The claim names a volume that is not known.
    NoVolume(String),
    /// The claim has no volume, and its class makes one without waiting for a pod.
    Unbound(String),
}

impl Reach {
    /// True where the disk can be reached from a node with these labels.
    pub fn holds(&self, labels: &impl Labelled) -> bool {
        let every = |list: &Vec<Requirement>| list.iter().all(|wanted| wanted.holds(labels));
        self.nodes.is_empty() || self.nodes.iter().any(every)
    }
}

impl Budget {
    /// How many of the pods, `all` in number, may be missing.
    pub fn allowed(&self, all: u32) -> u32 {
        let part = |percent: u32| {
            let part = (u64::from(all) * u64::from(percent)).div_ceil(100);
            u32::try_from(part).unwrap_or(u32::MAX)
        };
        match self.bound {
            BudgetBound::Available(least) => all.saturating_sub(least),
            BudgetBound::AvailablePercent(percent) => all.saturating_sub(part(percent)),
            BudgetBound::Missing(most) => most,
            BudgetBound::MissingPercent(percent) => part(percent),
        }
    }
}

impl Referents {
    /// Takes an object in.
    pub fn insert(&mut self, name: &str, referent: Referent) {
        let name = name.to_owned();
        match referent {
            Referent::Claim(claim) => drop(self.claims.insert(name, claim)),
            Referent::Volume(volume) => drop(self.volumes.insert(name, volume)),
            Referent::Class(class) => drop(self.classes.insert(name, class)),
            Referent::Namespace(labels) => drop(self.namespaces.insert(name, labels)),
            Referent::Budget(budget) => drop(self.budgets.insert(name, budget)),
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, kind: ReferentKind, name: &str) {
        match kind {
            ReferentKind::Claim => drop(self.claims.remove(name)),
            ReferentKind::Volume => drop(self.volumes.remove(name)),
            ReferentKind::Class => drop(self.classes.remove(name)),
            ReferentKind::Namespace => drop(self.namespaces.remove(name)),
            ReferentKind::Budget => drop(self.budgets.remove(name)),
        }
    }

    /// From where the disk of a claim can be reached; `pod` is the pod's name without namespace. A
    /// claim that a pod brings along and that is not there yet is made where its class allows.
    ///
    /// # Errors
    /// Where the pod has to wait for something about the claim.
    pub fn reach(
        &self,
        pod: &str,
        template: &PodTemplate,
        claim: &Claim,
    ) -> Result<Reach, Unmountable> {
        let prefix = if claim.own { pod } else { "" };
        let name = format!("{}/{prefix}{}", template.namespace, claim.name);
        let known = self.claims.get(&name);
        if known.is_none() && !claim.own {
            return Err(Unmountable::NoClaim(name));
        }
        if let Some(volume) = known.and_then(|known| known.volume.as_ref()) {
            let found = self.volumes.get(volume);
            return match found {
                Some(volume) => Ok(Reach {
                    nodes: volume.nodes.clone(),
                    is_ebs: EBS_DRIVERS.contains(&volume.driver.as_str()),
                }),
                None => Err(Unmountable::NoVolume(volume.clone())),
            };
        }
        let class = known.map_or(claim.class.as_ref(), |known| known.class.as_ref());
        let Some(class) = self.class(class) else {
            return Ok(Reach::default());
        };
        if class.immediate && known.is_some() {
            return Err(Unmountable::Unbound(name));
        }
        Ok(Reach {
            nodes: class.nodes.clone(),
            is_ebs: EBS_DRIVERS.contains(&class.provisioner.as_str()),
        })
    }

    fn class(&self, name: Option<&String>) -> Option<&Class> {
        match name {
            Some(name) => self.classes.get(name),
            None => self.classes.values().find(|class| class.is_default),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_round_percentages_up() {
        let budget = |bound| Budget {
            pods: PodSelector::nothing(),
            bound,
        };
        for (bound, expected) in [
            (BudgetBound::Available(8), 2),
            (BudgetBound::Available(11), 0),
            (BudgetBound::AvailablePercent(75), 2),
            (BudgetBound::Missing(3), 3),
            (BudgetBound::MissingPercent(25), 3),
        ] {
            assert_eq!(budget(bound).allowed(10), expected, "{bound:?}");
        }
    }
}
