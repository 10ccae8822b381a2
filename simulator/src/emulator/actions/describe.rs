//! What describing actions have in common: ids that must be there, and pages that go without them. Which
//! ids and which pages an action has is its own affair.

use crate::emulator::wire::ApiError;
use crate::emulator::wire::page::Asked;

/// The page that is asked for.
///
/// # Errors
/// `InvalidParameterCombination` where ids are named too: such a list is whole.
pub fn page<'a>(
    action: &'static str,
    ids: &[String],
    most: Option<u32>,
    token: Option<&'a str>,
) -> Result<Asked<'a>, ApiError> {
    if !ids.is_empty() && (most.is_some() || token.is_some()) {
        return Err(ApiError::combination(
            "The parameter MaxResults cannot be used with a list of ids",
        ));
    }
    // A token that is empty is none: some clients send it with the first page.
    let token = token.filter(|token| !token.is_empty());
    Ok(Asked {
        action,
        most,
        token,
    })
}

/// Ids that are asked for and not there.
///
/// # Errors
/// The code, naming all of them as EC2 does.
pub fn all_there(
    asked: &[String],
    is_there: impl Fn(&str) -> bool,
    code: &'static str,
    kind: &str,
) -> Result<(), ApiError> {
    let absent: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|id| !is_there(id))
        .collect();
    match absent[..] {
        [] => Ok(()),
        [id] => Err(ApiError::client(
            code,
            format!("The {kind} ID '{id}' does not exist"),
        )),
        _ => {
            let absent = absent.join(", ");
            Err(ApiError::client(
                code,
                format!("The {kind} IDs '{absent}' do not exist"),
            ))
        }
    }
}
