//! Builds the tests' peers from the Go modules in `tests/peers`, each once for each state of its module's
//! files, into a cache folder outside the checkout: the control plane, which is one binary, and Karpenter,
//! which takes along the custom resource definitions of the version that its module requires.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::tell;

/// Names the cache folder; `sparkwright` in the user's cache folder when unset.
const CACHE: &str = "SPARKWRIGHT_CACHE";
/// Names a control plane's binary that is there already; nothing is built then.
const BINARY: &str = "SPARKWRIGHT_CLUSTER_BINARY";
/// The versions that the servers report of themselves: those of the module's requirements, which the
/// linker has to be told.
const KUBERNETES: &str = "k8s.io/kubernetes";
const KWOK: &str = "sigs.k8s.io/kwok";
/// Modules with Karpenter's providers, and where in them definitions are.
const KARPENTER: (&str, &[&str]) = (
    "sigs.k8s.io/karpenter",
    &["pkg/apis/crds", "kwok/apis/crds"],
);
const KARPENTER_AWS: (&str, &[&str]) =
    ("github.com/aws/karpenter-provider-aws", &["pkg/apis/crds"]);
/// How every module is built.
const ARGUMENTS: [&str; 3] = ["build", "-trimpath", "-gcflags=all=-dwarf=false"];
const FLAGS: &str = "-mod=readonly -buildvcs=false";

/// Karpenter as it was built.
pub struct Karpenter {
    /// The program.
    pub binary: PathBuf,
    /// A folder with the definitions of its resources, a YAML file each.
    pub definitions: PathBuf,
}

/// The control plane's binary, built where it is not there yet.
pub fn control_plane() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os(BINARY) {
        return Ok(PathBuf::from(given));
    }
    let module = module("cluster");
    let linked = versions(&module)?;
    once("cluster", &linked, |binary| build(&module, &linked, binary))
}

/// Karpenter with its KWOK provider, built where it is not there yet.
pub fn karpenter() -> Result<Karpenter, String> {
    with_definitions("karpenter", KARPENTER)
}

/// Karpenter with its AWS provider, built where it is not there yet.
pub fn karpenter_aws() -> Result<Karpenter, String> {
    with_definitions("karpenter-aws", KARPENTER_AWS)
}

fn with_definitions(name: &str, of: (&str, &[&str])) -> Result<Karpenter, String> {
    let module = module(name);
    let linked = "-s -w";
    let binary = once(name, linked, |binary| {
        copy_definitions(&module, of, &beside(binary))?;
        build(&module, linked, binary)
    })?;
    Ok(Karpenter {
        definitions: beside(&binary),
        binary,
    })
}

fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

fn beside(binary: &Path) -> PathBuf {
    binary.with_file_name("definitions")
}

/// The program that a module builds, in the cache. It is made where it is not there, by one process at a
/// time; it must come last of what is made.
fn once(
    name: &str,
    linked: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let key = key(&module(name), linked)?;
    let folder = cache()?.join("peers").join(format!("{name}-{key:016x}"));
    let binary = folder.join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("make {}: {error}", folder.display()))?;
    let lock = fs::File::create(folder.join("lock"))
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("lock {}: {error}", folder.display()))?;
    if !binary.is_file() {
        make(&binary)?;
    }
    drop(lock);
    Ok(binary)
}

/// The folder of what is kept between runs.
pub fn cache() -> Result<PathBuf, String> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    folder(CACHE)
        .map(PathBuf::from)
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("sparkwright")))
        .or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".cache/sparkwright")))
        .ok_or_else(|| {
            format!("no cache folder is known; set {CACHE} to a folder outside the checkout")
        })
}

/// A number that changes with the module's files, with how they are built, and with the machine's kind.
fn key(module: &Path, linked: &str) -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    for path in files(module)? {
        let name = path.strip_prefix(module).unwrap_or(&path);
        hasher.write(name.to_string_lossy().as_bytes());
        hasher
            .write(&fs::read(&path).map_err(|error| format!("read {}: {error}", path.display()))?);
    }
    hasher.write(ARGUMENTS.join(" ").as_bytes());
    hasher.write(FLAGS.as_bytes());
    hasher.write(linked.as_bytes());
    hasher.write(std::env::consts::OS.as_bytes());
    hasher.write(std::env::consts::ARCH.as_bytes());
    Ok(hasher.finish())
}

/// All files of a folder and those in it, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = listed.map_err(|error| format!("list {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

fn build(module: &Path, linked: &str, binary: &Path) -> Result<(), String> {
    let started = Instant::now();
    tell(&format!(
        "building a peer for tests, once: {}",
        binary.display()
    ));
    let unfinished = binary.with_extension("unfinished");
    let mut command = Command::new("go");
    command
        .args(ARGUMENTS)
        .args(["-ldflags", linked, "-o"])
        .arg(&unfinished)
        .arg(".");
    go(module, command)?;
    fs::rename(&unfinished, binary)
        .map_err(|error| format!("keep {}: {error}", binary.display()))?;
    let size = fs::metadata(binary).map_or(0, |file| file.len() / (1 << 20));
    let seconds = started.elapsed().as_secs();
    tell(&format!(
        "built a peer for tests in {seconds} s: {size} MiB, {}",
        binary.display()
    ));
    Ok(())
}

/// Runs the Go toolchain on a module; what it wrote to its output.
fn go(module: &Path, mut command: Command) -> Result<String, String> {
    let ran = command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", FLAGS)
        .output()
        .map_err(|error| {
            format!(
                "run go: {error}; install Go 1.26 or later, or set {} to leave out the tests that need peers",
                super::OFFLINE
            )
        })?;
    if !ran.status.success() {
        let log = String::from_utf8_lossy(&ran.stderr).into_owned();
        return Err(format!("go in {}: {}\n{log}", module.display(), ran.status));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Copies definitions out of a module that ours requires, as Go keeps it.
fn copy_definitions(
    module: &Path,
    (required, folders): (&str, &[&str]),
    to: &Path,
) -> Result<(), String> {
    let mut list = Command::new("go");
    list.args(["list", "-m", "-f", "{{.Dir}}", required]);
    // Go has no folder for a module that was not needed yet.
    let mut download = Command::new("go");
    download.args(["mod", "download", required]);
    go(module, download)?;
    let from = go(module, list)?;
    let fault = |error| format!("copy definitions to {}: {error}", to.display());
    fs::create_dir_all(to).map_err(fault)?;
    for folder in folders {
        for path in files(&Path::new(from.trim()).join(folder))? {
            let text = fs::read(&path).map_err(fault)?;
            let name = path.file_name().unwrap_or_default();
            fs::write(to.join(name), text).map_err(fault)?;
        }
    }
    Ok(())
}

/// What the linker is told: the versions, since the servers cannot read them from the module.
fn versions(module: &Path) -> Result<String, String> {
    let go_mod = module.join("go.mod");
    let text = fs::read_to_string(&go_mod).map_err(|error| format!("read go.mod: {error}"))?;
    let kubernetes = required(&text, KUBERNETES)?;
    let kwok = required(&text, KWOK)?;
    let mut parts = kubernetes.trim_start_matches('v').split('.');
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    let version = "k8s.io/component-base/version";
    Ok(format!(
        "-s -w -X {version}.gitVersion={kubernetes} -X {version}.gitMajor={major} \
         -X {version}.gitMinor={minor} -X {version}.gitTreeState=clean \
         -X {version}.buildDate=1970-01-01T00:00:00Z \
         -X sigs.k8s.io/kwok/pkg/consts.Version={}",
        kwok.trim_start_matches('v')
    ))
}

/// The version that a module's go.mod requires of another.
fn required(go_mod: &str, module: &str) -> Result<String, String> {
    let line = go_mod
        .lines()
        .map(str::trim)
        .find_map(|line| line.strip_prefix(module));
    let version = line.and_then(|rest| rest.split_whitespace().next());
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("go.mod does not require {module}; add it"))
}
