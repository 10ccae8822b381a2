//! A control plane, an EC2 and controllers, for one test; all of it ends with the rig.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use sparkwright::model::nodeclaim::NodeClaim;
use sparkwright::model::nodeclass::NodeClass;
use sparkwright::model::nodepool::NodePool;
use sparkwright_sim::emulator::{Background, EmulatorArgs};

use super::scene::spark_pod;
use crate::testbed::{ControlPlane, eventually, install, is_offline, ports};

/// The cluster's name, in EC2's tags too.
pub const CLUSTER: &str = "online";
/// Seconds of EC2 in a second: a boot of half a minute takes two seconds.
const SPEED: &str = "20";
/// The longest that one test may take.
const LONGEST: Duration = Duration::from_secs(600);

/// Everything that a test needs.
pub struct Rig {
    /// A client with all rights.
    pub admin: Client,
    plane: ControlPlane,
    emulator: Background,
    controllers: Vec<Child>,
    listen: Vec<SocketAddr>,
    settings: BTreeMap<&'static str, String>,
}

/// A call that EC2 had.
#[derive(Clone, Debug)]
pub struct Call {
    /// `CreateFleet`.
    pub action: String,
    /// What it said, flat.
    pub parameters: Value,
    /// What EC2 answered.
    pub status: u64,
    /// When, in milliseconds of EC2's time.
    pub at: u64,
}

/// Runs a test on a rig of its own. `emulator` is what EC2 is told beside its address.
pub fn run(emulator: &[&str], test: impl AsyncFnOnce(&mut Rig)) {
    if is_offline() {
        return;
    }
    let plane = ControlPlane::start().expect("the control plane for tests starts");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let mut rig = Rig::new(plane, emulator).await;
        let finished = tokio::time::timeout(LONGEST, test(&mut rig)).await;
        let log = rig.log();
        assert!(
            finished.is_ok(),
            "the test did not end within {LONGEST:?}; the controller said:\n{log}"
        );
        assert!(!log.contains("panicked"), "the controller panicked:\n{log}");
        let said = rig.plane.log_of("kube-apiserver");
        assert!(
            !said.contains("Observed a panic"),
            "the API server panicked"
        );
    });
}

impl Rig {
    async fn new(plane: ControlPlane, emulator: &[&str]) -> Self {
        let admin = plane.client(&plane.admin_token);
        install::deploy(&admin).await;
        let token = install::controllers_token(&admin).await;
        let kubeconfig = plane.kubeconfig("controller", &token);
        let joined = plane
            .folder()
            .join("admin.kubeconfig")
            .display()
            .to_string();
        let mut flags = vec![
            "--port",
            "0",
            "--cluster-name",
            CLUSTER,
            "--kubeconfig",
            &joined,
        ];
        flags.extend(emulator);
        if !emulator.contains(&"--speed") {
            flags.extend(["--speed", SPEED]);
        }
        let emulator = EmulatorArgs::from_flags(&flags).expect("they are flags");
        let emulator = Background::start(emulator).expect("the emulator starts");
        let settings = BTreeMap::from([
            ("AWS_ENDPOINT_URL", format!("http://{}", emulator.address())),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "any".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("SPARKWRIGHT_CLUSTER_NAME", CLUSTER.to_owned()),
            ("SPARKWRIGHT_INTERRUPTION_QUEUE", "interruptions".to_owned()),
            ("SPARKWRIGHT_SWEEP_EVERY", "2s".to_owned()),
            ("SPARKWRIGHT_LEASE_LENGTH", "4s".to_owned()),
            ("SPARKWRIGHT_STRAY_GRACE", "6s".to_owned()),
        ]);
        Rig {
            admin,
            plane,
            emulator,
            controllers: Vec::new(),
            listen: Vec::new(),
            settings,
        }
    }

    /// Changes an environment variable of controllers that start from here on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.settings.insert(name, value.to_owned());
    }

    /// Starts a controller. Its log is kept for messages.
    pub fn start(&mut self) {
        let log = self
            .plane
            .folder()
            .join(format!("controller-{}.log", self.controllers.len()));
        let log = File::create(log).expect("the folder is there");
        let [listen] = ports::free().expect("a port is free");
        let listen = SocketAddr::from(([127, 0, 0, 1], listen));
        self.listen.push(listen);
        let child = Command::new(env!("CARGO_BIN_EXE_sparkwright"))
            .arg("controller")
            .env_clear()
            .envs(&self.settings)
            .env("SPARKWRIGHT_LISTEN", listen.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the controller starts");
        self.controllers.push(child);
    }

    /// True once the last controller has ended.
    pub fn has_ended(&mut self) -> bool {
        let child = self.controllers.last_mut().expect("one was started");
        child.try_wait().expect("it can be asked").is_some()
    }

    /// Removes an environment variable for controllers that start from here on.
    pub fn unset(&mut self, name: &'static str) {
        self.settings.remove(name);
    }

    /// Kills the last controller, without a word.
    pub fn kill(&mut self) {
        let child = self.controllers.last_mut().expect("one runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// What controllers have logged.
    pub fn log(&self) -> String {
        let read = |i: usize| {
            let log = self.plane.folder().join(format!("controller-{i}.log"));
            fs::read_to_string(log).unwrap_or_default()
        };
        (0..self.controllers.len()).map(read).collect()
    }

    /// Applies a NodeClass named `default` that the emulator's EC2 can serve.
    pub async fn apply_class(&self) {
        let selector = json!([{"tags": {"sparkwright.dev/discovery": CLUSTER}}]);
        self.apply(json!({
            "apiVersion": "sparkwright.dev/v1alpha1", "kind": "NodeClass",
            "metadata": {"name": "default"},
            "spec": {
                "amiSelectorTerms": [{"alias": "al2023@latest"}],
                "subnetSelectorTerms": selector, "securityGroupSelectorTerms": selector,
                "instanceProfile": "nodes", "instanceStorePolicy": "RAID0",
            },
        }))
        .await;
    }

    /// Applies a pool for drivers on-demand and one for executors on spot, whose empty nodes go after a
    /// time.
    pub async fn apply_pools(&self, ttl: &str) {
        let types = json!([
            {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
            {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Lt", "values": ["33"]},
        ]);
        let pool = |name: &str, role: &str, spot: Value| {
            json!({
                "apiVersion": "sparkwright.dev/v1alpha1", "kind": "NodePool",
                "metadata": {"name": name},
                "spec": {
                    "roles": [role], "spot": {"roles": spot}, "disruption": {"consolidateAfter": ttl},
                    "template": {"spec": {
                        "nodeClassRef": {"group": "sparkwright.dev", "kind": "NodeClass", "name": "default"},
                        "requirements": types,
                    }},
                },
            })
        };
        self.apply(pool("drivers", "driver", json!([]))).await;
        self.apply(pool("executors", "executor", json!(["executor"])))
            .await;
    }

    /// Applies an object of ours.
    pub async fn apply(&self, document: Value) {
        let resource = match document["kind"].as_str() {
            Some("NodeClass") => ApiResource::erase::<NodeClass>(&()),
            _ => ApiResource::erase::<NodePool>(&()),
        };
        let api: Api<DynamicObject> = Api::all_with(self.admin.clone(), &resource);
        let object: DynamicObject = serde_json::from_value(document).expect("it is an object");
        let applied = PatchParams::apply("test").force();
        let name = object.name_any();
        let answer = api.patch(&name, &applied, &Patch::Apply(&object)).await;
        answer.unwrap_or_else(|error| panic!("apply {name}: {error}"));
    }

    /// Changes fields of a pool's spec.
    pub async fn patch_pool(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let patched = self
            .pools()
            .patch(name, &PatchParams::default(), &patch)
            .await;
        patched.unwrap_or_else(|error| panic!("patch {name}: {error}"));
    }

    /// A pool as it is.
    pub async fn pool(&self, name: &str) -> Value {
        let pool = self.pools().get(name).await.expect("it is there");
        serde_json::to_value(pool).expect("it is JSON")
    }

    fn pools(&self) -> Api<DynamicObject> {
        Api::all_with(self.admin.clone(), &ApiResource::erase::<NodePool>(&()))
    }

    /// Sends a signal to a controller, by the order of their starts.
    pub fn signal(&self, controller: usize, name: &str) {
        let id = self.controllers[controller].id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -{name} {id}"
        );
    }

    /// Where EC2 and its like are, as an SDK is told by its environment.
    pub fn aws(&self) -> Vec<(&'static str, String)> {
        let settings = self.settings.iter();
        let of_aws = settings.filter(|(name, _)| name.starts_with("AWS_"));
        of_aws.map(|(name, value)| (*name, value.clone())).collect()
    }

    /// The folder of what the control plane and controllers write. In it `admin.kubeconfig` has all rights.
    pub fn folder(&self) -> &Path {
        self.plane.folder()
    }

    /// A kubeconfig for a service account of our namespace, under the rights that ship.
    pub async fn kubeconfig(&self, account: &str) -> String {
        let token = install::token(&self.admin, account).await;
        let path = self.plane.kubeconfig(account, &token);
        path.display().to_string()
    }

    /// Stops the API server and starts it again, on the same port and data.
    pub async fn restart_api_server(&mut self) {
        self.plane.restart_api_server().await;
    }

    /// Creates a pod of an application as Spark makes them, held by our gate.
    pub async fn create_pod(&self, app: &str, role: &str, number: u32, gib: u32) {
        let mut pod = spark_pod(app, role, number, ("3400m", &format!("{gib}Gi")));
        pod["spec"]["schedulingGates"] = json!([{"name": "sparkwright.dev/placement"}]);
        let pod: Pod = serde_json::from_value(pod).expect("it is a pod");
        eventually("a pod is accepted", async || {
            self.pods().create(&PostParams::default(), &pod).await.ok()
        })
        .await;
    }

    /// Pods of the tests' namespace.
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.admin.clone(), "default")
    }

    /// All pods that run.
    pub async fn running(&self) -> Vec<Pod> {
        let pods = self.pods().list(&ListParams::default()).await;
        let runs = |pod: &Pod| {
            let status = pod.status.as_ref();
            status.and_then(|status| status.phase.as_deref()) == Some("Running")
        };
        pods.map(|pods| pods.items.into_iter().filter(runs).collect())
            .unwrap_or_default()
    }

    /// All nodes.
    pub async fn nodes(&self) -> Vec<Node> {
        let api: Api<Node> = Api::all(self.admin.clone());
        let nodes = api.list(&ListParams::default()).await;
        nodes.map(|nodes| nodes.items).unwrap_or_default()
    }

    /// All claims.
    pub async fn claims(&self) -> Vec<NodeClaim> {
        let api: Api<NodeClaim> = Api::all(self.admin.clone());
        let claims = api.list(&ListParams::default()).await;
        claims.map(|claims| claims.items).unwrap_or_default()
    }

    /// Calls that EC2 had, of these actions.
    pub fn calls(&self, actions: &[&str]) -> Vec<Call> {
        let lines = self.ask("GET /_emulator/calls?after=0", "");
        let calls = lines.lines().map(|line| {
            let call: Value = serde_json::from_str(line).expect("a call is JSON");
            Call {
                action: call["action"].as_str().unwrap_or_default().to_owned(),
                parameters: call["parameters"].clone(),
                status: call["status"].as_u64().unwrap_or_default(),
                at: call["at_millis"].as_u64().unwrap_or_default(),
            }
        });
        calls
            .filter(|call| actions.contains(&call.action.as_str()))
            .collect()
    }

    /// Instances, by what EC2 says: those that it remembers the end of too.
    pub fn instances(&self) -> Vec<Value> {
        let text = self.ask("GET /_emulator/instances", "");
        let all: Value = serde_json::from_str(&text).expect("instances are JSON");
        let all = all.get("instances").cloned().unwrap_or(all);
        serde_json::from_value(all).expect("they are a list")
    }

    /// Instances that are pending or running, by what EC2 says.
    pub fn alive(&self) -> Vec<Value> {
        let all = self.instances();
        let alive = |one: &Value| matches!(one["state"].as_str(), Some("pending" | "running"));
        all.into_iter().filter(alive).collect()
    }

    /// Runs another command with the controller's settings: whether it ended well, and what it said.
    pub fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sparkwright"))
            .args(arguments)
            .env_clear()
            .envs(&self.settings)
            .output()
            .expect("it starts");
        let said = match output.status.success() {
            true => output.stdout,
            false => [output.stdout, output.stderr].concat(),
        };
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    /// Where the last controller answers.
    pub fn address(&self) -> String {
        format!("http://{}", self.listen.last().expect("one runs"))
    }

    /// What the last controller's probes say: alive, ready.
    pub fn health(&self) -> [String; 2] {
        let listen = self.listen.last().expect("one runs");
        ["GET /healthz", "GET /readyz"].map(|ask| http(*listen, ask, "").trim().to_owned())
    }

    /// What the last controller measures of itself.
    pub fn metrics(&self) -> String {
        let listen = self.listen.last().expect("one runs");
        http(*listen, "GET /metrics", "")
    }

    /// What the last controller holds in memory, as the system says it.
    pub fn memory(&self) -> String {
        let id = self.controllers.last().expect("one runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let lines = status
            .lines()
            .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
        lines.collect::<Vec<_>>().join(", ")
    }

    /// CPU time that the last controller has taken, in milliseconds, as the system says it.
    pub fn cpu_millis(&self) -> u64 {
        let id = self.controllers.last().expect("one runs").id();
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        // Fields 14 and 15 of proc(5), in hundredths of a second; the second is before the bracket.
        let fields = fields.split_whitespace().skip(11).take(2);
        let ticks = fields.filter_map(|ticks| ticks.parse::<u64>().ok());
        ticks.sum::<u64>() * 10
    }

    /// When the emulator began, by our clock, in milliseconds since 1970; for a speed of 1.
    pub fn began_millis(&self) -> u64 {
        let text = self.ask("GET /_emulator/clock", "");
        let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
        let now = u64::try_from(now.expect("it is after 1970").as_millis()).expect("it fits");
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        now - digits.parse::<u64>().expect("a clock tells milliseconds")
    }

    /// Asks the emulator's own endpoints.
    pub fn ask(&self, request: &str, body: &str) -> String {
        http(self.emulator.address(), request, body)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for child in &mut self.controllers {
            // One that has ended already cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let calls = self.ask("GET /_emulator/calls?after=0", "");
            let log = self.log();
            crate::testbed::tell(&format!("EC2 had:\n{calls}\nthe controllers said:\n{log}"));
        }
    }
}

/// One request over HTTP/1.0, and the body of its answer.
fn http(address: SocketAddr, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
    body.to_owned()
}
