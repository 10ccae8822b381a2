//! Packing judged on random problems and on small ones that can be solved by trying everything.

use proptest::prelude::*;

use super::*;
use crate::model::resources::{Bytes, Cpu};

fn room(cores: u64, gib: u64) -> Resources {
    Resources {
        pods: 110,
        ..Resources::pod(Cpu::from_millis(cores * 1000), Bytes::from_mib(gib << 10))
    }
}

/// Four shapes of node in five sizes, at prices that are nearly proportional to size.
fn kinds() -> Vec<(Resources, UsdPerHour)> {
    let mut kinds = Vec::new();
    for (gib_per_core, micros_per_core) in [(2, 21_000), (4, 24_000), (8, 31_500), (16, 60_000)] {
        for cores in [2_u64, 4, 8, 16, 32] {
            let price = i64::try_from(cores).unwrap() * micros_per_core + 777;
            kinds.push((
                room(cores, cores * gib_per_core),
                UsdPerHour::from_micros(price),
            ));
        }
    }
    kinds
}

fn problem(items: &[(u64, u64, u32)], kinds: &[(Resources, UsdPerHour)]) -> (Vec<Item>, Problem) {
    let items: Vec<Item> = items
        .iter()
        .map(|&(millis, mib, count)| {
            let requests = Resources::pod(Cpu::from_millis(millis), Bytes::from_mib(mib));
            let fitting = (0..kinds.len())
                .filter(|&kind| requests.fits(&kinds[kind].0))
                .collect();
            Item {
                requests,
                count,
                kinds: fitting,
            }
        })
        .collect();
    let problem = Problem::new(&items, |kind| (&kinds[kind].0, kinds[kind].1));
    (items, problem)
}

fn cost(bins: &[Bin], kinds: &[(Resources, UsdPerHour)]) -> UsdPerHour {
    bins.iter().map(|bin| kinds[bin.kind].1).sum()
}

/// The optimum for pods of one size, by dynamic programming over their number.
fn optimum_of_one_size(item: &Item, kinds: &[(Resources, UsdPerHour)]) -> i64 {
    let mut least = vec![0_i64];
    for count in 1..=item.count {
        let ending_with = |kind: &usize| {
            let (room, price) = &kinds[*kind];
            let held = item.requests.copies_in(room, count);
            least[usize::try_from(count - held).unwrap()] + price.micros()
        };
        let best = item.kinds.iter().map(ending_with).min().unwrap();
        least.push(best);
    }
    least[usize::try_from(item.count).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    #[test]
    fn every_pod_is_held_once_and_no_node_is_overfull(
        shapes in proptest::collection::vec((200_u64..8_000, 200_u64..60_000, 1_u32..60), 1..6)
    ) {
        let kinds = kinds();
        let (items, problem) = problem(&shapes, &kinds);
        let bins = pack(&problem);
        for (i, item) in items.iter().enumerate() {
            prop_assert_eq!(bins.iter().map(|bin| bin.counts[i]).sum::<u32>(), item.count);
        }
        for bin in &bins {
            let mut load = Resources::default();
            items.iter().zip(&bin.counts).for_each(|(item, &n)| load += &item.requests.times(n));
            prop_assert!(load.fits(&kinds[bin.kind].0));
        }
    }

    #[test]
    fn the_bound_is_below_the_plan_and_the_plan_is_near_it(
        shapes in proptest::collection::vec((200_u64..4_000, 500_u64..20_000, 100_u32..400), 1..5)
    ) {
        let kinds = kinds();
        let (_, problem) = problem(&shapes, &kinds);
        let (spent, least) = (cost(&pack(&problem), &kinds), Priced::new(problem.clone()).bound(&[]));
        prop_assert!(least <= spent);
        // Four per cent where whole nodes of 32 cores cover some hundred pods.
        prop_assert!(spent.micros() * 100 <= least.micros() * 104, "{spent} against {least}");
    }

    #[test]
    fn pods_of_one_size_cost_within_two_per_cent_of_the_optimum(
        millis in 200_u64..8_000, mib in 200_u64..60_000, count in 1_u32..120
    ) {
        let kinds = kinds();
        let (items, problem) = problem(&[(millis, mib, count)], &kinds);
        let optimum = optimum_of_one_size(&items[0], &kinds);
        let spent = cost(&pack(&problem), &kinds).micros();
        prop_assert!(spent >= optimum && Priced::new(problem.clone()).bound(&[]).micros() <= optimum);
        prop_assert!(spent * 100 <= optimum * 102, "{spent} against {optimum}");
    }

    #[test]
    fn free_rooms_lower_the_bound_by_no_less_than_they_save(
        millis in 500_u64..4_000, count in 10_u32..80, rooms in 1_usize..6
    ) {
        let kinds = kinds();
        let size = (millis, 2_000, count);
        let free: Vec<Resources> = (0..rooms).map(|_| room(8, 32)).collect();
        let (items, whole) = problem(&[size], &kinds);
        let held: u32 = free.iter().map(|room| items[0].requests.copies_in(room, count)).sum();
        let left = count.saturating_sub(held);
        let spent = if left == 0 {
            UsdPerHour::ZERO
        } else {
            cost(&pack(&problem(&[(millis, 2_000, left)], &kinds).1), &kinds)
        };
        prop_assert!(Priced::new(whole).bound(&free) <= spent);
    }
}

/// Every way to fill one node, tried.
fn best_filling(items: &[Item], room: &Resources, values: &[f64], from: usize) -> f64 {
    let Some(item) = items.get(from) else {
        return 0.0;
    };
    let most = item.requests.copies_in(room, item.count);
    let with = |count: u32| {
        let mut left = room.clone();
        left -= &item.requests.times(count);
        values[from] * f64::from(count) + best_filling(items, &left, values, from + 1)
    };
    (0..=most).map(with).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_of_few_pods_costs_what_whole_nodes_cost_at_least(
        shapes in proptest::collection::vec((200_u64..8_000, 200_u64..60_000, 1_u32..11), 1..4)
    ) {
        let kinds = kinds();
        let (_, problem) = problem(&shapes, &kinds);
        let priced = Priced::new(problem.clone());
        prop_assert_eq!(cost(&pack(&problem), &kinds), priced.whole_bound(&[]));
        prop_assert!(priced.bound(&[]) <= priced.whole_bound(&[]));
    }

    #[test]
    fn no_filling_is_worth_more_than_the_knapsack_says_and_wide_ones_find_it(
        shapes in proptest::collection::vec(
            (200_u64..8_000, 200_u64..60_000, 1_u32..9, 1_u32..900), 1..5
        ),
        cores in 4_u64..20, gib in 8_u64..100
    ) {
        let kinds = vec![(room(cores, gib), UsdPerHour::from_micros(1000))];
        let sizes: Vec<(u64, u64, u32)> = shapes.iter().map(|s| (s.0, s.1, s.2)).collect();
        let values: Vec<f64> = shapes.iter().map(|s| f64::from(s.3)).collect();
        let (items, problem) = problem(&sizes, &kinds);
        for shelf in &problem.shelves {
            let fitting: Vec<Item> = (items.iter().enumerate())
                .map(|(i, item)| Item { count: item.count.min(shelf.copies[i]), ..item.clone() })
                .collect();
            let optimum = best_filling(&fitting, &kinds[0].0, &values, 0);
            let sack = sack::Sack::new(&problem, shelf, &values, &problem.counts);
            for width in [1, 8, 4_096] {
                let found = knapsack::best(&sack, 0.0, width);
                prop_assert!(found.at_most >= optimum * (1.0 - 1e-9));
                let value = found.fillings.first().map_or(0.0, |filling| filling.1);
                prop_assert!(value <= optimum * (1.0 + 1e-9));
                if width == 4_096 {
                    prop_assert!(value >= optimum * (1.0 - 1e-5), "{value} of {optimum}");
                }
            }
        }
    }
}
