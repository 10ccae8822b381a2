//! The file as it is written: every field by its name, unknown ones refused with their line. What values
//! mean together, and what the region knows of them, is checked in `check.rs`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::Spanned;
use sparkwright::model::time::Span;

use super::yaml;

/// Largest file that is read, in bytes: a year of price steps is far below.
const LARGEST: usize = 4 << 20;

/// Reads a text.
pub(super) fn read(text: &str) -> Result<World, String> {
    yaml::read(text, LARGEST)
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct World {
    pub delays: DelaysSpec,
    pub interruptions: InterruptionsSpec,
    pub capacity: CapacitySpec,
    pub quotas: Vec<Spanned<QuotaSpec>>,
    pub subnets: Vec<Spanned<SubnetSpec>>,
    pub cni: CniSpec,
    pub spot_prices: PricesSpec,
    pub requests: RequestsSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DelaysSpec {
    pub answer: Option<Spanned<Delay>>,
    pub launch: Option<Spanned<Delay>>,
    pub boot: Option<Spanned<Delay>>,
    pub pull: Option<Spanned<Delay>>,
    pub start: Option<Spanned<Delay>>,
    pub shutdown: Option<Spanned<Delay>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct InterruptionsSpec {
    pub rate: Option<Spanned<f64>>,
    pub notice: Option<Length>,
    pub scripted: Vec<Spanned<InterruptionSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct InterruptionSpec {
    pub at: Option<Length>,
    pub zone: Option<String>,
    pub types: Vec<String>,
    pub families: Vec<String>,
    pub nodes: Option<usize>,
    pub percent: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct CapacitySpec {
    pub droughts: Vec<Spanned<DroughtSpec>>,
    pub spells: Option<Spanned<SpellsSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DroughtSpec {
    pub zone: Option<String>,
    pub types: Vec<String>,
    pub families: Vec<String>,
    pub capacity_type: Option<String>,
    pub from: Option<Length>,
    pub to: Option<Length>,
    pub instances: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct SpellsSpec {
    pub every: Option<Length>,
    pub lasting: Option<Spanned<Delay>>,
    pub capacity_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct QuotaSpec {
    pub class: Option<String>,
    pub capacity_type: Option<String>,
    pub vcpus: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct SubnetSpec {
    pub zone: Option<String>,
    pub addresses: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct CniSpec {
    #[serde(rename = "warmENITarget")]
    pub warm_enis: Option<u32>,
    #[serde(rename = "warmIPTarget")]
    pub warm_ips: Option<u32>,
    #[serde(rename = "minimumIPTarget")]
    pub minimum_ips: Option<u32>,
    pub prefix_delegation: bool,
    pub warm_prefix_target: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct PricesSpec {
    pub drift: Option<Spanned<DriftSpec>>,
    pub steps: Vec<Spanned<StepSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DriftSpec {
    pub every: Option<Length>,
    pub volatility: Option<f64>,
    pub reversion: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct StepSpec {
    pub at: Option<Length>,
    pub zone: Option<String>,
    pub types: Vec<String>,
    pub families: Vec<String>,
    pub factor: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RequestsSpec {
    pub create_fleet: Option<Spanned<BucketSpec>>,
    pub instances: Option<Spanned<BucketSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct BucketSpec {
    pub burst: Option<u32>,
    pub per_second: Option<u32>,
}

/// A length of time such as `90s`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length(pub Span);

/// A constant such as `60s`, or a distribution.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delay {
    Constant(Span),
    Quantiles(Quantiles),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quantiles {
    pub p50: Length,
    pub p95: Option<Length>,
    pub p99: Option<Length>,
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        length(&text).map(Length).map_err(de::Error::custom)
    }
}

fn length(text: &str) -> Result<Span, String> {
    let wrong = || format!("{text:?} is no length of time; write 500ms, 90s, 10m or 1h");
    text.parse().map_err(|_| wrong())
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DelayVisitor)
    }
}

struct DelayVisitor;

impl<'de> Visitor<'de> for DelayVisitor {
    type Value = Delay;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length such as 60s, or quantiles such as {p50: 40s, p99: 75s}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Delay, E> {
        length(text).map(Delay::Constant).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Delay, A::Error> {
        let quantiles = Quantiles::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Delay::Quantiles(quantiles))
    }
}
