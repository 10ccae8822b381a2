//! Why: one enum for logs, Kubernetes events, metrics labels and reports. `code` is stable and for
//! machines; the text is for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::name::{AppId, PoolName};
use crate::model::offering::CapacityType;
use crate::model::quota::QuotaClass;
use crate::model::resources::Resources;
use crate::model::spark::{NotUnderstood, Role};
use crate::model::time::{Span, Timestamp};

/// Which of a pool's limits is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `spec.limits.cpu`.
    Cpu,
    /// `spec.limits.memory`.
    Memory,
    /// `spec.limits.nodes`.
    Nodes,
    /// `spec.limits.usdPerHour`.
    UsdPerHour,
}

/// What keeps a launch from naming more types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Narrowness {
    /// Others cost more than `spec.maxPremium` allows.
    Premium {
        /// The premium in per cent, rounded up, at which there would be enough.
        enough_at: u64,
    },
    /// The pool allows, and the pods and EC2 leave, no others in the zone.
    Offerings(PoolName),
    /// Others are larger, and would not fit under the pool's limits or into the zone's subnets.
    Limits(PoolName),
}

/// Why an effect was chosen, or why a pod waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A launch: the cheapest nodes found for these pods.
    Cheapest {
        /// Pods per node, of all applications.
        pods: usize,
        /// Applications served.
        apps: usize,
    },
    /// A launch: a driver asks for spot by its own selector, and the pool allows it.
    DriverPinnedSpot,
    /// A launch on-demand: no spot offering that the pool allows can hold the pods.
    SpotNotSold,
    /// A launch on-demand: spot has been unavailable for longer than the pool's patience.
    SpotUnavailable {
        /// How long the pool waits.
        patience: Span,
    },
    /// No NodePool serves such a pod.
    NoPool {
        /// The pod's role.
        role: Role,
    },
    /// Every NodePool that could serve the pod is paused.
    PoolPaused(PoolName),
    /// No offering that the pools allow meets the pod's own constraints and holds its requests.
    NoOffering {
        /// What the pod asks for.
        requests: Resources,
        /// Which of its conditions leaves nothing.
        because: String,
    },
    /// A scheduling constraint that is not understood.
    NotUnderstood(NotUnderstood),
    /// A rule about other pods, ports or disks leaves no place.
    Constraint {
        /// Which, and what it is about.
        because: String,
    },
    /// Selectors that the user set cannot be met together with the policy.
    PinnedByUser {
        /// What is pinned, and against what.
        conflict: String,
    },
    /// A limit of the pool leaves no room.
    LimitReached {
        /// The pool.
        pool: PoolName,
        /// The limit.
        limit: Limit,
    },
    /// Other members of the gang cannot be placed, so none is.
    GangIncomplete {
        /// The application.
        app: AppId,
    },
    /// The gang's other calls come first, since EC2 has lately refused what they ask for.
    InTurn {
        /// The application.
        app: AppId,
    },
    /// The gang needs more than a limit of the pool will ever leave.
    AboveLimit {
        /// The pool.
        pool: PoolName,
        /// The limit.
        limit: Limit,
    },
    /// What the pool's limits leave is kept for an application that came first.
    BehindOther {
        /// The pool.
        pool: PoolName,
        /// Whom it is kept for.
        app: AppId,
    },
    /// EC2 has none of the offerings that would do in the zone in which the application runs.
    ZoneDry {
        /// The zone.
        zone: String,
        /// When the first of them is believed in again.
        until: Timestamp,
    },
    /// Spot is unavailable, and the pool's patience has not run out.
    WaitingForSpot {
        /// When on-demand will be bought instead; None: never.
        until: Option<Timestamp>,
    },
    /// EC2 has none of the offerings that would do.
    NoCapacity {
        /// When the first of them is believed in again.
        until: Timestamp,
    },
    /// The account's vCPU quota for these families is used up.
    QuotaReached {
        /// Families that share the quota.
        class: QuotaClass,
        /// Spot or on-demand.
        capacity_type: CapacityType,
        /// When it is asked for again.
        until: Timestamp,
    },
    /// The zone's subnets have too few addresses left.
    NoAddresses {
        /// The zone.
        zone: String,
    },
    /// A launch on spot leaves EC2 fewer types to choose from than is well (`plan::alternatives`).
    FewTypes {
        /// Types that it names.
        types: usize,
        /// Their families.
        families: usize,
        /// What stands against more.
        because: Narrowness,
    },
    /// Too few types remain for a requirement's `minValues`.
    MinValues {
        /// The pool.
        pool: PoolName,
        /// The requirement's key.
        key: String,
    },
    /// A pod moves: its node is being taken away, and there is room for its successor.
    SuccessorHasRoom,
    /// A pod moves: its node is being taken away, and what is left of the time is needed for moving.
    OutOfTime {
        /// When its node ends at the earliest.
        until: Timestamp,
    },
    /// A node is cordoned: EC2 takes it back.
    Interrupted {
        /// When at the earliest.
        until: Timestamp,
    },
    /// A node leaves: empty for longer than its pool's TTL.
    EmptyPastTtl {
        /// How long it may be empty.
        ttl: Span,
    },
    /// An effect was taken out because it would break an invariant.
    Quarantined {
        /// Which, and how.
        violation: String,
    },
}

impl Limit {
    /// The field of the NodePool.
    pub const fn field(self) -> &'static str {
        match self {
            Limit::Cpu => "spec.limits.cpu",
            Limit::Memory => "spec.limits.memory",
            Limit::Nodes => "spec.limits.nodes",
            Limit::UsdPerHour => "spec.limits.usdPerHour",
        }
    }
}

impl Reason {
    /// True of a pod that could be placed, and waits for others of its application.
    pub const fn is_for_others(&self) -> bool {
        matches!(self, Reason::GangIncomplete { .. } | Reason::InTurn { .. })
    }

    /// Stable name, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Reason::Cheapest { .. } => "cheapest",
            Reason::DriverPinnedSpot => "driver-pinned-spot",
            Reason::SpotNotSold => "spot-not-sold",
            Reason::SpotUnavailable { .. } => "spot-unavailable",
            Reason::NoPool { .. } => "no-pool",
            Reason::PoolPaused(_) => "pool-paused",
            Reason::NoOffering { .. } => "no-offering",
            Reason::NotUnderstood(_) => "not-understood",
            Reason::Constraint { .. } => "constraint",
            Reason::PinnedByUser { .. } => "pinned-by-user",
            Reason::LimitReached { .. } => "limit-reached",
            Reason::GangIncomplete { .. } => "gang-incomplete",
            Reason::InTurn { .. } => "in-turn",
            Reason::AboveLimit { .. } => "above-limit",
            Reason::BehindOther { .. } => "behind-other",
            Reason::ZoneDry { .. } => "zone-dry",
            Reason::WaitingForSpot { .. } => "waiting-for-spot",
            Reason::NoCapacity { .. } => "no-capacity",
            Reason::QuotaReached { .. } => "quota-reached",
            Reason::NoAddresses { .. } => "no-addresses",
            Reason::FewTypes { .. } => "few-types",
            Reason::MinValues { .. } => "min-values",
            Reason::SuccessorHasRoom => "successor-has-room",
            Reason::OutOfTime { .. } => "out-of-time",
            Reason::Interrupted { .. } => "interrupted",
            Reason::EmptyPastTtl { .. } => "empty-past-ttl",
            Reason::Quarantined { .. } => "quarantined",
        }
    }
}

impl fmt::Display for Narrowness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Narrowness::Premium { enough_at } => write!(
                f,
                "others are dearer than spec.maxPremium allows; {enough_at}% would let in enough"
            ),
            Narrowness::Offerings(pool) => write!(
                f,
                "NodePool {pool} and the pods leave no others in the zone; widen its requirements"
            ),
            Narrowness::Limits(pool) => write!(
                f,
                "larger ones do not fit under what is left of NodePool {pool}'s limits or the zone's \
                 addresses"
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Cheapest { pods, apps } => {
                let s = |count: usize| if count == 1 { "" } else { "s" };
                write!(
                    f,
                    "cheapest found for {pods} pod{} of {apps} application{}",
                    s(*pods),
                    s(*apps)
                )
            }
            Reason::DriverPinnedSpot => {
                f.write_str("the driver selects spot and the pool allows it")
            }
            Reason::SpotNotSold => f.write_str(
                "on-demand, since no spot offering that the pool allows holds these pods",
            ),
            Reason::SpotUnavailable { patience } => {
                write!(
                    f,
                    "on-demand, since spot was unavailable for more than {patience}"
                )
            }
            Reason::FewTypes {
                types,
                families,
                because,
            } => {
                let (ty, family) = match (types, families) {
                    (1, _) => ("type", "family"),
                    (_, 1) => ("types", "family"),
                    _ => ("types", "families"),
                };
                write!(
                    f,
                    "EC2 has {types} {ty} of {families} {family} to choose from: {because}"
                )
            }
            Reason::SuccessorHasRoom => {
                f.write_str("its node is taken away, and there is room for its successor")
            }
            Reason::OutOfTime { .. } => f.write_str("its node is taken away within moments"),
            Reason::Interrupted { .. } => f.write_str("EC2 takes the spot instance back"),
            Reason::EmptyPastTtl { ttl } => write!(f, "empty for longer than {ttl}"),
            _ => self.write_what_is_waited_for(f),
        }
    }
}

impl Reason {
    fn write_what_is_waited_for(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoPool { role: Role::Other } => {
                f.write_str("no NodePool's spec.podSelector names it, so it is left to others")
            }
            Reason::NoPool { role } => {
                write!(
                    f,
                    "no NodePool serves this pod; give one with role {role} in spec.roles"
                )
            }
            Reason::PoolPaused(pool) => {
                write!(f, "NodePool {pool} is paused; set spec.paused to false")
            }
            Reason::NoOffering { requests, because } => {
                write!(f, "no offering for {requests}: {because}")
            }
            Reason::NotUnderstood(what) => {
                write!(f, "{} is not understood, so the pod waits", what.field())
            }
            Reason::PinnedByUser { conflict: text } | Reason::Constraint { because: text } => {
                f.write_str(text)
            }
            Reason::LimitReached { pool, limit } => {
                write!(
                    f,
                    "NodePool {pool} has no room left under {}; raise it",
                    limit.field()
                )
            }
            Reason::GangIncomplete { .. }
            | Reason::InTurn { .. }
            | Reason::AboveLimit { .. }
            | Reason::BehindOther { .. }
            | Reason::ZoneDry { .. } => self.write_what_others_wait_for(f),
            Reason::WaitingForSpot { until: Some(_) } => f.write_str(
                "spot is unavailable; on-demand follows when the pool's patience runs out",
            ),
            Reason::WaitingForSpot { until: None } => {
                f.write_str("spot is unavailable and the pool never falls back to on-demand")
            }
            Reason::NoCapacity { .. } => {
                f.write_str("EC2 has none of the offerings that would do; asked again shortly")
            }
            Reason::QuotaReached {
                class,
                capacity_type,
                ..
            } => write!(
                f,
                "the account's vCPU quota for {class} {capacity_type} instances is used up; \
                 ask AWS for more"
            ),
            Reason::NoAddresses { zone } => write!(
                f,
                "the subnets of {zone} have too few free addresses; add a subnet or lower the \
                 CNI's warm targets"
            ),
            Reason::MinValues { pool, key } => write!(
                f,
                "NodePool {pool} asks for more distinct values of {key} than types remain; \
                 lower minValues"
            ),
            Reason::Quarantined { violation } => write!(f, "held back this round: {violation}"),
            _ => f.write_str(self.code()),
        }
    }

    /// What an application waits for as a whole, or behind others.
    fn write_what_others_wait_for(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::GangIncomplete { app } => write!(
                f,
                "application {app} waits whole: other members of its gang cannot be placed"
            ),
            Reason::InTurn { app } => write!(
                f,
                "application {app} asks call by call, since EC2 has lately refused one; this follows"
            ),
            Reason::AboveLimit { pool, limit } => write!(
                f,
                "driver and minimum executors need more than NodePool {pool} may ever have under \
                 {}; raise it",
                limit.field()
            ),
            Reason::BehindOther { pool, app } => write!(
                f,
                "NodePool {pool} keeps what its spec.limits leave for application {app}, which comes \
                 first"
            ),
            Reason::ZoneDry { zone, .. } => write!(
                f,
                "the application runs in {zone}, where EC2 has none of the offerings that would do; \
                 asked again shortly, or set spec.zonePolicy.mode to Spread"
            ),
            _ => f.write_str(self.code()),
        }
    }
}
