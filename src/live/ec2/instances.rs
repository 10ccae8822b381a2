//! Instances of this cluster, in pages and by filter: unfiltered lists have a smaller bucket. A list by ids
//! goes by filter too, where one that EC2 does not know fails nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, InstanceLifecycleType, InstanceStateName};
use tokio::time::Instant;

use super::action::Action;
use super::filter::{self, MOST_VALUES};
use super::{Ec2, Ec2Error, locked, tags};
use crate::model::offering::CapacityType;
use crate::model::time::Timestamp;

/// Instances of a page: EC2's most.
const PAGE: i32 = 1000;
/// States of instances that are there or may come back.
const THERE: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];
/// How long EC2 may not find an instance that it gave: five minutes is the most that its documentation
/// advises to wait ("eventual consistency").
pub(super) const FRESH: Duration = Duration::from_secs(300);

/// An instance, as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// `c5d.9xlarge`.
    pub instance_type: String,
    /// The zone by the account's name.
    pub zone: String,
    /// What it is doing.
    pub state: InstanceState,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// When EC2 launched it.
    pub launched_at: Timestamp,
    /// Its image.
    pub image: Option<String>,
    /// Its subnet; None once it has lost its network.
    pub subnet: Option<String>,
    /// Its name in the VPC; None once it has lost its network.
    pub private_dns_name: Option<String>,
    /// The token of the intent that asked for it.
    pub token: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// It comes up; not billed.
    Pending,
    /// It runs and is billed.
    Running,
    /// It is being terminated.
    ShuttingDown,
    /// It is gone.
    Terminated,
    /// It is being stopped.
    Stopping,
    /// It is stopped; it could be started again.
    Stopped,
}

impl InstanceState {
    /// EC2's words for it, which notices use too; None for another word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(InstanceState::Pending),
            "running" => Some(InstanceState::Running),
            "shutting-down" => Some(InstanceState::ShuttingDown),
            "terminated" => Some(InstanceState::Terminated),
            "stopping" => Some(InstanceState::Stopping),
            "stopped" => Some(InstanceState::Stopped),
            _ => None,
        }
    }
}

impl Ec2 {
    /// All instances that carry our cluster's tags and are not terminated. Instances of the last minutes
    /// may be missing: EC2 finds them late.
    ///
    /// # Errors
    /// Where a page cannot be had; a part of the list is never given for the whole.
    pub async fn instances(&self) -> Result<Vec<Instance>, Ec2Error> {
        let mut filters = tags::ours_only(&self.inner.cluster);
        filters.push(filter::any("instance-state-name", &THERE));
        self.listed(filters).await
    }

    /// What is known of some instances, terminated ones too. Those that EC2 does not find are left out.
    ///
    /// # Errors
    /// As [`Ec2::instances`].
    pub async fn instances_of(&self, ids: &[String]) -> Result<Vec<Instance>, Ec2Error> {
        let mut found = Vec::new();
        for some in ids.chunks(MOST_VALUES) {
            found.extend(self.listed(vec![filter::any("instance-id", some)]).await?);
        }
        Ok(found)
    }

    /// True for an instance that EC2 gave so lately that it need not find it yet.
    pub(super) fn is_fresh(&self, id: &str) -> bool {
        let fresh = locked(&self.inner.fresh);
        fresh.get(id).is_some_and(|given| given.elapsed() < FRESH)
    }

    /// Remembers instances that were given.
    pub(super) fn remember<'a>(&self, ids: impl Iterator<Item = &'a String>) {
        let mut fresh = locked(&self.inner.fresh);
        fresh.retain(|_, given| given.elapsed() < FRESH);
        fresh.extend(ids.map(|id| (id.clone(), Instant::now())));
    }

    async fn listed(&self, filters: Vec<Filter>) -> Result<Vec<Instance>, Ec2Error> {
        let action = Action::DescribeInstances;
        let reservations = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_instances();
            let request = request
                .set_filters(Some(filters.clone()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.reservations.unwrap_or_default(), page.next_token))
        });
        let reservations = reservations.await?.into_iter();
        let instances = reservations.flat_map(|r| r.instances.unwrap_or_default());
        Ok(instances.filter_map(|instance| read(&instance)).collect())
    }
}

/// None where EC2 leaves out what every instance has.
fn read(instance: &aws_sdk_ec2::types::Instance) -> Option<Instance> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let tags = tags::read(instance.tags());
    let spot = instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot);
    let state = instance
        .state()?
        .name()
        .map_or("", InstanceStateName::as_str);
    Some(Instance {
        id: instance.instance_id()?.to_owned(),
        instance_type: instance.instance_type()?.as_str().to_owned(),
        zone: text(instance.placement()?.availability_zone())?,
        state: InstanceState::parse(state)?,
        capacity_type: if spot {
            CapacityType::Spot
        } else {
            CapacityType::OnDemand
        },
        launched_at: Timestamp::from_millis(instance.launch_time()?.to_millis().ok()?),
        image: text(instance.image_id()),
        subnet: text(instance.subnet_id()),
        private_dns_name: text(instance.private_dns_name()),
        token: tags.get(tags::INTENT).cloned(),
        tags,
    })
}
