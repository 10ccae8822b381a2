//! Watches on everything that planning learns from. Each object is read where it arrives, so that what
//! travels on is small; a watch that the server closes is resumed, and counted.

use std::fmt::Debug;
use std::pin::pin;

use futures::StreamExt;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{ClusterResourceScope, GroupVersionKind, NamespaceResourceScope};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watched};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use crate::cluster::kubernetes::shape::{self, Make};
use crate::cluster::kubernetes::{self, Kind, referent};
use crate::model::nodeclaim::NodeClaim;
use crate::model::nodeclass::NodeClass;
use crate::model::nodepool::NodePool;
use crate::model::referent::ReferentKind;

use super::heard::{Heard, Object, Said, Source};
use super::tell::Metrics;

/// All sources that watches speak for.
pub const SOURCES: [Source; 19] = [
    Source::Classes,
    Source::Pools,
    Source::Daemons,
    Source::Referents(ReferentKind::Namespace),
    Source::Referents(ReferentKind::Claim),
    Source::Referents(ReferentKind::Volume),
    Source::Referents(ReferentKind::Class),
    Source::Referents(ReferentKind::Budget),
    Source::Claims,
    Source::Nodes,
    Source::Applications,
    Source::Schedules,
    Source::ApacheApplications,
    Source::Groups(Make::Volcano),
    Source::Groups(Make::Coscheduling),
    Source::Groups(Make::Kubernetes),
    Source::Templates,
    Source::Requests,
    Source::Pods,
];

/// Kinds that speak of shapes, most brought by other projects: group, version and plural name.
const SPEAKERS: [(Source, Kind, [&str; 3]); 8] = [
    (
        Source::Applications,
        Kind::SparkApplication,
        ["sparkoperator.k8s.io", "v1beta2", "sparkapplications"],
    ),
    (
        Source::Schedules,
        Kind::ScheduledSparkApplication,
        [
            "sparkoperator.k8s.io",
            "v1beta2",
            "scheduledsparkapplications",
        ],
    ),
    (
        Source::ApacheApplications,
        Kind::ApacheApplication,
        ["spark.apache.org", "v1", "sparkapplications"],
    ),
    (
        Source::Groups(Make::Volcano),
        Kind::PodGroup(Make::Volcano),
        ["scheduling.volcano.sh", "v1beta1", "podgroups"],
    ),
    (
        Source::Groups(Make::Coscheduling),
        Kind::PodGroup(Make::Coscheduling),
        ["scheduling.x-k8s.io", "v1alpha1", "podgroups"],
    ),
    (
        Source::Groups(Make::Kubernetes),
        Kind::PodGroup(Make::Kubernetes),
        ["scheduling.k8s.io", "v1alpha2", "podgroups"],
    ),
    (
        Source::Templates,
        Kind::PodTemplate,
        ["", "v1", "podtemplates"],
    ),
    (
        Source::Requests,
        Kind::ProvisioningRequest,
        ["autoscaling.x-k8s.io", "v1", "provisioningrequests"],
    ),
];

/// Begins all watches; they end with the set.
pub fn all(client: &Client, inbox: &Sender<Heard>, metrics: &Metrics) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    let mut follow = Follow {
        client,
        inbox,
        metrics,
        watches: &mut watches,
    };
    follow.written::<NodeClass>(Source::Classes, Object::Class);
    follow.written::<NodePool>(Source::Pools, Object::Pool);
    follow.clusterwide(Source::Claims, |claim: NodeClaim| {
        Object::Claim(Box::new(claim))
    });
    follow.clusterwide(Source::Nodes, |node: Node| Object::Node(Box::new(node)));
    follow.namespaced(Source::Pods, pod);
    follow.namespaced(Source::Daemons, |set: DaemonSet| {
        Object::Daemon(kubernetes::daemon(&set), kubernetes::cni(&set))
    });
    follow.clusterwide(
        Source::Referents(ReferentKind::Namespace),
        |one: Namespace| Object::Referent(referent::namespace(&one)),
    );
    follow.namespaced(
        Source::Referents(ReferentKind::Claim),
        |one: PersistentVolumeClaim| Object::Referent(referent::claim(&one)),
    );
    follow.clusterwide(
        Source::Referents(ReferentKind::Volume),
        |one: PersistentVolume| Object::Referent(referent::volume(&one)),
    );
    follow.clusterwide(
        Source::Referents(ReferentKind::Class),
        |one: StorageClass| Object::Referent(referent::class(&one)),
    );
    follow.namespaced(
        Source::Referents(ReferentKind::Budget),
        |one: PodDisruptionBudget| Object::Referent(referent::budget(&one)),
    );
    for (source, kind, names) in SPEAKERS {
        follow.speakers(source, kind, names);
    }
    watches
}

/// A pod as it was read.
pub fn pod(object: Pod) -> Object {
    let read = kubernetes::pod(&object);
    let pod = read.as_ref().ok().and_then(Option::as_ref);
    let aside = pod.map(|pod| shape::aside(&object, pod));
    Object::Pod {
        uid: object.uid().unwrap_or_default(),
        leaving: object.metadata.deletion_timestamp.is_some(),
        aside: Box::new(aside.unwrap_or_default()),
        read,
    }
}

struct Follow<'a> {
    client: &'a Client,
    inbox: &'a Sender<Heard>,
    metrics: &'a Metrics,
    watches: &'a mut JoinSet<()>,
}

impl Follow<'_> {
    fn clusterwide<K>(&mut self, source: Source, read: fn(K) -> Object)
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        self.begin(Api::all(self.client.clone()), source, read);
    }

    fn namespaced<K>(&mut self, source: Source, read: fn(K) -> Object)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        self.begin(Api::all(self.client.clone()), source, read);
    }

    /// Our own kinds that people write: as they are written, so that one that is wrong stops no other.
    fn written<K: Resource<DynamicType = ()>>(
        &mut self,
        source: Source,
        read: fn(serde_json::Value) -> Object,
    ) {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let read = move |object: DynamicObject| {
            read(serde_json::to_value(object).expect("an object is JSON"))
        };
        self.begin(api, source, read);
    }

    fn speakers(&mut self, source: Source, kind: Kind, [group, version, plural]: [&str; 3]) {
        let named = GroupVersionKind::gvk(group, version, kind.as_str());
        let resource = ApiResource::from_gvk_with_plural(&named, plural);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        self.begin(api, source, move |object: DynamicObject| {
            let json = serde_json::to_string(&object).expect("an object is JSON");
            let said = kubernetes::statement(kind, &json);
            Object::Speaker(said.map(|said| said.speech.expect("such kinds speak")))
        });
    }

    fn begin<K>(&mut self, api: Api<K>, source: Source, read: impl Fn(K) -> Object + Send + 'static)
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let (inbox, metrics) = (self.inbox.clone(), self.metrics.clone());
        self.watches
            .spawn(follow(api, source, read, inbox, metrics));
    }
}

/// Says what a watch sees, until nobody listens.
async fn follow<K>(
    api: Api<K>,
    source: Source,
    read: impl Fn(K) -> Object,
    inbox: Sender<Heard>,
    metrics: Metrics,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut said = pin!(watched(api, watcher::Config::default()).default_backoff());
    let mut absent = false;
    while let Some(event) = said.next().await {
        let say = match event {
            Ok(Event::Init) => vec![Said::Began],
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                vec![Said::Applied(name(&object), Box::new(read(object)))]
            }
            Ok(Event::Delete(object)) => vec![Said::Gone(name(&object))],
            Ok(Event::InitDone) => vec![Said::Complete],
            // A kind that nobody has installed has no objects; it may be installed later.
            Err(error) if is_absent(source, &error) => match std::mem::replace(&mut absent, true) {
                true => Vec::new(),
                false => {
                    tracing::info!(?source, %error, "there are none of a kind, or we may not see them");
                    vec![Said::Began, Said::Complete]
                }
            },
            Err(error) => {
                metrics.watch_restarted(&format!("{source:?}"), cause(&error));
                tracing::info!(?source, %error, "watch broke off; it is taken up again");
                Vec::new()
            }
        };
        for said in say {
            if inbox.send(Heard::Watched(source, said)).await.is_err() {
                return;
            }
        }
    }
}

/// A word for why a watch broke off.
fn cause(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(_) => "list-failed",
        watcher::Error::WatchStartFailed(_) => "start-failed",
        watcher::Error::WatchError(status) if status.code == 410 => "expired",
        watcher::Error::WatchError(_) => "refused",
        watcher::Error::WatchFailed(_) => "closed",
        watcher::Error::NoResourceVersion => "no-version",
    }
}

/// True of a kind that is not installed, and of one of other projects that we may not see: nobody waits for it.
fn is_absent(source: Source, error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))) = error
    else {
        return false;
    };
    status.code == 404 || status.code == 403 && source.is_of_others()
}

/// `namespace/name`, or the name alone.
fn name<K: Resource>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

#[cfg(test)]
mod tests;
