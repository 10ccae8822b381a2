//! The fold: events in, knowledge out. An event costs about the same however large the cluster is.
//! Facts may come in any order that the sources allow: a pod bound to a node that is not known yet
//! counts from the moment the node is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::model::daemon::Daemon;
use crate::model::name::{AppId, NodeId, PodId, PoolName};
use crate::model::node::{CAPACITY_TYPE, INSTANCE_TYPE, NODEPOOL, PURPOSE, Purpose, ZONE};
use crate::model::offering::{CapacityType, Catalog, TypeId, ZoneId};
use crate::model::pool::Pool;
use crate::model::referent::Referents;
use crate::model::resources::Resources;
use crate::model::spark::{Pod, PodPhase, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

use super::app::{App, slot_of};
use super::event::{Event, Fact, Intent, NodeFacts};
use super::market::Market;
use super::node::{Node, Stage};

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What the region sells.
    pub catalog: Arc<Catalog>,
    /// Pools by name.
    pub pools: BTreeMap<PoolName, Arc<Pool>>,
    /// DaemonSets by `namespace/name`.
    pub daemons: BTreeMap<String, Daemon>,
    /// Objects that pods' rules refer to.
    pub referents: Referents,
    /// Pods that count.
    pub pods: BTreeMap<PodId, Pod>,
    /// Applications, and single pods that belong to none.
    pub apps: BTreeMap<AppId, App>,
    /// Applications that ask for something.
    pub demanding: BTreeSet<AppId>,
    /// Nodes, awaited ones included.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Offerings that EC2 has run out of, and until when we believe so.
    pub unavailable: BTreeMap<(TypeId, ZoneId, CapacityType), Timestamp>,
    /// Pods that have a node and ask something of their neighbours, of ports or of disks.
    pub particular: BTreeSet<PodId>,
    /// Nodes ever asked for: gives the next ones their names.
    pub asked: u64,
    market: OnceLock<Market>,
    /// Pods bound to nodes that are not known.
    homeless: BTreeMap<NodeId, BTreeSet<PodId>>,
    templates: BTreeSet<Arc<PodTemplate>>,
}

impl Cluster {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::CatalogListed(catalog) => self.list(catalog),
            Fact::PoolApplied(pool) => {
                let pool = in_region(pool, &self.catalog.region);
                self.pools.insert(pool.name.clone(), pool);
                self.market = OnceLock::new();
            }
            Fact::PoolDeleted(name) => {
                self.pools.remove(name);
                self.market = OnceLock::new();
            }
            Fact::DaemonApplied(daemon) => {
                self.daemons.insert(daemon.name.clone(), daemon.clone());
                self.market = OnceLock::new();
            }
            Fact::DaemonDeleted(name) => {
                self.daemons.remove(name);
                self.market = OnceLock::new();
            }
            Fact::ReferentApplied { name, referent } => {
                self.referents.insert(name, referent.clone());
            }
            Fact::ReferentDeleted(kind, name) => self.referents.remove(*kind, name),
            Fact::ShapeDeclared { app, shape } => self.declare(app, shape),
            Fact::ShapeWithdrawn(app) => self.withdraw(app),
            Fact::PodApplied(pod) => self.apply_pod(pod, at),
            Fact::PodEnded(pod) => self.end_pod(pod, at),
            Fact::NodeApplied(facts) => self.apply_node(facts, at),
            Fact::NodeGone(node) | Fact::NodeRefused(node) => self.remove_node(node),
            Fact::LaunchAsked(intent) => self.await_nodes(intent),
            Fact::NodeLaunched {
                node,
                instance_type,
                price,
            } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.types = vec![*instance_type];
                    node.price = *price;
                    node.launched = Some(at);
                    if node.stage == Stage::Asked {
                        node.stage = Stage::Booting;
                    }
                }
            }
            Fact::OfferingUnavailable {
                instance_type,
                zone,
                capacity_type,
                until,
            } => {
                self.unavailable
                    .insert((*instance_type, *zone, *capacity_type), *until);
            }
            Fact::NodeLeaving(node) => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.stage = Stage::Leaving;
                }
            }
        }
    }

    /// What could be bought; computed when first asked for after a change of what it derives from.
    pub fn market(&self) -> &Market {
        let pools = self.pools.values();
        self.market
            .get_or_init(|| Market::new(&self.catalog, pools, &self.daemons))
    }

    fn list(&mut self, catalog: &Arc<Catalog>) {
        let old = std::mem::replace(&mut self.catalog, catalog.clone());
        self.market = OnceLock::new();
        for pool in self.pools.values_mut() {
            *pool = in_region(pool, &catalog.region);
        }
        for node in self.nodes.values_mut() {
            node.zone = node
                .labels
                .get(ZONE)
                .and_then(|name| catalog.find_zone(name));
            let named = node
                .types
                .iter()
                .map(|id| old.instance_type(*id).name.as_str());
            let label = node.labels.get(INSTANCE_TYPE).map(String::as_str);
            let names = named.chain(label.filter(|_| node.types.is_empty()));
            node.types = names.filter_map(|name| catalog.find_type(name)).collect();
        }
    }

    fn declare(&mut self, id: &AppId, shape: &Shape) {
        let mut shape = shape.clone();
        shape.driver = shape.driver.map(|driver| self.intern(driver));
        for group in &mut shape.executors {
            group.template = self.intern(group.template.clone());
        }
        let app = self
            .apps
            .entry(id.clone())
            .or_insert_with(|| App::new(shape.declared));
        app.first_seen = app.first_seen.min(shape.declared);
        app.shape = Some(shape);
        self.note_demand(id);
    }

    fn withdraw(&mut self, id: &AppId) {
        if let Some(app) = self.apps.get_mut(id) {
            app.shape = None;
            app.held.clear();
        }
        self.note_demand(id);
    }

    fn apply_pod(&mut self, pod: &Pod, at: Timestamp) {
        let pod = Pod {
            template: self.intern(pod.template.clone()),
            ..pod.clone()
        };
        let old = self.pods.insert(pod.id.clone(), pod.clone());
        if old.as_ref() == Some(&pod) {
            return;
        }
        if let Some(old) = &old {
            self.unhouse(old, at);
        }
        self.house(&pod);
        let Some(id) = app_of(&pod) else { return };
        let app = self
            .apps
            .entry(id.clone())
            .or_insert_with(|| App::new(pod.created));
        match &old {
            Some(old) => app.remove(old),
            None => *app.seen.entry(slot_of(&pod.template)).or_default() += 1,
        }
        app.add(&pod, at);
        if let PodPhase::Bound(node) = &pod.phase {
            app.release_one(&slot_of(&pod.template), node);
        }
        self.note_demand(&id);
    }

    fn end_pod(&mut self, id: &PodId, at: Timestamp) {
        let Some(pod) = self.pods.remove(id) else {
            return;
        };
        self.unhouse(&pod, at);
        let Some(app_id) = app_of(&pod) else { return };
        if let Some(app) = self.apps.get_mut(&app_id) {
            app.remove(&pod);
            if pod.template.role == Role::Driver {
                app.shape = None;
                app.held.clear();
            }
        }
        self.note_demand(&app_id);
    }

    /// A bound pod takes room on its node.
    fn house(&mut self, pod: &Pod) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        if pod.template.placement.is_some() {
            self.particular.insert(pod.id.clone());
        }
        match self.nodes.get_mut(id) {
            Some(node) => node.take(
                &pod.id,
                pod.template.role,
                &pod.template.requests,
                pod.template.daemon,
            ),
            None => {
                self.homeless
                    .entry(id.clone())
                    .or_default()
                    .insert(pod.id.clone());
            }
        }
    }

    fn unhouse(&mut self, pod: &Pod, at: Timestamp) {
        let PodPhase::Bound(id) = &pod.phase else {
            return;
        };
        if pod.template.placement.is_some() {
            self.particular.remove(&pod.id);
        }
        let template = &pod.template;
        if let Some(node) = self
            .nodes
            .get_mut(id)
            .filter(|node| node.pods.contains(&pod.id))
        {
            node.give_back(
                &pod.id,
                template.role,
                &template.requests,
                template.daemon,
                at,
            );
        } else if let Some(pods) = self.homeless.get_mut(id) {
            pods.remove(&pod.id);
            if pods.is_empty() {
                self.homeless.remove(id);
            }
        }
    }

    fn apply_node(&mut self, facts: &NodeFacts, at: Timestamp) {
        let labels = &facts.labels;
        let known = self.nodes.remove(&facts.id);
        let is_new = known.is_none();
        let mut node = known.unwrap_or_else(|| blank(&facts.id));
        node.pool = labels
            .get(NODEPOOL)
            .map(|name| PoolName::from(name.as_str()))
            .or(node.pool);
        node.purpose = match labels.get(PURPOSE).map(String::as_str) {
            Some("driver") => Some(Purpose::Driver),
            Some("work") => Some(Purpose::Work),
            _ => node.purpose,
        };
        node.zone = labels
            .get(ZONE)
            .and_then(|name| self.catalog.find_zone(name))
            .or(node.zone);
        node.capacity_type = match labels.get(CAPACITY_TYPE).map(String::as_str) {
            Some("spot") => Some(CapacityType::Spot),
            Some("on-demand") => Some(CapacityType::OnDemand),
            _ => node.capacity_type,
        };
        node.labels.clone_from(labels);
        node.taints.clone_from(&facts.taints);
        node.allocatable = facts.allocatable.clone();
        node.unschedulable = facts.unschedulable;
        if node.types.is_empty() {
            let name = labels.get(INSTANCE_TYPE);
            node.types = name
                .and_then(|name| self.catalog.find_type(name))
                .into_iter()
                .collect();
        }
        if node.stage != Stage::Leaving {
            node.stage = if facts.ready {
                Stage::Ready
            } else {
                Stage::Booting
            };
        }
        self.nodes.insert(facts.id.clone(), node);
        if is_new {
            for id in self.homeless.remove(&facts.id).unwrap_or_default() {
                if let Some(pod) = self.pods.get(&id).cloned() {
                    self.house(&pod);
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(&facts.id) {
            node.note_emptiness(at);
        }
    }

    fn remove_node(&mut self, id: &NodeId) {
        let Some(node) = self.nodes.remove(id) else {
            return;
        };
        if !node.pods.is_empty() {
            self.homeless.insert(id.clone(), node.pods);
        }
        for app_id in node.held_by {
            if let Some(app) = self.apps.get_mut(&app_id) {
                app.forget_node(id);
            }
            self.note_demand(&app_id);
        }
    }

    fn await_nodes(&mut self, intent: &Intent) {
        for awaited in &intent.nodes {
            let mut node = blank(&awaited.id);
            node.pool = Some(intent.pool.clone());
            node.purpose = Some(intent.purpose);
            node.zone = Some(intent.zone);
            node.capacity_type = Some(intent.capacity_type);
            node.labels = intent.labels.clone();
            node.taints.clone_from(&intent.taints);
            node.allocatable = awaited.room.clone();
            node.stage = Stage::Asked;
            node.types.clone_from(&intent.types);
            node.held_by = awaited.held.iter().map(|held| held.app.clone()).collect();
            for held in &awaited.held {
                let app = self.apps.get_mut(&held.app);
                if let Some(app) = app {
                    app.hold(&awaited.id, held);
                }
                self.note_demand(&held.app);
            }
            self.nodes.insert(awaited.id.clone(), node);
            self.asked += 1;
        }
    }

    /// Keeps `demanding` true, and forgets applications of which nothing is left.
    fn note_demand(&mut self, id: &AppId) {
        let Some(app) = self.apps.get(id) else { return };
        if app.is_demanding() {
            self.demanding.insert(id.clone());
        } else {
            self.demanding.remove(id);
        }
        if app.is_over() {
            self.apps.remove(id);
            self.demanding.remove(id);
        }
    }

    /// One copy of equal templates: thousands of executors share one.
    fn intern(&mut self, template: Arc<PodTemplate>) -> Arc<PodTemplate> {
        if let Some(known) = self.templates.get(&template) {
            return known.clone();
        }
        if self.templates.len() >= TEMPLATES_BEFORE_SWEEP {
            self.templates.retain(|known| Arc::strong_count(known) > 1);
        }
        self.templates.insert(template.clone());
        template
    }
}

/// Interned templates beyond which those that no pod uses are dropped; an application has two or
/// three, so this is a few thousand applications' worth.
const TEMPLATES_BEFORE_SWEEP: usize = 10_000;

/// The pool with the region's name where it has a placeholder for it, once a catalogue has told it.
fn in_region(pool: &Arc<Pool>, region: &str) -> Arc<Pool> {
    if region.is_empty() {
        pool.clone()
    } else {
        Arc::new(pool.for_region(region))
    }
}

/// The application that a pod counts towards: its own, or for other pods one of their own.
pub fn app_of(pod: &Pod) -> Option<AppId> {
    if pod.template.daemon {
        return None;
    }
    Some(
        pod.template
            .app
            .clone()
            .unwrap_or_else(|| AppId::from(pod.id.as_str())),
    )
}

fn blank(id: &NodeId) -> Node {
    Node {
        id: id.clone(),
        pool: None,
        purpose: None,
        zone: None,
        capacity_type: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable: Resources::default(),
        used: Resources::default(),
        pods: BTreeSet::new(),
        working: 0,
        drivers: 0,
        held_by: BTreeSet::new(),
        stage: Stage::Booting,
        unschedulable: false,
        types: Vec::new(),
        price: crate::model::money::UsdPerHour::ZERO,
        launched: None,
        empty_since: None,
    }
}

#[cfg(test)]
mod tests;
