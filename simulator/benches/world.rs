//! What a pod event costs, planning included: copies of real applications on simulated EC2, where the
//! time goes, and the most memory that the process has had. `cargo bench -p sparkwright-sim --bench world --
//! [COPIES [ARRIVALS [LOG [phases]]]]`; without arguments a ladder of logs, sizes and densities. Reading
//! the log is not measured. The total is that of a run during which no clock is read; where the time goes is
//! asked of a second run, which reads the clock at each turn and is slower for it, so its parts are shares.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sparkwright_sim::catalog::{Source, ZonePrices};
use sparkwright_sim::nodepools;
use sparkwright_sim::trace;
use sparkwright_sim::world::arrivals::Arrivals;
use sparkwright_sim::world::conditions::Conditions;
use sparkwright_sim::world::phase::{Phase, Watched};
use sparkwright_sim::world::run::ExecutorSource;
use sparkwright_sim::world::scheduler::Scoring;
use sparkwright_sim::world::submission::Submission;
use sparkwright_sim::world::submissions::Submissions;
use sparkwright_sim::world::workload::Workload;
use sparkwright_sim::world::{Outcome, Simulation, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Four executors on EKS, from the start to the end.
const FIXED: &str = "eventlog_v2_spark-110be3a8424d4a2789cb88134418217b";
/// Ten executors on EMR, of which few have much to do.
const WIDE: &str = "attempt_1_eventlog.zstd";
/// Up to fifteen executors, up and down.
const DYNAMIC: &str = "eventlog_4nodes_8cores_dynamic_alloc.zstd";

/// Logs, their copies, and how these arrive: at a distance as in clusters that live, faster than EC2's
/// limit of calls lets them start, and all at once. A million pod events where not all come at once, and
/// once ten millions.
const LADDER: [(&str, u32, &str); 12] = [
    (FIXED, 50_000, "every=10s"),
    (FIXED, 50_000, "every=1s"),
    (FIXED, 50_000, "every=100ms"),
    (FIXED, 5_000, "together"),
    (WIDE, 13_200, "every=20s"),
    (WIDE, 13_200, "every=10s"),
    (WIDE, 13_200, "every=5s"),
    (WIDE, 13_200, "every=1s"),
    (WIDE, 1_000, "together"),
    (DYNAMIC, 13_200, "every=10s"),
    (DYNAMIC, 13_200, "every=1s"),
    (WIDE, 132_000, "every=5s"),
];

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let Some(copies) = args.first() {
        let copies = copies.parse().expect("COPIES is a number");
        let arrivals = args.get(1).map_or("together", String::as_str);
        let log = args.get(2).map_or(FIXED, String::as_str);
        let by_phase = args.get(3).is_some_and(|word| word == "phases");
        return measure(log, copies, arrivals, by_phase);
    }
    for (log, copies, arrivals) in LADDER {
        measure(log, copies, arrivals, true);
    }
}

/// The application of a log that ships, or of one at a path.
fn application(log: &str) -> Submission {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/logs");
    let recorded = trace::open(&shipped.join(log)).find_map(Result::ok);
    let recorded = recorded.expect("the log can be read");
    Submission::new(&recorded).expect("and replayed")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that passes"
)]
fn measure(log: &str, copies: u32, arrivals: &str, by_phase: bool) {
    let application = application(log);
    let rounds: Rc<RefCell<Rounds>> = Rc::default();
    let told = rounds.clone();
    let whole = simulation(&application, copies, arrivals);
    let start = Instant::now();
    let outcome = run(whole, move |watched| told.borrow_mut().hear(watched));
    let took = start.elapsed();
    let name = format!("{copies} copies of {log}, {arrivals}");
    report(&name, &outcome, &rounds.borrow(), took);
    if by_phase {
        let spent: Rc<RefCell<Spent>> = Rc::default();
        let told = spent.clone();
        let again = simulation(&application, copies, arrivals);
        run(again, move |watched| told.borrow_mut().hear(watched));
        spent.borrow_mut().hear(Watched::Enters(Phase::Happen));
        report_phases(&spent.borrow(), took);
    }
}

fn simulation(application: &Submission, copies: u32, arrivals: &str) -> Simulation {
    let source = Source {
        dir: None,
        region: None,
        zone_prices: ZonePrices::List,
        zone_map: Vec::new(),
    };
    let catalog = Arc::new(source.load().expect("the embedded catalogue is sound"));
    let region = catalog.region.clone();
    let pools = nodepools::chosen(None, &mut std::io::empty()).pools;
    let arrivals: Arrivals = arrivals.parse().expect("ARRIVALS as --arrivals takes them");
    let originals = vec![Workload::Spark(Box::new(application.clone()))];
    Simulation {
        catalog,
        pools: pools.iter().map(|pool| pool.for_region(&region)).collect(),
        daemons: Vec::new(),
        referents: Vec::new(),
        submissions: Arc::new(Submissions::new(originals, copies, arrivals, 0)),
        executors: ExecutorSource::Simulated,
        conditions: Conditions::default(),
        scoring: Scoring::default(),
        seed: 0,
    }
}

/// What came of the rounds.
#[derive(Default)]
struct Rounds {
    /// Rounds that decided something.
    fruitful: u64,
    /// Pods that waited, over all rounds.
    waiting: usize,
}

impl Rounds {
    fn hear(&mut self, watched: Watched<'_>) {
        if let Watched::Planned(_, plan) = watched {
            self.fruitful += u64::from(!plan.effects.is_empty() || !plan.holds.is_empty());
            self.waiting += plan.waiting.len();
        }
    }
}

/// Wall time by phase.
#[derive(Default)]
struct Spent {
    current: Option<(Phase, Instant)>,
    by_phase: [Duration; Phase::ALL.len()],
}

impl Spent {
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark measures the time that passes"
    )]
    fn hear(&mut self, watched: Watched<'_>) {
        let Watched::Enters(phase) = watched else {
            return;
        };
        let now = Instant::now();
        if let Some((old, since)) = self.current.replace((phase, now)) {
            let place = Phase::ALL.iter().position(|p| *p == old).unwrap_or(0);
            self.by_phase[place] += now - since;
        }
    }
}

fn report(name: &str, outcome: &Outcome, rounds: &Rounds, took: Duration) {
    let events = u128::from(outcome.pod_events);
    println!(
        "{name}: {events} pod events in {} rounds ({} of them decided something, {} pods waited in all), {} per second, {} ns each",
        outcome.rounds,
        rounds.fruitful,
        rounds.waiting,
        events * 1_000_000 / took.as_micros().max(1),
        took.as_nanos() / events.max(1),
    );
    if let Some(most) = most_memory() {
        println!("    so far {most} of memory at most");
    }
}

/// Where the time of the watched run went, and how much longer than the other one that took.
fn report_phases(spent: &Spent, took: Duration) {
    let all: Duration = spent.by_phase.iter().sum();
    let percent = all.as_micros() * 100 / took.as_micros().max(1);
    println!("    a second run, with the clock read at each turn, took {percent} % of that:");
    for (phase, spent) in Phase::ALL.iter().zip(&spent.by_phase) {
        let share = spent.as_micros() * 1000 / all.as_micros().max(1);
        let (whole, tenths) = (share / 10, share % 10);
        println!("    {:10} {whole:3}.{tenths} %", format!("{phase:?}"));
    }
}

/// The most memory that this process has had, where the system tells.
fn most_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map(|line| line.trim().to_owned())
}
