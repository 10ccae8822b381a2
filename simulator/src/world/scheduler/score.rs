//! Scores of feasible nodes: resources, taints, preferred node affinity, preferred pod affinity and
//! soft spread, each brought to 0..100 over the feasible nodes and weighed as in kube-scheduler's
//! default profile. Source: kubernetes/kubernetes 1.34, pkg/scheduler/framework/plugins.

use std::cmp::Reverse;

use sparkwright::model::node::TaintEffect;
use sparkwright::model::resources::Resources;
use sparkwright::model::spark::PodTemplate;

use super::hosts::Host;
use super::neighbours::Neighbours;
use super::profile::Profile;
use super::{Gone, Scheduler};

/// The highest score of one rule.
const MOST: u64 = 100;
/// Weights beside the resources' 1, as in kube-scheduler's default profile.
const TAINT_WEIGHT: u64 = 3;
const NODE_AFFINITY_WEIGHT: u64 = 2;
const POD_AFFINITY_WEIGHT: u64 = 2;
const SPREAD_WEIGHT: u64 = 2;

/// Which nodes rank first by their resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scoring {
    /// Those with the most left free: kube-scheduler's default.
    #[default]
    LeastAllocated,
    /// Those with the most taken: `scoringStrategy.type: MostAllocated`.
    MostAllocated,
}

impl Scoring {
    /// Score of a host's resources once a pod is on it, balance included.
    pub(super) fn of(self, host: &Host, requests: &Resources) -> u16 {
        let all = &host.facts.allocatable;
        let left = |free: u64, need: u64| free.saturating_sub(need);
        let cpu = left(host.free.cpu.millis(), requests.cpu.millis());
        let memory = left(host.free.memory.get(), requests.memory.get());
        let (all_cpu, all_memory) = (all.cpu.millis(), all.memory.get());
        let share = |left: u64, all: u64| {
            let part = match self {
                Scoring::LeastAllocated => left,
                Scoring::MostAllocated => all.saturating_sub(left),
            };
            part.saturating_mul(MOST).checked_div(all).unwrap_or(0)
        };
        let fit = (share(cpu, all_cpu) + share(memory, all_memory)) / 2;
        let score = fit + balanced((cpu, all_cpu), (memory, all_memory));
        u16::try_from(score).unwrap_or(u16::MAX)
    }
}

/// 100 less the standard deviation of the two shares, which is half their distance.
fn balanced(cpu: (u64, u64), memory: (u64, u64)) -> u64 {
    let [cpu_left, cpu, memory_left, memory] = [cpu.0, cpu.1, memory.0, memory.1].map(u128::from);
    let whole = cpu * memory;
    let distance = (cpu_left * memory).abs_diff(memory_left * cpu);
    let score = (100 * whole)
        .saturating_sub(50 * distance)
        .checked_div(whole);
    score
        .and_then(|score| u64::try_from(score).ok())
        .unwrap_or(0)
}

impl Scheduler {
    /// Where the feasible node is that ranks first, every node and every rule considered.
    pub(super) fn best_of_all(&self, template: &PodTemplate, profile: usize) -> Option<usize> {
        let profile = self.profiles.get(profile);
        let gone = Gone::new();
        let neighbours = Neighbours::of(self, template, &gone);
        let feasible = self.hosts.iter();
        let feasible = feasible.filter(|(_, host)| self.takes(host, profile, &neighbours, &gone));
        let (places, feasible): (Vec<usize>, Vec<&Host>) = feasible.unzip();
        let scores = self.scores(&feasible, template, profile, &neighbours);
        let ranked = feasible.iter().zip(scores).zip(places);
        let best = ranked.max_by_key(|((host, score), _)| (*score, Reverse(&host.facts.id)));
        best.map(|(_, place)| place)
    }

    /// True where a host takes a pod of this profile were these pods gone.
    pub(super) fn takes(
        &self,
        host: &Host,
        profile: &Profile,
        neighbours: &Neighbours<'_>,
        gone: &Gone,
    ) -> bool {
        host.facts.ready
            && !host.facts.unschedulable
            && profile.suits(host)
            && self.has_room(host, profile, gone)
            && neighbours.admit(host)
    }

    fn scores(
        &self,
        feasible: &[&Host],
        template: &PodTemplate,
        profile: &Profile,
        neighbours: &Neighbours<'_>,
    ) -> Vec<u64> {
        let soft: Vec<i64> = feasible
            .iter()
            .map(|host| -soft_taints(host, template))
            .collect();
        let liked: Vec<i64> = feasible.iter().map(|host| liked(host, template)).collect();
        let near: Vec<i64> = feasible
            .iter()
            .map(|host| neighbours.liking(host))
            .collect();
        let crowded: Vec<i64> = neighbours.crowding(feasible);
        let taints = against_worst(&soft);
        let liked = against_best(&liked);
        let near = between(&near);
        let spread = by_crowding(&crowded);
        let resources = feasible
            .iter()
            .map(|host| self.scoring.of(host, &profile.requests));
        resources
            .enumerate()
            .map(|(i, score)| {
                u64::from(score)
                    + TAINT_WEIGHT * taints[i]
                    + NODE_AFFINITY_WEIGHT * liked[i]
                    + POD_AFFINITY_WEIGHT * near[i]
                    + SPREAD_WEIGHT * spread[i]
            })
            .collect()
    }
}

/// `PreferNoSchedule` taints that the pod does not tolerate.
fn soft_taints(host: &Host, template: &PodTemplate) -> i64 {
    let soft = host.facts.taints.iter().filter(|taint| {
        let mut tolerations = template.tolerations.iter();
        taint.effect == TaintEffect::PreferNoSchedule
            && !tolerations.any(|toleration| toleration.tolerates(taint))
    });
    i64::try_from(soft.count()).unwrap_or(i64::MAX)
}

/// Weight of the preferred node affinity that holds.
fn liked(host: &Host, template: &PodTemplate) -> i64 {
    let likes = template
        .placement
        .iter()
        .flat_map(|placement| &placement.likes_nodes);
    likes
        .filter(|(_, wanted)| wanted.iter().all(|wanted| wanted.holds(&host.facts.labels)))
        .map(|(weight, _)| i64::from(*weight))
        .sum()
}

fn part(amount: i64, all: i64) -> u64 {
    let score = (amount * 100).checked_div(all).unwrap_or(0);
    u64::try_from(score).unwrap_or(0)
}

/// 100 for none, 0 for the most negative.
fn against_worst(amounts: &[i64]) -> Vec<u64> {
    let worst = amounts.iter().copied().min().unwrap_or(0);
    let score = |&amount: &i64| {
        if worst == 0 {
            MOST
        } else {
            MOST - part(amount, worst).min(MOST)
        }
    };
    amounts.iter().map(score).collect()
}

/// 100 for the largest.
fn against_best(amounts: &[i64]) -> Vec<u64> {
    let best = amounts.iter().copied().max().unwrap_or(0);
    amounts.iter().map(|&amount| part(amount, best)).collect()
}

/// 0 for the smallest, 100 for the largest.
fn between(amounts: &[i64]) -> Vec<u64> {
    let least = amounts.iter().copied().min().unwrap_or(0);
    let most = amounts.iter().copied().max().unwrap_or(0);
    amounts
        .iter()
        .map(|&amount| part(amount - least, most - least))
        .collect()
}

/// 100 for the emptiest place; a node that is in no place has the amount -1, and 0.
fn by_crowding(amounts: &[i64]) -> Vec<u64> {
    let known = || amounts.iter().copied().filter(|amount| *amount >= 0);
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let score = |&amount: &i64| match amount {
        ..0 => 0,
        _ if most == 0 => MOST,
        _ => part(most + least - amount, most),
    };
    amounts.iter().map(score).collect()
}
