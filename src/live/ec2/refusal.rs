//! What EC2 says beside an override that it gave too little of, sorted by what follows from it. The codes
//! are EC2's; those that are not listed say something of the request.

use crate::model::offering::CapacityType;

use super::error::is_throttle;

/// Not enough of a type in a zone.
const CAPACITY: [&str; 7] = [
    "InsufficientInstanceCapacity",
    "UnfulfillableCapacity",
    "Unsupported",
    "ReservationCapacityExceeded",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "SpotMaxPriceTooLow",
];
/// The account may not run more.
const QUOTA: [&str; 4] = [
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
    "MaxFleetCountExceeded",
    "InstanceLimitExceeded",
];
/// A subnet is full.
const ADDRESSES: &str = "InsufficientFreeAddressesInSubnet";
/// The launch template is not there.
const NO_TEMPLATE: [&str; 3] = [
    "InvalidLaunchTemplateName.NotFoundException",
    "InvalidLaunchTemplateId.NotFound",
    "InvalidLaunchTemplateId.VersionNotFound",
];

/// An override that gave nothing, or not everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// EC2's code.
    pub code: String,
    /// EC2's words.
    pub message: String,
    /// The type; None where EC2 names none.
    pub instance_type: Option<String>,
    /// The zone by the account's name.
    pub zone: String,
    /// The subnet, where EC2 names it.
    pub subnet: Option<String>,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// What follows.
    pub kind: RefusalKind,
}

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalKind {
    /// The offering is to be believed unavailable for a while.
    Capacity,
    /// The account's quota is used up: `VcpuLimitExceeded` for the type's class of families in every zone,
    /// `MaxSpotInstanceCountExceeded` for all spot of its class.
    Quota,
    /// The subnet has no addresses left; the type may be had.
    Addresses,
    /// Too many calls or instances in too short a time; says nothing of capacity.
    Throttled,
    /// The launch template is gone.
    TemplateGone,
    /// Something is wrong with what was asked; asking again gives the same.
    Other,
}

impl RefusalKind {
    /// Sorts a code of EC2's.
    pub fn of(code: &str) -> Self {
        if CAPACITY.contains(&code) {
            RefusalKind::Capacity
        } else if QUOTA.contains(&code) {
            RefusalKind::Quota
        } else if code == ADDRESSES {
            RefusalKind::Addresses
        } else if is_throttle(code) {
            RefusalKind::Throttled
        } else if NO_TEMPLATE.contains(&code) {
            RefusalKind::TemplateGone
        } else {
            RefusalKind::Other
        }
    }
}

/// What to do about a code that only a person can do something about.
pub(super) fn remedy(code: &str) -> &'static str {
    match code {
        "UnauthorizedOperation" => {
            "give the controller's role deploy/iam/controller-policy.json, with this cluster's values"
        }
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted" => {
            "run aws iam create-service-linked-role --aws-service-name spot.amazonaws.com once"
        }
        "AuthFailure" | "InvalidClientTokenId" | "ExpiredToken" | "RequestExpired" => {
            "check the controller's credentials and the clock of its node"
        }
        "InvalidUserData.Malformed" => "correct spec.userData of the NodeClass",
        "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable" => {
            "correct spec.amiSelectorTerms of the NodeClass"
        }
        "InvalidSubnetID.NotFound" => "correct spec.subnetSelectorTerms of the NodeClass",
        "InvalidGroup.NotFound" => "correct spec.securityGroupSelectorTerms of the NodeClass",
        "OptInRequired" => "enable the region or accept the image's terms in the account",
        _ => "correct what EC2 names, in the NodeClass or NodePool",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_ec2_documents_has_its_kind() {
        use RefusalKind::{Addresses, Capacity, Other, Quota, TemplateGone, Throttled};
        for (code, kind) in [
            ("InsufficientInstanceCapacity", Capacity),
            ("UnfulfillableCapacity", Capacity),
            ("Unsupported", Capacity),
            ("ReservationCapacityExceeded", Capacity),
            ("MaxSpotInstanceCountExceeded", Quota),
            ("VcpuLimitExceeded", Quota),
            ("MaxFleetCountExceeded", Quota),
            ("InsufficientFreeAddressesInSubnet", Addresses),
            ("RequestLimitExceeded", Throttled),
            ("InvalidLaunchTemplateName.NotFoundException", TemplateGone),
            ("InvalidLaunchTemplateId.NotFound", TemplateGone),
            ("UnauthorizedOperation", Other),
            ("InvalidParameterValue", Other),
            ("InvalidUserData.Malformed", Other),
            ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", Other),
            ("AnythingNew", Other),
        ] {
            assert_eq!(RefusalKind::of(code), kind, "{code}");
        }
    }

    #[test]
    fn a_throttle_is_no_lack_of_capacity() {
        for code in [
            "RequestLimitExceeded",
            "Throttling",
            "EC2ThrottledException",
        ] {
            assert_eq!(RefusalKind::of(code), RefusalKind::Throttled);
        }
    }
}
