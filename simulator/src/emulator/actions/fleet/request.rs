//! CreateFleet as it comes in, and what it may not say. Decides which values cannot stand together; what
//! EC2 has is not known here.

use serde::Deserialize;
use sparkwright::model::offering::CapacityType;

use crate::emulator::tagging::{TagSpecification, check_specifications};
use crate::emulator::templates::TemplateName;
use crate::emulator::wire::ApiError;
use crate::world::fleet::Choice;

/// Most instances of a call (EC2's fleet quotas).
const MOST: u32 = 10_000;
/// Most instances that can be asked for all or none.
const MOST_AT_ONCE: u32 = 1000;
/// What an instant fleet may tag.
const TAGGED: [&str; 4] = ["fleet", "instance", "volume", "network-interface"];

/// CreateFleet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateFleet {
    r#type: Option<String>,
    launch_template_configs: Vec<Config>,
    target_capacity_specification: Target,
    #[serde(default)]
    spot_options: Options,
    #[serde(default)]
    on_demand_options: Options,
    #[serde(default, rename = "TagSpecification")]
    pub tags: Vec<TagSpecification>,
    #[serde(default)]
    pub client_token: Option<String>,
}

/// A launch template and what differs from it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Config {
    #[serde(rename = "LaunchTemplateSpecification")]
    pub template: TemplateName,
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// What differs from the launch template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct Override {
    pub instance_type: Option<String>,
    pub max_price: Option<String>,
    pub subnet_id: Option<String>,
    pub availability_zone: Option<String>,
    pub availability_zone_id: Option<String>,
    pub weighted_capacity: Option<f64>,
    pub priority: Option<f64>,
    pub image_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    total_target_capacity: u32,
    on_demand_target_capacity: Option<u32>,
    spot_target_capacity: Option<u32>,
    default_target_capacity_type: Option<String>,
    target_capacity_unit_type: Option<String>,
}

/// Options of spot or of on-demand.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Options {
    allocation_strategy: Option<String>,
    single_instance_type: bool,
    single_availability_zone: bool,
    min_target_capacity: Option<u32>,
    instance_interruption_behavior: Option<String>,
}

/// What is asked for of one capacity type.
#[derive(Debug)]
pub(super) struct Side {
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// How many instances.
    pub count: u32,
    /// None rather than fewer than these.
    pub least: u32,
    /// All of one type.
    pub one_type: bool,
    /// All in one zone.
    pub one_zone: bool,
    /// How EC2 chooses.
    pub choice: Choice,
}

impl CreateFleet {
    /// The launch templates.
    pub fn configs(&self) -> &[Config] {
        &self.launch_template_configs
    }

    /// What is asked for, checked.
    ///
    /// # Errors
    /// EC2's own, naming the parameter.
    pub fn sides(&self) -> Result<Vec<Side>, ApiError> {
        match self.r#type.as_deref() {
            Some("instant") => {}
            Some("maintain" | "request") | None => {
                let what =
                    "Value for parameter Type is invalid. Only instant fleets are served here.";
                return Err(ApiError::value(what));
            }
            Some(other) => {
                return Err(ApiError::value(format!(
                    "Value ({other}) for parameter Type is invalid."
                )));
            }
        }
        if self.launch_template_configs.is_empty() {
            return Err(ApiError::missing("LaunchTemplateConfigs"));
        }
        check_specifications(&self.tags, &TAGGED)?;
        self.check_weights()?;
        let (on_demand, spot) = self.counts()?;
        let mut sides = Vec::new();
        for (capacity_type, count, options) in [
            (CapacityType::OnDemand, on_demand, &self.on_demand_options),
            (CapacityType::Spot, spot, &self.spot_options),
        ] {
            let side = options.side(capacity_type, count)?;
            sides.extend(Some(side).filter(|side| side.count > 0));
        }
        Ok(sides)
    }

    /// Instances are counted one by one here.
    fn check_weights(&self) -> Result<(), ApiError> {
        let overrides = self
            .launch_template_configs
            .iter()
            .flat_map(|config| &config.overrides);
        let mut weights = overrides.filter_map(|over| over.weighted_capacity);
        if let Some(weight) = weights.find(|weight| (weight - 1.0).abs() > f64::EPSILON) {
            let what = format!(
                "Value ({weight}) for parameter WeightedCapacity is invalid. Only 1 is served here."
            );
            return Err(ApiError::value(what));
        }
        Ok(())
    }

    fn counts(&self) -> Result<(u32, u32), ApiError> {
        let target = &self.target_capacity_specification;
        let total = target.total_target_capacity;
        if !(1..=MOST).contains(&total) {
            let what = format!(
                "Value ({total}) for parameter TotalTargetCapacity is invalid. It must be from 1 to {MOST}."
            );
            return Err(ApiError::value(what));
        }
        if let Some(unit) = target
            .target_capacity_unit_type
            .as_deref()
            .filter(|unit| *unit != "units")
        {
            let what = format!(
                "Value ({unit}) for parameter TargetCapacityUnitType is invalid. Only units are served here."
            );
            return Err(ApiError::value(what));
        }
        let given = (
            target.on_demand_target_capacity.unwrap_or(0),
            target.spot_target_capacity.unwrap_or(0),
        );
        let Some(rest) = total.checked_sub(given.0.saturating_add(given.1)) else {
            let what = "TotalTargetCapacity cannot be less than the sum of OnDemandTargetCapacity and SpotTargetCapacity";
            return Err(ApiError::combination(what));
        };
        match target.default_target_capacity_type.as_deref() {
            Some("spot") => Ok((given.0, given.1 + rest)),
            Some("on-demand") => Ok((given.0 + rest, given.1)),
            None if rest == 0 => Ok(given),
            None => Err(ApiError::missing("DefaultTargetCapacityType")),
            Some(other) => {
                let what = format!(
                    "Value ({other}) for parameter DefaultTargetCapacityType is invalid. It is spot or on-demand here."
                );
                Err(ApiError::value(what))
            }
        }
    }
}

impl Options {
    fn side(&self, capacity_type: CapacityType, count: u32) -> Result<Side, ApiError> {
        let least = self.min_target_capacity.unwrap_or(0);
        if least > MOST_AT_ONCE.min(count.max(1)) {
            let what = format!(
                "Value ({least}) for parameter MinTargetCapacity is invalid. It is at most the target and {MOST_AT_ONCE}."
            );
            return Err(ApiError::value(what));
        }
        if least > 0 && !self.single_availability_zone && !self.single_instance_type {
            return Err(ApiError::combination(
                "MinTargetCapacity needs at least one of SingleAvailabilityZone and SingleInstanceType",
            ));
        }
        let behaviour = self.instance_interruption_behavior.as_deref();
        if let Some(other) = behaviour.filter(|behaviour| *behaviour != "terminate") {
            let what = format!(
                "Value ({other}) for parameter InstanceInterruptionBehavior is invalid. Only terminate is served here."
            );
            return Err(ApiError::value(what));
        }
        if behaviour.is_some() && capacity_type == CapacityType::OnDemand {
            let what =
                "The parameter OnDemandOptions.InstanceInterruptionBehavior is not recognized";
            return Err(ApiError::client("UnknownParameter", what));
        }
        Ok(Side {
            capacity_type,
            count,
            least,
            one_type: self.single_instance_type,
            one_zone: self.single_availability_zone,
            choice: choice(self.allocation_strategy.as_deref(), capacity_type)?,
        })
    }
}

/// Where EC2 weighs depth against price or priority, any pool with capacity counts as deep; priorities
/// are then kept, as they are on a best-effort basis.
fn choice(strategy: Option<&str>, capacity_type: CapacityType) -> Result<Choice, ApiError> {
    match (strategy.unwrap_or("lowest-price"), capacity_type) {
        ("lowest-price", _) => Ok(Choice::Cheapest),
        ("prioritized", CapacityType::OnDemand) => Ok(Choice::Preferred),
        ("price-capacity-optimized" | "capacity-optimized", CapacityType::Spot) => {
            Ok(Choice::Deepest)
        }
        ("capacity-optimized-prioritized", CapacityType::Spot) => Ok(Choice::Preferred),
        ("diversified", CapacityType::Spot) => Ok(Choice::Spread),
        (other, _) => Err(ApiError::value(format!(
            "Value ({other}) for parameter AllocationStrategy is invalid for {capacity_type} capacity."
        ))),
    }
}
