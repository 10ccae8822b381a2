//! DescribeCapacityReservations. The account has none: filters and pages are checked, and nothing is
//! found. Whether EC2 would let others in is not known here.

use serde::Deserialize;

use super::Answered;
use super::describe::{all_there, page};
use super::filter::{self, Filter};
use crate::emulator::wire::ApiError;
use crate::emulator::wire::Xml;
use crate::emulator::wire::page::cut;

/// Filters by what a reservation is.
const KNOWN: [&str; 9] = [
    "availability-zone",
    "availability-zone-id",
    "instance-match-criteria",
    "instance-platform",
    "instance-type",
    "owner-id",
    "reservation-type",
    "state",
    "tenancy",
];

/// DescribeCapacityReservations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Reservations {
    #[serde(rename = "CapacityReservationId")]
    ids: Vec<String>,
    #[serde(rename = "Filter")]
    filters: Vec<Filter>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

pub(super) fn describe(request: Reservations) -> Result<Answered, ApiError> {
    filter::check(&request.filters, &KNOWN, true)?;
    let code = "InvalidCapacityReservationId.NotFound";
    all_there(&request.ids, |_| false, code, "capacity reservation")?;
    let token = request.next_token.as_deref();
    let asked = page(
        "DescribeCapacityReservations",
        &request.ids,
        request.max_results,
        token,
    )?;
    let none = cut(Vec::<Xml>::new(), asked, 1..=1000, None)?;
    Ok(Xml::new()
        .with("capacityReservationSet", Xml::items(none.entries))
        .into())
}
