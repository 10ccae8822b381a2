//! Who leads: one replica at a time, by a Lease that is renewed. A leader trusts its lease only for a
//! part of its length by its own steady clock, so that it stops before another begins; each change of
//! leader is an epoch, written into claims and tags.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::Sender;

use super::heard::Heard;

/// Looks at the lease, renewals too, in its length.
const LOOKS: u32 = 7;
/// Annotation of the Lease: `true` stops every launch and every end of a node.
pub const STOP: &str = "sparkwright.dev/stop";

/// What a lease is called.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are: unlike any other replica, and unlike ourselves before a restart.
    pub holder: String,
    /// For how long others respect it when it is not renewed.
    pub length: Duration,
}

impl Named {
    /// For how long its holder trusts it: less, by more than a call to the API server may take.
    fn trusted(&self) -> Duration {
        self.length * 2 / 3
    }
}

/// Whether we lead.
#[derive(Debug, Default)]
pub struct Lease {
    held: Mutex<Option<(u64, Instant)>>,
    stopped: AtomicBool,
}

impl Lease {
    /// The epoch in which we lead, while we may trust that we do.
    pub fn epoch(&self) -> Option<u64> {
        let held = *self.held.lock().expect("nobody panics while holding it");
        held.filter(|(_, until)| Instant::now() < *until)
            .map(|(epoch, _)| epoch)
    }

    /// True while we lead in this epoch: asked before anything that cannot be taken back.
    pub fn holds(&self, epoch: u64) -> bool {
        self.epoch() == Some(epoch)
    }

    /// True while people have stopped every launch and every end of a node.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn set(&self, held: Option<(u64, Instant)>) {
        *self.held.lock().expect("nobody panics while holding it") = held;
    }
}

/// What was last seen of another's lease, and since when by our own clock.
struct Seen {
    version: Option<String>,
    since: Instant,
}

/// Takes the lease when it is free, renews it, and tells of every change; until it is aborted.
pub async fn keep(client: Client, named: Named, lease: Arc<Lease>, inbox: Sender<Heard>) {
    let api: Api<Object> = Api::namespaced(client, &named.namespace);
    let mut told = None;
    let mut seen = Seen {
        version: None,
        since: Instant::now(),
    };
    loop {
        let asked = Instant::now();
        let step =
            tokio::time::timeout(named.length / 4, step(&api, &named, &mut seen, &lease)).await;
        match step {
            Ok(Ok(Some(epoch))) => lease.set(Some((epoch, asked + named.trusted()))),
            Ok(Ok(None)) => lease.set(None),
            // It may still be ours; it is trusted for as long as it was.
            Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be renewed"),
            Err(_) => tracing::warn!("the API server does not answer for the lease"),
        }
        let epoch = lease.epoch();
        if epoch != told {
            told = epoch;
            tracing::info!(?epoch, holder = named.holder, "leadership changed");
            if inbox.send(Heard::Leads(epoch)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(named.length / LOOKS).await;
    }
}

/// Gives the lease up, so that another replica need not wait for its end.
pub async fn give_up(client: &Client, named: &Named, lease: &Lease) {
    lease.set(None);
    let api: Api<Object> = Api::namespaced(client.clone(), &named.namespace);
    let Ok(mut object) = api.get(&named.name).await else {
        return;
    };
    let spec = object.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() == Some(named.holder.as_str()) {
        spec.holder_identity = None;
        // Where it fails, the lease runs out.
        let _ = api
            .replace(&named.name, &PostParams::default(), &object)
            .await;
    }
}

/// One look at the lease: the epoch where it is ours after it.
async fn step(
    api: &Api<Object>,
    named: &Named,
    seen: &mut Seen,
    lease: &Lease,
) -> Result<Option<u64>, kube::Error> {
    let Some(object) = api.get_opt(&named.name).await? else {
        let object = taken(Object::default(), named, 1);
        return won(api.create(&PostParams::default(), &object).await, 1);
    };
    let stop = object.annotations().get(STOP).map(String::as_str);
    lease.stopped.store(stop == Some("true"), Ordering::Relaxed);
    let spec = object.spec.clone().unwrap_or_default();
    let epoch = u64::try_from(spec.lease_transitions.unwrap_or(0)).unwrap_or(0);
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder == named.holder {
        let object = taken(object, named, epoch);
        return won(
            api.replace(&named.name, &PostParams::default(), &object)
                .await,
            epoch,
        );
    }
    let version = object.resource_version();
    if seen.version != version {
        *seen = Seen {
            version,
            since: Instant::now(),
        };
    }
    if holder.is_empty() || seen.since.elapsed() >= named.length {
        let object = taken(object, named, epoch + 1);
        let answer = api
            .replace(&named.name, &PostParams::default(), &object)
            .await;
        return won(answer, epoch + 1);
    }
    Ok(None)
}

/// Whoever writes second is refused: the object has another version by then.
fn won<T>(answer: Result<T, kube::Error>, epoch: u64) -> Result<Option<u64>, kube::Error> {
    match answer {
        Ok(_) => Ok(Some(epoch)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

fn taken(mut object: Object, named: &Named, epoch: u64) -> Object {
    object.metadata.name = Some(named.name.clone());
    object.metadata.namespace = Some(named.namespace.clone());
    let spec = object.spec.get_or_insert_default();
    let now = MicroTime(jiff::Timestamp::now());
    if spec.holder_identity.as_deref() != Some(named.holder.as_str()) {
        spec.acquire_time = Some(now.clone());
    }
    *spec = LeaseSpec {
        holder_identity: Some(named.holder.clone()),
        lease_duration_seconds: i32::try_from(named.length.as_secs().max(1)).ok(),
        lease_transitions: i32::try_from(epoch).ok(),
        renew_time: Some(now),
        ..spec.clone()
    };
    object
}
