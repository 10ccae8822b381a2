//! Objects that speak of applications' shapes, handed to the join, and what it makes of them told. Who counts
//! where several speak is the join's to say.

use crate::cluster::kubernetes::shape::{GroupName, Origin, Speech};
use crate::live::driver_conf::Configs;
use crate::live::heard::Source;
use crate::model::name::PodId;
use crate::model::time::{Span, Timestamp};

use super::{Translator, Wish};

impl Translator {
    /// How long before a scheduled run its nodes are asked for.
    pub fn with_schedule_lead(mut self, lead: Span) -> Self {
        self.shapes.lead = lead;
        self
    }

    /// It is so late: what applies from a time on, or up to one, is looked at again.
    pub fn at(&mut self, now: Timestamp) {
        self.shapes.at(now);
        self.tell_shapes();
    }

    /// An object says what it has to say of shapes.
    pub(super) fn speaks(&mut self, name: &str, speech: Speech) {
        match speech {
            Speech::Declares {
                origin,
                declared,
                begins,
                consumes,
            } => {
                if let (Some(request), Some((app, _))) = (&consumes, &declared) {
                    self.shapes.consumes(request, app);
                }
                self.shapes.declare(origin, name, declared, begins);
            }
            Speech::Requests(request) => self.shapes.request(name, request),
            Speech::Template(template) => self.shapes.template(name, Some(template)),
            Speech::Schedules(run) => self.shapes.schedule(name, run),
            Speech::Groups(group, members) => self.shapes.group(&group, Some(members)),
            Speech::Pod(_) | Speech::Config(_) => {}
        }
        self.tell_shapes();
    }

    /// An object is gone, or cannot be read: others count.
    pub(super) fn silent(&mut self, source: Source, name: &str) {
        match source {
            Source::Applications => self.shapes.declare(Origin::Operator, name, None, false),
            Source::ApacheApplications => self.shapes.declare(Origin::Apache, name, None, false),
            Source::Schedules => self.shapes.schedule(name, None),
            Source::Requests => self.shapes.request(name, None),
            Source::Templates => self.shapes.template(name, None),
            Source::Groups(make) => {
                let name = name.to_owned();
                self.shapes.group(&GroupName { make, name }, None);
            }
            _ => {}
        }
        self.tell_shapes();
    }

    /// What a driver's ConfigMaps hold.
    ///
    /// # Errors
    /// Why its application is left to its pods, with the remedy.
    pub fn configured(
        &mut self,
        driver: &PodId,
        read: Result<Configs, String>,
    ) -> Result<(), String> {
        let read = read.and_then(|configs| {
            let template = configs.template.as_ref();
            let taken = self.shapes.configured(driver, &configs.data, template);
            taken.map_err(|refusal| refusal.to_string())
        });
        self.tell_shapes();
        // One that is gone by then needs no remedy.
        let known = self.pods.contains_key(driver);
        read.or_else(|problem| match known {
            true => {
                let source = (Source::Pods, driver.as_str().to_owned());
                self.refused.insert(source, problem.clone());
                Err(problem)
            }
            false => Ok(()),
        })
    }

    /// Facts and wishes that came of what the join was told.
    pub(super) fn tell_shapes(&mut self) {
        self.facts.extend(self.shapes.take());
        let wanted = self.shapes.wanted().into_iter();
        self.wishes
            .extend(wanted.map(|(driver, config)| Wish::Configure { driver, config }));
    }
}
