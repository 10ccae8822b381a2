//! The test bed: one Kubernetes control plane for all tests of this binary. It is built once, started by the
//! first test that asks, and ends with the process. A test takes it with [`run`], which says no where the
//! machine has no Go, unless it was told to stay offline. Tests run side by side: each keeps to a namespace,
//! names and node labels of its own.

pub mod build;
mod control_plane;
mod flags;
pub mod install;
pub mod ports;
pub mod process;

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kube::Client;

pub use control_plane::ControlPlane;

/// Set to anything: tests that need peers are skipped, with a line that says so.
const OFFLINE: &str = "SPARKWRIGHT_OFFLINE";
/// The longest that one test may take; a test that hangs fails instead of stopping the gate.
const LONGEST: Duration = Duration::from_secs(180);
/// What the API server logs when a request made it panic.
const PANIC: &str = "Observed a panic";

/// The control plane that the tests share, as one test sees it.
pub struct Bed {
    /// The control plane.
    pub plane: &'static ControlPlane,
    /// A client with all rights.
    pub admin: Client,
}

/// Runs a test on the shared control plane. Fails where the API server's log has a panic since the test
/// began, whoever caused it.
pub fn run(test: impl AsyncFnOnce(Bed)) {
    if is_offline() {
        return;
    }
    let plane = shared();
    let before = plane.log_of("kube-apiserver").len();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let admin = plane.client(&plane.admin_token);
        let finished = tokio::time::timeout(LONGEST, test(Bed { plane, admin })).await;
        assert!(finished.is_ok(), "the test did not end within {LONGEST:?}");
    });
    let log = plane.log_of("kube-apiserver");
    let since = &log[before.min(log.len())..];
    let panic = panic_in(since);
    assert!(
        panic.is_none(),
        "the API server panicked: {}",
        panic.unwrap_or_default()
    );
}

/// True where the machine is to stay offline; says that the test is skipped.
pub fn is_offline() -> bool {
    let offline = std::env::var_os(OFFLINE).is_some();
    if offline {
        tell(&format!(
            "skipped: {OFFLINE} is set, and a test needs a Kubernetes control plane"
        ));
    }
    offline
}

/// The line in which the API server says that a request made it panic.
fn panic_in(log: &str) -> Option<&str> {
    log.lines().find(|line| line.contains(PANIC))
}

#[test]
fn a_panic_of_the_api_server_is_seen_in_its_log() {
    let said =
        "E1121 17:00:00.000000       1 runtime.go:221] \"Observed a panic\" panic=\"nil map\"";
    let log = format!("I1121 16:59:59.000000       1 serving\n{said}\ngoroutine 7 [running]:\n");
    assert_eq!(panic_in(&log), Some(said));
    assert_eq!(panic_in("I1121 16:59:59.000000       1 serving\n"), None);
}

/// Asks until there is an answer; the test's own bound ends it.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            began.elapsed() < LONGEST / 2,
            "waited {:?}, and not: {what}",
            began.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Counts until there are as many as wanted, however long that takes: it ends a wait that comes to a
/// standstill, not one that is slow.
pub async fn all_of(what: &str, wanted: usize, mut count: impl AsyncFnMut() -> usize) {
    let (mut most, mut since) = (0, Instant::now());
    loop {
        let counted = count().await;
        if counted == wanted {
            return;
        }
        if counted > most {
            (most, since) = (counted, Instant::now());
        }
        let stood = since.elapsed();
        assert!(
            stood < LONGEST / 2,
            "{counted} of {wanted} {what}, and no more for {stood:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Says something on standard error whether or not the test's own output is captured.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The control plane of this process. Its programs end with the process, by their standard input.
fn shared() -> &'static ControlPlane {
    static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    let plane = PLANE.get_or_init(ControlPlane::start);
    match plane {
        Ok(plane) => plane,
        Err(problem) => panic!("the control plane for tests did not start: {problem}"),
    }
}
