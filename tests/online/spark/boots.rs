//! How long an application waits for its first task where nodes take 40 s to boot: with nodes for executors
//! asked for beside the driver's, and with pods served as they become unschedulable, when executors exist
//! only once their driver runs. A figure for docs/benchmarks.md; nothing fails for being slow.

use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::PostParams;

use super::application::{Application, GATED, OBSERVED, driver};
use super::setting::with_spark;
use crate::controller::rig::Rig;
use crate::controller::scene::file;
use crate::testbed::tell;

/// Set to anything: figures are taken.
const MEASURE: &str = "SPARKWRIGHT_MEASURE";
/// Nothing else is slow, and nothing is taken back.
const WORLD: &str = "delays: {answer: 0s, launch: 0s, boot: 40s}\ninterruptions: {rate: 0}\n";

#[test]
fn from_a_drivers_creation_to_its_first_task() {
    if std::env::var_os(MEASURE).is_none() {
        return tell(&format!(
            "skipped: {MEASURE} is not set, and this only takes figures"
        ));
    }
    let world = file("boots.yaml", WORLD);
    let cases = [
        ("its configuration is read, pods are gated", GATED),
        ("its configuration is withheld, pods are observed", OBSERVED),
    ];
    for (what, pods) in cases {
        with_spark(
            &["--speed", "1", "--world", &world],
            async |rig, machine, _| {
                if pods == OBSERVED {
                    withhold_configurations(rig).await;
                }
                let application = Application::submit(rig, machine, "straight", pods).await;
                let created = driver(rig)
                    .await
                    .and_then(|pod| pod.metadata.creation_timestamp);
                let created = created.expect("it has been submitted").0.as_millisecond();
                let log = application.succeeds(rig).await;
                let first = log.first_task().and_then(|at| i64::try_from(at).ok());
                let took = first.expect("it had tasks") - created;
                tell(&format!(
                    "driver created → first task, boot 40 s, {what}: {} s",
                    took / 1000
                ));
            },
        );
    }
}

/// Takes the right to read ConfigMaps from the controller.
async fn withhold_configurations(rig: &Rig) {
    let roles: Api<ClusterRole> = Api::all(rig.admin.clone());
    let mut role = roles
        .get("sparkwright-controller")
        .await
        .expect("it is deployed");
    let reads =
        |resources: &Option<Vec<String>>| resources.iter().flatten().any(|one| one == "configmaps");
    role.rules.iter_mut().flatten().for_each(|rule| {
        if reads(&rule.resources) {
            rule.resources = Some(vec!["nothing".to_owned()]);
        }
    });
    let name = "sparkwright-controller";
    let replaced = roles.replace(name, &PostParams::default(), &role).await;
    replaced.expect("an administrator may");
}
