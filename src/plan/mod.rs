//! What to do: a plan is decided from a view of the cluster. The same view gives the same plan, and a
//! plan that is carried out leaves nothing to plan. Planning cannot fail: what cannot be done waits,
//! with a reason.

pub mod accept;
pub mod addresses;
pub mod admit;
pub mod advise;
pub mod alternatives;
pub mod bound;
pub mod buy;
pub mod check;
mod class;
pub mod constraint;
pub mod demand;
pub mod drain;
pub mod effect;
pub mod expected;
pub mod explain;
pub mod find;
pub mod gang;
pub mod hold;
pub mod launch;
pub mod leave;
pub mod limits;
pub mod memo;
pub mod menu;
mod moved;
pub mod offer;
pub mod pack;
pub mod place;
pub mod queue;
pub mod ration;
pub mod reason;
pub mod room;
pub mod seat;
pub mod slack;
pub mod split;
pub mod tell;
pub mod turn;
pub mod width;
pub mod zone;

use crate::cluster::View;
use crate::model::name::NodeId;
use crate::model::time::Timestamp;

pub use effect::{Effect, Plan};

use demand::Ask;
use effect::Waiting;
use memo::Memo;
use reason::Reason;

/// Decides what to do, round after round. It knows nothing of earlier rounds but answers to questions
/// that may come again: its plans are those of a new one.
#[derive(Debug, Default)]
pub struct Planner {
    memo: Memo,
    /// Says what to do and no more than that.
    terse: bool,
}

impl Planner {
    /// A planner for those who make many plans and read nothing but what is to be done and who waits: its
    /// plans say neither the least that they could cost nor which pods go to nodes that are there. What it decides is
    /// the same.
    pub fn terse() -> Self {
        Planner {
            terse: true,
            ..Planner::default()
        }
    }

    /// Decides what to do.
    pub fn plan(&mut self, view: &View<'_>) -> Plan {
        self.memo.open(view);
        decide(view, &self.memo, self.terse)
    }
}

/// Decides what to do, once.
pub fn plan(view: &View<'_>) -> Plan {
    Planner::default().plan(view)
}

fn decide<'a>(view: &View<'a>, memo: &'a Memo, terse: bool) -> Plan {
    let asks = demand::gather(view, memo);
    let mut plan = match asks.is_empty() {
        true => remain(view, Plan::default(), |_| false),
        false => provide(view, memo, &asks, terse),
    };
    let (moving, next_move) = drain::drain(view);
    plan.effects.extend(moving);
    let next = [plan.next_look, next_move, next_chance(view, &plan.waiting)];
    plan.next_look = next.into_iter().flatten().min();
    checked(view, plan)
}

/// What is done for those who ask: nodes to be, gates to lift, room to keep; and who waits. And what becomes of
/// nodes that nobody needs.
fn provide<'a>(view: &View<'a>, memo: &'a Memo, asks: &[Ask<'a>], terse: bool) -> Plan {
    let admission = admit::admit(view, memo, asks);
    let seating = admission.seating;
    let held_back = turn::held_back(view, &seating);
    let mut waiting = admission.waiting;
    waiting.extend(turn::waiting(&seating, &held_back));
    let launches = launch::launches(view, memo, asks, &seating.drafts, &held_back);
    let places = place::places(view, asks, &seating);
    let holds = hold::holds(view, asks, &seating);
    let mut effects: Vec<Effect> = launches.into_iter().map(Effect::Launch).collect();
    effects.extend(places.into_iter().map(Effect::Place));
    let mut plan = Plan {
        effects,
        holds,
        waiting,
        ..Plan::default()
    };
    if !terse {
        let bound = bound::bound(view, memo, asks, &seating);
        plan.existing = seating.on_nodes().into_iter().collect();
        plan.bound = bound.fractional;
        plan.whole_bound = bound.whole;
        plan.compared_bound = bound.compared;
    }
    remain(view, plan, |node| seating.rooms.is_taken(node))
}

/// The plan, with what becomes of nodes that are not `in_use`.
fn remain(view: &View<'_>, mut plan: Plan, in_use: impl Fn(&NodeId) -> bool) -> Plan {
    let (leaving, next) = leave::leave(view, in_use);
    plan.effects.extend(leaving);
    plan.next_look = next;
    plan
}

/// When something that a pod waits for changes by itself: a patience runs out, or what was sold out is
/// believed in again.
fn next_chance(view: &View<'_>, waiting: &[Waiting]) -> Option<Timestamp> {
    if waiting.is_empty() {
        return None;
    }
    let chances = waiting.iter().filter_map(|waiting| match waiting.reason {
        Reason::WaitingForSpot { until } => until,
        Reason::NoCapacity { until }
        | Reason::QuotaReached { until, .. }
        | Reason::ZoneDry { until, .. } => Some(until),
        _ => None,
    });
    let refused = view.cluster.shortages.next_end(view.now);
    let known = chances.chain(refused);
    known.filter(|at| *at > view.now).min()
}

/// Takes out effects that would break an invariant; their pods wait, and say so.
fn checked(view: &View<'_>, mut plan: Plan) -> Plan {
    let violations = check::violations(view, &plan.effects);
    for violation in violations.iter().rev() {
        if let Effect::Launch(launch) = plan.effects.remove(violation.effect) {
            let reason = Reason::Quarantined {
                violation: violation.how.clone(),
            };
            let pods = launch.pods.into_iter().flatten();
            plan.waiting.extend(pods.map(|pod| Waiting {
                pod,
                reason: reason.clone(),
            }));
        }
    }
    plan.waiting.sort();
    plan.broken = violations;
    plan
}
