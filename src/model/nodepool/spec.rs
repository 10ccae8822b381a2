//! The custom resource as it is written: field names, forms, and the words that Kubernetes shows for
//! them. Everything is optional here, so that reading can report each bad field and go on; what is
//! needed and what is in range is decided in [`super::check`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::object::rule::rules;
use super::super::object::scalar::{Amount, Length, Quantity};
use super::status::NodePoolStatus;
use super::template::TemplateSpec;

/// Which pods a set of nodes serves, from which EC2 offerings, within which limits.
#[expect(
    clippy::duplicated_attributes,
    reason = "each printcolumn names the same keys"
)]
#[derive(kube::CustomResource, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "sparkwright.dev",
    version = "v1alpha1",
    kind = "NodePool",
    category = "sparkwright",
    status = "NodePoolStatus",
    doc = "Which Spark pods a set of nodes serves, from which EC2 offerings, within which limits.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodes"),
    printcolumn(name = "USD/h", type_ = "string", json_path = ".status.usdPerHour"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.weight"),
    printcolumn(name = "Paused", type_ = "boolean", json_path = ".spec.paused"),
    printcolumn(
        name = "Zone",
        type_ = "string",
        json_path = ".spec.zonePolicy.mode",
        priority = 1
    ),
    printcolumn(
        name = "Max USD/h",
        type_ = "string",
        json_path = ".spec.limits.usdPerHour",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolSpec {
    /// Pools of higher weight are tried first; 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub weight: Option<i64>,
    /// True: nothing is launched for this pool.
    pub paused: Option<bool>,
    /// Roles that it serves; all when absent.
    #[schemars(length(min = 1, max = 3))]
    pub roles: Option<Vec<RoleName>>,
    /// Serves only pods with these labels; pods that are not Spark's are served only where one is given.
    pub pod_selector: Option<PodSelector>,
    /// How an application's pods may be spread over zones.
    pub zone_policy: Option<ZonePolicySpec>,
    /// When spot is bought.
    pub spot: Option<SpotSpec>,
    /// How much dearer than the planned type an alternative may be, as 15% or 0.15.
    pub max_premium: Option<Amount>,
    /// Work that a vCPU of an instance family does for executors, beside one at 1: {m7g: 1.15}. Families
    /// without entry count as 1.
    pub performance: Option<BTreeMap<String, Amount>>,
    /// Least local NVMe on each node; when given, the disks hold pods' ephemeral storage.
    pub min_local_storage: Option<Quantity>,
    /// Most pods on a node, below what its network interfaces allow.
    #[schemars(range(min = 1))]
    pub max_pods: Option<i64>,
    /// How long a node stays empty before it goes, by what it serves.
    #[serde(rename = "emptyTTL")]
    pub empty_ttl: Option<EmptyTtlSpec>,
    /// The most that the pool may have.
    pub limits: Option<LimitsSpec>,
    /// When nodes may be disrupted.
    pub disruption: Option<DisruptionSpec>,
    /// What its nodes are like.
    pub template: Option<TemplateSpec>,
}

/// A role by its name in Spark's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Drivers.
    Driver,
    /// Executors.
    Executor,
    /// Pods that are not Spark's and that the podSelector names.
    Other,
}

/// A label selector.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "(has(self.matchLabels) && size(self.matchLabels) > 0) || \
     (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
    "selects every pod of the cluster; name a label, or leave podSelector out for Spark pods",
)])))]
pub struct PodSelector {
    /// Labels that the pod must have.
    #[schemars(extend("maxProperties" = 50))]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Conditions on the pod's labels.
    #[schemars(length(max = 50))]
    pub match_expressions: Option<Vec<Expression>>,
}

/// A condition on a pod's label.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
        "In and NotIn need values; write at least one",
    ),
    (
        "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0",
        "Exists and DoesNotExist take no values; take them out",
    ),
])))]
pub struct Expression {
    /// The label.
    #[schemars(required, length(min = 1, max = 317))]
    pub key: Option<String>,
    /// The operator.
    #[schemars(required)]
    pub operator: Option<SelectorOperator>,
    /// Its values.
    #[schemars(length(max = 100), inner(length(max = 63)))]
    pub values: Option<Vec<String>>,
}

/// Operators of label selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectorOperator {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
}

/// Zones.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "has(self.mode) && self.mode == 'Fixed' ? has(self.zone) && self.zone != '' : !has(self.zone)",
    "mode Fixed needs a zone, and a zone counts with no other mode",
)])))]
pub struct ZonePolicySpec {
    /// PerApplication: each application in one zone chosen for it. Fixed: all in `zone`. Spread:
    /// each application evenly over zones.
    pub mode: Option<ZoneMode>,
    /// The zone of mode Fixed, by name or id; {region} stands for the region's name.
    #[schemars(length(max = 63))]
    pub zone: Option<String>,
}

/// The zone policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ZoneMode {
    /// Each application in one zone.
    PerApplication,
    /// Everything in one zone.
    Fixed,
    /// Each application over zones.
    Spread,
}

/// Spot.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpotSpec {
    /// Roles that go to spot first; executors when absent.
    pub roles: Option<Vec<RoleName>>,
    /// How long a pod waits for spot before on-demand is bought, such as 5m, or Never.
    pub fallback_to_on_demand_after: Option<Length>,
    /// Offerings of a higher interruption bucket are not bought: 0 below 5 % a month, 1 to 10 %, 2 to
    /// 15 %, 3 to 20 %, 4 above.
    #[schemars(range(min = 0, max = 4))]
    pub max_interruption_bucket: Option<i64>,
    /// USD per hour added to a spot price in comparisons, by interruption bucket.
    pub interruption_penalty: Option<BTreeMap<String, Amount>>,
}

/// Empty times.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct EmptyTtlSpec {
    /// Of nodes for drivers, such as 60s, or Never.
    pub driver: Option<Length>,
    /// Of nodes for executors.
    pub executor: Option<Length>,
    /// Of nodes for other pods.
    pub other: Option<Length>,
}

/// Limits on all nodes of the pool together, launched and in flight.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsSpec {
    /// CPU.
    pub cpu: Option<Quantity>,
    /// Memory.
    pub memory: Option<Quantity>,
    /// Nodes.
    pub nodes: Option<Quantity>,
    /// USD per hour at list price.
    pub usd_per_hour: Option<Amount>,
}

/// Disruption.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionSpec {
    /// Which nodes may be consolidated.
    pub consolidation_policy: Option<ConsolidationPolicy>,
    /// Default of every emptyTTL, such as 60s, or Never.
    pub consolidate_after: Option<Length>,
    /// How many nodes may be disrupted at once.
    #[schemars(length(max = 50))]
    pub budgets: Option<Vec<BudgetSpec>>,
}

/// Which nodes may be consolidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConsolidationPolicy {
    /// Empty ones.
    WhenEmpty,
    /// Those whose work fits elsewhere, too.
    WhenEmptyOrUnderutilized,
}

/// A bound on voluntary disruption.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "has(self.schedule) == has(self.duration)",
    "schedule and duration count only together; write both or neither",
)])))]
pub struct BudgetSpec {
    /// Nodes, as a count or a percentage.
    #[schemars(required, extend("pattern" = "^([0-9]+|[0-9]{1,2}%|100%)$"))]
    pub nodes: Option<Quantity>,
    /// When it begins to hold: five cron fields in UTC, or @daily and the like.
    #[schemars(length(max = 128))]
    pub schedule: Option<String>,
    /// How long it holds from then.
    pub duration: Option<Length>,
    /// Reasons it bounds; all when absent.
    pub reasons: Option<Vec<DisruptionReason>>,
}

/// Why a node may be disrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DisruptionReason {
    /// Its work fits elsewhere.
    Underutilized,
    /// It has no work.
    Empty,
    /// It differs from what the pool asks for.
    Drifted,
}
