//! Why a call came to nothing, sorted by what can be done: wait, ask again, or change something. The codes
//! are AWS's own.

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::action::Action;

/// Codes that say that there were too many calls, of all services. A throttle says nothing of capacity.
const THROTTLES: [&str; 9] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "EC2ThrottledException",
    "TooManyRequestsException",
    "ResourceLimitExceeded",
];
/// Codes that say that asking again may help, whatever the HTTP status.
const TRANSIENTS: [&str; 7] = [
    "InternalError",
    "InternalFailure",
    "Unavailable",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerInternal",
];

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ec2Error {
    /// Too many calls; the governor has slowed.
    #[error("{action}: throttled by AWS ({code}); calls are slowed and tried again")]
    Throttled {
        /// The action.
        action: Action,
        /// AWS's code.
        code: String,
    },
    /// AWS will say the same again.
    #[error("{action}: refused by AWS: {code}: {message}")]
    Refused {
        /// The action.
        action: Action,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer, or none that can be read, or a fault of AWS's. The call may have been carried out.
    #[error("{action}: no usable answer: {cause}")]
    Transient {
        /// The action.
        action: Action,
        /// What happened.
        cause: String,
    },
    /// EC2 does not find an instance that it gave a short while ago; ask again later.
    #[error("{action}: instance {instance} is so new that EC2 does not find it yet")]
    NotYetFound {
        /// The action.
        action: Action,
        /// The instance.
        instance: String,
    },
}

impl Ec2Error {
    /// AWS's code where it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Ec2Error::Throttled { code, .. } | Ec2Error::Refused { code, .. } => Some(code),
            Ec2Error::Transient { .. } | Ec2Error::NotYetFound { .. } => None,
        }
    }

    /// True where the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Ec2Error::Refused { .. })
    }

    /// Sorts what the SDK says.
    pub(super) fn of<E>(action: Action, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let SdkError::ServiceError(told) = error else {
            let cause = DisplayErrorContext(error).to_string();
            return Ec2Error::Transient { action, cause };
        };
        let code = told.err().code().unwrap_or("no code");
        let message = told.err().message().unwrap_or("no message");
        Ec2Error::by_code(action, code, message, told.raw().status().as_u16())
    }

    fn by_code(action: Action, code: &str, message: &str, status: u16) -> Self {
        if is_throttle(code) {
            let code = code.to_owned();
            return Ec2Error::Throttled { action, code };
        }
        if status >= 500 || TRANSIENTS.contains(&code) {
            let cause = format!("{code}: {message} (HTTP {status})");
            return Ec2Error::Transient { action, cause };
        }
        Ec2Error::Refused {
            action,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// True for a code that says that there were too many calls.
pub(super) fn is_throttle(code: &str) -> bool {
    THROTTLES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_can_be_done() {
        let of = |code, status| Ec2Error::by_code(Action::CreateFleet, code, "why", status);
        for (code, status, may_pass) in [
            ("RequestLimitExceeded", 503, true),
            ("Throttling", 400, true),
            ("InternalError", 500, true),
            ("Unavailable", 503, true),
            ("SomethingNew", 500, true),
            ("InternalFailure", 400, true),
            ("UnauthorizedOperation", 403, false),
            ("InvalidParameterValue", 400, false),
        ] {
            assert_eq!(of(code, status).may_pass(), may_pass, "{code}");
        }
        let throttled = matches!(of("RequestLimitExceeded", 503), Ec2Error::Throttled { .. });
        assert!(
            throttled,
            "a throttle is told from a fault, though both are 503"
        );
    }
}
