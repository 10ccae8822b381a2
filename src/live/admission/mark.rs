//! Tells the admission policy, which can ask nobody, whether gates may be added: a ConfigMap that is its
//! parameter says `placed`, and for which roles, while a replica leads, and `observe` else. The leader writes the first, and the
//! second when it ends; where it dies, any replica that sees nobody lead writes the second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::sleep;

use crate::live::gates::Leader;
use crate::live::lease::Lease;
use crate::model::spark::Role;

use super::standing::Standing;

/// The policy's parameter, which ships saying `observe`.
pub const PARAMETER: &str = "sparkwright-placement";
/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// What the marker needs.
pub struct Marker {
    /// Kubernetes.
    pub client: Client,
    /// Our own namespace.
    pub namespace: String,
    /// Whether we lead.
    pub lease: Arc<Lease>,
    /// Whether anybody does.
    pub leader: Arc<Leader>,
    /// Whether there is a NodePool that can be used.
    pub standing: Arc<Standing>,
}

impl Marker {
    /// Keeps the parameter true, until it is dropped.
    pub async fn keep(self) {
        loop {
            let roles = match self.lease.epoch().is_some() {
                true => Some(roles(&self.standing)),
                false => self.leader.is_silent().then(BTreeSet::new),
            };
            if let Some(roles) = roles {
                let written = set(&self.client, &self.namespace, &roles).await;
                if let Err(error) = written {
                    tracing::warn!(%error, "ConfigMap {PARAMETER} cannot be written; apply deploy/admission-policy");
                }
            }
            sleep(EVERY).await;
        }
    }
}

/// Roles that NodePools which can be used serve. Their pod selectors are beyond a policy.
fn roles(standing: &Standing) -> BTreeSet<Role> {
    let usable = standing.usable();
    usable
        .iter()
        .flat_map(|pool| pool.roles.iter().copied())
        .collect()
}

/// Writes the parameter, where it says something else: `placed` for roles, `observe` where there are none.
///
/// # Errors
/// The API server's.
pub async fn set(
    client: &Client,
    namespace: &str,
    roles: &BTreeSet<Role>,
) -> Result<(), kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mode = if roles.is_empty() {
        "observe"
    } else {
        "placed"
    };
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let names = names.join(",");
    let there = api.get(PARAMETER).await?.data.unwrap_or_default();
    let says = |key: &str, value: &str| there.get(key).is_some_and(|there| there == value);
    if says("mode", mode) && says("roles", &names) {
        return Ok(());
    }
    let patch = Patch::Merge(json!({"data": {"mode": mode, "roles": names}}));
    let patched = api.patch(PARAMETER, &PatchParams::default(), &patch).await;
    patched.map(|_| ())
}
