//! Launch templates: made, given versions, described and deleted. What a template may say is checked
//! where it is kept; what becomes of its instances is not known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::Answered;
use super::describe::page;
use super::filter::{self, Filter};
use crate::emulator::account::CALLER;
use crate::emulator::clock::Moment;
use crate::emulator::region::Region;
use crate::emulator::tagging::{self, TagSpecification};
use crate::emulator::templates::{Template, TemplateData, Version, no_id, no_name};
use crate::emulator::wire::page::cut;
use crate::emulator::wire::time::written;
use crate::emulator::wire::{ApiError, Form, Xml};

/// CreateLaunchTemplate; what the template says is read apart.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    launch_template_name: String,
    #[serde(default)]
    version_description: Option<String>,
    #[serde(rename = "LaunchTemplateData")]
    _data: serde::de::IgnoredAny,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
    #[serde(default, rename = "ClientToken")]
    _token: Option<String>,
}

pub(super) fn create(region: &mut Region, form: &Form, now: Moment) -> Result<Answered, ApiError> {
    let request: Create = form.read()?;
    let version = version(form, request.version_description, now)?;
    let name = request.launch_template_name;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "()./_-".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let what = "A launch template name must be between 3 and 128 characters, and may contain letters, \
                    numbers, and the following characters: - ( ) . / _";
        return Err(ApiError::client(
            "InvalidLaunchTemplateName.MalformedException",
            what,
        ));
    }
    if region.templates.named(&name).is_some() {
        let code = "InvalidLaunchTemplateName.AlreadyExistsException";
        let what = format!("Launch template name already in use: {name}");
        return Err(ApiError::client(code, what));
    }
    tagging::check_specifications(&request.tags, &["launch-template"])?;
    let id = region.id("lt");
    let tags = tagging::of_kind(&request.tags, "launch-template");
    region.tags.insert(id.clone(), tags);
    let template = Template {
        id: id.clone(),
        name,
        created: now.at,
        versions: BTreeMap::from([(1, version)]),
    };
    let answer = Xml::new().with("launchTemplate", described(region, &template));
    region.templates.by_id.insert(id, template);
    Ok(answer.into())
}

fn version(form: &Form, description: Option<String>, now: Moment) -> Result<Version, ApiError> {
    let written = form.part("LaunchTemplateData");
    let written = written.ok_or_else(|| ApiError::missing("LaunchTemplateData"))?;
    Ok(Version {
        description,
        created: now.at,
        data: Arc::new(TemplateData::read(written)?),
        written: Arc::new(written.clone()),
    })
}

fn described(region: &Region, template: &Template) -> Xml {
    Xml::new()
        .with("launchTemplateId", &template.id)
        .with("launchTemplateName", &template.name)
        .with("createTime", written(region.date(template.created)))
        .with("createdBy", CALLER)
        .with("defaultVersionNumber", 1_u64)
        .with("latestVersionNumber", template.latest())
        .with("tagSet", tagging::written(region.tags_of(&template.id)))
}

/// CreateLaunchTemplateVersion. Versions that build on others are not served.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateVersion {
    #[serde(default)]
    launch_template_id: Option<String>,
    #[serde(default)]
    launch_template_name: Option<String>,
    #[serde(default)]
    version_description: Option<String>,
    #[serde(rename = "LaunchTemplateData")]
    _data: serde::de::IgnoredAny,
    #[serde(default, rename = "ClientToken")]
    _token: Option<String>,
}

pub(super) fn create_version(
    region: &mut Region,
    form: &Form,
    now: Moment,
) -> Result<Answered, ApiError> {
    let request: CreateVersion = form.read()?;
    let version = version(form, request.version_description, now)?;
    let (id, name) = (request.launch_template_id, request.launch_template_name);
    let template = region.templates.find(id.as_deref(), name.as_deref())?;
    let mut template = template.clone();
    let number = template.latest() + 1;
    template.versions.insert(number, version);
    let answer = template.version("$Latest").map(|(number, version)| {
        Xml::new().with(
            "launchTemplateVersion",
            of_version(region, &template, number, version),
        )
    });
    region.templates.by_id.insert(template.id.clone(), template);
    Ok(answer?.into())
}

fn of_version(region: &Region, template: &Template, number: u64, version: &Version) -> Xml {
    Xml::new()
        .with("launchTemplateId", &template.id)
        .with("launchTemplateName", &template.name)
        .with("versionNumber", number)
        .with("versionDescription", version.description.as_ref())
        .with("createTime", written(region.date(version.created)))
        .with("createdBy", CALLER)
        .with("defaultVersion", number == 1)
        .with("launchTemplateData", version.written.echo())
}

/// DescribeLaunchTemplates.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Describe {
    #[serde(rename = "LaunchTemplateId")]
    ids: Vec<String>,
    #[serde(rename = "LaunchTemplateName")]
    names: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe(region: &Region, request: Describe) -> Result<Answered, ApiError> {
    filter::check(
        &request.filters,
        &["create-time", "launch-template-name"],
        true,
    )?;
    let templates = &region.templates;
    let absent = request
        .ids
        .iter()
        .find(|id| !templates.by_id.contains_key(*id));
    if let Some(id) = absent {
        return Err(no_id(id));
    }
    if let Some(name) = request
        .names
        .iter()
        .find(|name| templates.named(name).is_none())
    {
        return Err(no_name(name));
    }
    let named = [&request.ids[..], &request.names[..]].concat();
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeLaunchTemplates",
        &named,
        request.max_results,
        token,
    )?;
    let chosen = templates.by_id.values().filter(|template| {
        let of = |property: &str| match property {
            "create-time" => vec![written(region.date(template.created))],
            _ => vec![template.name.clone()],
        };
        let asked =
            named.is_empty() || named.contains(&template.id) || named.contains(&template.name);
        asked && filter::hold(&request.filters, region.tags_of(&template.id), of)
    });
    let page = cut(chosen.collect(), asked, 1..=200, Some(200))?;
    let entries = page
        .entries
        .into_iter()
        .map(|template| described(region, template));
    let answer = Xml::new().with("launchTemplates", Xml::items(entries));
    Ok(answer.with("nextToken", page.next).into())
}

/// DescribeLaunchTemplateVersions of one template.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DescribeVersions {
    launch_template_id: Option<String>,
    launch_template_name: Option<String>,
    #[serde(rename = "LaunchTemplateVersion")]
    versions: Vec<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe_versions(
    region: &Region,
    request: DescribeVersions,
) -> Result<Answered, ApiError> {
    let (id, name) = (&request.launch_template_id, &request.launch_template_name);
    let template = region.templates.find(id.as_deref(), name.as_deref())?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeLaunchTemplateVersions",
        &[],
        request.max_results,
        token,
    )?;
    let mut chosen = Vec::new();
    for name in &request.versions {
        chosen.push(template.version(name)?);
    }
    if request.versions.is_empty() {
        chosen.extend(
            template
                .versions
                .iter()
                .map(|(number, version)| (*number, version)),
        );
    }
    let page = cut(chosen, asked, 1..=200, Some(200))?;
    let versions = page.entries.into_iter();
    let versions = versions.map(|(number, version)| of_version(region, template, number, version));
    let answer = Xml::new().with("launchTemplateVersionSet", Xml::items(versions));
    Ok(answer.with("nextToken", page.next).into())
}

/// DeleteLaunchTemplate.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Delete {
    launch_template_id: Option<String>,
    launch_template_name: Option<String>,
}

pub(super) fn delete(region: &mut Region, request: Delete) -> Result<Answered, ApiError> {
    let (id, name) = (&request.launch_template_id, &request.launch_template_name);
    let template = region
        .templates
        .find(id.as_deref(), name.as_deref())?
        .clone();
    let answer = Xml::new().with("launchTemplate", described(region, &template));
    region.templates.by_id.remove(&template.id);
    region.tags.remove(&template.id);
    Ok(answer.into())
}
