//! Disks as rules of a need: zones and nodes from which its claims can be reached, and how many more
//! EBS volumes a node can have attached. A claim that pods share counts once for each of them.

use crate::cluster::View;
use crate::cluster::node::Node;
use crate::model::label::REGION;
use crate::model::node::{ZONE, ZONE_ID};
use crate::model::placement::{HOSTNAME, Placement};
use crate::model::referent::{Reach, Unmountable};
use crate::model::requirement::{Labelled, Labels};

use super::super::demand::Need;
use super::super::zone;
use super::{Rule, waits};

/// Disks: zones from which every claim can be reached, nodes likewise, and attachments.
pub(super) fn reach(view: &View<'_>, need: &Need, own: &Placement, rule: &mut Rule) {
    let mut reaches: Vec<Reach> = Vec::new();
    for claim in &own.claims {
        // Claims of a pod's own differ from pod to pod; others are the same for all.
        let pods = if claim.own { need.pods.len() } else { 1 };
        let mut is_ebs = false;
        for pod in need.pods.iter().take(pods) {
            let name = pod
                .as_str()
                .split_once('/')
                .map_or(pod.as_str(), |(_, name)| name);
            match view.cluster.referents.reach(name, &need.template, claim) {
                Ok(reach) => {
                    is_ebs |= reach.is_ebs;
                    if !reaches.contains(&reach) {
                        reaches.push(reach);
                    }
                }
                Err(problem) => {
                    rule.refusal.get_or_insert_with(|| waits(told(&problem)));
                    return;
                }
            }
        }
        rule.disks += u32::from(is_ebs);
    }
    reaches.retain(|reach| !reach.nodes.is_empty());
    let reached = |labels: &Labels| reaches.iter().all(|reach| reach.holds(labels));
    let catalog = &view.cluster.catalog;
    let zones = zone::all(view).into_iter();
    rule.closed.extend(zones.filter(|&zone| {
        let zone = catalog.zone(zone);
        let pairs = [
            (ZONE, &zone.name),
            (ZONE_ID, &zone.id),
            (REGION, &catalog.region),
        ];
        !reached(
            &pairs
                .map(|(key, value)| (key.to_owned(), value.clone()))
                .into(),
        )
    }));
    if reaches.is_empty() && rule.disks == 0 {
        return;
    }
    for node in view.cluster.nodes.values() {
        let holds = reaches.iter().all(|reach| reach.holds(&Named(node)));
        let attachable = match rule.disks {
            0 => u32::MAX,
            disks => attachable(view, node) / disks,
        };
        let left = if holds { attachable } else { 0 };
        let known = rule.on(&node.id).min(left);
        rule.nodes.insert(node.id.clone(), known);
    }
}

/// A node whose name stands for its host name where it does not say one.
struct Named<'a>(&'a Node);

impl Labelled for Named<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        let label = self.0.labels.label(key);
        label.or_else(|| (key == HOSTNAME).then(|| self.0.id.as_str()))
    }
}

/// EBS volumes that can still be attached to a node.
fn attachable(view: &View<'_>, node: &Node) -> u32 {
    let cluster = view.cluster;
    let types = node
        .types
        .iter()
        .map(|id| cluster.catalog.instance_type(*id).disks);
    let attached = node
        .pods
        .iter()
        .filter_map(|pod| cluster.pods.get(pod))
        .map(|pod| {
            let name = pod.id.as_str().split_once('/').map_or("", |(_, name)| name);
            let claims = pod.template.placement.iter().flat_map(|own| &own.claims);
            let reaches =
                claims.filter_map(|claim| cluster.referents.reach(name, &pod.template, claim).ok());
            u32::try_from(reaches.filter(|reach| reach.is_ebs).count()).unwrap_or(u32::MAX)
        });
    types
        .min()
        .unwrap_or(u32::MAX)
        .saturating_sub(attached.sum())
}

fn told(problem: &Unmountable) -> String {
    match problem {
        Unmountable::NoClaim(name) => {
            format!("PersistentVolumeClaim {name}, which the pod mounts, is not there; create it")
        }
        Unmountable::NoVolume(name) => {
            format!("PersistentVolume {name}, which the pod's claim is bound to, is not known")
        }
        Unmountable::Unbound(name) => format!(
            "PersistentVolumeClaim {name} has no volume yet, and its StorageClass does not wait for a pod"
        ),
    }
}
