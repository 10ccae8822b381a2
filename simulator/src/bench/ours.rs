//! A scenario for our planner: NodePools as a user would write them, pods as a cluster would show them,
//! one cold plan, and the CPU time that it took.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sparkwright::cluster::Cluster;
use sparkwright::cluster::event::{Event, Fact};
use sparkwright::model::name::{AppId, PodId};
use sparkwright::model::node::{CAPACITY_TYPE, ZONE};
use sparkwright::model::offering::Catalog;
use sparkwright::model::requirement::{Constraints, Labels, Requirement};
use sparkwright::model::resources::{Bytes, Cpu, Resources};
use sparkwright::model::spark::{Pod, PodPhase, PodTemplate, SPARK_APP_SELECTOR, SPARK_ROLE};
use sparkwright::model::time::Timestamp;
use sparkwright::plan::{Plan, plan};

use crate::manifests;

use super::scenario::{Group, Scenario};

/// CPU time of one run, this process's threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Taking in the catalogue and the NodePools.
    pub loading: Duration,
    /// Taking in the pods.
    pub folding: Duration,
    /// Planning, the bound included.
    pub planning: Duration,
}

/// Plans a scenario from nothing.
pub fn run(scenario: &Scenario, catalog: &Arc<Catalog>) -> (Plan, Spent) {
    let pods = pods(scenario);
    let begun = cpu_time();
    let mut cluster = cluster(scenario, catalog);
    let loaded = cpu_time();
    for pod in pods {
        apply(&mut cluster, pod);
    }
    let folded = cpu_time();
    let plan = plan(&cluster.view(Timestamp::ZERO));
    let spent = Spent {
        loading: loaded.saturating_sub(begun),
        folding: folded.saturating_sub(loaded),
        planning: cpu_time().saturating_sub(folded),
    };
    (plan, spent)
}

/// A cluster that knows what is sold and the scenario's NodePools, and no pods.
pub fn cluster(scenario: &Scenario, catalog: &Arc<Catalog>) -> Cluster {
    let mut cluster = Cluster::default();
    apply(&mut cluster, Fact::CatalogListed(catalog.clone()));
    for pool in pools(scenario) {
        apply(&mut cluster, pool);
    }
    cluster.market();
    cluster
}

/// The name of a pod: its application, its role, its number.
pub fn pod_name(group: &Group, number: u32) -> String {
    format!("bench/app{:04}-{}-{number}", group.app, group.role)
}

/// CPU time of this process so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Folds a fact.
pub fn apply(cluster: &mut Cluster, fact: Fact) {
    let at = Timestamp::ZERO;
    cluster.apply(&Event { at, fact });
}

/// One pool for drivers, one for executors, both up to the setting's size.
fn pools(scenario: &Scenario) -> Vec<Fact> {
    let mut requirements = Vec::new();
    if let Some(most) = scenario.setting.max_vcpu {
        let key = "karpenter.k8s.aws/instance-cpu";
        let below = most + 1;
        requirements.push(format!(
            "{{key: {key}, operator: Lt, values: [\"{below}\"]}}"
        ));
    }
    if scenario.setting.general {
        let key = "karpenter.k8s.aws/instance-category";
        requirements.push(format!("{{key: {key}, operator: In, values: [c, m, r]}}"));
    }
    let requirements = requirements.join(", ");
    let template = format!("  template:\n    spec:\n      requirements: [{requirements}]\n");
    let limit = scenario.cpu_limit;
    let limits = limit.map_or(String::new(), |cpu| {
        format!("  limits: {{cpu: \"{cpu}\"}}\n")
    });
    let head = |name: &str| {
        format!(
            "apiVersion: sparkwright.dev/v1alpha1\nkind: NodePool\nmetadata: {{name: {name}}}\nspec:\n"
        )
    };
    let drivers = format!(
        "{}  roles: [driver]\n  spot: {{roles: []}}\n{template}",
        head("drivers")
    );
    let executors = format!(
        "{}  roles: [executor]\n{limits}{template}",
        head("executors")
    );
    let read = manifests::read_text(
        "NodePools of the yardstick",
        &format!("{drivers}---\n{executors}"),
    );
    assert!(read.refusals.is_empty(), "{:?}", read.refusals);
    read.facts
}

/// The pods of a scenario, each waiting.
pub fn pods(scenario: &Scenario) -> Vec<Fact> {
    let mut pods = Vec::new();
    for group in &scenario.groups {
        let template = Arc::new(template(group));
        pods.extend((0..group.count).map(|number| {
            Fact::PodApplied(Pod {
                id: PodId::from(pod_name(group, number)),
                template: template.clone(),
                created: Timestamp::ZERO,
                phase: PodPhase::Pending,
            })
        }));
    }
    pods
}

fn template(group: &Group) -> PodTemplate {
    let app = format!("app{:04}", group.app);
    let labels = [
        (SPARK_ROLE, group.role.as_str()),
        (SPARK_APP_SELECTOR, &app),
    ];
    let labels: Labels = labels.map(|(key, value)| (key.into(), value.into())).into();
    let mut all = vec![Requirement::is(CAPACITY_TYPE, group.capacity_type.as_str())];
    all.extend(
        group
            .zone
            .as_ref()
            .map(|zone| Requirement::is(ZONE, zone.as_str())),
    );
    let cpu = Cpu::from_millis(group.cpu.into());
    let app = AppId::from(format!("bench/{app}"));
    let requests = Resources::pod(cpu, Bytes::from_mib(group.memory.into()));
    PodTemplate {
        labels,
        constraints: Constraints {
            all,
            any: Vec::new(),
        },
        ..PodTemplate::plain(group.role, Some(app), "bench", requests)
    }
}
