//! A small kubelet: makes nodes Ready, runs the pods that are bound to them, tells their phases, and ends
//! them as it is asked to, by preStop, SIGTERM and SIGKILL. It looks at all of it some times a second
//! instead of watching.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::container::{self, Machine};
use super::process::Process;
use super::running::Running;
use crate::testbed::tell;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Between two signs of life of a node; Kubernetes gives up a node after 50 s without.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The kubelets of all nodes; what they run ends with it.
pub struct Kubelet {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// Nodes that live, by their last sign of life.
    nodes: BTreeMap<String, Instant>,
    /// Nodes that have died: nobody speaks for them.
    dead: BTreeSet<String>,
    /// Pods by their uid.
    pods: BTreeMap<String, Running>,
    addresses: u32,
}

impl Kubelet {
    /// Starts to serve all nodes that the controller has launched and nobody else plays.
    pub fn start(client: Client, machine: Machine) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let served = state.clone();
        let task = tokio::spawn(async move {
            let kubelets = Kubelets {
                client,
                machine,
                state: served,
            };
            loop {
                if let Err(error) = kubelets.look().await {
                    tell(&format!("kubelet for tests: {error}"));
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Kubelet { state, task }
    }

    /// A node dies, with all that it runs, and nobody is told.
    pub fn kill(&self, node: &str) {
        let mut state = lock(&self.state);
        state.dead.insert(node.to_owned());
        state.nodes.remove(node);
        state.pods.retain(|_, pod| pod.node != node);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
        lock(&self.state).pods.clear();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding it")
}

struct Kubelets {
    client: Client,
    machine: Machine,
    state: Arc<Mutex<State>>,
}

impl Kubelets {
    async fn look(&self) -> Result<(), kube::Error> {
        self.nodes().await?;
        let pods: Api<Pod> = Api::all(self.client.clone());
        let pods = pods.list(&ListParams::default()).await?.items;
        let there: BTreeSet<String> = pods.iter().filter_map(ResourceExt::uid).collect();
        lock(&self.state).pods.retain(|uid, _| there.contains(uid));
        for pod in pods {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
            let node = node.filter(|node| lock(&self.state).nodes.contains_key(node));
            if let Some(node) = node {
                unless_gone(self.pod(&node, &pod).await)?;
            }
        }
        Ok(())
    }

    /// Gives each node its sign of life.
    async fn nodes(&self) -> Result<(), kube::Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let ours = ListParams::default().labels("sparkwright.dev/managed=true");
        let nodes = api.list(&ours).await?.items;
        let names: BTreeSet<String> = nodes.iter().map(ResourceExt::name_any).collect();
        let due: Vec<String> = {
            let mut state = lock(&self.state);
            state.nodes.retain(|name, _| names.contains(name));
            // What ran on a node that is gone is gone too.
            state.pods.retain(|_, pod| names.contains(&pod.node));
            let fresh = |name: &String| {
                state
                    .nodes
                    .get(name)
                    .is_some_and(|last| last.elapsed() < HEARTBEAT)
            };
            let silent = |name: &String| state.dead.contains(name) || fresh(name);
            names.into_iter().filter(|name| !silent(name)).collect()
        };
        for name in due {
            let condition = json!({
                "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "runs processes",
                "lastHeartbeatTime": now(),
            });
            let patch = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
            unless_gone(
                api.patch_status(&name, &PatchParams::default(), &patch)
                    .await
                    .map(drop),
            )?;
            lock(&self.state).nodes.insert(name, Instant::now());
        }
        Ok(())
    }

    async fn pod(&self, node: &str, pod: &Pod) -> Result<(), kube::Error> {
        let uid = pod.uid().unwrap_or_default();
        let known = lock(&self.state).pods.contains_key(&uid);
        let leaves = pod.metadata.deletion_timestamp.is_some();
        match (known, leaves) {
            (true, _) => self.follow(&uid, pod).await,
            (false, true) => self.remove(pod).await,
            (false, false) if phase(pod) == "Pending" => self.start(node, &uid, pod).await,
            (false, false) => Ok(()),
        }
    }

    /// Starts a pod once what it mounts is there.
    async fn start(&self, node: &str, uid: &str, pod: &Pod) -> Result<(), kube::Error> {
        let namespace = pod.namespace().unwrap_or_default();
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &namespace);
        let mut mounted = Vec::new();
        for name in container::config_maps(pod) {
            match maps.get_opt(name).await? {
                Some(map) => mounted.push(map),
                // Spark makes it after the pod.
                None => return Ok(()),
            }
        }
        let address = {
            let mut state = lock(&self.state);
            state.addresses += 1;
            loopback(state.addresses)
        };
        let program = container::program(&self.machine, pod, &address, &mounted);
        let process = program.and_then(|program| Process::start(&program));
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                let why =
                    json!({"exitCode": 128, "reason": "StartError", "message": error.to_string()});
                return self
                    .tell(pod, "Failed", &address, json!({"terminated": why}))
                    .await;
            }
        };
        let running = Running::new(node, &address, process);
        {
            let mut state = lock(&self.state);
            if state.dead.contains(node) {
                return Ok(());
            }
            state.pods.insert(uid.to_owned(), running);
        }
        self.tell(
            pod,
            "Running",
            &address,
            json!({"running": {"startedAt": now()}}),
        )
        .await
    }

    /// Tells how a pod ended, or brings it nearer to its end.
    async fn follow(&self, uid: &str, pod: &Pod) -> Result<(), kube::Error> {
        let (code, address) = {
            let mut state = lock(&self.state);
            let Some(running) = state.pods.get_mut(uid) else {
                return Ok(());
            };
            (running.process.ended(), running.address.clone())
        };
        let leaves = pod.metadata.deletion_timestamp.is_some();
        let Some(code) = code else {
            if leaves && let Some(running) = lock(&self.state).pods.get_mut(uid) {
                running.end(pod);
            }
            return Ok(());
        };
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let reason = if code == 0 { "Completed" } else { "Error" };
        let ended = json!({"exitCode": code, "reason": reason, "finishedAt": now()});
        self.tell(pod, phase, &address, json!({"terminated": ended}))
            .await?;
        lock(&self.state).pods.remove(uid);
        if leaves {
            self.remove(pod).await
        } else {
            Ok(())
        }
    }

    async fn tell(
        &self,
        pod: &Pod,
        phase: &str,
        address: &str,
        state: Value,
    ) -> Result<(), kube::Error> {
        let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
        let runs = phase == "Running";
        let ready = if runs { "True" } else { "False" };
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status});
        let status = json!({
            "phase": phase, "podIP": address, "podIPs": [{"ip": address}], "hostIP": "127.0.0.1",
            "startTime": pod.status.as_ref().and_then(|status| status.start_time.clone()).map_or_else(|| json!(now()), |at| json!(at)),
            "conditions": [
                condition("Initialized", "True"), condition("ContainersReady", ready), condition("Ready", ready),
            ],
            "containerStatuses": [{
                "name": container.map(|one| &one.name), "image": container.and_then(|one| one.image.as_ref()),
                "imageID": "a process", "restartCount": 0, "ready": runs, "started": runs, "state": state,
            }],
        });
        let patch = Patch::Strategic(json!({"metadata": {"uid": pod.uid()}, "status": status}));
        let api = self.api(pod);
        api.patch_status(&pod.name_any(), &PatchParams::default(), &patch)
            .await
            .map(drop)
    }

    /// The last word on a pod that was to leave: its object goes.
    async fn remove(&self, pod: &Pod) -> Result<(), kube::Error> {
        let at_once = DeleteParams::default()
            .grace_period(0)
            .preconditions(Preconditions {
                uid: pod.uid(),
                resource_version: None,
            });
        self.api(pod)
            .delete(&pod.name_any(), &at_once)
            .await
            .map(drop)
    }

    fn api(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default())
    }
}

fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// A loopback address of this process' own: others on this machine may run the same tests.
fn loopback(number: u32) -> String {
    let process = std::process::id();
    format!(
        "127.{}.{}.{}",
        64 + process / 250 % 128,
        process % 250,
        1 + number % 250
    )
}

fn unless_gone(done: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match done {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        done => done,
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
