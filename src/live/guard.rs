//! A thread of its own for what must go on whatever the loop does: the webhook, its certificate, and the
//! watchdog over gates. It has its own way to the API server, needs no EC2, and shares with the loop only
//! what both may read at any time.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use kube::{Client, Config};
use tokio::task::JoinSet;

use super::admission::certificate::Wanted;
use super::admission::keep::{Keeper, Shown};
use super::admission::mark::Marker;
use super::admission::server::{self, Desk};
use super::admission::standing::Standing;
use super::gates::Leader;
use super::gates::watchdog::Watchdog;
use super::lease::{Lease, Named};
use super::settings::ControllerArgs;
use super::tell::Metrics;
use super::tell::kubernetes::Publisher;

/// What the thread works with.
struct Guard {
    config: Config,
    args: ControllerArgs,
    named: Named,
    lease: Arc<Lease>,
    leader: Arc<Leader>,
    standing: Arc<Standing>,
    metrics: Metrics,
}

/// Begins the thread, which lives as long as the process; what the loop knows is to be told to what comes
/// back.
///
/// # Errors
/// Where the webhook's address is taken, or there can be no thread.
pub fn begin(
    config: Config,
    args: &ControllerArgs,
    named: &Named,
    lease: &Arc<Lease>,
    metrics: &Metrics,
) -> anyhow::Result<Arc<Standing>> {
    let listener = match args.placed.webhook_listen {
        Some(address) => {
            let listener = TcpListener::bind(address);
            let what = || format!("listen on {address}; name another --webhook-listen");
            Some(listener.with_context(what)?)
        }
        None => None,
    };
    let leader = Arc::new(Leader::new(named.length));
    let standing = Arc::new(Standing::new(leader.clone()));
    let guard = Guard {
        config,
        args: args.clone(),
        named: named.clone(),
        lease: lease.clone(),
        leader,
        standing: standing.clone(),
        metrics: metrics.clone(),
    };
    let begun = thread::Builder::new().name("guard".to_owned());
    let begun = begun.spawn(move || {
        if let Err(error) = guard.stand(listener) {
            let error = format!("{error:#}");
            tracing::error!(error, "gates are watched by this replica no more");
        }
    });
    begun.context("begin the thread that watches gates")?;
    Ok(standing)
}

impl Guard {
    fn stand(self, listener: Option<TcpListener>) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("start the runtime")?;
        runtime.block_on(async {
            let client = Client::try_from(self.config.clone()).context("connect to the cluster")?;
            let mut tasks = JoinSet::new();
            tasks.spawn(self.follow(client.clone()));
            tasks.spawn(self.watchdog(client.clone()).watch());
            if self.args.placed.placement_policy {
                tasks.spawn(self.marker(client.clone()).keep());
            }
            if let Some(listener) = listener {
                self.serve(&mut tasks, client, listener)?;
            }
            while tasks.join_next().await.is_some() {}
            Ok(())
        })
    }

    fn follow(&self, client: Client) -> impl Future<Output = ()> + Send + 'static {
        let (leader, named) = (self.leader.clone(), self.named.clone());
        async move { leader.follow(client, &named.namespace, &named.name).await }
    }

    fn watchdog(&self, client: Client) -> Watchdog {
        let (holder, metrics) = (self.named.holder.clone(), self.metrics.clone());
        Watchdog {
            publisher: Publisher::start(client.clone(), holder, metrics.clone()),
            client,
            leader: self.leader.clone(),
            max_gate: self.args.max_gate,
            metrics,
        }
    }

    fn marker(&self, client: Client) -> Marker {
        Marker {
            client,
            namespace: self.named.namespace.clone(),
            lease: self.lease.clone(),
            leader: self.leader.clone(),
            standing: self.standing.clone(),
        }
    }

    fn serve(
        &self,
        tasks: &mut JoinSet<()>,
        client: Client,
        listener: TcpListener,
    ) -> anyhow::Result<()> {
        listener.set_nonblocking(true).context("listen")?;
        let listener = tokio::net::TcpListener::from_std(listener).context("listen")?;
        let shown = Arc::new(Shown::default());
        let keeper = Keeper {
            client,
            namespace: self.named.namespace.clone(),
            lease: self.lease.clone(),
            wanted: self.wanted(),
            shown: shown.clone(),
            metrics: self.metrics.clone(),
        };
        tasks.spawn(keeper.keep());
        let desk = Desk {
            standing: self.standing.clone(),
            shown,
            metrics: self.metrics.clone(),
        };
        tasks.spawn(server::serve(listener, desk));
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        let placed = &self.args.placed;
        let given = placed.webhook_names.iter().filter(|name| !name.is_empty());
        let mut names: Vec<String> = given.cloned().collect();
        if names.is_empty() {
            names.push(format!("sparkwright.{}.svc", self.named.namespace));
        }
        Wanted {
            names,
            life: placed.certificate_life,
        }
    }
}
