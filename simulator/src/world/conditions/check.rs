//! What a file says, checked against the region's catalogue and made into conditions. Each refusal names
//! line, field, value and remedy.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;
use sparkwright::model::cni::Cni;
use sparkwright::model::offering::{CapacityType, Catalog, TypeId, ZoneId};
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::time::{Span, Timestamp};

use super::Conditions;
use super::file::{
    BucketSpec, CapacitySpec, CniSpec, Delay, DelaysSpec, InterruptionsSpec, Length, PricesSpec,
    World,
};
use crate::world::delays::{Delays, Distribution};
use crate::world::fleet::capacity::{Drought, Spells};
use crate::world::fleet::interrupt::{Interruptions, Scripted, Share};
use crate::world::fleet::pick::Pick;
use crate::world::fleet::price::{Drift, Moves, Step};
use crate::world::fleet::throttle::Bucket;

/// The normal distribution's 99th percentile ÷ its 95th, by which a p95 is carried on to a p99.
const Z99_BY_Z95: f64 = 2.326_347_874 / 1.644_853_627;
/// Times the advisor's rates, at most: a thousand interrupts the worst types every half hour or so.
const HIGHEST_RATE: f64 = 1000.0;
/// A spot price is at most so many times the catalogue's; on-demand bounds it before.
const HIGHEST_FACTOR: f64 = 100.0;
const DEFAULT_DRIFT: Drift = Drift {
    every: Span::from_secs(3600),
    volatility: 0.01,
    reversion: 0.05,
};

type Checked<T> = Result<T, String>;

/// Checks a file.
pub(super) fn conditions(world: World, catalog: &Catalog) -> Checked<Conditions> {
    let region = Region { catalog };
    let standard = Conditions::default();
    let (droughts, spells) = capacity(&world.capacity, region)?;
    let calls = bucket(world.requests.create_fleet.as_ref(), "requests.createFleet")?;
    Ok(Conditions {
        delays: delays(&world.delays)?,
        interruptions: interruptions(&world.interruptions, region)?,
        droughts,
        spells,
        quotas: quotas(&world)?,
        subnets: subnets(&world, region)?,
        cni: cni(&world.cni),
        prices: prices(&world.spot_prices, region)?,
        calls: calls.or(standard.calls),
        launches: bucket(world.requests.instances.as_ref(), "requests.instances")?,
    })
}

/// An entry of the file as errors name it.
struct Place {
    line: u64,
    field: String,
}

impl Place {
    fn of<T>(spanned: &Spanned<T>, field: impl Into<String>) -> Self {
        Place {
            line: spanned.referenced.line(),
            field: field.into(),
        }
    }

    fn bad(&self, name: &str, what: impl std::fmt::Display) -> String {
        let dot = if name.is_empty() { "" } else { "." };
        format!("line {}: {}{dot}{name}: {what}", self.line, self.field)
    }

    fn needed<T>(&self, name: &str, value: Option<T>, example: &str) -> Checked<T> {
        value.ok_or_else(|| self.bad(name, format!("is missing; write {example}")))
    }
}

fn delays(given: &DelaysSpec) -> Checked<Delays> {
    let standard = Delays::default();
    let one = |given: &Option<Spanned<Delay>>, name: &str, standard| match given {
        Some(given) => delay(given, &format!("delays.{name}")),
        None => Ok(standard),
    };
    Ok(Delays {
        answer: one(&given.answer, "answer", standard.answer)?,
        launch: one(&given.launch, "launch", standard.launch)?,
        boot: one(&given.boot, "boot", standard.boot)?,
        pull: one(&given.pull, "pull", standard.pull)?,
        start: one(&given.start, "start", standard.start)?,
        shutdown: one(&given.shutdown, "shutdown", standard.shutdown)?,
    })
}

/// How long something takes, as the entry of a field says.
pub(crate) fn delay(given: &Spanned<Delay>, field: &str) -> Checked<Distribution> {
    distribution(&given.value, &Place::of(given, field))
}

#[expect(
    clippy::as_conversions,
    reason = "lengths of time are far below 2⁵³ ms"
)]
fn distribution(given: &Delay, place: &Place) -> Checked<Distribution> {
    let quantiles = match given {
        Delay::Constant(span) => return Ok(Distribution::constant(*span)),
        Delay::Quantiles(quantiles) => quantiles,
    };
    let p50 = quantiles.p50.0;
    let p99 = match (quantiles.p95, quantiles.p99) {
        (Some(_), Some(_)) => return Err(place.bad("p95", "stands beside p99; write one of them")),
        (None, None) => return Err(place.bad("p99", "is missing; write p99: 75s, or p95")),
        (None, Some(p99)) => p99.0,
        (Some(p95), None) => {
            let ratio = p95.0.millis() as f64 / p50.millis().max(1) as f64;
            let p99 = p50.millis() as f64 * ratio.powf(Z99_BY_Z95);
            Span::from_millis(p99.round() as i64)
        }
    };
    if p99 < p50 || (p50 <= Span::ZERO && p99 > p50) {
        let what = format!("{p50} is no median below {p99}; write a smaller one, above zero");
        return Err(place.bad("p50", what));
    }
    Ok(Distribution { p50, p99 })
}

fn interruptions(given: &InterruptionsSpec, region: Region<'_>) -> Checked<Interruptions> {
    let standard = Interruptions::default();
    let rate = match &given.rate {
        None => standard.rate,
        Some(rate) if (0.0..=HIGHEST_RATE).contains(&rate.value) => rate.value,
        Some(rate) => {
            let what = format!("{} is not between 0 and {HIGHEST_RATE}", rate.value);
            return Err(Place::of(rate, "interruptions").bad("rate", what));
        }
    };
    let mut scripted = Vec::new();
    for (i, entry) in given.scripted.iter().enumerate() {
        let place = Place::of(entry, format!("interruptions.scripted[{i}]"));
        let entry = &entry.value;
        let share = match (entry.nodes, entry.percent) {
            (Some(nodes), None) => Share::Nodes(nodes),
            (None, Some(percent)) if percent <= 100 => Share::Percent(percent),
            (None, None) => Share::Percent(100),
            (None, Some(percent)) => {
                return Err(place.bad("percent", format!("{percent} is above 100")));
            }
            _ => return Err(place.bad("nodes", "stands beside percent; write one of them")),
        };
        let spot = Some("spot");
        scripted.push(Scripted {
            at: at(&place, "at", entry.at)?,
            of: region.pick(
                &place,
                entry.zone.as_deref(),
                &entry.types,
                &entry.families,
                spot,
            )?,
            share,
        });
    }
    Ok(Interruptions {
        rate,
        notice: given.notice.map_or(standard.notice, |notice| notice.0),
        scripted,
    })
}

fn capacity(given: &CapacitySpec, region: Region<'_>) -> Checked<(Vec<Drought>, Option<Spells>)> {
    let mut droughts = Vec::new();
    for (i, entry) in given.droughts.iter().enumerate() {
        let place = Place::of(entry, format!("capacity.droughts[{i}]"));
        let entry = &entry.value;
        let capacity_type = entry.capacity_type.as_deref();
        let from = entry
            .from
            .map_or(Timestamp::ZERO, |from| Timestamp::ZERO + from.0);
        let to = at(&place, "to", entry.to)?;
        if to <= from {
            return Err(place.bad("to", "is not after from; write a later time"));
        }
        droughts.push(Drought {
            of: region.pick(
                &place,
                entry.zone.as_deref(),
                &entry.types,
                &entry.families,
                capacity_type,
            )?,
            from,
            to,
            instances: entry.instances,
        });
    }
    let Some(entry) = &given.spells else {
        return Ok((droughts, None));
    };
    let place = Place::of(entry, "capacity.spells");
    let every = place.needed("every", entry.value.every, "every: 6h")?.0;
    if every <= Span::ZERO {
        return Err(place.bad("every", "is zero; write a mean time such as 6h"));
    }
    let lasting = place.needed(
        "lasting",
        entry.value.lasting.as_ref(),
        "lasting: {p50: 5m, p99: 1h}",
    )?;
    let spells = Spells {
        every,
        lasting: distribution(
            &lasting.value,
            &Place::of(lasting, "capacity.spells.lasting"),
        )?,
        capacity_type: capacity_type(&place, entry.value.capacity_type.as_deref())?,
    };
    Ok((droughts, Some(spells)))
}

fn quotas(world: &World) -> Checked<BTreeMap<(QuotaClass, CapacityType), u64>> {
    let mut quotas = BTreeMap::new();
    for (i, entry) in world.quotas.iter().enumerate() {
        let place = Place::of(entry, format!("quotas[{i}]"));
        let name = place.needed("class", entry.value.class.as_deref(), "class: standard")?;
        let Some(class) = QuotaClass::ALL
            .into_iter()
            .find(|class| class.as_str() == name)
        else {
            let known = QuotaClass::ALL.map(QuotaClass::as_str).join(", ");
            return Err(place.bad(
                "class",
                format!("{name:?} is unknown; write one of {known}"),
            ));
        };
        let given = entry.value.capacity_type.as_deref();
        let given = place.needed("capacityType", given, "spot or on-demand")?;
        let vcpus = place.needed("vcpus", entry.value.vcpus, "vcpus: 1152")?;
        let only = capacity_type(&place, Some(given))?;
        let twice = only.and_then(|only| quotas.insert((class, only), vcpus));
        if twice.is_some() {
            let what = format!("{name} {given} stands there twice; keep one");
            return Err(place.bad("class", what));
        }
    }
    Ok(quotas)
}

fn subnets(world: &World, region: Region<'_>) -> Checked<BTreeMap<ZoneId, u32>> {
    let mut subnets = BTreeMap::new();
    for (i, entry) in world.subnets.iter().enumerate() {
        let place = Place::of(entry, format!("subnets[{i}]"));
        let zone = place.needed("zone", entry.value.zone.as_deref(), "zone: use1-az4")?;
        let addresses = place.needed("addresses", entry.value.addresses, "addresses: 4091")?;
        let free: &mut u32 = subnets.entry(region.zone(&place, zone)?).or_default();
        *free = free.saturating_add(addresses);
    }
    Ok(subnets)
}

fn cni(given: &CniSpec) -> Cni {
    let standard = Cni::default();
    Cni {
        warm_enis: given.warm_enis.unwrap_or(standard.warm_enis),
        warm_ips: given.warm_ips,
        minimum_ips: given.minimum_ips,
        prefixes: given.prefix_delegation,
        warm_prefixes: given.warm_prefix_target.unwrap_or(standard.warm_prefixes),
    }
}

fn prices(given: &PricesSpec, region: Region<'_>) -> Checked<Moves> {
    let drift = given.drift.as_ref().map(|entry| {
        let place = Place::of(entry, "spotPrices.drift");
        let share = |name: &str, given: Option<f64>, standard: f64| match given {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(place.bad(name, format!("{share} is not between 0 and 1")))
            }
            given => Ok(given.unwrap_or(standard)),
        };
        let every = entry
            .value
            .every
            .map_or(DEFAULT_DRIFT.every, |every| every.0);
        if every < Span::from_secs(60) {
            return Err(place.bad("every", format!("{every} is below a minute; write 1h")));
        }
        Ok(Drift {
            every,
            volatility: share(
                "volatility",
                entry.value.volatility,
                DEFAULT_DRIFT.volatility,
            )?,
            reversion: share("reversion", entry.value.reversion, DEFAULT_DRIFT.reversion)?,
        })
    });
    let mut steps = Vec::new();
    for (i, entry) in given.steps.iter().enumerate() {
        let place = Place::of(entry, format!("spotPrices.steps[{i}]"));
        let entry = &entry.value;
        let factor = place.needed("factor", entry.factor, "factor: 1.5")?;
        if !(factor > 0.0 && factor <= HIGHEST_FACTOR) {
            let what = format!("{factor} is not above 0 and at most {HIGHEST_FACTOR}");
            return Err(place.bad("factor", what));
        }
        let spot = Some("spot");
        steps.push(Step {
            at: at(&place, "at", entry.at)?,
            of: region.pick(
                &place,
                entry.zone.as_deref(),
                &entry.types,
                &entry.families,
                spot,
            )?,
            factor,
        });
    }
    Ok(Moves {
        drift: drift.transpose()?,
        steps,
    })
}

fn bucket(given: Option<&Spanned<BucketSpec>>, field: &str) -> Checked<Option<Bucket>> {
    let Some(entry) = given else { return Ok(None) };
    let place = Place::of(entry, field);
    let burst = place.needed("burst", entry.value.burst, "burst: 50")?;
    let per_second = place.needed("perSecond", entry.value.per_second, "perSecond: 5")?;
    if burst == 0 || per_second == 0 {
        return Err(place.bad(
            "burst",
            "and perSecond must be above zero, or nothing ever starts",
        ));
    }
    Ok(Some(Bucket { burst, per_second }))
}

fn at(place: &Place, name: &str, given: Option<Length>) -> Checked<Timestamp> {
    let after = place.needed(name, given, "a time after the start, such as 10m")?;
    Ok(Timestamp::ZERO + after.0)
}

fn capacity_type(place: &Place, given: Option<&str>) -> Checked<Option<CapacityType>> {
    match given {
        None => Ok(None),
        Some("spot") => Ok(Some(CapacityType::Spot)),
        Some("on-demand") => Ok(Some(CapacityType::OnDemand)),
        Some(other) => {
            let what = format!("{other:?} is unknown; write spot or on-demand");
            Err(place.bad("capacityType", what))
        }
    }
}

/// The region that names of zones, types and families are looked up in.
#[derive(Clone, Copy)]
struct Region<'a> {
    catalog: &'a Catalog,
}

impl Region<'_> {
    fn zone(&self, place: &Place, name: &str) -> Checked<ZoneId> {
        self.catalog.find_zone(name).ok_or_else(|| {
            let zones = self.catalog.zones.iter();
            let known: Vec<String> = zones.map(|z| format!("{} ({})", z.id, z.name)).collect();
            let (region, known) = (&self.catalog.region, known.join(", "));
            place.bad(
                "zone",
                format!("{name:?} is not in {region}; write one of {known}"),
            )
        })
    }

    fn pick(
        &self,
        place: &Place,
        zone: Option<&str>,
        types: &[String],
        families: &[String],
        only: Option<&str>,
    ) -> Checked<Pick> {
        let mut chosen = BTreeSet::new();
        for name in types {
            let found = self.catalog.find_type(name);
            chosen.insert(found.ok_or_else(|| self.unsold(place, "types", name))?);
        }
        for family in families {
            let ids = (0..).map(TypeId).zip(&self.catalog.types);
            let of = ids.filter(|(_, machine)| machine.family == *family);
            let of: Vec<TypeId> = of.map(|(id, _)| id).collect();
            if of.is_empty() {
                return Err(self.unsold(place, "families", family));
            }
            chosen.extend(of);
        }
        Ok(Pick {
            zone: zone.map(|zone| self.zone(place, zone)).transpose()?,
            types: (!types.is_empty() || !families.is_empty()).then_some(chosen),
            capacity_type: capacity_type(place, only)?,
        })
    }

    fn unsold(&self, place: &Place, field: &str, name: &str) -> String {
        let what = format!(
            "{name:?} is not sold in {}; see `catalog`",
            self.catalog.region
        );
        place.bad(field, what)
    }
}
