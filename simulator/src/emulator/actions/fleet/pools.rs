//! Overrides to pools that instances can come from: each a type in a zone with an image and a launch
//! template. What no instance could come from is refused by its override, as EC2 does.

use std::sync::Arc;

use sparkwright::cluster::shortage::OfferingKey;
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::offering::{CapacityType, TypeId, ZoneId};

use super::super::instance_types::architecture;
use super::super::ssm;
use super::request::{CreateFleet, Override, Side};
use crate::emulator::region::Region;
use crate::emulator::templates::TemplateData;
use crate::emulator::wire::ApiError;

/// A launch template, found, with its overrides.
pub(super) struct Found {
    id: String,
    version: u64,
    data: Arc<TemplateData>,
    /// As the caller named it: id, name and version.
    named: (Option<String>, Option<String>, String),
    overrides: Vec<Override>,
}

/// What an answer says of an override: the launch template and the override itself.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub named: (Option<String>, Option<String>, String),
    pub over: Override,
}

/// Where instances can come from.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub of: OfferingKey,
    pub origin: Arc<Origin>,
    pub template: (String, u64),
    pub data: Arc<TemplateData>,
    pub image: String,
}

/// An override that gave nothing, or not everything.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub origin: Arc<Origin>,
    pub capacity_type: CapacityType,
    pub code: &'static str,
    pub message: String,
}

/// The launch templates of a request.
///
/// # Errors
/// Where one is not there, or named without its version.
pub(super) fn configs(region: &Region, request: &CreateFleet) -> Result<Vec<Found>, ApiError> {
    let mut found = Vec::new();
    for config in request.configs() {
        let name = &config.template;
        let (id, called) = (&name.launch_template_id, &name.launch_template_name);
        let template = region.templates.find(id.as_deref(), called.as_deref())?;
        let Some(wanted) = &name.version else {
            return Err(ApiError::missing("LaunchTemplateSpecification.Version"));
        };
        let (version, content) = template.version(wanted)?;
        let overrides = match &config.overrides[..] {
            [] => vec![Override::default()],
            overrides => overrides.to_vec(),
        };
        found.push(Found {
            id: template.id.clone(),
            version,
            data: content.data.clone(),
            named: (id.clone(), called.clone(), version.to_string()),
            overrides,
        });
    }
    Ok(found)
}

/// The pools of one capacity type, in the caller's order of preference, and what is refused at once.
///
/// # Errors
/// Where a value cannot be, whatever EC2 has.
pub(super) fn of(
    region: &Region,
    side: &Side,
    configs: &[Found],
) -> Result<(Vec<Pool>, Vec<Refused>), ApiError> {
    let (mut pools, mut refused): (Vec<(f64, Pool)>, Vec<Refused>) = (Vec::new(), Vec::new());
    for config in configs {
        for over in &config.overrides {
            let origin = Arc::new(Origin {
                named: config.named.clone(),
                over: over.clone(),
            });
            let spot = side.capacity_type == CapacityType::Spot;
            let limit = max_price(over)?.filter(|_| spot);
            let priority = priority(over)?;
            match places(region, side, config, &origin, limit) {
                Ok(places) => pools.extend(places.into_iter().map(|pool| (priority, pool))),
                Err(Unfit(code, message)) => refused.push(Refused {
                    origin,
                    capacity_type: side.capacity_type,
                    code,
                    message,
                }),
            }
        }
    }
    pools.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut distinct: Vec<Pool> = Vec::new();
    for (_, pool) in pools {
        if distinct.iter().all(|other| other.of != pool.of) {
            distinct.push(pool);
        }
    }
    Ok((distinct, refused))
}

/// Why an override gives nothing: code and message.
struct Unfit(&'static str, String);

/// The pools of an override: one where it names a subnet or a zone, else one in each zone.
fn places(
    region: &Region,
    side: &Side,
    config: &Found,
    origin: &Arc<Origin>,
    limit: Option<UsdPerHour>,
) -> Result<Vec<Pool>, Unfit> {
    let over = &origin.over;
    let instance_type = instance_type(region, config, over)?;
    let image = image(region, config, over, instance_type)?;
    groups_exist(region, config)?;
    let zones = zones(region, config, over)?;
    let (mut pools, mut dear) = (Vec::new(), None);
    for zone in &zones {
        let of = (instance_type, *zone, side.capacity_type);
        let Some(price) = region.fleet.price(of) else {
            continue;
        };
        if limit.is_some_and(|limit| price > limit) {
            dear = Some(price);
            continue;
        }
        pools.push(Pool {
            of,
            origin: origin.clone(),
            template: (config.id.clone(), config.version),
            data: config.data.clone(),
            image: image.clone(),
        });
    }
    match (pools.is_empty(), dear) {
        (false, _) => Ok(pools),
        (true, Some(price)) => Err(Unfit(
            "SpotMaxPriceTooLow",
            format!(
                "Your Spot request price is lower than the minimum required Spot request fulfillment price of {price}."
            ),
        )),
        (true, None) => Err(Unfit(
            "Unsupported",
            unsupported(region, instance_type, &zones),
        )),
    }
}

fn unsupported(region: &Region, instance_type: TypeId, zones: &[ZoneId]) -> String {
    let catalog = region.catalog();
    let name = &catalog.instance_type(instance_type).name;
    let zones: Vec<&str> = zones
        .iter()
        .map(|zone| catalog.zone(*zone).name.as_str())
        .collect();
    let zones = zones.join(", ");
    format!(
        "Your requested instance type ({name}) is not supported in your requested Availability Zone ({zones})."
    )
}

fn instance_type(region: &Region, config: &Found, over: &Override) -> Result<TypeId, Unfit> {
    let name = over
        .instance_type
        .as_ref()
        .or(config.data.instance_type.as_ref());
    let Some(name) = name else {
        let what = "The request must contain the parameter InstanceType";
        return Err(Unfit("MissingParameter", what.to_owned()));
    };
    let found = region.catalog().find_type(name);
    found.ok_or_else(|| {
        Unfit(
            "InvalidParameterValue",
            format!("Invalid value '{name}' for InstanceType."),
        )
    })
}

/// The image, of the type's processor.
fn image(
    region: &Region,
    config: &Found,
    over: &Override,
    instance_type: TypeId,
) -> Result<String, Unfit> {
    let named = over.image_id.as_ref().or(config.data.image_id.as_ref());
    let Some(named) = named else {
        let what = "The request must contain the parameter ImageId";
        return Err(Unfit("MissingParameter", what.to_owned()));
    };
    let id = match named.strip_prefix("resolve:ssm:") {
        Some(parameter) => ssm::image(region, parameter),
        None => Some(named.as_str()),
    };
    let image = region
        .images
        .iter()
        .find(|image| Some(image.id.as_str()) == id);
    let Some(image) = image else {
        let what = format!("The image id '[{named}]' does not exist");
        return Err(Unfit("InvalidAMIID.NotFound", what));
    };
    let wanted = architecture(region.catalog().instance_type(instance_type));
    if image.architecture != wanted {
        let has = image.architecture;
        return Err(Unfit(
            "InvalidParameterValue",
            format!(
                "The architecture '{wanted}' of the specified instance type does not match the architecture '{has}' of the specified AMI."
            ),
        ));
    }
    Ok(image.id.clone())
}

fn groups_exist(region: &Region, config: &Found) -> Result<(), Unfit> {
    let known = |id: &String| region.groups.iter().any(|group| group.id == *id);
    match config.data.groups().iter().find(|id| !known(id)) {
        None => Ok(()),
        Some(id) => {
            let what = format!("The security group '{id}' does not exist");
            Err(Unfit("InvalidGroup.NotFound", what))
        }
    }
}

/// Where the override may launch.
fn zones(region: &Region, config: &Found, over: &Override) -> Result<Vec<ZoneId>, Unfit> {
    let of_interface = config
        .data
        .interfaces
        .iter()
        .find_map(|i| i.subnet_id.as_ref());
    if let Some(id) = over.subnet_id.as_ref().or(of_interface) {
        if id.contains(',') {
            let what = "An instant fleet takes one subnet for each override".to_owned();
            return Err(Unfit("InvalidParameterValue", what));
        }
        let subnet = region.subnets.iter().find(|subnet| subnet.id == *id);
        let subnet = subnet.ok_or_else(|| {
            Unfit(
                "InvalidSubnetID.NotFound",
                format!("The subnet ID '{id}' does not exist"),
            )
        })?;
        return Ok(vec![subnet.zone]);
    }
    let catalog = region.catalog();
    let named = over
        .availability_zone
        .as_ref()
        .or(over.availability_zone_id.as_ref());
    match named {
        None => Ok(region.subnets.iter().map(|subnet| subnet.zone).collect()),
        Some(name) => match catalog.find_zone(name) {
            Some(zone) => Ok(vec![zone]),
            None => Err(Unfit(
                "InvalidParameterValue",
                format!("Invalid availability zone: [{name}]"),
            )),
        },
    }
}

/// The most that a spot instance may cost.
fn max_price(over: &Override) -> Result<Option<UsdPerHour>, ApiError> {
    let Some(text) = &over.max_price else {
        return Ok(None);
    };
    let usd: f64 = text.parse().unwrap_or(f64::NAN);
    if !(usd > 0.001 && usd < 1e6) {
        let what = format!(
            "Value ({text}) for parameter MaxPrice is invalid. It must be above 0.001 USD."
        );
        return Err(ApiError::value(what));
    }
    Ok(Some(micros(usd)))
}

#[expect(clippy::as_conversions, reason = "below a million dollars")]
fn micros(usd: f64) -> UsdPerHour {
    UsdPerHour::from_micros((usd * 1e6).round() as i64)
}

/// Lower is first, and none is last.
fn priority(over: &Override) -> Result<f64, ApiError> {
    match over.priority {
        None => Ok(f64::INFINITY),
        Some(priority) if priority >= 0.0 && priority.is_finite() => Ok(priority),
        Some(priority) => {
            let what = format!(
                "Value ({priority}) for parameter Priority is invalid. It must be at least 0."
            );
            Err(ApiError::value(what))
        }
    }
}
