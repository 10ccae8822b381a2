//! ProvisioningRequests, the templates that they name, and who comes for them: until its pods come a request
//! is an application of its own, or part of the one that its templates or its pods name, so that each slot
//! counts once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::request::{Request, Standing};
use crate::cluster::app::RESERVATION_LIMIT;
use crate::cluster::kubernetes::role::named;
use crate::model::name::AppId;
use crate::model::spark::{ExecutorGroup, PodTemplate, Role, Shape};
use crate::model::time::Timestamp;

/// What is known of requests, by `namespace/name`.
#[derive(Debug, Default)]
pub struct Bookings {
    requests: BTreeMap<String, Booking>,
    templates: BTreeMap<String, Arc<PodTemplate>>,
}

/// One request.
#[derive(Debug)]
pub struct Booking {
    /// What is asked for.
    pub request: Request,
    /// The application whose pods have come for it.
    consumer: Option<AppId>,
}

impl Bookings {
    /// A request is this; None where it is gone, or of another class.
    pub fn request(&mut self, name: &str, request: Option<Request>) {
        let Some(request) = request else {
            self.requests.remove(name);
            return;
        };
        let known = self.requests.remove(name);
        let consumer = known.and_then(|known| known.consumer);
        let booking = Booking { request, consumer };
        self.requests.insert(name.to_owned(), booking);
    }

    /// A PodTemplate is this; None where it is gone. Tells which requests name it.
    pub fn template(&mut self, name: &str, template: Option<Arc<PodTemplate>>) -> Vec<String> {
        match template {
            Some(template) => drop(self.templates.insert(name.to_owned(), template)),
            None => drop(self.templates.remove(name)),
        }
        let names = |one: &Booking| one.request.sets.iter().any(|(of, _)| of == name);
        let naming = self.requests.iter().filter(|(_, one)| names(one));
        naming.map(|(request, _)| request.clone()).collect()
    }

    /// An application's pods come for a request. True where that is news.
    pub fn consumed(&mut self, name: &str, app: &AppId) -> bool {
        let booking = self.requests.get_mut(name);
        booking.is_some_and(|one| one.consumer.replace(app.clone()).as_ref() != Some(app))
    }

    /// Requests of which something may be kept.
    pub fn kept(&self) -> Vec<String> {
        let kept = |one: &Booking| matches!(one.request.standing, Standing::Booked(_));
        let kept = self.requests.iter().filter(|(_, one)| kept(one));
        kept.map(|(name, _)| name.clone()).collect()
    }

    /// All requests, by `namespace/name`.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Booking)> {
        self.requests.iter()
    }

    /// A request, by `namespace/name`.
    pub fn get(&self, name: &str) -> Option<&Booking> {
        self.requests.get(name)
    }

    /// The first template that a request names and that is not there, or cannot be read.
    pub fn missing(&self, booking: &Booking) -> Option<String> {
        let mut sets = booking.request.sets.iter();
        let missing = sets.find(|(name, _)| !self.templates.contains_key(name));
        missing.map(|(name, _)| name.clone())
    }

    /// The application that a request is, or is part of; None where it is not known.
    pub fn app(&self, name: &str) -> Option<AppId> {
        let booking = self.requests.get(name)?;
        let request = &booking.request;
        let own = || named(&request.namespace, &format!("{}.request", request.name));
        let mut sets = request.sets.iter();
        let labelled = || sets.find_map(|(name, _)| self.templates.get(name)?.app.clone());
        let consumer = booking.consumer.clone();
        Some(consumer.or_else(labelled).unwrap_or_else(own))
    }

    /// What a request asks for at this time; None where that is nothing, or its templates are not there.
    pub fn shape(&self, name: &str, now: Timestamp) -> Option<(AppId, Shape)> {
        let booking = self.requests.get(name)?;
        let request = &booking.request;
        if booking.is_over(now) || self.missing(booking).is_some() {
            return None;
        }
        let app = self.app(name)?;
        let mut shape = Shape {
            name: request.name.clone(),
            namespace: request.namespace.clone(),
            declared: request.created,
            driver: None,
            executors: Vec::new(),
            advice: Vec::new(),
        };
        for (of, count) in &request.sets {
            let mut template = self.templates.get(of)?.clone();
            Arc::make_mut(&mut template).app = Some(app.clone());
            if template.role == Role::Driver && *count == 1 && shape.driver.is_none() {
                shape.driver = Some(template);
                continue;
            }
            shape.executors.push(ExecutorGroup {
                template,
                min: *count,
                initial: *count,
                max: Some(*count),
            });
        }
        Some((app, shape))
    }

    /// True before pods of another name have come for it, so that a driver that has ended was no driver of it.
    pub fn begins(&self, name: &str) -> bool {
        let booking = self.requests.get(name);
        booking.is_some_and(|one| one.consumer.is_none() && one.request.standing == Standing::Asks)
    }
}

impl Booking {
    /// True where nothing is kept for it any more: its pods had their time to come.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self.request.standing {
            Standing::Asks => false,
            Standing::Booked(since) => since + RESERVATION_LIMIT <= now,
            Standing::Over => true,
        }
    }
}
