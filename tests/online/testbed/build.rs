//! Builds the control plane's one binary from the Go module in `tests/peers/cluster`, once for each state
//! of the module's files, into a cache folder outside the checkout.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::tell;

/// Names the cache folder; `sparkwright` in the user's cache folder when unset.
const CACHE: &str = "SPARKWRIGHT_CACHE";
/// Names a binary that is there already; nothing is built then.
const BINARY: &str = "SPARKWRIGHT_CLUSTER_BINARY";
/// The versions that the servers report of themselves: those of the module's requirements, which the
/// linker has to be told.
const KUBERNETES: &str = "k8s.io/kubernetes";
const KWOK: &str = "sigs.k8s.io/kwok";

/// The binary, built where it is not there yet.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os(BINARY) {
        return Ok(PathBuf::from(given));
    }
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/cluster");
    let folder = cache()?
        .join("peers")
        .join(format!("cluster-{:016x}", key(&module)?));
    let binary = folder.join("cluster");
    fs::create_dir_all(&folder).map_err(|error| format!("make {}: {error}", folder.display()))?;
    let lock = fs::File::create(folder.join("lock"))
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("lock {}: {error}", folder.display()))?;
    if !binary.is_file() {
        build(&module, &binary)?;
    }
    drop(lock);
    Ok(binary)
}

fn cache() -> Result<PathBuf, String> {
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
fn key(module: &Path) -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    for path in files(module)? {
        let name = path.strip_prefix(module).unwrap_or(&path);
        hasher.write(name.to_string_lossy().as_bytes());
        hasher
            .write(&fs::read(&path).map_err(|error| format!("read {}: {error}", path.display()))?);
    }
    hasher.write(include_bytes!("build.rs"));
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

fn build(module: &Path, binary: &Path) -> Result<(), String> {
    let started = Instant::now();
    tell(&format!(
        "building the control plane for tests, once: {}",
        binary.display()
    ));
    let unfinished = binary.with_extension("unfinished");
    let built = Command::new("go")
        .args(["build", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", &linked(module)?, "-o"])
        .arg(&unfinished)
        .arg(".")
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .output()
        .map_err(|error| {
            format!(
                "run go build: {error}; install Go 1.26 or later, or set {} to leave out the tests that \
                 need a control plane",
                super::OFFLINE
            )
        })?;
    if !built.status.success() {
        let log = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(format!(
            "go build in {}: {}\n{log}",
            module.display(),
            built.status
        ));
    }
    fs::rename(&unfinished, binary)
        .map_err(|error| format!("keep {}: {error}", binary.display()))?;
    let size = fs::metadata(binary).map_or(0, |file| file.len() / (1 << 20));
    let seconds = started.elapsed().as_secs();
    tell(&format!(
        "built the control plane for tests in {seconds} s: {size} MiB, {}",
        binary.display()
    ));
    Ok(())
}

/// What the linker is told: the versions, since the servers cannot read them from the module.
fn linked(module: &Path) -> Result<String, String> {
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
