//! Images: AWS's own by their alias, one by id or SSM parameter, or the newest with tags and name. One for
//! each architecture; of several the newest counts.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Image, ImageState};

use super::{Asked, ClassProblem, shown_tags};
use crate::live::ec2::action::Action;
use crate::live::ec2::{Ec2, Ec2Error, filter};
use crate::model::nodeclass::image::{Alias, Architecture};
use crate::model::nodeclass::status::FoundImage;
use crate::model::nodeclass::{Class, ImageSelector};

/// SSM's word for a parameter that is not there.
const NO_PARAMETER: &str = "ParameterNotFound";
/// Owners whose images count where none is named: the account's own and Amazon's.
const OWNERS: [&str; 2] = ["self", "amazon"];
/// Images of a page: EC2's most.
const PAGE: i32 = 1000;

type Images = BTreeMap<Architecture, FoundImage>;
/// Images with the time of their making, which sorts as text.
type Dated = BTreeMap<Architecture, (String, FoundImage)>;

impl Ec2 {
    pub(super) async fn images(
        &self,
        class: &Class,
        kubernetes: &str,
    ) -> Result<Images, ClassProblem> {
        let asked = Asked {
            class,
            condition: "AMIsReady",
            field: "spec.amiSelectorTerms",
        };
        let mut newest = Dated::new();
        for selector in &class.images {
            let found = match selector {
                ImageSelector::Alias(alias) => return self.aliased(asked, alias, kubernetes).await,
                ImageSelector::Id(id) => self.image_by_id(asked, id).await?,
                ImageSelector::SsmParameter(name) => {
                    let id = self.parameter(name).await;
                    let id = id.map_err(|error| asked.unknown(error))?;
                    let problem = "is no SSM parameter of this region; write its whole name";
                    let id = id.ok_or_else(|| asked.unfit(name, problem))?;
                    self.image_by_id(asked, &id).await?
                }
                ImageSelector::Described { tags, name, owner } => {
                    self.described(asked, tags, name.as_deref(), owner.as_deref())
                        .await?
                }
            };
            found
                .iter()
                .for_each(|image| keep_newest(&mut newest, image));
        }
        if newest.is_empty() {
            let problem = "names no available image for x86_64 or arm64; write another term";
            return Err(asked.unfit("", problem));
        }
        let newest = newest.into_iter();
        Ok(newest
            .map(|(architecture, (_, image))| (architecture, image))
            .collect())
    }

    /// AWS's own images. A version need not be there for both architectures.
    async fn aliased(
        &self,
        asked: Asked<'_>,
        alias: &Alias,
        kubernetes: &str,
    ) -> Result<Images, ClassProblem> {
        let mut images = Images::new();
        let mut parameter = String::new();
        for architecture in Architecture::ALL {
            parameter = alias.ssm_parameter(kubernetes, architecture);
            let id = self.parameter(&parameter).await;
            if let Some(id) = id.map_err(|error| asked.unknown(error))? {
                let found = FoundImage {
                    id,
                    name: None,
                    architecture: architecture.as_str().to_owned(),
                };
                images.insert(architecture, found);
            }
        }
        if images.is_empty() {
            let version = alias.version.as_deref().unwrap_or("latest");
            let problem = format!(
                "is no image for Kubernetes {kubernetes} (no SSM parameter {parameter}); write another version, or latest"
            );
            return Err(asked.unfit(format!("version {version}"), problem));
        }
        Ok(images)
    }

    /// An SSM parameter's value; None where there is none.
    async fn parameter(&self, name: &str) -> Result<Option<String>, Ec2Error> {
        let request = self.inner.clients.ssm.get_parameter().name(name);
        let answer = self.ask(Action::GetParameter, || request.clone().send());
        match answer.await {
            Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value)),
            Err(error) if error.code() == Some(NO_PARAMETER) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn image_by_id(&self, asked: Asked<'_>, id: &str) -> Result<Vec<Image>, ClassProblem> {
        let request = self.inner.clients.ec2.describe_images();
        let request = request.filters(filter::any("image-id", &[id]));
        let answer = self.ask(Action::DescribeImages, || request.clone().send());
        let found = answer.await.map_err(|error| asked.unknown(error))?;
        let found: Vec<Image> = found.images.unwrap_or_default();
        match found.first().map(|image| image.state().cloned()) {
            None => Err(asked.unfit(
                id,
                "is no image that this account may use in this region; write another, or share it",
            )),
            Some(state) if state != Some(ImageState::Available) => {
                Err(asked.unfit(id, "is not available; wait for it, or write another"))
            }
            Some(_) => Ok(found),
        }
    }

    async fn described(
        &self,
        asked: Asked<'_>,
        tags: &BTreeMap<String, String>,
        name: Option<&str>,
        owner: Option<&str>,
    ) -> Result<Vec<Image>, ClassProblem> {
        let mut filters = filter::tags(tags);
        filters.extend(name.map(|name| filter::any("name", &[name])));
        filters.push(filter::any("state", &["available"]));
        let owners = owner.map_or(OWNERS.to_vec(), |owner| vec![owner]);
        let owners: Vec<String> = owners.into_iter().map(str::to_owned).collect();
        let action = Action::DescribeImages;
        let pages = self.pages(action, async |next| {
            let request = self.inner.clients.ec2.describe_images();
            let request = request
                .set_owners(Some(owners.clone()))
                .set_filters(Some(filters.clone()))
                .max_results(PAGE)
                .set_next_token(next);
            let page = self.ask(action, || request.clone().send()).await?;
            Ok((page.images.unwrap_or_default(), page.next_token))
        });
        let found = pages.await.map_err(|error| asked.unknown(error))?;
        if found.is_empty() {
            let name = name.map_or(String::new(), |name| format!("name {name} "));
            let problem = "names no available image; check tags, name and owner";
            return Err(asked.unfit(format!("{name}tags {}", shown_tags(tags)), problem));
        }
        Ok(found)
    }
}

fn keep_newest(newest: &mut Dated, image: &Image) {
    let named = image
        .architecture()
        .map(|architecture| architecture.as_str());
    let architecture = Architecture::ALL
        .into_iter()
        .find(|known| Some(known.ec2()) == named);
    let (Some(architecture), Some(id)) = (architecture, image.image_id()) else {
        return;
    };
    let found = FoundImage {
        id: id.to_owned(),
        name: image.name().map(str::to_owned),
        architecture: architecture.as_str().to_owned(),
    };
    let made = image.creation_date().unwrap_or_default().to_owned();
    let candidate = (made, found);
    let is_newer = newest
        .get(&architecture)
        .is_none_or(|(made, found)| (made, &found.id) < (&candidate.0, &candidate.1.id));
    if is_newer {
        newest.insert(architecture, candidate);
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ArchitectureValues;

    use super::*;

    #[test]
    fn the_newest_image_of_each_architecture_counts() {
        let mut newest = Dated::new();
        for (id, architecture, made) in [
            (
                "ami-2",
                ArchitectureValues::X8664,
                "2026-11-02T00:00:00.000Z",
            ),
            (
                "ami-1",
                ArchitectureValues::X8664,
                "2026-11-01T00:00:00.000Z",
            ),
            (
                "ami-3",
                ArchitectureValues::Arm64,
                "2026-10-01T00:00:00.000Z",
            ),
            (
                "ami-4",
                ArchitectureValues::I386,
                "2026-12-01T00:00:00.000Z",
            ),
        ] {
            let image = Image::builder().image_id(id).architecture(architecture);
            keep_newest(&mut newest, &image.creation_date(made).build());
        }
        let ids: Vec<&str> = newest
            .values()
            .map(|(_, image)| image.id.as_str())
            .collect();
        assert_eq!(ids, ["ami-2", "ami-3"]);
    }
}
