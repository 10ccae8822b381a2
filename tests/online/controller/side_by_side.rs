//! One application at once, given to Karpenter and to us, each alone on a control plane of its own and with
//! the same machines to buy: when nodes come, when all pods are bound, what that costs. It measures and
//! judges nothing, so it runs only when it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::PostParams;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;
use sparkwright::model::node::{CAPACITY_TYPE, INSTANCE_TYPE, ZONE};
use sparkwright::model::offering::{CapacityType, Catalog};

use super::karpenter::{Karpenter, catalog};
use super::rig::{self, Rig};
use super::scene::spark_pod;
use crate::testbed::{eventually, tell};

/// Numbers of executors, such as `200,1000`.
const ASKED: &str = "SPARKWRIGHT_SIDE_BY_SIDE";
/// The application that is measured, and the one by which it shows that somebody launches at all.
const MEASURED: &str = "measured";
const FIRST: &str = "first";
/// Pods that are created at once, as by a driver with many threads.
const AT_ONCE: usize = 16;
/// The longest that pods may wait for nodes.
const PATIENCE: Duration = Duration::from_secs(300);
/// An EC2 that gives at once and boots at once, as the KWOK provider does, and takes nothing back.
const WORLD: &str = "delays: {answer: 0s, launch: 0s, boot: 0s}\ninterruptions: {rate: 0}\n";

/// Who launches.
#[derive(Clone, Copy, Debug)]
enum Who {
    Karpenter,
    Sparkwright,
}

/// What was seen first when, by name.
type Seen = Arc<Mutex<BTreeMap<String, Instant>>>;

#[test]
fn one_application_beside_karpenter() {
    let Ok(asked) = std::env::var(ASKED) else {
        tell(&format!(
            "not measured beside Karpenter: set {ASKED} to numbers of executors, such as 200,1000"
        ));
        return;
    };
    for number in asked.split(',') {
        let executors = number.trim().parse();
        let executors: u32 = executors.unwrap_or_else(|_| panic!("{ASKED}: {number} is no number"));
        for who in [Who::Karpenter, Who::Sparkwright] {
            measure(who, executors);
        }
    }
}

fn measure(who: Who, executors: u32) {
    let world = tempfile::NamedTempFile::new().expect("a file can be made");
    fs::write(world.path(), WORLD).expect("it can be written");
    let path = world.path().display().to_string();
    rig::run(&["--speed", "1", "--world", &path], async |rig| {
        let karpenter = begin(rig, who).await;
        let before: BTreeSet<String> = rig.nodes().await.iter().map(Node::name_any).collect();
        let (bound, launched) = (Seen::default(), Seen::default());
        let pods = watch(rig.pods(), bound.clone(), |pod: &Pod| {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
            is_of(pod, MEASURED) && node.is_some()
        });
        let nodes = Api::<Node>::all(rig.admin.clone());
        let nodes = watch(nodes, launched.clone(), move |node| {
            !before.contains(&node.name_any())
        });
        let watches = [tokio::spawn(pods), tokio::spawn(nodes)];
        let began = Instant::now();
        create(rig, who, MEASURED, executors).await;
        let last = Instant::now();
        let all = usize::try_from(executors).expect("it fits") + 1;
        while names(&bound).len() < all && last.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for watch in watches {
            watch.abort();
        }
        let creating = last.duration_since(began).as_secs_f64();
        let times = format!(
            "nodes {}, bound {}",
            after(&launched, last),
            after(&bound, last)
        );
        let unbound = all - names(&bound).len();
        let elsewhere = elsewhere(rig, &names(&launched)).await;
        let bill = bill(&catalog(), &rig.nodes().await, &names(&launched));
        tell(&format!(
            "{who:?}, {executors} executors: created in {creating:.1} s; {times}; {unbound} pods wait, {elsewhere} are on earlier nodes; {bill}"
        ));
        drop(karpenter);
    });
}

/// Starts whoever is to launch, and sees to it that it does.
async fn begin(rig: &mut Rig, who: Who) -> Option<Karpenter> {
    let karpenter = match who {
        Who::Karpenter => Some(Karpenter::start(rig).await),
        Who::Sparkwright => {
            rig.apply_class().await;
            rig.apply_pools("10m").await;
            rig.start();
            None
        }
    };
    create(rig, who, FIRST, 1).await;
    eventually("the first pods run", async || {
        (rig.running().await.len() == 2).then_some(())
    })
    .await;
    karpenter
}

/// Creates an application's pods; returns when the API server has taken the last of them.
async fn create(rig: &Rig, who: Who, app: &str, executors: u32) {
    let api = rig.pods();
    let pods = (0..=executors).map(|number| pod(who, app, number));
    let created =
        stream::iter(pods).map(async |pod| api.create(&PostParams::default(), &pod).await);
    let created: Result<Vec<Pod>, kube::Error> =
        created.buffer_unordered(AT_ONCE).try_collect().await;
    created.expect("pods are accepted");
}

/// The driver is number 0. Ours are held by the gate; all else is the same.
fn pod(who: Who, app: &str, number: u32) -> Pod {
    let (role, kind, cpu, memory) = match number {
        0 => ("driver", CapacityType::OnDemand, "1", "4505Mi"),
        _ => ("executor", CapacityType::Spot, "3400m", "15769Mi"),
    };
    let gates = match who {
        Who::Karpenter => json!([]),
        Who::Sparkwright => json!([{"name": "sparkwright.dev/placement"}]),
    };
    let mut pod = spark_pod(app, role, number, (cpu, memory));
    pod["spec"]["schedulingGates"] = gates;
    pod["spec"]["nodeSelector"] = json!({CAPACITY_TYPE: kind.as_str()});
    serde_json::from_value(pod).expect("it is a pod")
}

fn is_of(pod: &Pod, app: &str) -> bool {
    pod.labels().get("spark-app-selector").map(String::as_str) == Some(app)
}

/// Notes when an object first was such. A server that is busy closes watches; they are resumed.
async fn watch<K>(api: Api<K>, seen: Seen, is_such: impl Fn(&K) -> bool)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let mut objects = pin!(events.applied_objects());
    while let Some(object) = objects.next().await {
        let Ok(object) = object else {
            continue;
        };
        if is_such(&object) {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(object.name_any()).or_insert_with(Instant::now);
        }
    }
}

fn names(seen: &Seen) -> BTreeSet<String> {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.keys().cloned().collect()
}

/// First and last, in seconds after a moment; below zero before it.
fn after(seen: &Seen, moment: Instant) -> String {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = |at: &Instant| match at.checked_duration_since(moment) {
        Some(after) => after.as_secs_f64(),
        None => -moment.duration_since(*at).as_secs_f64(),
    };
    match (seen.values().min(), seen.values().max()) {
        (Some(first), Some(last)) => format!("{:.2} to {:.2} s", seconds(first), seconds(last)),
        _ => "never".to_owned(),
    }
}

/// Pods of the application on nodes that were there before it.
async fn elsewhere(rig: &Rig, launched: &BTreeSet<String>) -> usize {
    let pods = rig.running().await;
    let on_earlier = |pod: &&Pod| {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
        is_of(pod, MEASURED) && node.is_some_and(|node| !launched.contains(node))
    };
    pods.iter().filter(on_earlier).count()
}

/// What was launched, at list prices.
fn bill(catalog: &Catalog, nodes: &[Node], launched: &BTreeSet<String>) -> String {
    let mut kinds: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut zones: BTreeSet<String> = BTreeSet::new();
    let mut micros = 0;
    for node in nodes
        .iter()
        .filter(|node| launched.contains(&node.name_any()))
    {
        let label = |key: &str| node.labels().get(key).cloned().unwrap_or_default();
        let capacity_type = match label(CAPACITY_TYPE).as_str() {
            "spot" => CapacityType::Spot,
            _ => CapacityType::OnDemand,
        };
        let machine = catalog
            .find_type(&label(INSTANCE_TYPE))
            .expect("it is sold");
        let zone = catalog.find_zone(&label(ZONE)).expect("it is a zone");
        let price = catalog.price(machine, zone, capacity_type);
        micros += price.expect("it is sold there").micros();
        zones.insert(label(ZONE));
        *kinds
            .entry((label(INSTANCE_TYPE), label(CAPACITY_TYPE)))
            .or_default() += 1;
    }
    let kinds: Vec<String> = (kinds.iter())
        .map(|((machine, sold), count)| format!("{count} {machine} {sold}"))
        .collect();
    let usd = f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1e6;
    format!(
        "{} nodes in {} zones, {usd:.3} USD an hour: {}",
        launched.len(),
        zones.len(),
        kinds.join(", ")
    )
}
