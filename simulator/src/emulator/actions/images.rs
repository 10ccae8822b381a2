//! DescribeImages: the node images of the account. They are made up: what counts is their processor,
//! their names and the parameters that lead to them.

use serde::Deserialize;

use super::Answered;
use super::describe::{all_there, page};
use super::filter::{self, Filter};
use crate::emulator::account::Image;
use crate::emulator::region::Region;
use crate::emulator::tagging;
use crate::emulator::wire::page::cut;
use crate::emulator::wire::{ApiError, Xml};

/// When the images were made: they do not age with the emulator's clock.
const CREATED: &str = "2026-11-01T00:00:00.000Z";
const OWNER: &str = "602401143452";

/// DescribeImages.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Images {
    #[serde(rename = "ImageId")]
    ids: Vec<String>,
    #[serde(rename = "Owner")]
    owners: Vec<String>,
    #[serde(rename = "ExecutableBy")]
    _executable_by: Vec<String>,
    #[serde(rename = "IncludeDeprecated")]
    _include_deprecated: bool,
    #[serde(rename = "IncludeDisabled")]
    _include_disabled: bool,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe(region: &Region, request: Images) -> Result<Answered, ApiError> {
    let known = [
        "architecture",
        "creation-date",
        "image-id",
        "image-type",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "root-device-type",
        "state",
        "virtualization-type",
    ];
    filter::check(&request.filters, &known, true)?;
    let is_there = |id: &str| region.images.iter().any(|image| image.id == id);
    all_there(&request.ids, is_there, "InvalidAMIID.NotFound", "image")?;
    let token = request.next_token.as_deref();
    let asked = page("DescribeImages", &request.ids, request.max_results, token)?;
    let chosen = region.images.iter().filter(|image| {
        let named = request.ids.is_empty() || request.ids.contains(&image.id);
        let mut owners = request.owners.iter().map(String::as_str);
        let owned = request.owners.is_empty() || owners.any(|o| o == image.owner || o == OWNER);
        let of = |name: &str| vec![property(image, name)];
        named && owned && filter::hold(&request.filters, region.tags_of(&image.id), of)
    });
    let page = cut(chosen.collect(), asked, 1..=1000, None)?;
    let images = page.entries.into_iter().map(|image| written(region, image));
    let answer = Xml::new().with("imagesSet", Xml::items(images));
    Ok(answer.with("nextToken", page.next).into())
}

fn property(image: &Image, name: &str) -> String {
    let value = match name {
        "architecture" => image.architecture,
        "creation-date" => CREATED,
        "image-id" => &image.id,
        "image-type" => "machine",
        "is-public" => "true",
        "name" => &image.name,
        "owner-alias" => image.owner,
        "owner-id" => OWNER,
        "root-device-type" => "ebs",
        "state" => "available",
        _ => "hvm",
    };
    value.to_owned()
}

fn written(region: &Region, image: &Image) -> Xml {
    Xml::new()
        .with("imageId", &image.id)
        .with("imageLocation", format!("{}/{}", image.owner, image.name))
        .with("imageState", "available")
        .with("imageOwnerId", OWNER)
        .with("imageOwnerAlias", image.owner)
        .with("creationDate", CREATED)
        .with("isPublic", true)
        .with("architecture", image.architecture)
        .with("imageType", "machine")
        .with("name", &image.name)
        .with("rootDeviceName", "/dev/xvda")
        .with("rootDeviceType", "ebs")
        .with("virtualizationType", "hvm")
        .with("hypervisor", "xen")
        .with("enaSupport", true)
        .with("platformDetails", "Linux/UNIX")
        .with("usageOperation", "RunInstances")
        .with("tagSet", tagging::written(region.tags_of(&image.id)))
}
