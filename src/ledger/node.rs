//! What one node has cost, piece by piece: a piece ends when its price changes or when it becomes
//! ready, and what its tenants owe is written down then. EC2 bills Linux by the second and at least a
//! minute, and nothing for what it takes back in the first hour.

use crate::model::money::{Cost, UsdPerHour};
use crate::model::name::{PodId, PoolName, Table};
use crate::model::offering::{CapacityType, TypeId, ZoneId};
use crate::model::time::{Span, Timestamp};

use super::cost::Account;

/// EC2 bills at least this much of each instance
/// (aws.amazon.com/about-aws/whats-new/2017/10/announcing-amazon-ec2-per-second-billing).
pub const BILLED_AT_LEAST: Span = Span::from_secs(60);
/// A spot instance that EC2 takes back before it is this old is free
/// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-for-interrupted-spot-instances.html).
pub const FREE_IF_RECLAIMED_WITHIN: Span = Span::from_secs(3600);

/// A node that is or was paid for.
#[derive(Clone, Debug)]
pub struct PaidNode {
    /// Its pool.
    pub pool: PoolName,
    /// Its zone.
    pub zone: ZoneId,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// The type that EC2 chose.
    pub instance_type: TypeId,
    /// What it costs; the latest of its prices.
    pub price: UsdPerHour,
    /// Since when it is paid for.
    pub launched: Timestamp,
    /// Since when it takes pods.
    pub ready: Option<Timestamp>,
    /// When it was given back or taken away.
    pub ended: Option<Timestamp>,
    /// EC2 took it back in its first hour: what it would have cost.
    pub forgiven: Option<Cost>,
    pub(super) weight: i128,
    pub(super) open: Vec<Tenant>,
    /// What its tenants owe up to `settled`, or up to their ends.
    owed: Table<Account, Cost>,
    /// What was owed, once the ledger keeps it.
    written_off: Cost,
    settled: Timestamp,
    total: Cost,
    boot: Cost,
}

/// A pod on a node.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub pod: PodId,
    pub account: Account,
    pub weight: i128,
    pub since: Timestamp,
}

impl PaidNode {
    pub(super) fn new(
        (pool, zone, capacity_type): (PoolName, ZoneId, CapacityType),
        instance_type: TypeId,
        price: UsdPerHour,
        launched: Timestamp,
    ) -> Self {
        PaidNode {
            pool,
            zone,
            capacity_type,
            instance_type,
            price,
            launched,
            ready: None,
            ended: None,
            forgiven: None,
            weight: 0,
            open: Vec::new(),
            owed: Table::default(),
            written_off: Cost::ZERO,
            settled: launched,
            total: Cost::ZERO,
            boot: Cost::ZERO,
        }
    }

    /// What it has cost until `now`: whole seconds, at least a minute.
    pub fn total(&self, now: Timestamp) -> Cost {
        if self.forgiven.is_some() {
            return Cost::ZERO;
        }
        let lived = self.ended.unwrap_or(now) - self.launched;
        let billed = self.launched + lived.round_up_to_seconds().max(BILLED_AT_LEAST);
        self.total + self.price.over(billed - self.settled)
    }

    /// What of it was paid before it was ready.
    pub(super) fn boot(&self, now: Timestamp) -> Cost {
        let booting = self.ready.is_none() && self.forgiven.is_none();
        let until = self.ended.unwrap_or(now);
        let piece = Some(self.price.over(until - self.settled)).filter(|_| booting);
        self.boot + piece.unwrap_or_default()
    }

    /// What each account owes of it until `now`.
    pub(super) fn owed(&self, now: Timestamp) -> impl Iterator<Item = (&Account, Cost)> {
        let open = self.open.iter().map(move |tenant| {
            let cost = tenant.share(self.price, self.weight, now);
            (&tenant.account, cost)
        });
        let written = self.owed.iter().map(|(account, cost)| (account, *cost));
        written.chain(open)
    }

    /// It runs, and EC2 does not make it free any more.
    pub(super) fn is_owed_for_good(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now - self.launched >= FREE_IF_RECLAIMED_WITHIN
    }

    /// Those who owe of it.
    pub(super) fn debtors(&self) -> impl Iterator<Item = &Account> {
        let open = self.open.iter().map(|tenant| &tenant.account);
        self.owed.keys().chain(open)
    }

    /// What was owed and handed over, in one sum.
    pub(super) fn written_off(&self) -> Cost {
        self.written_off
    }

    /// What each account owes of it, by tenants that have left, to be kept elsewhere.
    pub(super) fn write_off(&mut self) -> Table<Account, Cost> {
        let owed = std::mem::take(&mut self.owed);
        self.written_off += owed.values().copied().sum();
        owed
    }

    /// It takes pods from here on.
    pub(super) fn becomes_ready(&mut self, at: Timestamp) {
        if self.ready.is_none() && self.ended.is_none() {
            self.settle(at);
            self.ready = Some(at);
        }
    }

    /// It costs something else from here on.
    pub(super) fn reprice(&mut self, price: UsdPerHour, at: Timestamp) {
        self.settle(at);
        self.price = price;
    }

    /// A pod leaves it.
    pub(super) fn leaves(&mut self, pod: &PodId, at: Timestamp) {
        // A node has few pods, and names differ by their hashes.
        if let Some(place) = self.open.iter().position(|tenant| tenant.pod == *pod) {
            let tenant = self.open.swap_remove(place);
            self.charge(tenant, at);
        }
    }

    /// What a tenant that is gone owes is written down.
    fn charge(&mut self, tenant: Tenant, at: Timestamp) {
        let cost = tenant.share(self.price, self.weight, at);
        *self.owed.entry(tenant.account).or_default() += cost;
    }

    /// It is given back, or EC2 takes it: then it may be free.
    pub(super) fn ends(&mut self, at: Timestamp, reclaimed: bool) {
        for tenant in std::mem::take(&mut self.open) {
            self.charge(tenant, at);
        }
        self.ended = Some(at);
        if reclaimed && at - self.launched < FREE_IF_RECLAIMED_WITHIN {
            self.forgiven = Some(self.total(at));
            self.owed.clear();
            self.boot = Cost::ZERO;
        }
    }

    /// Writes down what was paid and owed at the price so far.
    fn settle(&mut self, at: Timestamp) {
        let piece = self.price.over(at - self.settled);
        self.total += piece;
        if self.ready.is_none() {
            self.boot += piece;
        }
        for tenant in &mut self.open {
            let cost = tenant.share(self.price, self.weight, at);
            *self.owed.entry(tenant.account.clone()).or_default() += cost;
            tenant.since = at;
        }
        self.settled = at;
    }
}

impl Tenant {
    /// Its share until then of a node of this price and weight.
    fn share(&self, price: UsdPerHour, whole: i128, until: Timestamp) -> Cost {
        price.over(until - self.since).share(self.weight, whole)
    }
}
