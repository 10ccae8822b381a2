//! What the container of a pod of Spark's is as a process: its volumes are folders, its mounts are where
//! those folders are, and it does what the entry point of Spark's image would do with its arguments.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, Pod, Volume};
use kube::ResourceExt;

use super::install::Spark;

/// Settings of a virtual machine that lives for seconds.
pub const FRUGAL: &str = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1";
/// Where executors begin.
const EXECUTOR: &str = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend";
/// What an executor is told on its command line, and the variables of its pod that hold it.
const TOLD: [(&str, &str); 7] = [
    ("--driver-url", "SPARK_DRIVER_URL"),
    ("--executor-id", "SPARK_EXECUTOR_ID"),
    ("--cores", "SPARK_EXECUTOR_CORES"),
    ("--app-id", "SPARK_APPLICATION_ID"),
    ("--hostname", "SPARK_EXECUTOR_POD_IP"),
    ("--resourceProfileId", "SPARK_RESOURCE_PROFILE_ID"),
    ("--podName", "SPARK_EXECUTOR_POD_NAME"),
];

/// What a machine gives to containers.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What its images hold.
    pub spark: Spark,
    /// How containers reach the API server.
    pub kubeconfig: PathBuf,
    /// Where folders of pods are.
    pub folder: PathBuf,
}

/// A program that can be started.
#[derive(Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its environment, whole.
    pub environment: BTreeMap<String, String>,
    /// Where it starts; its log is there.
    pub folder: PathBuf,
}

/// Names of the ConfigMaps that a pod mounts.
pub fn config_maps(pod: &Pod) -> impl Iterator<Item = &str> {
    let maps = volumes(pod)
        .iter()
        .filter_map(|one| one.config_map.as_ref());
    maps.map(|map| map.name.as_str())
}

/// Lays out a pod's volumes and says what its container runs. `maps` are its ConfigMaps, in their order.
pub fn program(
    machine: &Machine,
    pod: &Pod,
    address: &str,
    maps: &[ConfigMap],
) -> io::Result<Program> {
    let folder = machine.folder.join(pod.name_any());
    fs::create_dir_all(folder.join("tmp"))?;
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let container = container.ok_or_else(|| io::Error::other("a pod has a container"))?;
    let mounts = Mounts::of(pod, container, &folder);
    for (volume, map) in volumes(pod)
        .iter()
        .filter(|one| one.config_map.is_some())
        .zip(maps)
    {
        fill(volume, map, &mounts, &folder)?;
    }
    for volume in volumes(pod).iter().filter(|one| one.empty_dir.is_some()) {
        fs::create_dir_all(place(&folder, volume))?;
    }
    let environment = environment(machine, pod, container, address, &mounts, &folder);
    let arguments = container.args.as_deref().unwrap_or_default();
    let command = match arguments.split_first() {
        Some((role, _)) if role == "executor" => executor(machine, &environment),
        Some((role, rest)) if role == "driver" => {
            driver(machine, address, rest.iter().map(|one| mounts.here(one)))
        }
        _ => return Err(io::Error::other("only drivers and executors are run")),
    };
    Ok(Program {
        command,
        environment,
        folder,
    })
}

fn volumes(pod: &Pod) -> &[Volume] {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.volumes.as_deref())
        .unwrap_or_default()
}

fn place(folder: &Path, volume: &Volume) -> PathBuf {
    folder.join("volumes").join(&volume.name)
}

/// Where a container's paths are on this machine, the longest first.
struct Mounts(Vec<(String, String)>);

impl Mounts {
    fn of(pod: &Pod, container: &Container, folder: &Path) -> Self {
        let mut mounts = Vec::new();
        for mount in container.volume_mounts.as_deref().unwrap_or_default() {
            let volume = volumes(pod).iter().find(|one| one.name == mount.name);
            let kept = volume.filter(|one| one.config_map.is_some() || one.empty_dir.is_some());
            if let Some(volume) = kept {
                let here = place(folder, volume).display().to_string();
                mounts.push((mount.mount_path.clone(), here));
            }
        }
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Mounts(mounts)
    }

    /// A text with the container's paths as this machine has them.
    fn here(&self, text: &str) -> String {
        let replace = |text: String, (path, here): &(String, String)| text.replace(path, here);
        self.0.iter().fold(text.to_owned(), replace)
    }
}

/// Writes a ConfigMap's keys as files. Spark's own settings name paths of the container.
fn fill(volume: &Volume, map: &ConfigMap, mounts: &Mounts, folder: &Path) -> io::Result<()> {
    let to = place(folder, volume);
    fs::create_dir_all(&to)?;
    let source = volume.config_map.as_ref();
    let items = source.and_then(|source| source.items.as_ref());
    for (key, text) in map.data.iter().flatten() {
        let name = match items {
            Some(items) => items
                .iter()
                .find(|item| item.key == *key)
                .map(|item| &item.path),
            None => Some(key),
        };
        if let Some(name) = name {
            fs::write(to.join(name), mounts.here(text))?;
        }
    }
    Ok(())
}

fn environment(
    machine: &Machine,
    pod: &Pod,
    container: &Container,
    address: &str,
    mounts: &Mounts,
    folder: &Path,
) -> BTreeMap<String, String> {
    let text = |path: &Path| path.display().to_string();
    let inherited = ["PATH", "JAVA_HOME"].into_iter();
    let inherited = inherited.filter_map(|name| Some((name, std::env::var(name).ok()?)));
    let image = [
        ("HOME", text(folder)),
        ("TMPDIR", text(&folder.join("tmp"))),
        ("LANG", "C.UTF-8".to_owned()),
        ("SPARK_HOME", text(&machine.spark.home)),
        ("SPARK_LOCAL_IP", address.to_owned()),
        ("PYSPARK_PYTHON", text(&machine.spark.python)),
        ("KUBECONFIG", text(&machine.kubeconfig)),
    ];
    let own = container.env.iter().flatten();
    let own = own.map(|one| (one.name.as_str(), value(one, pod, address, mounts)));
    let all = inherited.chain(image).chain(own);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn value(variable: &EnvVar, pod: &Pod, address: &str, mounts: &Mounts) -> String {
    let from = variable.value_from.as_ref();
    let field = from.and_then(|from| from.field_ref.as_ref());
    match field.map(|field| field.field_path.as_str()) {
        Some("status.podIP") => address.to_owned(),
        Some("metadata.name") => pod.name_any(),
        Some("metadata.namespace") => pod.namespace().unwrap_or_default(),
        _ => mounts.here(variable.value.as_deref().unwrap_or_default()),
    }
}

fn executor(machine: &Machine, environment: &BTreeMap<String, String>) -> Vec<String> {
    let of = |name: &str| environment.get(name).map_or("", String::as_str);
    let option = |(name, value): (&String, &String)| {
        let number: u32 = name.strip_prefix("SPARK_JAVA_OPT_")?.parse().ok()?;
        Some((number, value.clone()))
    };
    let options: BTreeMap<u32, String> = environment.iter().filter_map(option).collect();
    let classes = format!(
        "{}:{}/jars/*",
        of("SPARK_CONF_DIR"),
        machine.spark.home.display()
    );
    let mut command = vec!["java".to_owned()];
    command.extend(options.into_values());
    command.extend(FRUGAL.split(' ').map(str::to_owned));
    command.push(format!("-Xmx{}", of("SPARK_EXECUTOR_MEMORY")));
    command.extend(["-cp".to_owned(), classes, EXECUTOR.to_owned()]);
    for (flag, variable) in TOLD {
        command.extend([flag.to_owned(), of(variable).to_owned()]);
    }
    command
}

fn driver(
    machine: &Machine,
    address: &str,
    arguments: impl Iterator<Item = String>,
) -> Vec<String> {
    let submit = machine
        .spark
        .home
        .join("bin/spark-submit")
        .display()
        .to_string();
    let bind = format!("spark.driver.bindAddress={address}");
    // Its Service has a name that this machine cannot resolve.
    let host = format!("spark.driver.host={address}");
    let own = [
        "--conf",
        &bind,
        "--conf",
        &host,
        "--driver-java-options",
        FRUGAL,
        "--deploy-mode",
        "client",
    ];
    let own = own.map(str::to_owned).into_iter();
    [submit].into_iter().chain(own).chain(arguments).collect()
}
