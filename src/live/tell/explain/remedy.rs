//! What would help a pod that waits: one sentence for each reason, to whoever can do something. What the
//! reason is about is told beside it.

use crate::plan::reason::Reason;

/// What would help, or what will happen by itself.
pub fn remedy(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoPool { .. } => {
            "a NodePool whose spec.roles has the pod's role and whose spec.podSelector, if any, selects it"
        }
        Reason::PoolPaused(_) => "setting spec.paused of the NodePool to false",
        Reason::NoOffering { .. } => {
            "smaller requests or fewer conditions in the pod, or wider requirements in the NodePool"
        }
        Reason::NotUnderstood(_) => "leaving the field out of the pod, or another scheduler for it",
        Reason::Constraint { .. } => {
            "a weaker rule in the pod, or the object that the rule refers to"
        }
        Reason::PinnedByUser { .. } => {
            "a NodePool that allows what the pod selects, or a pod that selects less"
        }
        Reason::LimitReached { .. } => {
            "a higher limit in the NodePool; by itself it goes on when nodes of the pool have left"
        }
        Reason::GangIncomplete { .. } => {
            "what the application's other pods wait for: explain app says it"
        }
        Reason::InTurn { .. } => "nothing needs doing: it is asked for when EC2 has answered",
        Reason::AboveLimit { .. } => {
            "a higher limit in the NodePool, or a smaller minimum of executors"
        }
        Reason::BehindOther { .. } => {
            "a higher limit, a NodePool of its own, or a higher priority; by itself it goes on when the other \
             one has its nodes"
        }
        Reason::ZoneDry { .. } => {
            "spec.zonePolicy.mode Spread in the NodePool, or more types; EC2 is asked again by itself"
        }
        Reason::WaitingForSpot { until: Some(_) } => {
            "nothing needs doing: on-demand is bought when the pool's patience runs out"
        }
        Reason::WaitingForSpot { until: None } => {
            "spec.spot.fallbackToOnDemandAfter in the NodePool, or more types and zones for spot to choose from"
        }
        Reason::NoCapacity { .. } => {
            "more types, zones or on-demand in the NodePool; EC2 is asked again by itself"
        }
        Reason::QuotaReached { .. } => {
            "a higher vCPU quota for the account (Service Quotas), or families of another class"
        }
        Reason::NoAddresses { .. } => {
            "another subnet for the NodeClass, or lower warm targets of the CNI"
        }
        Reason::MinValues { .. } => "a lower minValues, or wider requirements in the NodePool",
        Reason::Quarantined { .. } => {
            "a report with the recorded stream: it is a fault of the planner, which tries again"
        }
        Reason::Cheapest { .. }
        | Reason::DriverPinnedSpot
        | Reason::SpotNotSold
        | Reason::SpotUnavailable { .. }
        | Reason::FewTypes { .. }
        | Reason::Interrupted { .. }
        | Reason::SuccessorHasRoom
        | Reason::OutOfTime { .. }
        | Reason::EmptyPastTtl { .. } => "nothing needs doing",
    }
}
