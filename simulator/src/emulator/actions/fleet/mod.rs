//! CreateFleet of type instant: the request is checked, its overrides become offerings, the simulator's
//! fleet gives what it has, and the answer names what was given and what was refused.

mod answer;
mod choose;
mod launch;
mod pools;
mod request;

use sparkwright::model::time::Span;

use super::Answered;
use crate::emulator::clock::Moment;
use crate::emulator::region::Region;
use crate::emulator::wire::{ApiError, Form};

pub(super) fn create(region: &mut Region, form: &Form, now: Moment) -> Result<Answered, ApiError> {
    let request: request::CreateFleet = form.read()?;
    let sides = request.sides()?;
    let configs = pools::configs(region, &request)?;
    let fleet = format!("fleet-{}", crate::emulator::events::uuid(region.number()));
    let (mut given, mut refused) = (Vec::new(), Vec::new());
    let mut after = Span::ZERO;
    for side in &sides {
        let (pools, unfit) = pools::of(region, side, &configs)?;
        refused.extend(unfit);
        let chosen = choose::acquire(region, side, &pools, now.at);
        after = after.max(chosen.after);
        refused.extend(chosen.refused(region, side, &pools));
        given.extend(launch::launch(
            region, &request, &fleet, &pools, chosen, now,
        )?);
    }
    Ok(Answered {
        reply: answer::written(&fleet, &given, &refused).into(),
        after,
    })
}
