//! One scenario from beginning to end: planned several times by us, judged, held against bounds of our
//! own, and put to Karpenter where it is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sparkwright::model::offering::Catalog;

use crate::catalog::{CatalogError, Source, ZonePrices};

use super::bound::{self, Bracket, Kind, Lot};
use super::figure::float;
use super::goods::Goods;
use super::judge::{self, Lane, Verdict};
use super::karpenter::{self, Answer, PeerError};
use super::ours::{self, Spent};
use super::scenario::{Group, MANY_PODS, Scenario, Setting};

/// How a set is run.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How often we plan.
    pub runs: u32,
    /// Karpenter's program, where it is to be asked.
    pub peer: Option<PathBuf>,
    /// How often it plans.
    pub peer_runs: u32,
    /// It is not asked for more pods than this.
    pub peer_pods: u32,
    /// How long it may take.
    pub peer_timeout: Duration,
}

/// What became of a scenario.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The scenario.
    pub scenario: Scenario,
    /// Our plan, judged.
    pub verdict: Verdict,
    /// Our own bound, in micro-dollars per hour.
    pub own_bound: u64,
    /// CPU time of each of our runs.
    pub spent: Vec<Spent>,
    /// By lane, what its pods must cost.
    pub bounds: BTreeMap<Lane, LaneBound>,
    /// What fractions of nodes must cost where each application stays in the zone that our plan chose,
    /// in micro-dollars per hour: what is above it is packing, what it is above the programme is zones.
    pub in_its_zones: f64,
    /// Karpenter's answers.
    pub answers: Vec<Answer>,
}

/// What the pods of a lane must cost, in micro-dollars per hour.
#[derive(Clone, Debug)]
pub struct LaneBound {
    /// The programme's value lies in here.
    pub bracket: Bracket,
    /// Whole nodes cost no less; the bracket's lower end where it was not sought.
    pub whole: f64,
    /// The optimum is known.
    pub is_exact: bool,
}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Nothing to buy from.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Karpenter.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// A scenario with what may be bought in it.
pub type Stage = (Scenario, Goods, Arc<Catalog>);

/// Makes the scenario of a setting.
pub fn scenario(setting: Setting) -> Result<Stage, TrialError> {
    let (goods, catalog) = goods(&setting)?;
    Ok((Scenario::new(setting, &goods), goods, catalog))
}

/// The same with applications of so many pods each.
pub fn even_scenario(setting: Setting, pods: u32) -> Result<Stage, TrialError> {
    let (goods, catalog) = goods(&setting)?;
    Ok((Scenario::even(setting, &goods, pods), goods, catalog))
}

fn goods(setting: &Setting) -> Result<(Goods, Arc<Catalog>), TrialError> {
    let zone_prices = match setting.zone_prices {
        true => ZonePrices::Seeded(setting.seed.wrapping_add(setting.number.into())),
        false => ZonePrices::List,
    };
    let source = Source {
        region: Some(setting.region.to_owned()),
        zone_prices,
        ..Source::default()
    };
    let catalog = Arc::new(source.load()?);
    Ok((Goods::new(setting, &catalog), catalog))
}

/// Runs a scenario.
pub fn run(setting: Setting, rules: &Rules) -> Result<Trial, TrialError> {
    let (scenario, goods, catalog) = scenario(setting)?;
    let (plan, first) = ours::run(&scenario, &catalog);
    let mut spent = vec![first];
    let mut verdict = judge::judge(&scenario, &goods, &catalog, &plan);
    for _ in 1..rules.runs {
        let (again, more) = ours::run(&scenario, &catalog);
        spent.push(more);
        if again != plan {
            verdict.failures.push("two runs gave two plans".to_owned());
        }
    }
    let bounds = bounds(&scenario, &goods, &verdict);
    let in_its_zones = in_its_zones(&scenario, &goods, &verdict);
    let mut answers = Vec::new();
    if let Some(peer) = rules
        .peer
        .as_ref()
        .filter(|_| scenario.pods() <= rules.peer_pods)
    {
        for _ in 0..rules.peer_runs {
            let answer = karpenter::ask(peer, &scenario, &goods, rules.peer_timeout)?;
            let timed_out = answer.timed_out;
            answers.push(answer);
            if timed_out {
                break;
            }
        }
    }
    Ok(Trial {
        own_bound: u64::try_from(plan.bound.micros()).unwrap_or(0),
        scenario,
        verdict,
        spent,
        bounds,
        in_its_zones,
        answers,
    })
}

/// The bounds of the pods that our plan has placed.
fn bounds(scenario: &Scenario, goods: &Goods, verdict: &Verdict) -> BTreeMap<Lane, LaneBound> {
    let is_small = scenario.pods() < MANY_PODS;
    let lanes = lanes(scenario, verdict, judge::lane);
    let bounds = lanes.into_iter().map(|(lane, lots)| {
        let kinds = kinds(goods, &lane);
        let bracket = bound::bracket(&lots, &kinds);
        let known = verdict.cost.get(&lane).copied().unwrap_or(u64::MAX);
        let mut found = LaneBound {
            whole: bracket.low,
            is_exact: false,
            bracket,
        };
        if is_small {
            let whole = bound::whole(&lots, &kinds, &found.bracket, known);
            found.whole = found.whole.max(float(whole.least));
            found.is_exact = whole.is_exact;
        }
        (lane, found)
    });
    bounds.collect()
}

fn in_its_zones(scenario: &Scenario, goods: &Goods, verdict: &Verdict) -> f64 {
    let lanes = lanes(scenario, verdict, |group| {
        let zone = verdict.zones.get(&group.app).cloned();
        (group.role, group.capacity_type, zone)
    });
    let brackets = lanes
        .into_iter()
        .map(|(lane, lots)| bound::bracket(&lots, &kinds(goods, &lane)).low);
    brackets.sum()
}

/// The pods that have a node, by lane and requests.
fn lanes(
    scenario: &Scenario,
    verdict: &Verdict,
    lane: impl Fn(&Group) -> Lane,
) -> BTreeMap<Lane, Vec<Lot>> {
    let mut lanes: BTreeMap<Lane, BTreeMap<(u32, u32), u32>> = BTreeMap::new();
    let placed = scenario.groups.iter().zip(&verdict.placed);
    for (group, placed) in placed.filter(|(_, placed)| **placed > 0) {
        let lots = lanes.entry(lane(group)).or_default();
        *lots.entry((group.cpu, group.memory)).or_default() += placed;
    }
    let lot = |((cpu, memory), count)| Lot { cpu, memory, count };
    lanes
        .into_iter()
        .map(|(lane, sizes)| (lane, sizes.into_iter().map(lot).collect()))
        .collect()
}

/// What a lane may buy, each machine where it is cheapest for it.
fn kinds(goods: &Goods, (_, capacity_type, zone): &Lane) -> Vec<Kind> {
    let machines = goods.machines.values().filter_map(|machine| {
        let offers = machine.offers.iter().filter(|((place, sold_as), _)| {
            sold_as == capacity_type && zone.as_ref().is_none_or(|zone| zone == place)
        });
        let price = *offers.map(|(_, price)| price).min()?;
        Some(Kind {
            price,
            cpu: machine.cpu,
            memory: machine.memory,
            pods: machine.pods,
        })
    });
    machines.collect()
}

impl Trial {
    /// The programme's value lies between these, in micro-dollars per hour.
    pub fn programme(&self) -> (f64, f64) {
        let low = self.bounds.values().map(|bound| bound.bracket.low).sum();
        (
            low,
            self.bounds.values().map(|bound| bound.bracket.high).sum(),
        )
    }

    /// What whole nodes cost at least, and whether that is the optimum.
    pub fn whole(&self) -> (f64, bool) {
        let sum = self.bounds.values().map(|bound| bound.whole).sum();
        (sum, self.bounds.values().all(|bound| bound.is_exact))
    }

    /// Karpenter's plan, where it placed every pod in time.
    pub fn peer(&self) -> Option<&Answer> {
        let placed_all = |answer: &&Answer| !answer.timed_out && answer.unscheduled_pods == 0;
        self.answers.first().filter(placed_all)
    }
}
