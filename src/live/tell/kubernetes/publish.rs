//! Notes to the API server as events of `events.k8s.io`, one by one from a bounded queue. An event that
//! cannot be written is counted and forgotten: nothing depends on it.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::super::Metrics;
use super::{Note, Regarding};

/// Notes that wait to be written.
const QUEUE: usize = 1_000;
/// Where events on objects of the whole cluster go, as Kubernetes' own components do it.
const CLUSTERWIDE: &str = "default";
/// Who tells.
const CONTROLLER: &str = "sparkwright.dev/controller";

/// The loop's end of the queue.
#[derive(Clone, Debug)]
pub struct Publisher {
    queue: mpsc::Sender<(Note, String)>,
    metrics: Metrics,
}

impl Publisher {
    /// Begins to publish, on the runtime that this is called on, until the publisher is dropped.
    /// `instance` is this replica's name.
    pub fn start(client: Client, instance: String, metrics: Metrics) -> Publisher {
        let (queue, mut notes) = mpsc::channel::<(Note, String)>(QUEUE);
        let told = metrics.clone();
        tokio::spawn(async move {
            while let Some((note, uid)) = notes.recv().await {
                let event = event(&note, uid, &instance);
                let namespace = event.metadata.namespace.as_deref().unwrap_or(CLUSTERWIDE);
                let events: Api<Event> = Api::namespaced(client.clone(), namespace);
                match events.create(&PostParams::default(), &event).await {
                    Ok(_) => told.told("published"),
                    Err(error) => {
                        tracing::debug!(%error, object = note.name, "an event could not be written");
                        told.told("failed");
                    }
                }
            }
        });
        Publisher { queue, metrics }
    }

    /// Has a note published. `uid` is the object's, without which `kubectl describe` does not show it.
    pub fn publish(&self, note: Note, uid: String) {
        if self.queue.try_send((note, uid)).is_err() {
            self.metrics.told("dropped");
        }
    }
}

fn event(note: &Note, uid: String, instance: &str) -> Event {
    let (namespace, name) = match note.name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, note.name.as_str()),
    };
    let (api_version, kind) = match note.regarding {
        Regarding::Pod => ("v1", "Pod"),
        Regarding::NodePool => ("sparkwright.dev/v1alpha1", "NodePool"),
        Regarding::NodeClaim => ("sparkwright.dev/v1alpha1", "NodeClaim"),
    };
    Event {
        metadata: ObjectMeta {
            // Not a dot, with which names of pods go on elsewhere: API servers of 1.36 refuse it here.
            generate_name: Some(format!("{}-", name.chars().take(200).collect::<String>())),
            namespace: Some(namespace.clone().unwrap_or(CLUSTERWIDE.to_owned())),
            ..ObjectMeta::default()
        },
        action: Some(note.action.to_owned()),
        event_time: Some(MicroTime(jiff::Timestamp::now())),
        note: Some(note.note.clone()),
        reason: Some(note.reason.clone()),
        regarding: Some(ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(name.to_owned()),
            namespace,
            uid: Some(uid).filter(|uid| !uid.is_empty()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.chars().take(128).collect()),
        type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_object_with_namespace_and_uid() {
        let note = Note {
            regarding: Regarding::Pod,
            name: "spark/a-driver".into(),
            reason: "NoPool".into(),
            action: "Plan",
            warning: true,
            note: "why".into(),
        };
        let told = event(&note, "u-1".into(), "sparkwright-0");
        let regarding = told.regarding.unwrap();
        assert_eq!(told.metadata.namespace.as_deref(), Some("spark"));
        assert_eq!(told.metadata.generate_name.as_deref(), Some("a-driver-"));
        assert_eq!(regarding.uid.as_deref(), Some("u-1"));
        assert_eq!(
            (regarding.name.as_deref(), told.type_.as_deref()),
            (Some("a-driver"), Some("Warning"))
        );
        let pool = Note {
            regarding: Regarding::NodePool,
            name: "executors".into(),
            ..note
        };
        let told = event(&pool, String::new(), "sparkwright-0");
        assert_eq!(told.metadata.namespace.as_deref(), Some("default"));
        assert_eq!(told.regarding.unwrap().uid, None);
    }
}
