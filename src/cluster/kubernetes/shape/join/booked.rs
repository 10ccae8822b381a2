//! ProvisioningRequests among all that is said of shapes: each declares what it asks for under the application
//! that it is, or whose pods come for it.

use std::sync::Arc;

use super::Join;
use crate::cluster::kubernetes::shape::Origin;
use crate::cluster::kubernetes::shape::bookings::Bookings;
use crate::cluster::kubernetes::shape::request::Request;
use crate::model::name::AppId;
use crate::model::spark::{Pod, PodTemplate};

impl Join {
    /// A request is this; None where it is gone, or of another class.
    pub fn request(&mut self, name: &str, request: Option<Request>) {
        self.bookings.request(name, request);
        self.look_at_request(name);
    }

    /// A PodTemplate is this; None where it is gone, or cannot be read.
    pub fn template(&mut self, name: &str, template: Option<Arc<PodTemplate>>) {
        let naming = self.bookings.template(name, template);
        naming.iter().for_each(|name| self.look_at_request(name));
    }

    /// An application's pods come, or will come, for a request.
    pub fn consumes(&mut self, name: &str, app: &AppId) {
        if self.bookings.consumed(name, app) {
            self.look_at_request(name);
        }
    }

    /// What is known of requests.
    pub fn bookings(&self) -> &Bookings {
        &self.bookings
    }

    /// A pod that comes for a request is its application's, or its application is the pod's. A pod of no
    /// application stays in the one that it was given, whatever becomes of the request.
    pub(super) fn consume(&mut self, pod: &mut Pod, request: Option<&str>) {
        if let Some(member) = self.members.get(&pod.id)
            && pod.template.app.is_none()
        {
            Arc::make_mut(&mut pod.template).app = Some(member.app.clone());
            return;
        }
        let Some(request) = request else { return };
        if let Some(app) = pod.template.app.clone() {
            return self.consumes(request, &app);
        }
        if let Some(app) = self.bookings.app(request) {
            Arc::make_mut(&mut pod.template).app = Some(app);
        }
    }

    pub(super) fn look_at_request(&mut self, name: &str) {
        let declared = self.bookings.shape(name, self.now);
        let begins = self.bookings.begins(name);
        self.declare(Origin::Request, name, declared, begins);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::app::RESERVATION_LIMIT;
    use crate::cluster::event::Fact;
    use crate::cluster::kubernetes::shape::{Speech, Turn, aside};
    use crate::cluster::kubernetes::{self, Kind, statement};
    use crate::model::time::{Span, Timestamp};

    const PROVISIONED_AT: &str = "2026-11-21T10:00:00Z";

    /// A request for three pods, with these conditions.
    fn request(conditions: Value) -> Option<Request> {
        let object = json!({
            "metadata": {"name": "r", "namespace": "ns"},
            "spec": {
                "provisioningClassName": "atomic.sparkwright.dev",
                "podSets": [{"podTemplateRef": {"name": "t"}, "count": 3}],
            },
            "status": {"conditions": conditions},
        });
        let said = statement(Kind::ProvisioningRequest, &object.to_string()).unwrap();
        match said.speech {
            Some(Speech::Requests(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn condition(kind: &str, at: &str) -> Value {
        json!([{"type": kind, "status": "True", "reason": "R", "message": "", "lastTransitionTime": at}])
    }

    /// A join that has a template of pods with these labels.
    fn join(labels: Value) -> Join {
        let mut join = Join::default();
        join.template("ns/t", Some(template(labels)));
        join
    }

    fn template(labels: Value) -> Arc<PodTemplate> {
        let object = json!({
            "metadata": {"name": "t", "namespace": "ns"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
            },
        });
        let said = statement(Kind::PodTemplate, &object.to_string()).unwrap();
        match said.speech {
            Some(Speech::Template(template)) => template,
            other => panic!("{other:?}"),
        }
    }

    /// A pod that comes for the request; the application that it is told as.
    fn come(join: &mut Join, name: &str, labels: Value, request: &str) -> String {
        let annotations = json!({"autoscaling.x-k8s.io/consume-provisioning-request": request});
        let object = json!({
            "metadata": {"name": name, "namespace": "ns", "labels": labels, "annotations": annotations},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
        });
        let object = serde_json::from_value(object).unwrap();
        let pod = kubernetes::pod(&object).unwrap().unwrap();
        let aside = aside(&object, &pod);
        match join.pod(pod, "uid".into(), aside).pop() {
            Some(Turn::Show(pod, _)) => pod
                .template
                .app
                .clone()
                .map_or("-".into(), |app| app.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn told(join: &mut Join) -> Vec<String> {
        let word = |fact: Fact| match fact {
            Fact::ShapeDeclared { app, shape } => format!("{app}: {}", shape.executors[0].min),
            Fact::ShapeWithdrawn(app) => format!("{app}: nothing"),
            other => format!("{other:?}"),
        };
        join.take().into_iter().map(word).collect()
    }

    #[test]
    fn a_request_asks_until_it_is_over_and_its_booking_expires() {
        let mut join = join(json!({"team": "a"}));
        join.request("ns/r", request(json!([])));
        assert_eq!(told(&mut join), ["ns/r.request: 3"]);
        join.request("ns/r", request(condition("Provisioned", PROVISIONED_AT)));
        assert!(told(&mut join).is_empty(), "it is kept");
        let since = Timestamp::from_millis(1_795_255_200_000);
        join.at(since + RESERVATION_LIMIT - Span::from_secs(1));
        assert!(told(&mut join).is_empty(), "it is kept");
        join.at(since + RESERVATION_LIMIT);
        assert_eq!(told(&mut join), ["ns/r.request: nothing"]);
        for over in ["Failed", "BookingExpired", "CapacityRevoked"] {
            join.at(Timestamp::ZERO);
            join.request("ns/r", request(json!([])));
            assert_eq!(told(&mut join), ["ns/r.request: 3"]);
            join.request("ns/r", request(condition(over, PROVISIONED_AT)));
            assert_eq!(told(&mut join), ["ns/r.request: nothing"], "{over}");
        }
    }

    #[test]
    fn a_request_is_nothing_without_its_templates_and_is_taken_back_with_them() {
        let mut join = Join::default();
        join.request("ns/r", request(json!([])));
        assert!(told(&mut join).is_empty());
        let booking = join.bookings().all().next().unwrap().1;
        assert_eq!(join.bookings().missing(booking).as_deref(), Some("ns/t"));
        join.template("ns/t", Some(template(json!({}))));
        assert_eq!(told(&mut join), ["ns/r.request: 3"]);
        join.template("ns/t", None);
        assert_eq!(told(&mut join), ["ns/r.request: nothing"]);
    }

    #[test]
    fn pods_of_no_application_are_the_requests_own_and_stay_so() {
        let mut join = join(json!({"team": "a"}));
        join.request("ns/r", request(json!([])));
        assert_eq!(
            come(&mut join, "p", json!({"team": "a"}), "r"),
            "ns/r.request"
        );
        assert_eq!(come(&mut join, "q", json!({"team": "a"}), "unknown"), "-");
        join.request("ns/r", None);
        assert_eq!(
            come(&mut join, "p", json!({"team": "a"}), "r"),
            "ns/r.request"
        );
        join.pod_gone(&"ns/p".into());
        assert_eq!(come(&mut join, "p", json!({"team": "a"}), "r"), "-");
    }

    #[test]
    fn a_request_becomes_a_part_of_the_application_whose_pods_come_for_it() {
        let mut join = join(json!({"spark-role": "executor"}));
        join.request("ns/r", request(json!([])));
        assert_eq!(told(&mut join), ["ns/r.request: 3"]);
        let executor = json!({"spark-role": "executor", "spark-app-selector": "spark-1"});
        assert_eq!(come(&mut join, "e", executor, "r"), "ns/spark-1");
        assert_eq!(told(&mut join), ["ns/r.request: nothing", "ns/spark-1: 3"]);
        join.request("ns/r", None);
        assert_eq!(told(&mut join), ["ns/spark-1: nothing"]);
    }
}
