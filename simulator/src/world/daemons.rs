//! Nodes that become ready, and the DaemonSets' pods that come and go with them. Their room is taken
//! without the scheduler, as the DaemonSet controller names the node itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparkwright::cluster::event::Fact;
use sparkwright::model::daemon::Daemon;
use sparkwright::model::name::{NodeId, PodId};
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::{Pod, PodPhase, PodTemplate, Role};

use super::run::World;

impl World {
    pub(super) fn ready(&mut self, node: &NodeId) {
        let Some(facts) = self.fleet.ready(node, &self.cluster) else {
            return;
        };
        self.scheduler.apply_node(&facts);
        self.say(Fact::NodeApplied(Box::new(facts)));
        let daemons: Vec<Daemon> = self.cluster.daemons.values().cloned().collect();
        for daemon in daemons {
            let id = daemon_pod(&daemon.name, node);
            let template = Arc::new(daemon_template(&daemon.name, daemon.requests));
            self.scheduler.occupy(node, &template);
            self.fleet.pod_comes(node);
            self.say(Fact::PodApplied(Pod {
                id,
                template,
                created: self.now,
                phase: PodPhase::Bound(node.clone()),
            }));
        }
    }

    pub(super) fn end_daemons(&mut self, node: &NodeId) {
        let names: BTreeSet<String> = self.cluster.daemons.keys().cloned().collect();
        for name in names {
            self.say(Fact::PodEnded(daemon_pod(&name, node)));
        }
    }
}

fn daemon_pod(daemon: &str, node: &NodeId) -> PodId {
    PodId::from(format!("{daemon}-{node}"))
}

fn daemon_template(name: &str, requests: Resources) -> PodTemplate {
    let namespace = name.split('/').next().unwrap_or_default();
    PodTemplate {
        daemon: true,
        ..PodTemplate::plain(Role::Other, None, namespace, requests)
    }
}
