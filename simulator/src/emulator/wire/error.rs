//! A refusal as AWS words it: status, code and message. Codes are EC2's documented ones; messages follow
//! EC2's and name the parameter.

use std::borrow::Cow;

use super::form_values::Problem;

/// What a caller is told instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// AWS's code.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl ApiError {
    /// The caller's fault: 400.
    pub fn client(code: &'static str, message: impl Into<String>) -> Self {
        ApiError {
            status: 400,
            code: Cow::Borrowed(code),
            message: message.into(),
        }
    }

    /// A value that cannot be.
    pub fn value(message: impl Into<String>) -> Self {
        ApiError::client("InvalidParameterValue", message)
    }

    /// Parameters that cannot stand together.
    pub fn combination(message: impl Into<String>) -> Self {
        ApiError::client("InvalidParameterCombination", message)
    }

    /// A parameter that must be there.
    pub fn missing(parameter: &str) -> Self {
        let message = format!("The request must contain the parameter {parameter}");
        ApiError::client("MissingParameter", message)
    }

    /// The account asks too often.
    pub fn throttled() -> Self {
        ApiError {
            status: 503,
            code: Cow::Borrowed("RequestLimitExceeded"),
            message: "Request limit exceeded.".to_owned(),
        }
    }

    /// All was well, and nothing was done.
    pub fn dry_run() -> Self {
        ApiError {
            status: 412,
            code: Cow::Borrowed("DryRunOperation"),
            message: "Request would have succeeded, but DryRun flag is set.".to_owned(),
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unknown(path) => ApiError::client(
                "UnknownParameter",
                format!("The parameter {path} is not recognized"),
            ),
            Problem::Missing(path) => ApiError::missing(&path),
            Problem::Value(path, why) if path.is_empty() => ApiError::value(why),
            Problem::Value(path, why) => {
                ApiError::value(format!("Value for parameter {path} is invalid. {why}"))
            }
        }
    }
}
