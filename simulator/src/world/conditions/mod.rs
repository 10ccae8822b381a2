//! What the simulated EC2 and cluster are like: how long things take, what EC2 takes back, runs out of
//! and refuses, what spot costs over time. Defaults are what AWS documents or what was measured; a file
//! (`replay --world FILE`, docs/world.md) says otherwise. Says nothing of our own configuration.

pub(crate) mod check;
pub(crate) mod file;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use sparkwright::cluster::shortage::QuotaKey;
use sparkwright::model::cni::Cni;
use sparkwright::model::offering::{Catalog, ZoneId};

use super::delays::Delays;
use super::fleet::capacity::{Drought, Spells};
use super::fleet::interrupt::Interruptions;
use super::fleet::price::Moves;
use super::fleet::throttle::{Bucket, CREATE_FLEET};

/// What a world is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// How long things take.
    pub delays: Delays,
    /// What EC2 takes back.
    pub interruptions: Interruptions,
    /// What EC2 runs out of, as written down.
    pub droughts: Vec<Drought>,
    /// What it runs out of at random.
    pub spells: Option<Spells>,
    /// vCPUs that the account may run; a class that is not there is not bounded.
    pub quotas: BTreeMap<QuotaKey, u64>,
    /// Free addresses of each zone's subnets; a zone that is not there is not bounded.
    pub subnets: BTreeMap<ZoneId, u32>,
    /// How many of them nodes take.
    pub cni: Cni,
    /// How spot prices move.
    pub prices: Moves,
    /// CreateFleet calls; None: never throttled.
    pub calls: Option<Bucket>,
    /// Instances launched; None: never throttled.
    pub launches: Option<Bucket>,
}

/// The advisor's interruptions and EC2's documented call rate; capacity, quotas and addresses without
/// end and prices that stand still, since nobody publishes what an account meets of these.
impl Default for Conditions {
    fn default() -> Self {
        Conditions {
            delays: Delays::default(),
            interruptions: Interruptions::default(),
            droughts: Vec::new(),
            spells: None,
            quotas: BTreeMap::new(),
            subnets: BTreeMap::new(),
            cni: Cni::default(),
            prices: Moves::default(),
            calls: Some(CREATE_FLEET),
            launches: None,
        }
    }
}

impl Conditions {
    /// Nothing takes time and nothing goes wrong: for executors that come as they were recorded.
    pub fn still() -> Self {
        Conditions {
            delays: Delays::NONE,
            interruptions: Interruptions {
                rate: 0.0,
                ..Interruptions::default()
            },
            calls: None,
            ..Conditions::default()
        }
    }

    /// Reads a file for a region.
    ///
    /// # Errors
    /// One line that names file, line, field, value and remedy.
    pub fn read(path: &Path, catalog: &Catalog) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{name}: {error}; name a file of the world's conditions"))?;
        Conditions::parse(&text, catalog).map_err(|problem| format!("{name}: {problem}"))
    }

    /// Reads the text of a file for a region.
    ///
    /// # Errors
    /// One line that names line, field, value and remedy.
    pub fn parse(text: &str, catalog: &Catalog) -> Result<Self, String> {
        check::conditions(file::read(text)?, catalog)
    }
}

#[cfg(test)]
mod tests;
