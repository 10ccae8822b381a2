//! Karpenter's own scheduler as a program beside us: built from its Go module once, into the user's
//! cache, and asked to plan the same pods on the same machines. What it answers is priced by itself, as
//! its launch would be.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparkwright::model::node::{CAPACITY_TYPE, ZONE};

use super::goods::Goods;
use super::scenario::{Group, Scenario};

/// Names the folder for what is built, in the place of the user's cache.
pub const CACHE: &str = "SPARKWRIGHT_CACHE";
/// The program's source, as it is built.
const SOURCE: [(&str, &str); 3] = [
    ("main.go", include_str!("../../peers/karpenter/main.go")),
    ("go.mod", include_str!("../../peers/karpenter/go.mod")),
    ("go.sum", include_str!("../../peers/karpenter/go.sum")),
];
/// Label by which roles keep to nodes of their own, as our taint does.
const ROLE: &str = "sparkwright.dev/role";

/// Why it cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// There is no folder to build into.
    #[error("there is no cache folder: set {CACHE} to one, or HOME")]
    NoCache,
    /// A file or a program fails.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: String,
        /// How it failed.
        error: std::io::Error,
    },
    /// It could not be built.
    #[error("go build in {folder} failed; Go 1.26 and its module proxy are needed:\n{output}")]
    Build {
        /// Where.
        folder: String,
        /// What Go says.
        output: String,
    },
    /// It ran and failed.
    #[error("karpenter failed on scenario {number}: {output}")]
    Run {
        /// The scenario.
        number: u32,
        /// What it says.
        output: String,
    },
}

/// What it would launch, and what deciding took.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Answer {
    /// Its version.
    pub karpenter: String,
    /// CPU time inside `Solve`, all threads.
    pub solve_cpu_ms: f64,
    /// It was stopped.
    pub timed_out: bool,
    /// Nodes.
    pub node_count: u32,
    /// USD per hour.
    pub hourly_cost: f64,
    /// Pods that it left out.
    pub unscheduled_pods: u32,
}

/// Where the program is, or would be: its name holds a digest of its source.
pub fn place() -> Result<PathBuf, PeerError> {
    let text: String = SOURCE.iter().map(|(_, text)| *text).collect();
    let digest = (text.bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(cache()?.join(format!("karpenter-{digest:016x}")))
}

/// The program, built where it is not there yet.
pub fn build(messages: &mut dyn Write) -> Result<PathBuf, PeerError> {
    let program = place()?;
    if program.is_file() {
        return Ok(program);
    }
    let folder = program.with_extension("source");
    let io = |what: String| move |error| PeerError::Io { what, error };
    std::fs::create_dir_all(&folder).map_err(io(format!("making {}", folder.display())))?;
    for (name, text) in SOURCE {
        std::fs::write(folder.join(name), text).map_err(io(format!("writing {name}")))?;
    }
    let line = format!("building Karpenter's scheduler into {}", program.display());
    writeln!(messages, "{line}; this takes some minutes once").map_err(io(line))?;
    let partial = program.with_extension("partial");
    let mut go = Command::new("go");
    let built = go
        .args(["build", "-o"])
        .arg(&partial)
        .arg(".")
        .current_dir(&folder)
        .output();
    let built = built.map_err(io("running go".to_owned()))?;
    if !built.status.success() {
        let output = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(PeerError::Build {
            folder: folder.display().to_string(),
            output,
        });
    }
    std::fs::rename(&partial, &program).map_err(io("moving what was built".to_owned()))?;
    Ok(program)
}

/// Asks it once, with one worker.
pub fn ask(
    program: &Path,
    scenario: &Scenario,
    goods: &Goods,
    timeout: Duration,
) -> Result<Answer, PeerError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |error| PeerError::Io { what, error }
    };
    let mut peer = Command::new(program);
    peer.args([
        "-workers",
        "1",
        "-timeout",
        &format!("{}s", timeout.as_secs()),
    ]);
    peer.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = peer.spawn().map_err(io("starting karpenter"))?;
    if let Some(mut input) = running.stdin.take() {
        let text = question(scenario, goods).to_string();
        // Where it ends before it has read all, its own message says why.
        let _ = input.write_all(text.as_bytes());
    }
    let answered = running
        .wait_with_output()
        .map_err(io("waiting for karpenter"))?;
    let failed = |output: String| PeerError::Run {
        number: scenario.setting.number,
        output,
    };
    if !answered.status.success() {
        return Err(failed(
            String::from_utf8_lossy(&answered.stderr).into_owned(),
        ));
    }
    serde_json::from_slice(&answered.stdout).map_err(|error| failed(error.to_string()))
}

/// The scenario in its words.
pub fn question(scenario: &Scenario, goods: &Goods) -> Value {
    let machines = goods.machines.values().map(|machine| {
        let offers = machine.offers.iter().map(|((zone, capacity_type), price)| {
            json!({"zone": zone, "capacity_type": capacity_type.as_str(), "price": f64::from(*price) / 1e6})
        });
        json!({
            "name": machine.name, "arch": machine.arch, "vcpu": machine.vcpu,
            "cpu_m_allocatable": machine.cpu, "memory_mib_allocatable": machine.memory,
            "max_pods": machine.pods, "offerings": offers.collect::<Vec<Value>>(),
        })
    });
    let pool = |role: &str| json!({"name": role, "requirements": [{"key": ROLE, "operator": "In", "values": [role]}]});
    json!({
        "pods": scenario.groups.iter().map(pods).collect::<Vec<Value>>(),
        "instance_types": machines.collect::<Vec<Value>>(),
        "nodepools": [pool("driver"), pool("executor")],
    })
}

fn pods(group: &Group) -> Value {
    let role = group.role.as_str();
    let mut selector = json!({CAPACITY_TYPE: group.capacity_type.as_str(), ROLE: role});
    if let Some(zone) = &group.zone {
        selector[ZONE] = json!(zone);
    }
    json!({
        "name": format!("app{:04}-{role}", group.app), "role": role, "count": group.count,
        "cpu_m": group.cpu, "memory_mib": group.memory, "node_selector": selector,
    })
}

fn cache() -> Result<PathBuf, PeerError> {
    let named = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let of_user = || {
        let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
        Some(cache?.join("sparkwright"))
    };
    named(CACHE).or_else(of_user).ok_or(PeerError::NoCache)
}
