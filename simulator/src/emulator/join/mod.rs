//! Instances as nodes of a real cluster: a node object when an instance has booted, named by the instance,
//! with the labels and taints that its user data asks for; gone when the instance is terminated, as a cloud
//! controller removes it. KWOK plays the kubelet, or whoever else wants to.

mod bottlerocket;
mod node;
mod nodeadm;
mod wishes;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sparkwright::model::name::NodeId;
use thiserror::Error;
use tokio::time::sleep;

use super::region::NodeNews;
use super::service::Emulator;

/// Tries for one node object, a second and more apart; a cluster that is away longer is given up for it.
const TRIES: u32 = 30;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A cluster whose nodes the instances are.
pub(super) struct Cluster {
    nodes: Api<Node>,
    kubelet: Kubelet,
}

/// Who makes nodes Ready and runs their pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kubelet {
    /// KWOK: nodes carry its annotation.
    Kwok,
    /// Somebody else: nodes carry no annotation, and are NotReady until that one says otherwise.
    Other,
}

/// Why a cluster cannot be joined.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The file is no kubeconfig, or names what is not there.
    #[error("{file}: {problem}; name a kubeconfig with --kubeconfig")]
    Kubeconfig {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// Nobody answers, or refuses.
    #[error("the cluster of {file} does not list its nodes: {problem}")]
    Unreachable {
        /// The file.
        file: String,
        /// What was answered.
        problem: Box<kube::Error>,
    },
}

impl Cluster {
    /// Connects to the current context of a kubeconfig.
    ///
    /// # Errors
    /// Where the file is none, or the cluster does not answer.
    pub(super) async fn connect(path: &Path, kubelet: Kubelet) -> Result<Self, JoinError> {
        // Where another has been named before, that one is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = path.display().to_string();
        let bad = |problem: String| JoinError::Kubeconfig {
            file: file.clone(),
            problem,
        };
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| bad(error.to_string()))?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        let config = config.await.map_err(|error| bad(error.to_string()))?;
        let client = Client::try_from(config).map_err(|error| bad(error.to_string()))?;
        let nodes: Api<Node> = Api::all(client);
        let listed = nodes.list(&kube::api::ListParams::default().limit(1)).await;
        match listed {
            Ok(_) => Ok(Cluster { nodes, kubelet }),
            Err(problem) => Err(JoinError::Unreachable {
                file,
                problem: Box::new(problem),
            }),
        }
    }

    async fn put(&self, node: &Node) {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        insist("create", name, async || {
            match self.nodes.create(&PostParams::default(), node).await {
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                created => created.map(drop),
            }
        })
        .await;
    }

    async fn remove(&self, id: &NodeId) {
        insist("delete", id.as_str(), async || {
            match self
                .nodes
                .delete(id.as_str(), &DeleteParams::default())
                .await
            {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                deleted => deleted.map(drop),
            }
        })
        .await;
    }
}

/// Tries until it succeeds, or often enough.
async fn insist(verb: &str, node: &str, mut act: impl AsyncFnMut() -> Result<(), kube::Error>) {
    let mut pause = Duration::from_secs(1);
    for _ in 0..TRIES {
        match act().await {
            Ok(()) => return,
            Err(error) => eprintln!("cannot {verb} node {node}: {error}"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    eprintln!("gave up to {verb} node {node}");
}

/// Follows the instances as long as the emulator lives. Without a cluster nobody is told.
pub(super) async fn follow(cluster: Option<Cluster>, emulator: &Emulator) {
    let mut changes = emulator.changes();
    loop {
        changes.mark_unchanged();
        for news in emulator.node_news() {
            let Some(cluster) = &cluster else { continue };
            match news {
                NodeNews::Joins(id) => {
                    let node = emulator.look(|region| node::object(region, &id, cluster.kubelet));
                    if let Some(node) = node {
                        cluster.put(&node).await;
                    }
                }
                NodeNews::Leaves(id) => cluster.remove(&id).await,
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
