//! Why an application waits, as a condition of one of its pods: the driver's that waits, or its first other
//! one. Written when the reason changes and when the pod has its node, and never for pods that did not wait.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::Cluster;
use crate::cluster::kubernetes::shape::aside::PLACED;
use crate::cluster::state::app_of;
use crate::live::clock;
use crate::live::effects::claims::unless_gone;
use crate::live::heard::Hand;
use crate::live::tell::kubernetes::in_capitals;
use crate::live::world::World;
use crate::model::name::{AppId, PodId};
use crate::model::spark::{PodPhase, Role};
use crate::plan::Plan;
use crate::plan::reason::Reason;

use super::Rounds;

/// Conditions that are written in one round at most, so that a thousand applications that wait for another
/// reason than before are no burst; what is left comes in the next ones.
const MOST: usize = 50;

/// What is to be said of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saying {
    pod: PodId,
    placed: bool,
    reason: String,
    message: String,
}

impl Rounds {
    /// Says what is new about applications that wait, or wait no more.
    pub(super) fn note_waits(&mut self, plan: &Plan) {
        let news = news(&self.cluster, plan, &self.translator.waits);
        for saying in news.into_iter().take(MOST) {
            let hand = Hand::Status(format!("pod/{}", saying.pod));
            let (pod, placed) = (saying.pod.clone(), saying.placed);
            let reason = saying.reason.clone();
            let task = write(self.world.clone(), hand.clone(), saying);
            if self.begin(hand, task) {
                match placed {
                    true => drop(self.translator.waits.remove(&pod)),
                    false => drop(self.translator.waits.insert(pod, reason)),
                }
            }
        }
    }
}

/// What is to be said beside what is `said`: reasons by pod, as their conditions have them.
fn news(cluster: &Cluster, plan: &Plan, said: &BTreeMap<PodId, String>) -> Vec<Saying> {
    let waiting = waiting(cluster, plan);
    let mut news = Vec::new();
    for (pod, reason) in &waiting {
        let code = in_capitals(reason.code());
        if said.get(pod) != Some(&code) {
            news.push(Saying {
                pod: pod.clone(),
                placed: false,
                reason: code,
                message: reason.to_string(),
            });
        }
    }
    for (id, code) in said.iter().filter(|(id, _)| !waiting.contains_key(*id)) {
        let Some(pod) = cluster.pods.get(id) else {
            continue;
        };
        let placed = matches!(pod.phase, PodPhase::Bound(_));
        let (reason, message) = match placed {
            true => ("Placed", "it has its node"),
            false => ("NodesBoot", "its nodes have been asked for, and boot"),
        };
        if code != reason {
            news.push(Saying {
                pod: id.clone(),
                placed,
                reason: reason.to_owned(),
                message: message.to_owned(),
            });
        }
    }
    news
}

/// Of each Spark application that waits the pod that says so, and what it waits for.
fn waiting<'a>(cluster: &Cluster, plan: &'a Plan) -> BTreeMap<PodId, &'a Reason> {
    let names = expected_names(cluster);
    let mut reasons: BTreeMap<AppId, &Reason> = BTreeMap::new();
    let mut pods: BTreeMap<AppId, (bool, PodId)> = BTreeMap::new();
    for one in plan.waiting.iter().filter(|one| !one.is_foreign()) {
        let known = cluster.pods.get(&one.pod);
        let app = match known {
            Some(pod) if pod.template.role == Role::Other => None,
            Some(pod) => app_of(pod),
            None => one
                .pod
                .as_str()
                .rsplit_once("-exec-")
                .and_then(|(name, _)| {
                    let app = names.get(name)?;
                    Some((*app).clone())
                }),
        };
        let Some(app) = app else { continue };
        if let Some(pod) = known {
            let candidate = (pod.template.role != Role::Driver, pod.id.clone());
            let held = pods.entry(app.clone()).or_insert_with(|| candidate.clone());
            if candidate < *held {
                *held = candidate;
            }
        }
        let held = reasons.entry(app).or_insert(&one.reason);
        if held.is_for_others() && !one.reason.is_for_others() {
            *held = &one.reason;
        }
    }
    let of_app = |(app, (_, pod)): (AppId, (bool, PodId))| Some((pod, *reasons.get(&app)?));
    pods.into_iter().filter_map(of_app).collect()
}

/// Applications by the names that the plan gives to executors which have yet to come.
fn expected_names(cluster: &Cluster) -> BTreeMap<String, &AppId> {
    let apps = cluster.demanding.iter();
    let shapes = apps.filter_map(|id| Some((id, cluster.apps.get(id)?.shape.as_ref()?)));
    let name = shapes.map(|(id, shape)| (format!("{}/{}", shape.namespace, shape.name), id));
    name.collect()
}

async fn write(world: World, done: Hand, saying: Saying) {
    let (namespace, name) = saying.pod.as_str().split_once('/').unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
    let status = if saying.placed { "True" } else { "False" };
    let condition = json!({
        "type": PLACED, "status": status, "reason": saying.reason, "message": saying.message,
        "lastTransitionTime": clock::rfc3339(),
    });
    let patch = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
    let written = api
        .patch_status(name, &PatchParams::default(), &patch)
        .await;
    world.ended(done, unless_gone(written)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::event::{Event, Fact};
    use crate::cluster::kubernetes;
    use crate::model::resources::Resources;
    use crate::model::time::Timestamp;
    use crate::plan::effect::Waiting;

    /// A cluster of a driver and two executors of one application, on these nodes.
    fn cluster(nodes: [Option<&str>; 3]) -> Cluster {
        let mut cluster = Cluster::default();
        let names = [("d", "driver"), ("e1", "executor"), ("e2", "executor")];
        for ((name, role), node) in names.into_iter().zip(nodes) {
            let object = json!({
                "metadata": {
                    "name": name, "namespace": "ns",
                    "labels": {"spark-role": role, "spark-app-selector": "a"},
                },
                "spec": {"nodeName": node, "containers": [{"name": "c"}]},
            });
            let object = serde_json::from_value(object).unwrap();
            let pod = kubernetes::pod(&object).unwrap().unwrap();
            cluster.apply(&Event {
                at: Timestamp::ZERO,
                fact: Fact::PodApplied(pod),
            });
        }
        cluster
    }

    fn plan(waiting: &[(&str, Reason)]) -> Plan {
        let waiting = waiting.iter().map(|(pod, reason)| Waiting {
            pod: PodId::from(*pod),
            reason: reason.clone(),
        });
        Plan {
            waiting: waiting.collect(),
            ..Plan::default()
        }
    }

    fn said(news: &[Saying]) -> Vec<String> {
        let word = |one: &Saying| format!("{} {} {}", one.pod, one.placed, one.reason);
        news.iter().map(word).collect()
    }

    fn gang() -> Reason {
        let app = AppId::from("ns/a");
        Reason::GangIncomplete { app }
    }

    fn offering() -> Reason {
        Reason::NoOffering {
            requests: Resources::default(),
            because: "memory".into(),
        }
    }

    #[test]
    fn the_driver_says_what_the_others_wait_for_and_says_it_once() {
        let waits = cluster([None; 3]);
        let plan = plan(&[("ns/d", gang()), ("ns/e1", gang()), ("ns/e2", offering())]);
        let mut known = BTreeMap::new();
        assert_eq!(
            said(&news(&waits, &plan, &known)),
            ["ns/d false NoOffering"]
        );
        known.insert(PodId::from("ns/d"), "NoOffering".to_owned());
        assert!(news(&waits, &plan, &known).is_empty());
        known.insert(PodId::from("ns/d"), "LimitReached".to_owned());
        assert_eq!(
            said(&news(&waits, &plan, &known)),
            ["ns/d false NoOffering"]
        );
    }

    #[test]
    fn where_the_driver_runs_the_first_executor_says_it() {
        let waits = cluster([Some("n"), None, None]);
        let plan = plan(&[("ns/e1", offering()), ("ns/e2", offering())]);
        let known = BTreeMap::new();
        assert_eq!(
            said(&news(&waits, &plan, &known)),
            ["ns/e1 false NoOffering"]
        );
    }

    #[test]
    fn what_has_waited_says_that_its_nodes_boot_and_then_that_it_has_one() {
        let known = BTreeMap::from([(PodId::from("ns/d"), "NoOffering".to_owned())]);
        let boots = news(&cluster([None; 3]), &plan(&[]), &known);
        assert_eq!(said(&boots), ["ns/d false NodesBoot"]);
        let placed = news(&cluster([Some("n"), None, None]), &plan(&[]), &known);
        assert_eq!(said(&placed), ["ns/d true Placed"]);
        let gone = BTreeMap::from([(PodId::from("ns/x"), "NoOffering".to_owned())]);
        assert!(news(&cluster([None; 3]), &plan(&[]), &gone).is_empty());
    }
}
