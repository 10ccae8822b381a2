//! Who a pod is: driver, executor or other, and of which application. From labels alone: Spark's own,
//! both operators' and EMR on EKS's. Names of pods say nothing, since they are the user's.

use crate::model::name::AppId;
use crate::model::requirement::Labels;
use crate::model::spark::{Role, SPARK_APP_SELECTOR, SPARK_ROLE};

/// The Spark Operator's label on pods: name of their SparkApplication.
pub const OPERATOR_APP_NAME: &str = "sparkoperator.k8s.io/app-name";
/// The label of Apache's operator on pods: name of their SparkApplication.
pub(super) const APACHE_APP_NAME: &str = "spark.operator/spark-app-name";
/// Spark's label on pods: the application's name for people, made fit for a label.
pub(super) const SPARK_APP_NAME: &str = "spark-app-name";
/// Spark's label on pods: its version.
pub(super) const SPARK_VERSION: &str = "spark-version";
/// Spark's label on executors: their resource profile. `0` is the one of the properties.
pub(super) const EXECUTOR_PROFILE: &str = "spark-exec-resourceprofile-id";
/// The Spark Operator's mark on pods that it launched.
pub(super) const OPERATOR_LAUNCHED: &str = "sparkoperator.k8s.io/launched-by-spark-operator";
/// EMR on EKS's label on pods: `driver`, `executor` or `job.submitter`.
pub(super) const EMR_COMPONENT: &str = "emr-containers.amazonaws.com/component";
/// EMR on EKS's label on pods: the job run.
const EMR_JOB: &str = "emr-containers.amazonaws.com/job.id";
/// EMR's pod that submits the driver, and whose loss is the job's loss.
const EMR_SUBMITTER: &str = "job.submitter";

/// Labels that name a pod's application, the best first: what is known before there are pods.
const APP_NAMES: [&str; 4] = [
    OPERATOR_APP_NAME,
    APACHE_APP_NAME,
    EMR_JOB,
    SPARK_APP_SELECTOR,
];

/// The role that a pod's labels give it. EMR's own label counts where Spark's is absent; EMR's job
/// submitter is neither driver nor executor.
pub fn role(labels: &Labels) -> Role {
    let label = labels.get(SPARK_ROLE).or_else(|| labels.get(EMR_COMPONENT));
    match label.map(String::as_str) {
        Some("driver") => Role::Driver,
        Some("executor") => Role::Executor,
        _ => Role::Other,
    }
}

/// True where the pod's loss is the application's loss: its driver, and what submits the driver.
pub fn is_vital(labels: &Labels) -> bool {
    role(labels) == Role::Driver || is_submitter(labels)
}

fn is_submitter(labels: &Labels) -> bool {
    let component = labels.get(EMR_COMPONENT).map(String::as_str);
    component == Some(EMR_SUBMITTER) && role(labels) == Role::Other
}

/// The application that a driver, an executor or EMR's submitter belongs to: the operator's name for it,
/// else EMR's job run, else Spark's own id. None for other pods, and where no label says it.
pub fn app(namespace: &str, labels: &Labels) -> Option<AppId> {
    if role(labels) == Role::Other && !is_submitter(labels) {
        return None;
    }
    APP_NAMES
        .iter()
        .find_map(|key| labels.get(*key))
        .map(|name| named(namespace, name))
}

/// The application of this name in a namespace.
pub(super) fn named(namespace: &str, name: &str) -> AppId {
    AppId::from(format!("{namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_decide_role_and_application() {
        let operator = (OPERATOR_APP_NAME, "daily");
        let job = (EMR_JOB, "0001");
        let selector = (SPARK_APP_SELECTOR, "spark-1");
        for (labels, expected_role, expected_app) in [
            (
                vec![("spark-role", "driver"), selector],
                Role::Driver,
                Some("ns/spark-1"),
            ),
            (
                vec![("spark-role", "executor"), selector, job, operator],
                Role::Executor,
                Some("ns/daily"),
            ),
            (
                vec![("spark-role", "executor"), selector, job],
                Role::Executor,
                Some("ns/0001"),
            ),
            (
                vec![(EMR_COMPONENT, "driver"), job],
                Role::Driver,
                Some("ns/0001"),
            ),
            (vec![(EMR_COMPONENT, "executor")], Role::Executor, None),
            (
                vec![(EMR_COMPONENT, "job.submitter"), job],
                Role::Other,
                Some("ns/0001"),
            ),
            (
                vec![("spark-role", "driver"), (APACHE_APP_NAME, "pi"), selector],
                Role::Driver,
                Some("ns/pi"),
            ),
            (vec![operator, selector], Role::Other, None),
            (vec![("spark-role", "sidecar"), selector], Role::Other, None),
        ] {
            let labels: Labels = labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            let found = app("ns", &labels);
            let vital = expected_role == Role::Driver || labels.contains_key(EMR_COMPONENT);
            let vital = vital && expected_role != Role::Executor;
            assert_eq!(is_vital(&labels), vital, "{labels:?}");
            assert_eq!(role(&labels), expected_role, "{labels:?}");
            assert_eq!(
                found.as_ref().map(AppId::as_str),
                expected_app,
                "{labels:?}"
            );
        }
    }
}
