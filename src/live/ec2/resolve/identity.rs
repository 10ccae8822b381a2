//! The instance profile: as it is named, or the one that holds the named role. Makes none: that takes
//! permissions over roles, which the controller does not have.

use std::time::Duration;

use tokio::time::Instant;

use super::{Asked, ClassProblem};
use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, locked};
use crate::model::nodeclass::{Class, Identity};

/// How long a role's profile is believed: it changes when somebody sets up an account anew.
const KEPT: Duration = Duration::from_secs(3600);

impl Ec2 {
    /// The profile's name. A profile that the class names is not looked up: EC2 says at launch if it is
    /// not there.
    pub(super) async fn profile(&self, class: &Class) -> Result<String, ClassProblem> {
        let role = match &class.identity {
            Identity::Profile(profile) => return Ok(profile.clone()),
            Identity::Role(role) => role,
        };
        if let Some((profile, at)) = locked(&self.inner.profiles).get(role)
            && at.elapsed() < KEPT
        {
            return Ok(profile.clone());
        }
        let asked = Asked {
            class,
            condition: "InstanceProfileReady",
            field: "spec.role",
        };
        let request = self.inner.clients.iam.list_instance_profiles_for_role();
        let request = request.role_name(role);
        let answer = self.ask(Action::ListInstanceProfilesForRole, || {
            request.clone().send()
        });
        let found = answer.await.map_err(|error| match error.code() {
            Some("NoSuchEntity") => asked.unfit(
                role,
                "is no IAM role of this account; make it, or correct it",
            ),
            _ => asked.unknown(error),
        })?;
        let mut names: Vec<&str> = found
            .instance_profiles()
            .iter()
            .map(|profile| profile.instance_profile_name())
            .collect();
        // Of several, the one that the console made for the role has its name.
        names.sort_by_key(|name| (name != role, *name));
        let Some(name) = names.first() else {
            let problem = "is in no instance profile; make one that holds it: \
                           aws iam create-instance-profile, then add-role-to-instance-profile";
            return Err(asked.unfit(role, problem));
        };
        let known = ((*name).to_owned(), Instant::now());
        locked(&self.inner.profiles).insert(role.clone(), known);
        Ok((*name).to_owned())
    }
}
