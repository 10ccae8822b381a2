//! What a launch is expected to cost, which is more than planned where EC2 may choose. The model: EC2
//! gives on-demand by the strategy's order, and of spot any of the types with equal chance, since which
//! of its pools are deep is its knowledge alone. Among equal plans the one expected to cost least is
//! taken.

use std::cmp::Reverse;

use crate::cluster::market::Kind;
use crate::model::money::UsdPerHour;
use crate::model::offering::{CapacityType, ZoneId};

use super::alternatives::{is_wide, premium};
use super::demand::Need;
use super::effect::AllocationStrategy;
use super::menu::Menu;

/// How EC2 is to choose among these kinds, the planned one first.
pub(super) fn strategy(kinds: &[&Kind]) -> AllocationStrategy {
    let planned = kinds[0].offering;
    let is_cheapest = kinds
        .iter()
        .all(|kind| planned.price <= kind.offering.price);
    match planned.capacity_type {
        CapacityType::Spot => AllocationStrategy::PriceCapacityOptimized,
        CapacityType::OnDemand if is_cheapest => AllocationStrategy::LowestPrice,
        CapacityType::OnDemand => AllocationStrategy::Prioritized,
    }
}

/// The mean price of what EC2 gives, of prices that begin with the planned one.
pub(super) fn price(
    strategy: AllocationStrategy,
    mut prices: impl Iterator<Item = UsdPerHour>,
) -> UsdPerHour {
    match strategy {
        AllocationStrategy::LowestPrice => prices.min().unwrap_or_default(),
        AllocationStrategy::Prioritized => prices.next().unwrap_or_default(),
        AllocationStrategy::PriceCapacityOptimized => mean(prices),
    }
}

/// The mean price of work, of prices that begin with the planned kind's.
pub(super) fn of_work(
    capacity_type: CapacityType,
    mut prices: impl Iterator<Item = UsdPerHour>,
) -> UsdPerHour {
    match capacity_type {
        CapacityType::OnDemand => prices.next().unwrap_or_default(),
        CapacityType::Spot => mean(prices),
    }
}

fn mean(prices: impl Iterator<Item = UsdPerHour>) -> UsdPerHour {
    let (mut sum, mut count) = (0, 0);
    for price in prices {
        sum += i128::from(price.micros());
        count += 1;
    }
    let mean = (sum + count / 2) / count.max(1);
    UsdPerHour::from_micros(i64::try_from(mean).unwrap_or(i64::MAX))
}

/// What one of many equal pods is expected to cost in a zone: a zone that leaves EC2 enough to choose
/// from before one that does not, then thousandths of a micro-dollar per hour.
pub(super) type Expected = (Reverse<bool>, i128);

/// What one of `count` such pods is expected to cost in a zone, in full nodes of the kind that would be
/// planned for them alone; nothing where none may be bought.
pub(super) fn of_pod(menu: &mut Menu<'_>, need: &Need, zone: ZoneId, count: u32) -> Expected {
    let answer = menu.options(need, zone);
    let Ok(options) = answer.as_ref() else {
        return (Reverse(true), 0);
    };
    let view = menu.view();
    let market = view.cluster.market();
    let copies = |i: usize| {
        let fit = need
            .template
            .requests
            .copies_in(&market.kinds[i].room, count);
        i128::from(fit.max(1))
    };
    let per_pod = |i: usize| i128::from(market.kinds[i].cost.micros()) * 1000 / copies(i);
    let Some(first) = options.kinds.iter().copied().min_by_key(|&i| per_pod(i)) else {
        return (Reverse(true), 0);
    };
    let planned = &market.kinds[first];
    let most = premium(planned.price_of_work(), planned.pool.max_premium_percent);
    let could = |kind: &Kind, i: usize| {
        kind.pool.name == planned.pool.name
            && kind.offering.capacity_type == planned.offering.capacity_type
            && kind.price_of_work() <= most
            && copies(i) >= copies(first)
    };
    let others = options.kinds.iter().copied().filter(|&i| i != first);
    let others = others.filter(|&i| could(&market.kinds[i], i));
    let kinds: Vec<usize> = std::iter::once(first).chain(others).collect();
    let prices = kinds.iter().map(|&i| market.kinds[i].price_of_work());
    let expected = of_work(planned.offering.capacity_type, prices);
    let enough = planned.offering.capacity_type == CapacityType::OnDemand || is_wide(view, &kinds);
    (
        Reverse(enough),
        i128::from(expected.micros()) * 1000 / copies(first),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spot_costs_the_mean_and_on_demand_what_its_order_gives() {
        let prices = || [30, 20, 41].map(UsdPerHour::from_micros).into_iter();
        let expected = |strategy| price(strategy, prices()).micros();
        assert_eq!(expected(AllocationStrategy::LowestPrice), 20);
        assert_eq!(expected(AllocationStrategy::Prioritized), 30);
        assert_eq!(expected(AllocationStrategy::PriceCapacityOptimized), 30);
        assert_eq!(of_work(CapacityType::OnDemand, prices()).micros(), 30);
    }
}
