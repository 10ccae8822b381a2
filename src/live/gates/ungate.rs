//! `sparkwright ungate`: frees pods from outside the controller, with nothing but a way to the API server.
//! All of them, before and after an uninstallation; or with `--stale` only those that no controller will
//! free, as a job that runs beside it.

use std::fmt;
use std::time::Duration;

use clap::Args;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::{ApiResource, DeleteParams, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};

use crate::live::admission::CONFIGURATION;
use crate::live::clock;
use crate::live::effects::claims::unless_gone;
use crate::live::settings;
use crate::model::time::Span;

use super::held::{self, Ages};
use super::leader::Leader;
use super::lift;

/// Lists of all pods, one after the other: while the webhook still works, gated ones may come in between.
const PASSES: u32 = 10;

/// `sparkwright ungate`.
#[derive(Args, Clone, Debug)]
pub struct UngateArgs {
    /// Free every pod that our gate holds
    #[arg(long, required_unless_present = "stale", conflicts_with = "stale")]
    pub all: bool,

    /// Free those whose gate is older than it may be, and all where no controller leads
    #[arg(long)]
    pub stale: bool,

    /// Only pods of this namespace
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// First delete what adds gates: the webhook's configuration, and the admission policy's binding
    #[arg(long, requires = "all")]
    pub uninstall: bool,

    /// How old a gate may become, for --stale
    #[arg(long, env = "SPARKWRIGHT_MAX_GATE", default_value = "10m", value_parser = settings::length)]
    pub max_gate: Span,

    /// Namespace of the controller's Lease, for --stale
    #[arg(long, env = "SPARKWRIGHT_NAMESPACE", default_value = "sparkwright")]
    pub lease_namespace: String,

    /// Length of the controller's Lease, for --stale
    #[arg(long, env = "SPARKWRIGHT_LEASE_LENGTH", default_value = "15s", value_parser = settings::length)]
    pub lease_length: Span,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Pods whose gate is gone.
    pub pods: usize,
}

impl fmt::Display for Freed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "gates lifted: {}", self.pods)
    }
}

/// Frees pods. Other gates than ours stay.
///
/// # Errors
/// Where the cluster cannot be reached, or gates remain that could not be lifted.
pub async fn run(args: &UngateArgs) -> Result<Freed, String> {
    // Where another has been named before, that one is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Config::infer().await;
    let config = config
        .map_err(|error| format!("find the cluster: {error}; set KUBECONFIG, or run in a pod"))?;
    let client = Client::try_from(config).map_err(said("connect to the cluster"))?;
    match args.stale {
        true => stale(&client, args).await,
        false => all(&client, args).await,
    }
}

async fn all(client: &Client, args: &UngateArgs) -> Result<Freed, String> {
    if args.uninstall {
        stop_gating(client).await?;
    }
    let mut freed = Freed::default();
    let mut failed = Vec::new();
    for _ in 0..PASSES {
        let held = held::list(client, args.namespace.as_deref()).await;
        let held = held.map_err(said("list pods"))?;
        if held.is_empty() {
            return Ok(freed);
        }
        let lifted = lift::all(client, held).await;
        freed.pods += lifted.free.len();
        failed = lifted.failed;
    }
    Err(match failed.first() {
        None => format!(
            "{} gates were lifted and more pods come with one: delete what adds it, by --uninstall",
            freed.pods
        ),
        Some((pod, error)) => format!(
            "{} gates were lifted, {} were not; pod {}/{}: {error}",
            freed.pods,
            failed.len(),
            pod.namespace,
            pod.name
        ),
    })
}

async fn stale(client: &Client, args: &UngateArgs) -> Result<Freed, String> {
    let held = held::list(client, args.namespace.as_deref()).await;
    if held.map_err(said("list pods"))?.is_empty() {
        return Ok(Freed::default());
    }
    let length = Duration::from_millis(u64::try_from(args.lease_length.millis()).unwrap_or(0));
    let leader = Leader::new(length);
    // Long enough to have seen a renewal, or to be sure that there is none.
    let looked = leader.silent_after() + length / 2;
    let follow = leader.follow(client.clone(), &args.lease_namespace, "sparkwright");
    // It follows until it is dropped.
    let _ = tokio::time::timeout(looked, follow).await;
    let held = held::list(client, args.namespace.as_deref()).await;
    let held = held.map_err(said("list pods"))?;
    let due = match leader.is_silent() {
        true => held,
        false => Ages::default().too_old(clock::now(), &held, args.max_gate),
    };
    let lifted = lift::all(client, due).await;
    match lifted.failed.first() {
        None => Ok(Freed {
            pods: lifted.free.len(),
        }),
        Some((pod, error)) => Err(format!(
            "the gate of pod {}/{} could not be lifted: {error}",
            pod.namespace, pod.name
        )),
    }
}

/// From here on no pod gets a gate; what is not installed need not be deleted.
async fn stop_gating(client: &Client) -> Result<(), String> {
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let plain = DeleteParams::default();
    unless_gone(webhooks.delete(CONFIGURATION, &plain).await)
        .map_err(said("delete MutatingWebhookConfiguration sparkwright"))?;
    let group = "admissionregistration.k8s.io";
    let kind = GroupVersionKind::gvk(group, "v1", "MutatingAdmissionPolicyBinding");
    let resource = ApiResource::from_gvk_with_plural(&kind, "mutatingadmissionpolicybindings");
    let bindings: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    unless_gone(bindings.delete(CONFIGURATION, &plain).await)
        .map_err(said("delete MutatingAdmissionPolicyBinding sparkwright"))
}

fn said<E: fmt::Display>(what: &str) -> impl Fn(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}
