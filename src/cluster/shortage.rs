//! What EC2 has refused, and for how long we believe that it would refuse again: capacity by offering,
//! vCPUs by quota, addresses by zone. A refusal that repeats is believed for longer, so that a zone
//! that is dry for an hour is not asked a thousand times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::cni::Cni;
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::pairs;
use crate::model::quota::QuotaClass;
use crate::model::time::{Span, Timestamp};

/// How long a first refusal is believed: the time for which Karpenter remembers one.
pub const BELIEVED: Span = Span::from_secs(180);
/// The longest that any refusal is believed, however often it repeated: later nodes cost a job more
/// than one more call does.
pub const BELIEVED_AT_MOST: Span = Span::from_secs(600);
/// A refusal repeats another one that was believed until this long ago, or less.
const REPEATS_WITHIN: Span = Span::from_secs(900);

/// A type in a zone, as spot or on-demand.
pub type OfferingKey = (TypeId, ZoneId, CapacityType);
/// Families that share a quota, as spot or on-demand.
pub type QuotaKey = (QuotaClass, CapacityType);

/// One thing that EC2 refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Refusal {
    until: Timestamp,
    believed: Span,
}

impl Refusal {
    /// True where the next refusal would repeat this one.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now - self.until <= REPEATS_WITHIN
    }
}

/// Everything that EC2 refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortages {
    #[serde(with = "pairs")]
    offerings: BTreeMap<OfferingKey, Refusal>,
    #[serde(with = "pairs")]
    quotas: BTreeMap<QuotaKey, Refusal>,
    latest: Timestamp,
    /// Free addresses by zone, where they are known.
    #[serde(with = "pairs")]
    pub addresses: BTreeMap<ZoneId, u32>,
    /// What each node takes of them.
    pub cni: Cni,
}

impl Shortages {
    /// Until when a refusal of an offering at `now` is to be believed: longer where it repeats.
    pub fn believe_offering(&self, key: OfferingKey, now: Timestamp) -> Timestamp {
        now + believed(self.offerings.get(&key), now)
    }

    /// The same for a quota.
    pub fn believe_quota(&self, key: QuotaKey, now: Timestamp) -> Timestamp {
        now + believed(self.quotas.get(&key), now)
    }

    /// When an offering is believed in again, where it is not at `now`.
    pub fn offering(&self, key: OfferingKey, now: Timestamp) -> Option<Timestamp> {
        open(self.offerings.get(&key), now)
    }

    /// When more vCPUs of a class may be asked for, where they may not at `now`.
    pub fn quota(&self, key: QuotaKey, now: Timestamp) -> Option<Timestamp> {
        open(self.quotas.get(&key), now)
    }

    /// True while anything is refused.
    pub fn any(&self, now: Timestamp) -> bool {
        self.latest > now
    }

    /// True where an offering is refused, or was so lately that another refusal would repeat it.
    pub fn was_refused(&self, (of, zone, capacity_type): OfferingKey, now: Timestamp) -> bool {
        let known = self.offerings.get(&(of, zone, capacity_type));
        known.is_some_and(|known| known.is_fresh(now))
    }

    /// True where anything was refused as lately as that.
    pub fn any_lately(&self, now: Timestamp) -> bool {
        !self.offerings.is_empty() && now - self.latest <= REPEATS_WITHIN
    }

    /// When the first refusal ends.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let refusals = self.offerings.values().chain(self.quotas.values());
        let ends = refusals.map(|refusal| refusal.until);
        ends.filter(|until| *until > now).min()
    }

    pub(super) fn refuse_offering(&mut self, key: OfferingKey, at: Timestamp, until: Timestamp) {
        self.latest = self.latest.max(until);
        let believed = until - at;
        self.offerings.insert(key, Refusal { until, believed });
    }

    pub(super) fn refuse_quota(&mut self, key: QuotaKey, at: Timestamp, until: Timestamp) {
        self.latest = self.latest.max(until);
        let believed = until - at;
        self.quotas.insert(key, Refusal { until, believed });
    }
}

fn believed(known: Option<&Refusal>, now: Timestamp) -> Span {
    known
        .filter(|known| known.is_fresh(now))
        .map_or(BELIEVED, |known| {
            let twice = Span::from_millis(known.believed.millis().saturating_mul(2));
            twice.clamp(BELIEVED, BELIEVED_AT_MOST)
        })
}

fn open(known: Option<&Refusal>, now: Timestamp) -> Option<Timestamp> {
    known
        .map(|refusal| refusal.until)
        .filter(|until| *until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: OfferingKey = (TypeId(3), ZoneId(1), CapacityType::Spot);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_refusal_is_believed_three_minutes_and_longer_where_it_repeats() {
        let mut shortages = Shortages::default();
        let mut now = at(0);
        let mut lengths = Vec::new();
        for _ in 0..4 {
            let until = shortages.believe_offering(KEY, now);
            lengths.push((until - now).millis() / 1000);
            shortages.refuse_offering(KEY, now, until);
            assert!(shortages.any(now) && shortages.offering(KEY, now) == Some(until));
            now = until;
        }
        assert_eq!(lengths, [180, 360, 600, 600]);
        assert_eq!(shortages.offering(KEY, now), None, "it has ended");
        let later = now + REPEATS_WITHIN + Span::from_secs(1);
        assert_eq!(shortages.believe_offering(KEY, later), later + BELIEVED);
    }

    #[test]
    fn a_quota_is_its_own_and_the_first_end_counts() {
        let mut shortages = Shortages::default();
        let quota = (QuotaClass::Standard, CapacityType::Spot);
        shortages.refuse_quota(quota, at(0), at(50));
        shortages.refuse_offering(KEY, at(0), at(180));
        assert_eq!(shortages.quota(quota, at(10)), Some(at(50)));
        assert_eq!(
            shortages.quota((QuotaClass::G, CapacityType::Spot), at(10)),
            None
        );
        assert_eq!(shortages.next_end(at(10)), Some(at(50)));
        assert_eq!(shortages.next_end(at(60)), Some(at(180)));
    }
}
