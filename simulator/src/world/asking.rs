//! Calls to EC2 and what comes of them: answers become facts, throttled calls are made again, refusals
//! are remembered. Chooses nothing; the next round plans with what is known then.

use sparkwright::cluster::event::{Event, Fact, Intent};
use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::ledger::cost::MOST_NAMED;
use sparkwright::model::quota::QuotaClass;
use sparkwright::model::time::Span;
use sparkwright::plan::effect::{AllocationStrategy, Launch};

use super::agenda::Due;
use super::fleet::{Answer, Code, FleetError};
use super::run::World;
use super::stream::{stream, uniform};

/// First wait of a throttled call; each further one doubles it.
const BACKOFF: Span = Span::from_secs(1);
/// Longest wait, as in the AWS SDKs' standard retry mode.
const LONGEST_BACKOFF: Span = Span::from_secs(20);

/// A call to EC2.
#[derive(Clone, Debug)]
pub(super) struct Call {
    intent: Intent,
    strategy: AllocationStrategy,
    /// None rather than fewer nodes than these.
    minimum: Option<u32>,
    attempts: u32,
    answer: Option<Answer>,
}

impl World {
    /// Makes the call of a launch.
    pub(super) fn launch(&mut self, launch: Launch) {
        self.say(Fact::LaunchAsked(Box::new(launch.intent.clone())));
        for node in &launch.intent.nodes {
            if self.reasons.len() < MOST_NAMED {
                self.reasons.insert(node.id.clone(), launch.reason.clone());
            }
            for held in &node.held {
                self.tally.asked(&held.app, launch.intent.zone);
            }
        }
        let call = Call {
            intent: launch.intent,
            strategy: launch.strategy,
            minimum: launch.minimum,
            attempts: 0,
            answer: None,
        };
        self.call(call);
    }

    /// Makes a call again that was throttled.
    pub(super) fn call_again(&mut self, number: u64) {
        if let Some(call) = self.calls.remove(&number) {
            self.call(call);
        }
    }

    fn call(&mut self, mut call: Call) {
        let least = call.minimum;
        let answer = self
            .fleet
            .create(&call.intent, call.strategy, least, self.now);
        let Some(answer) = answer else {
            self.tally.throttled_calls += 1;
            return self.back_off(call);
        };
        for (node, pending) in &answer.given {
            let runs = self.now + answer.after + *pending;
            self.agenda.add(runs, Due::Launched(node.clone()));
        }
        if !answer.throttled.is_empty() {
            self.tally.throttled_calls += 1;
            let mut rest = call.clone();
            rest.minimum = None;
            rest.intent
                .nodes
                .retain(|node| answer.throttled.contains(&node.id));
            self.back_off(rest);
        }
        let at = self.now + answer.after;
        call.answer = Some(answer);
        let number = self.keep(call);
        self.agenda.add(at, Due::Answered(number));
    }

    fn back_off(&mut self, mut call: Call) {
        let doubled = BACKOFF.millis() << call.attempts.min(10);
        let most = doubled.min(LONGEST_BACKOFF.millis());
        let first = call.intent.nodes.first();
        let name = first.map_or(String::new(), |node| {
            format!("{} {}", node.id, call.attempts)
        });
        let share = (uniform(&mut stream(self.seed, "backoff", &name)) + 1.0) / 2.0;
        call.attempts += 1;
        let number = self.keep(call);
        let at = self.now + part(most, share);
        self.agenda.add(at, Due::CallAgain(number));
    }

    fn keep(&mut self, call: Call) -> u64 {
        self.calls_made += 1;
        self.calls.insert(self.calls_made, call);
        self.calls_made
    }

    /// The answer of a call is there.
    pub(super) fn answered(&mut self, number: u64) {
        let Some(answer) = self.calls.remove(&number).and_then(|call| call.answer) else {
            return;
        };
        for error in &answer.errors {
            self.tally.refused(error);
            self.believe(error);
        }
        self.tally.refused_nodes += u64::try_from(answer.refused.len()).unwrap_or(0);
        for node in answer.refused {
            self.say(Fact::NodeRefused(node));
        }
        self.tell_addresses();
    }

    /// What a refusal says about the next call.
    fn believe(&mut self, error: &FleetError) {
        match error.code {
            Code::InsufficientInstanceCapacity => self.believe_dry(error.of),
            Code::VcpuLimitExceeded | Code::MaxSpotInstanceCountExceeded => {
                let (instance_type, _, capacity_type) = error.of;
                let machine = self.cluster.catalog.instance_type(instance_type);
                let class = QuotaClass::of(&machine.family);
                let key = (class, capacity_type);
                let until = self.cluster.shortages.believe_quota(key, self.now);
                self.say(Fact::QuotaReached {
                    class,
                    capacity_type,
                    until,
                });
            }
            Code::InsufficientFreeAddressesInSubnet => {}
        }
    }

    /// EC2 has no more of an offering.
    pub(super) fn believe_dry(&mut self, key: OfferingKey) {
        let until = self.cluster.shortages.believe_offering(key, self.now);
        let (instance_type, zone, capacity_type) = key;
        self.say(Fact::OfferingUnavailable {
            instance_type,
            zone,
            capacity_type,
            until,
        });
    }

    /// Says how many addresses zones have left, where that has changed.
    pub(super) fn tell_addresses(&mut self) {
        if !self.fleet.counts_addresses() {
            return;
        }
        let (known, at) = (&self.cluster.shortages.addresses, self.now);
        let news = self.fleet.addresses();
        let news = news.filter(|(zone, free)| known.get(zone) != Some(free));
        let facts = news.map(|(zone, free)| Fact::ZoneAddresses { zone, free });
        self.batch.extend(facts.map(|fact| Event { at, fact }));
    }
}

#[expect(
    clippy::as_conversions,
    reason = "at most twenty seconds of milliseconds"
)]
fn part(millis: i64, share: f64) -> Span {
    Span::from_millis((millis as f64 * share) as i64)
}
