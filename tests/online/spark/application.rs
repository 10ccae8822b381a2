//! One application of real Spark: submitted in cluster mode by Spark's own `spark-submit`, and what can be
//! seen of it from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;

use super::container::{FRUGAL, Machine, Program};
use super::event_log::EventLog;
use super::process::Process;
use crate::controller::rig::Rig;

/// The longest that one step of an application may take, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(240);
/// What `job.py` must find: every row, each key, and the sum of 0 to 1,999,999.
const ROWS: u64 = 2_000_000;
const KEYS: u64 = 1_009;
const SUM: u64 = ROWS * (ROWS - 1) / 2;
/// Executors, one to a node: nodes of four vCPUs hold one of them.
pub const EXECUTORS: usize = 3;
/// What is set beside what follows from the machine. One counted failure of an executor ends the
/// application, and it begins to work when all executors are there.
const SETTINGS: [(&str, &str); 22] = [
    ("spark.kubernetes.namespace", "default"),
    ("spark.kubernetes.container.image", "spark"),
    ("spark.kubernetes.submission.waitAppCompletion", "false"),
    ("spark.kubernetes.driver.request.cores", "900m"),
    ("spark.kubernetes.executor.request.cores", "3400m"),
    ("spark.driver.memory", "512m"),
    ("spark.executor.memory", "512m"),
    ("spark.executor.cores", "1"),
    ("spark.executor.instances", "3"),
    ("spark.executor.maxNumFailures", "0"),
    ("spark.scheduler.minRegisteredResourcesRatio", "1.0"),
    ("spark.scheduler.maxRegisteredResourcesWaitingTime", "300s"),
    ("spark.sql.adaptive.enabled", "false"),
    ("spark.ui.enabled", "false"),
    ("spark.eventLog.enabled", "true"),
    ("spark.eventLog.compress", "false"),
    ("spark.eventLog.rolling.enabled", "false"),
    ("spark.decommission.enabled", "true"),
    ("spark.storage.decommission.enabled", "true"),
    // By default it is 30 s, as long as the grace: a drained executor would be ended before it is done.
    (
        "spark.storage.decommission.replicationReattemptInterval",
        "2s",
    ),
    (
        "spark.kubernetes.executor.terminationGracePeriodSeconds",
        "60s",
    ),
    ("spark.stage.ignoreDecommissionFetchFailure", "true"),
];
/// What pods are given beside what Spark gives them: the gate alone, which the webhook would add.
pub const GATED: &str =
    "apiVersion: v1\nkind: Pod\nspec:\n  schedulingGates: [{name: sparkwright.dev/placement}]\n";
/// No gate: such pods are served as they become unschedulable.
pub const OBSERVED: &str = "apiVersion: v1\nkind: Pod\nspec:\n  \
    nodeSelector: {sparkwright.dev/managed: 'true'}\n  \
    tolerations: [{key: sparkwright.dev/purpose, operator: Exists}]\n";

/// An application.
pub struct Application {
    folder: PathBuf,
}

impl Application {
    /// Submits `job.py` in one of its modes, with a template for its pods.
    pub async fn submit(rig: &Rig, machine: &Machine, mode: &str, pods: &str) -> Self {
        let application = Application {
            folder: machine.folder.join("job"),
        };
        let folder = application.folder.clone();
        fs::create_dir_all(folder.join("events")).expect("the rig's folder is there");
        let template = folder.join("template.yaml");
        fs::write(&template, pods).expect("the folder is there");
        let program = submission(&api_server(rig), machine, mode, &folder, &template);
        let mut submit = Process::start(&program).expect("setpriv is there");
        let code = within("spark-submit ends", async || submit.ended()).await;
        let said = fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(code, 0, "spark-submit failed:\n{said}");
        application
    }

    /// Waits until the job has counted once.
    pub async fn ready(&self) {
        let ready = self.folder.join("ready");
        within("the job has counted once", async || {
            ready.exists().then_some(())
        })
        .await;
    }

    /// Lets the job go on.
    pub fn go(&self) {
        fs::write(self.folder.join("go"), "").expect("the folder is there");
    }

    /// Waits until the driver has succeeded, looks at what the job found, and reads its event log.
    pub async fn succeeds(&self, rig: &Rig) -> EventLog {
        let ended = within("the driver ends", async || {
            let driver = driver(rig).await?;
            let ended = ["Succeeded", "Failed"].contains(&phase(&driver));
            ended.then_some(driver)
        })
        .await;
        assert_eq!(phase(&ended), "Succeeded", "{}", self.log_of(&ended));
        let result = fs::read_to_string(self.folder.join("result.json"));
        let result: Value =
            serde_json::from_str(&result.expect("a driver that succeeded wrote it"))
                .expect("it is JSON");
        let of = |name: &str| result[name].as_u64();
        let found = [of("groups"), of("rows"), of("ids")];
        assert_eq!(found, [Some(KEYS), Some(ROWS), Some(SUM)], "{result}");
        let counts = result["counts"].as_array().expect("it counted");
        assert!(counts.iter().all(|count| *count == ROWS), "{result}");
        EventLog::read(&self.folder.join("events"))
    }

    /// What a pod's process has said.
    pub fn log_of(&self, pod: &Pod) -> String {
        let folder = self.folder.parent().unwrap_or(&self.folder);
        fs::read_to_string(folder.join(pod.name_any()).join("log")).unwrap_or_default()
    }
}

fn submission(api: &str, machine: &Machine, mode: &str, folder: &Path, template: &Path) -> Program {
    let home = &machine.spark.home;
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/online/spark/job.py");
    let master = format!("k8s://{api}");
    let mut command: Vec<String> = vec![home.join("bin/spark-submit").display().to_string()];
    let fixed = [
        "--master",
        &master,
        "--deploy-mode",
        "cluster",
        "--name",
        mode,
    ];
    command.extend(fixed.map(str::to_owned));
    let template = template.display().to_string();
    let events = format!("file://{}", folder.join("events").display());
    let own = [
        ("spark.kubernetes.driver.master", api),
        ("spark.kubernetes.driver.podTemplateFile", template.as_str()),
        (
            "spark.kubernetes.executor.podTemplateFile",
            template.as_str(),
        ),
        ("spark.eventLog.dir", events.as_str()),
    ];
    for (name, value) in SETTINGS.into_iter().chain(own) {
        command.extend(["--conf".to_owned(), format!("{name}={value}")]);
    }
    command.push(format!("local://{}", job.display()));
    command.extend([mode.to_owned(), folder.display().to_string()]);
    let text = |path: &Path| path.display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let environment = BTreeMap::from([
        ("PATH".to_owned(), path),
        ("HOME".to_owned(), text(folder)),
        ("SPARK_HOME".to_owned(), text(home)),
        ("SPARK_LOCAL_IP".to_owned(), "127.0.0.1".to_owned()),
        ("SPARK_SUBMIT_OPTS".to_owned(), FRUGAL.to_owned()),
        ("PYSPARK_PYTHON".to_owned(), text(&machine.spark.python)),
        ("KUBECONFIG".to_owned(), text(&machine.kubeconfig)),
    ]);
    Program {
        command,
        environment,
        folder: folder.to_owned(),
    }
}

/// Where the API server is, by the kubeconfig.
fn api_server(rig: &Rig) -> String {
    let text = fs::read_to_string(rig.folder().join("admin.kubeconfig"));
    let document: Value =
        serde_saphyr::from_str(&text.expect("it was written")).expect("it is YAML");
    let server = document["clusters"][0]["cluster"]["server"].as_str();
    server.expect("it names a server").to_owned()
}

/// The driver's pod.
pub async fn driver(rig: &Rig) -> Option<Pod> {
    pods(rig, "driver").await.pop()
}

/// The executors' pods, whatever has become of them.
pub async fn executors(rig: &Rig) -> Vec<Pod> {
    pods(rig, "executor").await
}

async fn pods(rig: &Rig, role: &str) -> Vec<Pod> {
    let of_role = kube::api::ListParams::default().labels(&format!("spark-role={role}"));
    let pods = rig.pods().list(&of_role).await;
    pods.map(|pods| pods.items).unwrap_or_default()
}

/// The phase of a pod.
pub fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// The node of a pod.
pub fn node_of(pod: &Pod) -> Option<String> {
    pod.spec.as_ref()?.node_name.clone()
}

/// Asks until there is an answer, with the patience that Spark needs.
pub async fn within<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "waited {PATIENCE:?}, and not: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
