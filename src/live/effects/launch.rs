//! A launch, intent first: the whole request is stored in claims, then sent, and only then answered for.
//! A request that may have been carried out is sent again as it was, with the same token, until EC2 says
//! what came of it. Nothing is sent once another replica may lead.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::{Instrument, info_span};

use crate::cluster::event::Intent;
use crate::model::nodeclass::Class;
use crate::model::offering::Catalog;
use crate::model::pool::Pool;
use crate::model::time::Timestamp;
use crate::plan::effect::Launch;

use super::claims;
use crate::live::clock;
use crate::live::crash;
use crate::live::ec2::{
    Answer, FleetRequest, GivenInstance, LaunchError, Order, Refusal, RequestError, Resolved,
};
use crate::live::heard::{Answered, Hand, Heard};
use crate::live::world::{PAUSE, World, wait_before};

/// Sends of one request before it is left to the next look at open claims.
const SENDS: u32 = 8;
/// New requests where a launch template went away in between.
const REMAKES: u32 = 2;

/// Everything that a launch follows from.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// What the plan wants, its nodes under their claims' names.
    pub launch: Launch,
    /// The catalogue that it was planned on.
    pub catalog: Arc<Catalog>,
    /// The pool that pays.
    pub pool: Pool,
    /// Its class …
    pub class: Class,
    /// … and what that names.
    pub resolved: Resolved,
    /// The call's token.
    pub token: String,
    /// The epoch of the leader that planned it.
    pub epoch: u64,
    /// When the first change was heard that led to it.
    pub since: Timestamp,
}

/// A call that is stored, and whose answer some of its claims wait for.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// What was asked for, as far as it is those claims'.
    pub intent: Intent,
    /// The request as it is stored.
    pub stored: String,
    /// The call's token.
    pub token: String,
    /// Instances of the same call that are other claims'.
    pub claimed: BTreeSet<String>,
}

/// An instance for a claim.
#[derive(Clone, Debug)]
pub struct Given {
    /// The claim.
    pub claim: String,
    /// The instance.
    pub instance: GivenInstance,
}

/// Stores a launch, sends it and tells the loop what came of it.
pub async fn launch(world: World, ordered: Ordered) {
    let intent = ordered.launch.intent.clone();
    let hand = Hand::Launch(ordered.token.clone());
    let storing = store(&world, &ordered).instrument(info_span!("store"));
    let outcome = match storing.await {
        Ok((request, writing)) => {
            let after = clock::now() - ordered.since;
            let after = Duration::from_millis(u64::try_from(after.millis()).unwrap_or(0));
            world.metrics.launch_sent(after.saturating_sub(writing));
            tracing::debug!(token = ordered.token, ?after, ?writing, "launch is sent");
            let sending = send(&world, &request, &ordered.token, ordered.epoch);
            sending.instrument(info_span!("send")).await
        }
        Err(problem) => Err(problem),
    };
    tell(&world, intent, outcome).await;
    world.done(hand).await;
}

/// Sends again what a claim has stored, after a restart or a change of leader.
pub async fn resend(world: World, unanswered: Unanswered, epoch: u64) {
    let token = unanswered.token;
    let outcome = match FleetRequest::read(&unanswered.stored) {
        Ok(request) => send(&world, &request, &token, epoch).await,
        Err(error) => Err(Failure::Refused(format!(
            "read the stored request: {error}"
        ))),
    };
    let outcome = outcome.map(|answer| without(answer, &unanswered.claimed));
    tell(&world, unanswered.intent, outcome).await;
    world.done(Hand::Launch(token)).await;
}

/// The same token gives the same instances again: those that were noted before are no news.
fn without(mut answer: Answer, claimed: &BTreeSet<String>) -> Answer {
    answer.given.retain(|given| !claimed.contains(&given.id));
    answer
}

/// Why a launch has no answer.
#[derive(Debug)]
enum Failure {
    /// EC2 was not asked, or said no for good: nothing was launched.
    Refused(String),
    /// EC2 was not asked, for no fault of the request's.
    Unsent,
    /// It may have launched; whoever leads looks at it again.
    Open,
}

/// The request, once it is stored, and how long the API server took for that.
async fn store(world: &World, ordered: &Ordered) -> Result<(FleetRequest, Duration), Failure> {
    let nodes = ordered.launch.intent.nodes.iter();
    let names: Vec<String> = nodes.map(|node| node.id.as_str().to_owned()).collect();
    let order = Order {
        launch: &ordered.launch,
        catalog: &ordered.catalog,
        pool: &ordered.pool,
        class: &ordered.class,
        resolved: &ordered.resolved,
        cluster: &world.cluster,
        claims: &names,
        token: &ordered.token,
        epoch: ordered.epoch,
        minimum: ordered.launch.minimum,
    };
    let request = world.ec2.request(order).await;
    let request = match request {
        Ok(request) => request,
        Err(RequestError::Ec2(error)) if error.may_pass() => {
            tracing::warn!(token = ordered.token, %error, "launch template cannot be made yet");
            sleep(PAUSE).await;
            return Err(Failure::Unsent);
        }
        Err(error) => return Err(Failure::Refused(error.to_string())),
    };
    if !world.lease.holds(ordered.epoch) {
        return Err(Failure::Unsent);
    }
    let written = (ordered.token.as_str(), ordered.epoch, request.written());
    let intent = &ordered.launch.intent;
    let claims = claims::of_intent(
        intent,
        &ordered.pool,
        &ordered.class.name,
        &ordered.catalog,
        written,
    );
    crash::point("before-intent");
    let began = Instant::now();
    match claims::write(&world.client, claims).await {
        Ok(()) => {
            crash::point("after-intent");
            Ok((request, began.elapsed()))
        }
        Err(error) => {
            tracing::warn!(token = ordered.token, %error, "claims cannot be written; nothing is launched");
            sleep(PAUSE).await;
            Err(Failure::Unsent)
        }
    }
}

async fn send(
    world: &World,
    request: &FleetRequest,
    token: &str,
    epoch: u64,
) -> Result<Answer, Failure> {
    let mut remakes = 0;
    for attempt in 1..=SENDS {
        if !world.lease.holds(epoch) {
            return Err(Failure::Open);
        }
        crash::point("before-fleet");
        match world.ec2.create_fleet(request, token).await {
            Ok(answer) => {
                crash::point("after-fleet");
                return Ok(answer);
            }
            Err(error @ LaunchError::Config { .. }) => {
                return Err(Failure::Refused(error.to_string()));
            }
            Err(LaunchError::TokenMismatch) => return Err(Failure::Open),
            Err(LaunchError::TemplateGone) if remakes == REMAKES => {
                return Err(Failure::Refused(LaunchError::TemplateGone.to_string()));
            }
            Err(LaunchError::TemplateGone) => remakes += 1,
            Err(error @ (LaunchError::Throttled | LaunchError::Transient { .. })) => {
                tracing::info!(token, attempt, %error, "launch is sent again");
            }
        }
        sleep(wait_before(attempt)).await;
    }
    Err(Failure::Open)
}

async fn tell(world: &World, intent: Intent, outcome: Result<Answer, Failure>) {
    let (answer, failed) = match outcome {
        Ok(answer) => (answer, None),
        Err(Failure::Refused(problem)) => (Answer::default(), Some(problem)),
        Err(Failure::Unsent) => (Answer::default(), None),
        Err(Failure::Open) => return,
    };
    let (given, surplus) = matched(&intent, answer.given);
    if !surplus.is_empty() {
        // A claim was lost between its writing and now: nobody waits for these.
        world.ec2.terminate(&surplus).await;
    }
    let refusals: Vec<Refusal> = answer.refused;
    let answered = Answered {
        intent,
        given,
        refusals,
        failed,
    };
    world.tell(Heard::Answered(answered)).await;
}

/// All claims of a call are interchangeable: instances go to them in order.
fn matched(intent: &Intent, instances: Vec<GivenInstance>) -> (Vec<Given>, Vec<String>) {
    let mut instances = instances.into_iter();
    let nodes = intent.nodes.iter();
    let given = nodes.zip(instances.by_ref()).map(|(node, instance)| Given {
        claim: node.id.as_str().to_owned(),
        instance,
    });
    let given = given.collect();
    (given, instances.map(|instance| instance.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::offering::CapacityType;

    fn instance(id: &str) -> GivenInstance {
        GivenInstance {
            id: id.to_owned(),
            instance_type: "m5.xlarge".to_owned(),
            zone: "us-east-1a".to_owned(),
            subnet: None,
            image: None,
            capacity_type: CapacityType::Spot,
        }
    }

    #[test]
    fn an_answer_that_comes_again_leaves_other_claims_what_they_have() {
        let answer = Answer {
            given: ["i-1", "i-2", "i-3"].map(instance).into(),
            refused: Vec::new(),
        };
        let claimed = BTreeSet::from(["i-1".to_owned(), "i-3".to_owned()]);
        let left = without(answer, &claimed).given;
        assert_eq!(left, [instance("i-2")]);
    }
}
