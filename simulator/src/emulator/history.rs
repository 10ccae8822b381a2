//! Spot prices as they were: each pool's changes since the beginning. Before its first change a pool had the
//! catalogue's price.

use std::collections::BTreeMap;

use sparkwright::cluster::event::PriceChange;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, TypeId, ZoneId};
use sparkwright::model::time::Timestamp;

/// Changes of a pool that are remembered.
const MOST: usize = 1000;

/// Changes by pool, oldest first.
#[derive(Clone, Debug, Default)]
pub struct PriceHistory {
    changes: BTreeMap<(TypeId, ZoneId), Vec<(Timestamp, UsdPerHour)>>,
}

impl PriceHistory {
    /// A price moves.
    pub fn moved(&mut self, change: &PriceChange, now: Timestamp) {
        if change.capacity_type == CapacityType::Spot {
            let pool = (change.instance_type, change.zone);
            let changes = self.changes.entry(pool).or_default();
            if changes.len() >= MOST {
                changes.remove(0);
            }
            changes.push((now, change.price));
        }
    }

    /// Prices of a pool that held at some time of a stretch, newest first, with the time of the change.
    /// `listed` is the price before the first change.
    pub fn of(
        &self,
        pool: (TypeId, ZoneId),
        listed: UsdPerHour,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<(Timestamp, UsdPerHour)> {
        let changes = self.changes.get(&pool).map_or(&[][..], Vec::as_slice);
        let first = std::iter::once((Timestamp::ZERO, listed));
        let until: Vec<_> = first
            .chain(changes.iter().copied())
            .take_while(|(at, _)| *at <= to)
            .collect();
        let held = until.iter().rposition(|(at, _)| *at <= from).unwrap_or(0);
        until.into_iter().skip(held).rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_shows_what_held_at_its_beginning_and_every_change_in_it() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let usd = UsdPerHour::from_micros;
        let pool = (TypeId(1), ZoneId(0));
        let mut history = PriceHistory::default();
        for (second, price) in [(10, 5), (20, 6), (30, 7)] {
            let change = PriceChange {
                instance_type: pool.0,
                zone: pool.1,
                capacity_type: CapacityType::Spot,
                price: usd(price),
            };
            history.moved(&change, at(second));
        }
        let of = |from, to| history.of(pool, usd(4), at(from), at(to));
        assert_eq!(of(15, 25), [(at(20), usd(6)), (at(10), usd(5))]);
        assert_eq!(of(0, 5), [(Timestamp::ZERO, usd(4))]);
        assert_eq!(of(99, 99), [(at(30), usd(7))]);
    }
}
