//! What is said of ProvisioningRequests: that they are seen, what they wait for, that all their nodes are
//! there, that they never will be, and that they were kept in vain. Kueue lets a request's pods go once it
//! reads that its nodes are there.

use std::collections::{BTreeMap, BTreeSet};

use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use crate::cluster::app::{App, slot_of};
use crate::cluster::event::Slot;
use crate::cluster::kubernetes::shape::bookings::Booking;
use crate::cluster::kubernetes::shape::request::{
    ACCEPTED, BOOKING_EXPIRED, FAILED, PROVISIONED, Standing,
};
use crate::cluster::node::Stage;
use crate::live::clock;
use crate::live::effects::claims;
use crate::live::heard::{Hand, Source};
use crate::live::tell::kubernetes::in_capitals;
use crate::live::world::World;
use crate::model::name::{NodeId, PodId};
use crate::model::object::condition::{self, Condition};
use crate::model::spark::Shape;
use crate::plan::Plan;
use crate::plan::reason::Reason;

use super::Rounds;
use super::statuses::Subject;

/// Conditions of requests as they are to be, by `namespace/name`.
pub(super) type Requests = BTreeMap<String, Vec<Condition>>;

/// What is to be said of a request: type of a condition, whether it holds, why for programs and for people.
type Saying = (&'static str, bool, String, String);

impl Rounds {
    /// Looks at all requests, after a round with its plan, and between rounds for those whose time is over.
    pub(super) fn note_requests(&mut self, plan: Option<&Plan>) {
        let bookings = self.translator.shapes.bookings();
        let all: BTreeSet<String> = bookings.all().map(|(name, _)| name.clone()).collect();
        self.requests.retain(|name, _| all.contains(name));
        let mut sayings = Vec::new();
        for (name, booking) in bookings.all() {
            let saying = self.say(name, booking, plan);
            sayings.extend(saying.map(|saying| (name.clone(), saying)));
        }
        for (name, saying) in sayings {
            if self.note_request(&name, saying) {
                self.unsaid.insert(Subject::Request(name));
            }
        }
    }

    /// Notes what is to be said. True where it is new.
    fn note_request(&mut self, name: &str, (kind, is, reason, message): Saying) -> bool {
        let Some(booking) = self.translator.shapes.bookings().get(name) else {
            return false;
        };
        let request = &booking.request;
        let condition = |kind: &str, is: bool, reason: &str, message: &str| {
            let said = (reason, message);
            Condition::new(kind, is, said, clock::rfc3339(), request.generation)
        };
        let written = || request.conditions.clone();
        let conditions = self.requests.entry(name.to_owned()).or_insert_with(written);
        let seen = condition(ACCEPTED, true, "Accepted", "its nodes are planned for");
        let accepted = condition::set(conditions, seen);
        condition::set(conditions, condition(kind, is, &reason, &message)) || accepted
    }

    fn say(&self, name: &str, booking: &Booking, plan: Option<&Plan>) -> Option<Saying> {
        match booking.request.standing {
            Standing::Over => return None,
            Standing::Booked(_) if booking.is_over(clock::now()) => {
                let message = "its time to be used is over; nodes that are empty go";
                return Some((
                    BOOKING_EXPIRED,
                    true,
                    "BookingExpired".into(),
                    message.into(),
                ));
            }
            Standing::Booked(_) => return None,
            Standing::Asks => {}
        }
        if let Some(missing) = self.translator.shapes.bookings().missing(booking) {
            let refused = (Source::Templates, missing.clone());
            let problem = self.translator.refused.get(&refused).cloned();
            let problem = problem.unwrap_or_else(|| {
                format!("PodTemplate {missing} is not there; create it, or another request")
            });
            return Some((PROVISIONED, false, "PodTemplateMissing".into(), problem));
        }
        let plan = plan?;
        let app = self
            .cluster
            .apps
            .get(&self.translator.shapes.bookings().app(name)?)?;
        let shape = app.shape.as_ref()?;
        if self.is_provided(app, shape, plan) {
            let message = "all its nodes are there";
            return Some((PROVISIONED, true, "Provisioned".into(), message.into()));
        }
        let Some(reason) = waits_for(shape, plan) else {
            let message = "its nodes have been asked for, and boot";
            return Some((PROVISIONED, false, "NodesBoot".into(), message.into()));
        };
        let (kind, is) = match never_ends(reason) {
            true => (FAILED, true),
            false => (PROVISIONED, false),
        };
        Some((kind, is, in_capitals(reason.code()), reason.to_string()))
    }

    /// True where each pod that is expected has room on a node that is ready: kept for it, or found by this
    /// plan.
    fn is_provided(&self, app: &App, shape: &Shape, plan: &Plan) -> bool {
        let ready = |id: &NodeId| {
            let node = self.cluster.nodes.get(id);
            node.is_some_and(|node| node.stage == Stage::Ready)
        };
        let kept = |slot: &Slot| -> u32 {
            let nodes = app.held.get(slot).into_iter().flatten();
            nodes.filter(|(id, _)| ready(id)).map(|(_, n)| *n).sum()
        };
        let expected = expected(app, shape);
        if expected.iter().all(|(slot, count)| kept(slot) >= *count) {
            return true;
        }
        let there = plan.existing.iter().filter(|(node, _)| ready(node));
        let seats = there.flat_map(|(_, pods)| pods);
        let seats = seats.filter(|pod| is_expected(shape, pod)).count();
        let wanted: u32 = expected.values().sum();
        u32::try_from(seats).is_ok_and(|seats| seats >= wanted)
    }
}

/// Pods that have yet to come, by what they ask for.
fn expected(app: &App, shape: &Shape) -> BTreeMap<Slot, u32> {
    let mut expected: BTreeMap<Slot, u32> = BTreeMap::new();
    let groups = shape.executors.iter();
    let groups = groups.map(|group| (&group.template, app.expected_executors(group)));
    let driver = app.expected_driver().map(|driver| (driver, 1));
    for (template, count) in groups.chain(driver) {
        *expected.entry(slot_of(template)).or_default() += count;
    }
    expected
}

/// True of the names that the plan gives to pods which have yet to come.
fn is_expected(shape: &Shape, pod: &PodId) -> bool {
    let rest = pod.as_str().strip_prefix(&shape.namespace);
    let rest = rest.and_then(|rest| rest.strip_prefix('/'));
    let rest = rest.and_then(|rest| rest.strip_prefix(&shape.name));
    rest.is_some_and(|rest| rest == "-driver" || rest.starts_with("-exec-"))
}

/// What the pods wait for; what one of them waits for by itself before what it waits for with the others.
fn waits_for<'a>(shape: &Shape, plan: &'a Plan) -> Option<&'a Reason> {
    let waiting = plan.waiting.iter();
    let reasons = waiting.filter(|one| is_expected(shape, &one.pod));
    let reasons = reasons.map(|one| &one.reason);
    reasons.min_by_key(|reason| (reason.is_for_others(), !never_ends(reason)))
}

/// True of what nobody can wait out: the request, or what is allowed, has to change.
const fn never_ends(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NoOffering { .. }
            | Reason::AboveLimit { .. }
            | Reason::NotUnderstood(_)
            | Reason::PinnedByUser { .. }
    )
}

pub(super) async fn write(world: World, done: Hand, name: String, conditions: Vec<Condition>) {
    let kind = GroupVersionKind::gvk("autoscaling.x-k8s.io", "v1", "ProvisioningRequest");
    let resource = ApiResource::from_gvk_with_plural(&kind, "provisioningrequests");
    let (namespace, of) = name.split_once('/').unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), namespace, &resource);
    let patch = Patch::Merge(json!({"status": {"conditions": conditions}}));
    let written = api.patch_status(of, &PatchParams::default(), &patch).await;
    if let Err(error) = claims::unless_gone(written) {
        tracing::warn!(name, %error, "what became of a ProvisioningRequest is not written");
    }
    world.done(done).await;
}
