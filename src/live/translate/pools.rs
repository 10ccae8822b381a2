//! NodePools and NodeClasses as people write them: one that is wrong is named with every bad field, and
//! what it meant before stays in force until it is mended or gone.

use serde_json::Value;

use crate::cluster::event::Fact;
use crate::model::nodeclass;
use crate::model::nodepool;
use crate::model::object::FieldError;
use crate::model::pool::Pool;

use super::{Source, Translator, Wish};
use crate::live::ec2::Resolved;

/// A NodePool as it is written, beside what is meant by it.
#[derive(Clone, Debug)]
pub struct WrittenPool {
    /// What is meant; None while it has never been understood.
    pub pool: Option<Pool>,
    /// The NodeClass of its nodes.
    pub class: String,
    /// Its own id.
    pub uid: String,
    /// Which edition of its spec this is.
    pub generation: i64,
    /// Every bad field with its remedy; empty where it is understood.
    pub problem: String,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
    /// It is paused by us, since its nodes do not join.
    pub broken: bool,
}

impl Translator {
    pub(super) fn pool(&mut self, name: String, value: Value) {
        let class = value.pointer("/spec/template/spec/nodeClassRef/name");
        let class = class
            .and_then(Value::as_str)
            .unwrap_or("default")
            .to_owned();
        let uid = value.pointer("/metadata/uid").and_then(Value::as_str);
        let uid = uid.unwrap_or_default().to_owned();
        let generation = generation(&value);
        let was = self.pools.remove(&name);
        if was
            .as_ref()
            .is_some_and(|was| was.generation == generation && generation > 0)
        {
            self.pools.extend(was.map(|was| (name, was)));
            return;
        }
        let mut written = WrittenPool {
            pool: was.and_then(|was| was.pool),
            class,
            uid,
            generation,
            problem: String::new(),
            warnings: Vec::new(),
            broken: false,
        };
        match nodepool::read(value) {
            Ok((pool, warnings)) => {
                written.pool = Some(pool);
                written.warnings = warnings;
            }
            Err(errors) => {
                written.problem = said(&errors);
                let problem = &written.problem;
                tracing::warn!(
                    name,
                    problem,
                    "NodePool cannot be read; what it was before stays"
                );
                self.refused
                    .insert((Source::Pools, name.clone()), written.problem.clone());
            }
        }
        self.pools.insert(name.clone(), written);
        self.tell_pool(&name);
    }

    /// Tells of a pool as it is in force: paused where its nodes do not join, or its class is not usable.
    fn tell_pool(&mut self, name: &str) {
        let Some(written) = self.pools.get(name) else {
            return;
        };
        if let Some(mut pool) = written.pool.clone() {
            pool.paused |= written.broken || !self.resolved.contains_key(&written.class);
            self.facts.push(Fact::PoolApplied(pool.into()));
        }
        self.wishes.push(Wish::Judged { pool: name.into() });
    }

    fn tell_pools_of(&mut self, class: &str) {
        let of = self
            .pools
            .iter()
            .filter(|(_, written)| written.class == class);
        let of: Vec<String> = of.map(|(name, _)| name.clone()).collect();
        of.iter().for_each(|name| self.tell_pool(name));
    }

    /// What a class names is known: its pools may launch.
    pub fn class_resolved(&mut self, class: &str, resolved: Resolved) {
        let was = self.resolved.insert(class.to_owned(), resolved);
        if was.is_none() {
            self.tell_pools_of(class);
        }
    }

    /// What a class names is not there: its pools launch nothing until it is.
    pub fn class_unfit(&mut self, class: &str) {
        self.resolved.remove(class);
        self.tell_pools_of(class);
    }

    pub(super) fn pool_gone(&mut self, name: &str) {
        self.pools.remove(name);
        self.facts.push(Fact::PoolDeleted(name.into()));
    }

    /// Pauses a pool whose nodes never join, or lets it try again; its own object is not changed.
    pub fn set_broken(&mut self, name: &str, broken: bool) {
        let Some(written) = self.pools.get_mut(name).filter(|one| one.broken != broken) else {
            return;
        };
        written.broken = broken;
        self.tell_pool(name);
    }

    pub(super) fn class(&mut self, name: String, value: Value) {
        let generation = generation(&value);
        let known = self.classes.get(&name);
        if known.is_some_and(|(_, known)| *known == generation && generation > 0) {
            return;
        }
        match nodeclass::read(value) {
            Ok(class) => {
                self.classes.insert(name.clone(), (class, generation));
                self.wishes.push(Wish::Resolve { class: name });
            }
            Err(errors) => {
                let problem = said(&errors);
                tracing::warn!(
                    name,
                    problem,
                    "NodeClass cannot be read; what it was before stays"
                );
                self.refused
                    .insert((Source::Classes, name.clone()), problem.clone());
                self.wishes.push(Wish::Misread {
                    class: name,
                    problem,
                });
            }
        }
    }

    pub(super) fn class_gone(&mut self, name: &str) {
        self.classes.remove(name);
        self.class_unfit(name);
    }
}

fn generation(value: &Value) -> i64 {
    let generation = value.pointer("/metadata/generation");
    generation.and_then(Value::as_i64).unwrap_or(0)
}

fn said(errors: &[FieldError]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("; ")
}
