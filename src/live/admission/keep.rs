//! Keeps the webhook's certificate: the leader makes it, into one Secret of our own namespace, and tells the
//! API server whom to trust; every replica reads it from there and shows it, without a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rustls::ServerConfig;
use serde_json::json;
use tokio::time::sleep;

use crate::live::clock;
use crate::live::lease::Lease;
use crate::live::tell::Metrics;

use super::CONFIGURATION;
use super::certificate::{self, Certificates, Leaf, Wanted};

/// The Secret that ships, empty.
const SECRET: &str = "sparkwright-webhook";
/// Where in it everything is, so that it is replaced as a whole.
const KEY: &str = "certificates.json";
/// Bounds of the time between two looks; within them it is a two-hundredth of a certificate's life.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the webhook's server shows at the moment.
#[derive(Debug, Default)]
pub struct Shown {
    shown: RwLock<Option<(Leaf, Arc<ServerConfig>)>>,
}

impl Shown {
    /// How TLS is to be spoken; None while there is no certificate.
    pub fn server(&self) -> Option<Arc<ServerConfig>> {
        let shown = self.shown.read().expect("nobody panics while holding it");
        shown.as_ref().map(|(_, server)| server.clone())
    }

    /// Shows a certificate from here on. True where it was another one before.
    ///
    /// # Errors
    /// Where it cannot be read; the one before is shown on.
    pub fn show(&self, leaf: &Leaf) -> Result<bool, String> {
        let mut shown = self.shown.write().expect("nobody panics while holding it");
        if shown.as_ref().is_some_and(|(there, _)| there == leaf) {
            return Ok(false);
        }
        *shown = Some((leaf.clone(), leaf.server()?));
        Ok(true)
    }
}

/// What keeps the certificate.
pub struct Keeper {
    /// Kubernetes.
    pub client: Client,
    /// Our own namespace.
    pub namespace: String,
    /// Whether we lead.
    pub lease: Arc<Lease>,
    /// What is wanted.
    pub wanted: Wanted,
    /// What is shown.
    pub shown: Arc<Shown>,
    /// What is measured.
    pub metrics: Metrics,
}

impl Keeper {
    /// Looks after the certificate, until it is dropped.
    pub async fn keep(self) {
        let life = u64::try_from(self.wanted.life.millis()).unwrap_or(0);
        let every = Duration::from_millis(life / 200).clamp(EVERY.0, EVERY.1);
        loop {
            if let Err(error) = self.look().await {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "the webhook's certificate cannot be kept; it is tried again"
                );
            }
            let none = self.shown.server().is_none();
            sleep(if none { EVERY.0 } else { every }).await;
        }
    }

    async fn look(&self) -> anyhow::Result<()> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let secret = secrets
            .get_opt(SECRET)
            .await
            .context("read Secret sparkwright-webhook")?;
        let Some(secret) = secret else {
            bail!(
                "Secret {SECRET} is not in namespace {}; apply deploy/",
                self.namespace
            );
        };
        let mut there = read(&secret);
        if self.lease.epoch().is_some() {
            let told = match &there {
                Some(there) => self.tell(there).await?,
                None => false,
            };
            let next = certificate::next(there.as_ref(), told, &self.wanted, clock::now());
            if let Some(next) = next.context("make a certificate; see --webhook-names")? {
                write(&secrets, secret, &next).await?;
                self.tell(&next).await?;
                there = Some(next);
            }
        }
        if let Some(there) = there {
            self.metrics.certificate_until(there.leaf.until);
            let shown = self.shown.show(&there.leaf).map_err(anyhow::Error::msg)?;
            if shown {
                let until = there.leaf.until.millis() / 1000;
                tracing::info!(until, "the webhook shows another certificate");
            }
        }
        Ok(())
    }

    /// Has the API server trust what it must. True where it does; false where there is no configuration.
    async fn tell(&self, there: &Certificates) -> anyhow::Result<bool> {
        let api: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let object = api.get_opt(CONFIGURATION).await;
        let Some(object) = object.context("read MutatingWebhookConfiguration sparkwright")? else {
            return Ok(false);
        };
        let bundle = there.bundle(clock::now()).into_bytes();
        let webhooks = object.webhooks.unwrap_or_default();
        let untold = webhooks.iter().filter(|one| {
            one.client_config.ca_bundle.as_ref().map(|held| &held.0) != Some(&bundle)
        });
        let trusted = BASE64_STANDARD.encode(&bundle);
        let changes: Vec<_> = untold
            .map(|one| json!({"name": one.name, "clientConfig": {"caBundle": trusted}}))
            .collect();
        if changes.is_empty() {
            return Ok(true);
        }
        let patch = Patch::Strategic(json!({ "webhooks": changes }));
        api.patch(CONFIGURATION, &PatchParams::default(), &patch)
            .await
            .context("patch MutatingWebhookConfiguration sparkwright")?;
        Ok(true)
    }
}

/// What the Secret holds; None where it is empty or nobody can read it.
fn read(secret: &Secret) -> Option<Certificates> {
    let held = secret.data.as_ref()?.get(KEY)?;
    let read = serde_json::from_slice(&held.0);
    read.inspect_err(
        |error| tracing::warn!(%error, "Secret {SECRET} cannot be read; it is written anew"),
    )
    .ok()
}

/// Whoever writes second is refused: the object has another version by then.
async fn write(
    secrets: &Api<Secret>,
    mut secret: Secret,
    certificates: &Certificates,
) -> anyhow::Result<()> {
    let held = serde_json::to_vec(certificates).context("write certificates as JSON")?;
    secret.data = Some(BTreeMap::from([(KEY.to_owned(), ByteString(held))]));
    let replaced = secrets
        .replace(SECRET, &PostParams::default(), &secret)
        .await;
    replaced.context("write Secret sparkwright-webhook")?;
    Ok(())
}
