//! Which nodes go: those of ours that have been empty for longer than their pool's TTL, and on which
//! nobody has a seat. First a cordon; at the next look, if nothing slipped in, the end. The first
//! minute of an instance is paid whole, so none goes before it is over. What EC2 takes back is only
//! cordoned: given back by us it would be paid for, taken back in its first hour it is free.

use crate::cluster::View;
use crate::cluster::node::{Node, Stage};
use crate::ledger::node::BILLED_AT_LEAST;
use crate::model::name::{AppId, NodeId};
use crate::model::node::Purpose;
use crate::model::pool::Pool;
use crate::model::resources::Resources;
use crate::model::spark::Role;
use crate::model::time::{Span, Timestamp};

use super::demand;
use super::effect::Effect;
use super::reason::Reason;

/// TTL of a node whose pool is gone: nothing says that it should stay longer.
const ORPHAN_TTL: Span = Span::from_secs(60);

/// Effects on nodes that have nothing to do, and when the next of them is due. `in_use` tells on which pods have
/// seats.
pub fn leave(
    view: &View<'_>,
    in_use: impl Fn(&NodeId) -> bool,
) -> (Vec<Effect>, Option<Timestamp>) {
    let mut effects = Vec::new();
    let mut interrupted: Vec<&Node> = (view.cluster.interrupted.iter())
        .filter_map(|id| view.cluster.nodes.get(id))
        .filter(|node| !node.unschedulable && !node.draining && node.stage == Stage::Ready)
        .collect();
    interrupted.sort_by_key(|node| &node.id);
    for node in interrupted {
        let until = node.interrupted.unwrap_or(view.now);
        let (node, reason) = (node.id.clone(), Reason::Interrupted { until });
        effects.push(Effect::Cordon { node, reason });
    }
    let (mut due, next) = due(view, in_use);
    due.sort_by_key(|(node, _)| &node.id);
    for (node, ttl) in due {
        let (node_id, reason) = (node.id.clone(), Reason::EmptyPastTtl { ttl });
        effects.push(if node.unschedulable {
            Effect::Terminate {
                node: node_id,
                reason,
            }
        } else {
            Effect::Cordon {
                node: node_id,
                reason,
            }
        });
    }
    (effects, next)
}

/// Idle nodes on which nobody has a seat whose time is over, with their TTL, and when the next one's is.
fn due<'a>(
    view: &View<'a>,
    in_use: impl Fn(&NodeId) -> bool,
) -> (Vec<(&'a Node, Span)>, Option<Timestamp>) {
    let (mut past, mut next) = (Vec::new(), None::<Timestamp>);
    for ((pool, purpose), nodes) in view.cluster.idle.groups() {
        let ttl = match view.cluster.pools.get(pool) {
            Some(pool) => ttl(pool, *purpose),
            None => Some(ORPHAN_TTL),
        };
        let Some(ttl) = ttl else { continue };
        for (since, id) in nodes {
            // Those that follow have been idle for less.
            let earliest = *since + ttl;
            if earliest > view.now && next.is_some_and(|next| next <= earliest) {
                break;
            }
            let node = view.cluster.nodes.get(id);
            let Some(node) = node.filter(|node| !in_use(id) && !is_promised(view, node)) else {
                continue;
            };
            let paid = node.launched.map(|launched| launched + BILLED_AT_LEAST);
            let due = paid.map_or(earliest, |paid| paid.max(earliest));
            if due > view.now {
                next = Some(next.map_or(due, |known| known.min(due)));
            } else {
                past.push((node, ttl));
            }
        }
    }
    (past, next)
}

/// True where the node holds room for an application that is provided for by it.
fn is_promised(view: &View<'_>, node: &Node) -> bool {
    if node.promised == Resources::default() {
        return false;
    }
    let mut holders = node.held_by.iter();
    let given_up: Vec<&AppId> = demand::given_up(view).collect();
    holders.any(|id| {
        let app = view.cluster.apps.get(id);
        let holds = app.is_some_and(|app| app.held.values().any(|n| n.contains_key(&node.id)));
        holds && !view.cluster.demanding.contains(id) && !given_up.contains(&id)
    })
}

/// When a node of ours that is empty goes, its seats apart, and the TTL that says so; None for one that is in
/// use or stays for ever.
pub fn goes_at(view: &View<'_>, node: &Node) -> Option<(Timestamp, Span)> {
    let pool = node.pool.as_ref()?;
    let since = node
        .empty_since
        .filter(|_| node.stage == Stage::Ready && node.working == 0)?;
    let ttl = match view.cluster.pools.get(pool) {
        Some(pool) => ttl(pool, node.purpose)?,
        None => ORPHAN_TTL,
    };
    let paid_until = node
        .launched
        .map_or(since, |launched| launched + BILLED_AT_LEAST);
    Some(((since + ttl).max(paid_until), ttl))
}

fn ttl(pool: &Pool, purpose: Option<Purpose>) -> Option<Span> {
    match purpose {
        Some(Purpose::Driver) => pool.empty_ttl.driver,
        _ if pool.roles.contains(&Role::Executor) => pool.empty_ttl.executor,
        _ => pool.empty_ttl.other,
    }
}
