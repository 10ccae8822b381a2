//! SSM's public parameters: image ids by alias. Which parameters lead to which image is the account's;
//! parameters of one's own cannot be put.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answered;
use crate::emulator::region::Region;
use crate::emulator::wire::ApiError;

/// Most names of GetParameters.
const MOST: usize = 10;

/// GetParameter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetParameter {
    name: String,
    #[serde(default, rename = "WithDecryption")]
    _with_decryption: bool,
}

pub(super) fn parameter(region: &Region, request: GetParameter) -> Result<Answered, ApiError> {
    let found = find(region, &request.name);
    let found = found.ok_or_else(|| ApiError::client("ParameterNotFound", ""))?;
    Ok(json!({"Parameter": found}).into())
}

/// GetParameters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetParameters {
    names: Vec<String>,
    #[serde(default, rename = "WithDecryption")]
    _with_decryption: bool,
}

pub(super) fn parameters(region: &Region, request: GetParameters) -> Result<Answered, ApiError> {
    if !(1..=MOST).contains(&request.names.len()) {
        let what = format!("Member of names must have length from 1 to {MOST}");
        return Err(ApiError::client("ValidationException", what));
    }
    let (found, absent): (Vec<_>, Vec<_>) = request
        .names
        .iter()
        .map(|name| (name, find(region, name)))
        .partition(|(_, found)| found.is_some());
    let found: Vec<Value> = found.into_iter().filter_map(|(_, found)| found).collect();
    let absent: Vec<&String> = absent.into_iter().map(|(name, _)| name).collect();
    Ok(json!({"Parameters": found, "InvalidParameters": absent}).into())
}

/// The image that a parameter names.
pub(super) fn image<'a>(region: &'a Region, parameter: &str) -> Option<&'a str> {
    let mut images = region.images.iter();
    let image = images.find(|image| image.parameters.iter().any(|known| known == parameter))?;
    Some(&image.id)
}

fn find(region: &Region, name: &str) -> Option<Value> {
    let value = image(region, name)?;
    let home = &region.catalog().region;
    Some(json!({
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": 1_793_491_200.0,
        "ARN": format!("arn:aws:ssm:{home}::parameter{name}"),
        "DataType": "text",
    }))
}
