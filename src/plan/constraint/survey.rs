//! Where the pods that run forbid a new one, draw it, or count for how evenly it must lie. Says what is
//! there; what follows from it is decided by the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::View;
use crate::cluster::node::Node;
use crate::model::name::NodeId;
use crate::model::node::ZONE;
use crate::model::offering::ZoneId;
use crate::model::placement::{HOSTNAME, Placement, Spread, are_apart};
use crate::model::spark::{PodPhase, PodTemplate};

/// Where the pods that run forbid a pod or draw it.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Closed nodes and zones.
    pub nodes: BTreeSet<NodeId>,
    pub zones: BTreeSet<ZoneId>,
    /// Places with pods that its affinity selects.
    pub near_nodes: BTreeSet<NodeId>,
    pub near_zones: BTreeSet<ZoneId>,
    /// By required spread: pods that count, by node and by zone.
    pub counts: Vec<(BTreeMap<NodeId, u32>, BTreeMap<ZoneId, u32>)>,
}

/// How a pod that runs bears on one that is to be placed.
#[derive(Clone, Debug)]
struct Bearing {
    bars_node: bool,
    bars_zone: bool,
    draws: bool,
    counts: Vec<bool>,
}

impl Survey {
    pub fn of(view: &View<'_>, template: &PodTemplate) -> Survey {
        let cluster = view.cluster;
        let own = template.placement.as_deref();
        let spreads: Vec<&Spread> = own
            .into_iter()
            .flat_map(Placement::required_spread)
            .collect();
        let mut survey = Survey {
            counts: vec![Default::default(); spreads.len()],
            ..Survey::default()
        };
        let mut known: BTreeMap<usize, Bearing> = BTreeMap::new();
        let mut meet = |node: &Node, other: &Arc<PodTemplate>| {
            let bearing = known
                .entry(Arc::as_ptr(other).addr())
                .or_insert_with(|| bearing(view, template, other, &spreads));
            survey.add(node, bearing);
        };
        if own.is_some() {
            for node in cluster.nodes.values() {
                for pod in node.pods.iter().filter_map(|pod| cluster.pods.get(pod)) {
                    meet(node, &pod.template);
                }
            }
        } else {
            for pod in cluster
                .particular
                .iter()
                .filter_map(|pod| cluster.pods.get(pod))
            {
                if let PodPhase::Bound(id) = &pod.phase
                    && let Some(node) = cluster.nodes.get(id)
                {
                    meet(node, &pod.template);
                }
            }
        }
        survey
    }

    fn add(&mut self, node: &Node, bearing: &Bearing) {
        if bearing.bars_node {
            self.nodes.insert(node.id.clone());
        }
        if bearing.bars_zone {
            self.zones.extend(node.zone);
        }
        if bearing.draws {
            self.near_nodes.insert(node.id.clone());
            self.near_zones.extend(node.zone);
        }
        for ((nodes, zones), _) in self
            .counts
            .iter_mut()
            .zip(&bearing.counts)
            .filter(|(_, counts)| **counts)
        {
            *nodes.entry(node.id.clone()).or_default() += 1;
            if let Some(zone) = node.zone {
                *zones.entry(zone).or_default() += 1;
            }
        }
    }
}

fn bearing(
    view: &View<'_>,
    template: &PodTemplate,
    other: &PodTemplate,
    spreads: &[&Spread],
) -> Bearing {
    let referents = &view.cluster.referents;
    let affinity = template.placement.iter().flat_map(|own| &own.affinity);
    Bearing {
        bars_node: are_apart(template, other, HOSTNAME, referents),
        bars_zone: are_apart(template, other, ZONE, referents),
        draws: affinity.clone().next().is_some()
            && affinity
                .clone()
                .all(|term| term.pods.selects(other, referents)),
        counts: spreads
            .iter()
            .map(|spread| spread.pods.selects(other, referents))
            .collect(),
    }
}
