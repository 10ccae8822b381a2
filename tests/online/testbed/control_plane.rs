//! Starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK on loopback, each on ports
//! of its own, with what they share in a folder of its own, and waits until they serve.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::config::AuthInfo;
use kube::{Api, Client, Config};

use super::flags::{self, Ports};
use super::process::Process;
use super::{build, ports, tell};

/// How long the programs may take to serve. A quiet machine takes 4 s, a starved one took 23.
const PATIENCE: Duration = Duration::from_secs(90);
/// Starts that are tried: a port may be taken between its choice and its use.
const ATTEMPTS: u32 = 3;
/// Stands in a folder that the programs may remove when they end.
const MARKER: &str = ".sparkwright-testbed";
/// Users by the names of their kubeconfigs, with their names in Kubernetes and their groups.
const USERS: [(&str, &str, &str); 4] = [
    ("admin", "admin", "system:masters"),
    ("controllers", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("kwok", "kwok", "system:masters"),
];

/// A running control plane. Its programs end, and its folder goes, when it is dropped or its process ends.
pub struct ControlPlane {
    /// Token of a user with all rights.
    pub admin_token: String,
    ports: Ports,
    folder: PathBuf,
    // In the order of their start; they are dropped from the last to the first.
    processes: Vec<Process>,
}

impl ControlPlane {
    /// Builds what is not built yet, starts it and waits until it serves.
    pub fn start() -> Result<Self, String> {
        let binary = build::control_plane()?;
        let mut problems = Vec::new();
        for _ in 0..ATTEMPTS {
            match attempt(&binary) {
                Ok(plane) => return Ok(plane),
                Err(problem) => problems.push(problem),
            }
        }
        Err(problems.join("\nagain: "))
    }

    /// A client for a token's user.
    pub fn client(&self, token: &str) -> Client {
        self.try_client(token)
            .expect("a control plane that serves has its certificate")
    }

    fn try_client(&self, token: &str) -> Result<Client, kube::Error> {
        let url = format!("https://127.0.0.1:{}", self.ports.api);
        let mut config = Config::new(url.parse().expect("it is a URL"));
        config.root_cert_file = Some(self.folder.join("certificates/apiserver.crt"));
        config.auth_info = AuthInfo {
            token: Some(token.to_owned().into()),
            ..AuthInfo::default()
        };
        Client::try_from(config)
    }

    /// A kubeconfig for a token's user, by this name in the plane's folder.
    pub fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let path = self.folder.join(format!("{name}.kubeconfig"));
        let text = flags::kubeconfig(self.ports, &self.folder, token);
        write(&path, &text).expect("the folder is there");
        path
    }

    /// What a program has logged so far.
    pub fn log_of(&self, program: &str) -> String {
        let log = fs::read(self.folder.join(format!("{program}.log")));
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    /// Ends the API server, starts it again as it was, and waits until it serves.
    pub async fn restart_api_server(&mut self) {
        let at = self
            .processes
            .iter()
            .position(|one| one.name == "kube-apiserver");
        let old = self.processes.remove(at.expect("it runs"));
        drop(old);
        let binary = build::control_plane().expect("it has been built");
        let flags = flags::apiserver(self.ports, &self.folder);
        self.run(&binary, "kube-apiserver", &flags)
            .expect("it starts again");
        self.until("the API server does not serve again", serves)
            .await
            .expect("it serves again");
    }

    /// Its programs' names and process ids.
    pub fn programs(&self) -> Vec<(&'static str, u32)> {
        self.processes
            .iter()
            .map(|one| (one.name, one.id()))
            .collect()
    }

    /// The folder of its data and logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn run(&mut self, binary: &Path, name: &'static str, flags: &[String]) -> Result<(), String> {
        let process = Process::start(binary, name, flags, &self.folder)?;
        self.processes.push(process);
        Ok(())
    }

    /// Waits until a condition holds; an error where a program ends before.
    async fn until(
        &mut self,
        what: &str,
        holds: impl AsyncFn(&Self) -> bool,
    ) -> Result<(), String> {
        let began = Instant::now();
        while !holds(self).await {
            self.processes.iter_mut().try_for_each(Process::check)?;
            if began.elapsed() > PATIENCE {
                let tails = self
                    .processes
                    .iter()
                    .map(|one| format!("{}: {}", one.name, one.tail()));
                let tails: Vec<String> = tails.collect();
                return Err(format!("{what} after {PATIENCE:?}\n{}", tails.join("\n")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        while let Some(process) = self.processes.pop() {
            drop(process);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn attempt(binary: &Path) -> Result<ControlPlane, String> {
    let began = Instant::now();
    let [etcd, etcd_peers, api, kwok] = ports::free()?;
    let mut plane = ControlPlane {
        admin_token: String::new(),
        ports: Ports {
            etcd,
            etcd_peers,
            api,
            kwok,
        },
        folder: new_folder().map_err(|error| format!("make a folder: {error}"))?,
        processes: Vec::new(),
    };
    prepare(binary, &mut plane)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("make a runtime: {error}"))?;
    runtime.block_on(serve(binary, &mut plane))?;
    tell(&format!(
        "control plane for tests: ready in {:.1} s, {:?} in {}",
        began.elapsed().as_secs_f64(),
        plane.programs(),
        plane.folder().display()
    ));
    Ok(plane)
}

/// Starts the programs: those that need the API server's certificate when there is one.
async fn serve(binary: &Path, plane: &mut ControlPlane) -> Result<(), String> {
    let (ports, folder) = (plane.ports, plane.folder.clone());
    plane.run(binary, "etcd", &flags::etcd(ports, &folder))?;
    plane.run(binary, "kube-apiserver", &flags::apiserver(ports, &folder))?;
    plane.until("the API server does not serve", serves).await?;
    plane.run(
        binary,
        "kube-controller-manager",
        &flags::controller_manager(&folder),
    )?;
    plane.run(binary, "kube-scheduler", &flags::scheduler(&folder))?;
    plane.run(binary, "kwok", &flags::kwok(ports, &folder)?)?;
    plane.until("controllers and KWOK do not work", works).await
}

/// The API server serves once its certificate is whole and its own namespace is there.
async fn serves(plane: &ControlPlane) -> bool {
    match plane.try_client(&plane.admin_token) {
        Ok(client) => Api::<Namespace>::all(client).get("default").await.is_ok(),
        Err(_) => false,
    }
}

/// The controllers work when they have made a namespace's service account, without which there are no
/// pods.
async fn works(plane: &ControlPlane) -> bool {
    let accounts: Api<ServiceAccount> = Api::default_namespaced(plane.client(&plane.admin_token));
    is_healthy(plane.ports.kwok) && accounts.get("default").await.is_ok()
}

/// What KWOK says of itself, over plain HTTP.
fn is_healthy(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    ask().is_ok_and(|answer| {
        answer
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200 "))
    })
}

/// Writes what the programs read: keys and stages by the binary itself, tokens, kubeconfigs,
/// configurations.
fn prepare(binary: &Path, plane: &mut ControlPlane) -> Result<(), String> {
    let folder = plane.folder.clone();
    let prepared = Command::new(binary).arg("prepare").arg(&folder).output();
    let prepared = prepared.map_err(|error| format!("run {}: {error}", binary.display()))?;
    if !prepared.status.success() {
        let log = String::from_utf8_lossy(&prepared.stderr).into_owned();
        return Err(format!("prepare {}: {log}", folder.display()));
    }
    let mut tokens = String::new();
    for (file, user, group) in USERS {
        let token = token().map_err(|error| format!("make a token: {error}"))?;
        tokens.push_str(&format!("{token},{user},{file},\"{group}\"\n"));
        let kubeconfig = flags::kubeconfig(plane.ports, &folder, &token);
        write(&folder.join(format!("{file}.kubeconfig")), &kubeconfig)?;
        if file == "admin" {
            plane.admin_token = token;
        }
    }
    write(&folder.join("tokens.csv"), &tokens)?;
    write(
        &folder.join("scheduler.yaml"),
        &flags::scheduler_configuration(&folder),
    )?;
    write(&folder.join("kwok.yaml"), flags::KWOK_CONFIGURATION)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

/// 128 bits from the system's random numbers, in hexadecimal: other users of the machine reach loopback
/// too.
fn token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A new folder that only its owner reads, marked so that the programs may remove it.
fn new_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("sparkwright-testbed-{}-{count}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    fs::write(folder.join(MARKER), "")?;
    Ok(folder)
}
