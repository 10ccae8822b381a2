//! What is left of limits and addresses once every node is charged at its planned type: as much larger
//! may be what EC2 chooses instead.

use std::collections::BTreeMap;

use crate::cluster::View;
use crate::cluster::market::Kind;
use crate::model::money::UsdPerHour;
use crate::model::name::PoolName;
use crate::model::offering::ZoneId;
use crate::model::resources::{Bytes, Cpu};

use super::addresses;
use super::buy::Draft;
use super::limits::Usage;

/// What is left of the pools' limits once every draft is charged at its planned type. Alternatives
/// that are larger than the planned type use it up.
#[derive(Debug)]
pub(super) struct Slack {
    left: BTreeMap<PoolName, Usage>,
    addresses: BTreeMap<ZoneId, u32>,
}

impl Slack {
    pub fn new(view: &View<'_>, drafts: &[Draft]) -> Self {
        let mut used = view.cluster.usages.clone();
        for draft in drafts {
            let kind = &view.cluster.market().kinds[draft.kind];
            let usage = used.entry(kind.pool.name.clone()).or_default();
            *usage = usage.plus(Usage::of(&view.cluster.catalog, kind));
        }
        let unlimited = UsdPerHour::from_micros(i64::MAX);
        let left = view.cluster.pools.values().map(|pool| {
            let used = used.get(&pool.name).copied().unwrap_or_default();
            let limits = &pool.limits;
            let left = Usage {
                cpu: limits.cpu.unwrap_or(Cpu::from_millis(u64::MAX)) - used.cpu,
                memory: limits.memory.unwrap_or(Bytes::new(u64::MAX)) - used.memory,
                nodes: 0,
                usd_per_hour: limits.usd_per_hour.unwrap_or(unlimited) - used.usd_per_hour,
            };
            (pool.name.clone(), left)
        });
        Slack {
            left: left.collect(),
            addresses: addresses_left(view, drafts),
        }
    }

    /// Takes what `kind` is larger than what has been charged so far. False, and nothing taken, where
    /// it does not fit.
    pub fn take(&mut self, view: &View<'_>, kind: &Kind, charged: &mut Usage) -> bool {
        let Some(left) = self.left.get_mut(&kind.pool.name) else {
            return false;
        };
        let worst = charged.or(Usage::of(&view.cluster.catalog, kind));
        let more = (
            worst.cpu - charged.cpu,
            worst.memory - charged.memory,
            worst.usd_per_hour - charged.usd_per_hour,
        );
        if more.0 > left.cpu || more.1 > left.memory || more.2 > left.usd_per_hour {
            return false;
        }
        left.cpu = left.cpu - more.0;
        left.memory = left.memory - more.1;
        left.usd_per_hour = left.usd_per_hour - more.2;
        *charged = worst;
        true
    }

    /// The same for addresses, where it is known how many a zone has.
    pub fn take_addresses(
        &mut self,
        zone: ZoneId,
        needed: impl FnOnce() -> u32,
        charged: &mut u32,
    ) -> bool {
        let Some(left) = self.addresses.get_mut(&zone) else {
            return true;
        };
        let more = needed().saturating_sub(*charged);
        let taken = left.checked_sub(more);
        if let Some(rest) = taken {
            *left = rest;
            *charged += more;
        }
        taken.is_some()
    }
}

/// What is left of each zone's addresses once every draft is charged at its planned type.
fn addresses_left(view: &View<'_>, drafts: &[Draft]) -> BTreeMap<ZoneId, u32> {
    let mut free = addresses::free(view);
    for draft in drafts
        .iter()
        .filter(|_| !view.cluster.shortages.addresses.is_empty())
    {
        let kind = &view.cluster.market().kinds[draft.kind];
        if let Some(left) = free.get_mut(&kind.offering.zone) {
            *left = left.saturating_sub(addresses::of_kind(view, kind, draft.pods()));
        }
    }
    free
}
