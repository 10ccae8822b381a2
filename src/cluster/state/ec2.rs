//! What EC2 does of its own accord, folded in: prices that move, and instances that are taken back.
//! What is done about it is decided by the plan.

use std::sync::Arc;

use crate::cluster::event::PriceChange;
use crate::cluster::usage;
use crate::model::name::NodeId;
use crate::model::offering::CapacityType;
use crate::model::resources::Resources;
use crate::model::time::Timestamp;

use super::Cluster;
use super::pods::app_of;

impl Cluster {
    /// The market keeps its order, which prices play no part in, so that a change costs no rebuild.
    pub(super) fn reprice(&mut self, changes: &[PriceChange]) {
        let catalog = Arc::make_mut(&mut self.catalog);
        for change in changes {
            let PriceChange {
                instance_type,
                zone,
                capacity_type,
                price,
            } = *change;
            catalog.reprice(instance_type, zone, capacity_type, price);
        }
        if let Some(market) = self.market.get_mut() {
            Arc::make_mut(market).reprice(&self.catalog);
        }
        if changes
            .iter()
            .any(|change| change.capacity_type == CapacityType::Spot)
        {
            self.reprice_nodes();
        }
    }

    /// Spot instances pay what spot costs, from one second to the next.
    fn reprice_nodes(&mut self) {
        for node in self.nodes.values_mut() {
            let (Some(zone), Some(CapacityType::Spot), [instance_type], Some(_)) = (
                node.zone,
                node.capacity_type,
                node.types.as_slice(),
                node.launched,
            ) else {
                continue;
            };
            let price = self.catalog.price(*instance_type, zone, CapacityType::Spot);
            node.price = price.unwrap_or(node.price);
            usage::charge(&mut self.usages, &self.catalog, node);
        }
    }

    /// Somebody ends a node, and EC2 does not.
    pub(super) fn drain(&mut self, id: &NodeId, until: Timestamp) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.draining = true;
        }
        self.interrupt(id, until);
    }

    /// A node is taken away: nothing is planned onto it, room that it held is to be found again, and
    /// its pods are expected once more.
    pub(super) fn interrupt(&mut self, id: &NodeId, until: Timestamp) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        node.interrupted = Some(until);
        node.promised = Resources::default();
        let holders = std::mem::take(&mut node.held_by);
        let pods = node.pods.clone();
        if node.is_ours() {
            self.interrupted.insert(id.clone());
        }
        self.renote(id);
        for app_id in holders {
            if let Some(app) = self.apps.get_mut(&app_id) {
                app.forget_node(id);
            }
            self.note_demand(&app_id);
        }
        for pod in pods {
            let Some((pod, app_id)) = self
                .pods
                .get(&pod)
                .and_then(|pod| Some((pod, app_of(pod)?)))
            else {
                continue;
            };
            if let Some(app) = self.apps.get_mut(&app_id) {
                app.doom(pod);
            }
            self.note_demand(&app_id);
        }
    }
}
