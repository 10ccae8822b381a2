//! The controller from its start to its end: connections, what the region sells, watches, the lease, the
//! loop, and the looks at EC2 that come at fixed times.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch as flag};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cluster::event::Fact;
use crate::model::nodeclass::user_data::ClusterAccess;
use crate::model::offering::Catalog;
use crate::model::time::Span;

use super::admission::mark;
use super::clock;
use super::ec2::{ClusterFacts, ConnectError, Ec2};
use super::guard;
use super::heard::{Heard, Source};
use super::lease::{self, Lease, Named};
use super::rounds::{Conduct, Rounds, Telling};
use super::settings::ControllerArgs;
use super::tell::kubernetes::Publisher;
use super::tell::{self, Metrics, Shared};
use super::translate::Translator;
use super::watch;
use super::world::{World, wait_before};

/// Things heard that may wait for the loop; who speaks more waits.
const INBOX: usize = 16_384;
/// Between two looks at spot prices.
const PRICES_EVERY: Duration = Duration::from_secs(300);
/// Between two looks at what the region sells.
const CATALOG_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Runs the controller until it is told to stop.
///
/// # Errors
/// What keeps it from starting, with the remedy: no cluster, no credentials, no region.
pub async fn run(args: ControllerArgs) -> anyhow::Result<()> {
    // Where another has been named before, that one is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Config::infer().await;
    let config = config.context("find the cluster; set KUBECONFIG, or run in a pod")?;
    let cluster = cluster_facts(&args, &config).await?;
    let client = Client::try_from(config.clone()).context("connect to the cluster")?;
    let lease = Arc::new(Lease::default());
    let (inbox, heard) = mpsc::channel(INBOX);
    let metrics = Metrics::new();
    let named = named(&args);
    let publisher = Publisher::start(client.clone(), named.holder.clone(), metrics.clone());
    let publisher = Some(publisher).filter(|_| !args.dry_run);
    let mut telling = Telling::new(publisher, args.record.clone(), metrics.clone());
    let listener = TcpListener::bind(args.listen).await;
    let listener =
        listener.with_context(|| format!("listen on {}; name another --listen", args.listen))?;
    let answering = tokio::spawn(served(listener, telling.shared.clone()));
    if !args.dry_run {
        let standing = guard::begin(config, &args, &named, &lease, &metrics)?;
        telling.standing = Some(standing);
    }
    let ec2 = connected(&args, &telling.shared).await?;
    let world = World {
        client: client.clone(),
        ec2,
        lease: lease.clone(),
        inbox: inbox.clone(),
        metrics: metrics.clone(),
        cluster: Arc::new(cluster),
    };
    let mut tasks = watch::all(&client, &inbox, &metrics);
    if !args.dry_run {
        tasks.spawn(lease::keep(
            client.clone(),
            named.clone(),
            lease.clone(),
            inbox.clone(),
        ));
    }
    looks(&mut tasks, &world, &args);
    let sources = watch::SOURCES.into_iter().chain([Source::Catalog]);
    let conduct = Conduct {
        dry_run: args.dry_run,
        join_limit: args.join_limit,
        stray_grace: args.stray_grace,
    };
    let standing = telling.standing.clone();
    let translator = Translator::new(sources).with_schedule_lead(args.schedule_lead);
    let rounds = Rounds::new(world, conduct, heard, translator, telling);
    let (stop, stopped) = flag::channel(false);
    tasks.spawn(async move {
        asked_to_stop().await;
        // Where the loop has ended already, nobody need be told.
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    });
    rounds.run(stopped).await;
    if let Some(standing) = standing {
        standing.leave();
    }
    answering.abort();
    tasks.abort_all();
    if args.placed.placement_policy && lease.epoch().is_some() {
        // Where it fails, gates that are added meanwhile are lifted for want of a leader.
        let _ = mark::set(&client, &named.namespace, &BTreeSet::new()).await;
    }
    lease::give_up(&client, &named, &lease).await;
    Ok(())
}

fn named(args: &ControllerArgs) -> Named {
    Named {
        namespace: args.namespace.clone(),
        name: "sparkwright".into(),
        holder: holder(),
        length: wall(args.lease_length),
    }
}

/// To AWS; while that fails, gates are watched all the same, and nobody leads.
///
/// # Errors
/// Where a setting is missing, which no waiting mends; in a dry run whatever is.
async fn connected(args: &ControllerArgs, shared: &Shared) -> anyhow::Result<Ec2> {
    let mut attempt = 0;
    loop {
        match Ec2::connect(args.aws()).await {
            Ok(ec2) => return Ok(ec2),
            Err(error @ ConnectError::NoCredentials { .. }) if !args.dry_run => {
                attempt += 1;
                tracing::error!(%error, "AWS cannot be reached; it is tried again");
                shared.turned();
                sleep(wait_before(attempt)).await;
                shared.turned();
            }
            Err(error) => return Err(error).context("connect to AWS"),
        }
    }
}

/// Metrics, health and answers; without them the controller works on, and its probes say so.
async fn served(listener: TcpListener, shared: Arc<Shared>) {
    if let Err(error) = tell::serve(listener, shared).await {
        tracing::error!(%error, "metrics, health and answers are not served any more");
    }
}

/// What is looked at again and again, whatever happens.
fn looks(tasks: &mut JoinSet<()>, world: &World, args: &ControllerArgs) {
    tasks.spawn(market(world.clone()));
    tasks.spawn(instances(world.clone(), args.sweep_every));
    if args.aws().queue.is_some() {
        tasks.spawn(notices(world.clone()));
    }
}

/// What the region sells, and between two looks at that what its prices have become.
async fn market(world: World) {
    let mut attempt = 0;
    loop {
        match world.ec2.catalog().await {
            Ok(catalog) => {
                attempt = 0;
                if !world.tell(Heard::Catalog(catalog.clone())).await {
                    return;
                }
                prices(&world, catalog).await;
            }
            Err(error) => {
                attempt += 1;
                tracing::warn!(%error, "what the region sells cannot be listed; it is tried again");
                sleep(wait_before(attempt)).await;
            }
        }
    }
}

/// Tells what prices become until the catalogue is to be listed anew: a change names types and zones by
/// their places in it.
async fn prices(world: &World, mut catalog: Catalog) {
    let listed = Instant::now();
    while listed.elapsed() < CATALOG_EVERY {
        sleep(PRICES_EVERY).await;
        match world.ec2.prices(&catalog).await {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                for change in &changes {
                    catalog.reprice(
                        change.instance_type,
                        change.zone,
                        change.capacity_type,
                        change.price,
                    );
                }
                let changed = Fact::PricesChanged(changes.into());
                if !world.tell(Heard::Fact(changed)).await {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "spot prices cannot be asked; the last ones stand");
            }
        }
    }
}

async fn instances(world: World, every: Span) {
    loop {
        sleep(wall(every)).await;
        if world.lease.epoch().is_none() {
            continue;
        }
        let asked = clock::now();
        match world.ec2.instances().await {
            Ok(instances) => {
                if !world.tell(Heard::Instances(instances, asked)).await {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "instances cannot be listed; they are asked again")
            }
        }
    }
}

async fn notices(world: World) {
    let mut attempt = 0;
    loop {
        if world.lease.epoch().is_none() {
            sleep(Duration::from_secs(1)).await;
            continue;
        }
        match world.ec2.notices().await {
            Ok(notices) => {
                attempt = 0;
                for notice in notices {
                    if !world.tell(Heard::Notice(notice)).await {
                        return;
                    }
                }
            }
            Err(error) => {
                attempt += 1;
                tracing::warn!(%error, "queue of interruptions cannot be read; it is tried again");
                sleep(wait_before(attempt)).await;
            }
        }
    }
}

fn wall(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0))
}

/// What a node must know of the cluster, from the arguments and the way in which we reach it ourselves.
pub(super) async fn cluster_facts(
    args: &ControllerArgs,
    config: &Config,
) -> anyhow::Result<ClusterFacts> {
    let endpoint = args.cluster_endpoint.clone().filter(|url| !url.is_empty());
    let endpoint = endpoint.unwrap_or_else(|| config.cluster_url.to_string());
    let roots = config.root_cert.clone().unwrap_or_default();
    let authority = authority(&roots);
    let cidr = args.service_cidr.clone().filter(|cidr| !cidr.is_empty());
    let client = Client::try_from(config.clone()).context("connect to the cluster")?;
    let version = client.apiserver_version().await;
    let version = version.context("ask the API server for its version")?;
    let digits = |text: &str| {
        text.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    Ok(ClusterFacts {
        access: ClusterAccess {
            name: args.cluster_name.clone(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            certificate_authority: authority,
            service_cidr: cidr.unwrap_or_else(service_cidr),
            dns: None,
        },
        kubernetes: format!("{}.{}", digits(&version.major), digits(&version.minor)),
    })
}

/// Certificates as nodes are told of them: PEM in base64.
fn authority(roots: &[Vec<u8>]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let line =
        |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let pem: String = roots
        .iter()
        .map(|der| line(&BASE64_STANDARD.encode(der)))
        .collect();
    BASE64_STANDARD.encode(pem)
}

/// The services' addresses by the API server's own service: EKS gives out 10.100.0.0/16 and 172.20.0.0/16.
fn service_cidr() -> String {
    let host = std::env::var("KUBERNETES_SERVICE_HOST").unwrap_or_default();
    let numbers: Vec<&str> = host.split('.').collect();
    match numbers.as_slice() {
        [a, b, _, _] => format!("{a}.{b}.0.0/16"),
        _ => "10.100.0.0/16".to_owned(),
    }
}

/// Unlike any other replica, and unlike ourselves before a restart.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "sparkwright".into());
    format!("{host}_{}_{:x}", std::process::id(), clock::now().millis())
}

async fn asked_to_stop() {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
