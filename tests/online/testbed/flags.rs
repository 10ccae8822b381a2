//! The flags of each program of the control plane: everything on loopback, RBAC on, no part that a test
//! does not need. Why each differs from its default stands beside it.

use std::fmt::Display;
use std::path::Path;

/// Ports of the programs that listen.
#[derive(Clone, Copy)]
pub struct Ports {
    pub etcd: u16,
    pub etcd_peers: u16,
    pub api: u16,
    pub kwok: u16,
}

/// etcd: no fsync, since its data dies with the test.
pub fn etcd(ports: Ports, folder: &Path) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peers);
    vec![
        "--name=testbed".into(),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
        flag("data-dir", folder.join("etcd").display()),
        flag("listen-client-urls", &client),
        flag("advertise-client-urls", &client),
        flag("listen-peer-urls", &peers),
        flag("initial-advertise-peer-urls", &peers),
        flag("initial-cluster", format!("testbed={peers}")),
    ]
}

/// kube-apiserver: it makes its own certificate, and knows people by tokens.
pub fn apiserver(ports: Ports, folder: &Path) -> Vec<String> {
    let key = folder.join("service-account.key");
    vec![
        flag("etcd-servers", format!("http://127.0.0.1:{}", ports.etcd)),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        flag("secure-port", ports.api),
        flag("cert-dir", folder.join("certificates").display()),
        // There is no other API server whose addresses would have to be agreed on.
        "--endpoint-reconciler-type=none".into(),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--allow-privileged=true".into(),
        "--authorization-mode=RBAC".into(),
        flag("token-auth-file", folder.join("tokens.csv").display()),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        flag("service-account-key-file", key.display()),
        flag("service-account-signing-key-file", key.display()),
        "--profiling=false".into(),
    ]
}

/// kube-controller-manager: one of it, each controller under its own service account.
pub fn controller_manager(folder: &Path) -> Vec<String> {
    vec![
        flag("kubeconfig", folder.join("controllers.kubeconfig").display()),
        // No server of its own.
        "--secure-port=0".into(),
        "--leader-elect=false".into(),
        "--use-service-account-credentials=true".into(),
        flag("service-account-private-key-file", folder.join("service-account.key").display()),
        flag("root-ca-file", folder.join("certificates/apiserver.crt").display()),
        // The default of 20 requests a second would be what tests measure.
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
        // These want a cloud.
        "--controllers=*,-service-lb-controller,-node-route-controller,-cloud-node-lifecycle-controller".into(),
    ]
}

/// kube-scheduler, by its configuration file.
pub fn scheduler(folder: &Path) -> Vec<String> {
    vec![
        flag("config", folder.join("scheduler.yaml").display()),
        "--secure-port=0".into(),
    ]
}

/// KWOK: it plays the nodes that carry its annotation, and their pods, by the stages in the folder.
pub fn kwok(ports: Ports, folder: &Path) -> Result<Vec<String>, String> {
    let mut flags = vec![
        flag("kubeconfig", folder.join("kwok.kubeconfig").display()),
        flag("config", folder.join("kwok.yaml").display()),
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".into(),
        "--node-lease-duration-seconds=40".into(),
        "--cidr=10.0.0.1/8".into(),
        "--node-ip=127.0.0.1".into(),
        flag("server-address", format!("127.0.0.1:{}", ports.kwok)),
    ];
    let stages = folder.join("stages");
    let listed = std::fs::read_dir(&stages).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for entry in listed.map_err(|error| format!("list {}: {error}", stages.display()))? {
        flags.push(flag("config", entry.path().display()));
    }
    Ok(flags)
}

/// The scheduler's configuration: no leader, and no limit of requests that tests would meet.
pub fn scheduler_configuration(folder: &Path) -> String {
    let kubeconfig = folder.join("scheduler.kubeconfig");
    format!(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n\
         leaderElection: {{leaderElect: false}}\n\
         clientConnection: {{kubeconfig: \"{}\", qps: 1000, burst: 2000}}\n",
        kubeconfig.display()
    )
}

/// KWOK's configuration: more at once than its four.
pub const KWOK_CONFIGURATION: &str = "apiVersion: config.kwok.x-k8s.io/v1alpha1\n\
    kind: KwokConfiguration\nmetadata: {name: kwok}\n\
    options: {podPlayStageParallelism: 32, nodePlayStageParallelism: 32, nodeLeaseParallelism: 16}\n";

/// A kubeconfig for one token.
pub fn kubeconfig(ports: Ports, folder: &Path, token: &str) -> String {
    let certificate = folder.join("certificates/apiserver.crt");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: testbed\n\
         contexts: [{{name: testbed, context: {{cluster: testbed, user: testbed}}}}]\n\
         users: [{{name: testbed, user: {{token: {token}}}}}]\n\
         clusters: [{{name: testbed, cluster: {{server: \"https://127.0.0.1:{}\", \
         certificate-authority: \"{}\"}}}}]\n",
        ports.api,
        certificate.display()
    )
}

fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}
