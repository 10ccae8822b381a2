//! Which pods our gate holds, by the API server's own list, and which of them it has held too long. Pods
//! come in pages, so that ten thousand of them need no more memory than some hundreds.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::model::spark::GATE;
use crate::model::time::{Span, Timestamp};

/// Pods in one answer of the API server.
const PAGE: u32 = 500;
/// Pods without a node are all that a gate can hold.
const UNBOUND: &str = "spec.nodeName=";

/// A pod that our gate holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its own id.
    pub uid: String,
    /// When it was created, by the API server's clock.
    pub created: Timestamp,
    /// Somebody else's gate holds it too.
    pub by_others: bool,
}

/// Every pod that our gate holds, in one namespace or in all.
///
/// # Errors
/// The API server's.
pub async fn list(client: &Client, namespace: Option<&str>) -> Result<Vec<Held>, kube::Error> {
    let api: Api<Pod> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let mut page = ListParams::default().fields(UNBOUND).limit(PAGE);
    let mut all = Vec::new();
    loop {
        let listed = api.list(&page).await?;
        all.extend(listed.items.iter().filter_map(held));
        match listed.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(all),
        }
    }
}

fn held(pod: &Pod) -> Option<Held> {
    let spec = pod.spec.as_ref()?;
    let gates = spec.scheduling_gates.as_deref().unwrap_or_default();
    let ours = gates.iter().any(|gate| gate.name == GATE);
    let created = pod.metadata.creation_timestamp.as_ref()?;
    ours.then(|| Held {
        namespace: pod.namespace().unwrap_or_default(),
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        created: Timestamp::from_millis(created.0.as_millisecond()),
        by_others: gates.len() > 1,
    })
}

/// From when on a gate's age counts: the pod's creation, or the moment at which the last gate of somebody
/// else went, for those who saw it. Ours would otherwise be too old as soon as it begins to matter.
#[derive(Debug, Default)]
pub struct Ages {
    others: BTreeMap<String, Timestamp>,
}

impl Ages {
    /// Those that our gate alone has held for as long as it may; of pods listed just now.
    pub fn too_old(&mut self, now: Timestamp, held: &[Held], longest: Span) -> Vec<Held> {
        let known = std::mem::take(&mut self.others);
        for pod in held {
            let seen = known.get(&pod.uid).copied();
            if let Some(since) = seen.or(pod.by_others.then_some(now)) {
                let since = if pod.by_others { now } else { since };
                self.others.insert(pod.uid.clone(), since);
            }
        }
        let since = |pod: &Held| self.others.get(&pod.uid).copied().unwrap_or(pod.created);
        let due = held
            .iter()
            .filter(|pod| !pod.by_others && now - since(pod) >= longest);
        due.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(gates: &[&str]) -> Pod {
        let gates: Vec<_> = gates.iter().map(|name| json!({"name": name})).collect();
        let pod = json!({
            "metadata": {"namespace": "spark", "name": "a", "uid": "u",
                "creationTimestamp": "1970-01-01T00:01:40Z"},
            "spec": {"containers": [], "schedulingGates": gates},
        });
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn only_pods_with_our_gate_are_held_by_us() {
        assert_eq!(held(&pod(&[])), None);
        assert_eq!(held(&pod(&["kueue.x-k8s.io/admission"])), None);
        let ours = held(&pod(&[GATE])).unwrap();
        assert_eq!((ours.created.millis(), ours.by_others), (100_000, false));
        assert!(
            held(&pod(&["kueue.x-k8s.io/admission", GATE]))
                .unwrap()
                .by_others
        );
    }

    #[test]
    fn a_gate_is_too_old_after_its_time_alone() {
        let mut ages = Ages::default();
        let limit = Span::from_secs(600);
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let alone = [held(&pod(&[GATE])).unwrap()];
        let both = [held(&pod(&["another.io/x", GATE])).unwrap()];
        assert!(ages.too_old(at(699), &alone, limit).is_empty());
        assert_eq!(ages.too_old(at(700), &alone, limit), alone);
        assert!(ages.too_old(at(5000), &both, limit).is_empty());
        assert!(ages.too_old(at(5100), &alone, limit).is_empty());
        assert_eq!(ages.too_old(at(5600), &alone, limit), alone);
        assert!(ages.too_old(at(6000), &[], limit).is_empty());
        assert!(ages.others.is_empty(), "what is gone is forgotten");
    }
}
