//! Idempotency: a call with a client token is answered once, and then with the same answer; the same token
//! with other parameters is a mistake
//! (docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html).

use std::collections::BTreeMap;

use sparkwright::model::time::{Span, Timestamp};

use super::wire::{ApiError, Form, Xml};

/// How long a token is remembered: AWS says at least a day.
const REMEMBERED: Span = Span::from_secs(24 * 3600);
/// Longest token, in ASCII characters.
const LONGEST: usize = 64;

/// Answers by action and token.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    answers: BTreeMap<(&'static str, String), Answered>,
}

#[derive(Clone, Debug)]
struct Answered {
    at: Timestamp,
    parameters: Form,
    reply: Xml,
}

impl Tokens {
    /// What this call was answered before; None where it is a new one.
    ///
    /// # Errors
    /// `InvalidParameterValue` where the token is none; `IdempotentParameterMismatch`.
    pub fn recall(
        &self,
        action: &'static str,
        parameters: &Form,
        now: Timestamp,
    ) -> Result<Option<Xml>, ApiError> {
        let Some(token) = token(parameters) else {
            return Ok(None);
        };
        if token.is_empty() || token.len() > LONGEST || !token.is_ascii() {
            let what = format!("ClientToken must have 1 to {LONGEST} ASCII characters");
            return Err(ApiError::value(what));
        }
        let answered = self.answers.get(&(action, token.to_owned()));
        match answered.filter(|answered| now - answered.at < REMEMBERED) {
            None => Ok(None),
            Some(answered) if answered.parameters == *parameters => {
                Ok(Some(answered.reply.clone()))
            }
            Some(_) => Err(ApiError::client(
                "IdempotentParameterMismatch",
                format!("The client token {token} was used before with other parameters"),
            )),
        }
    }

    /// Remembers an answer.
    pub fn remember(
        &mut self,
        action: &'static str,
        parameters: &Form,
        reply: &Xml,
        now: Timestamp,
    ) {
        let Some(token) = token(parameters) else {
            return;
        };
        self.answers
            .retain(|_, answered| now - answered.at < REMEMBERED);
        let answered = Answered {
            at: now,
            parameters: parameters.clone(),
            reply: reply.clone(),
        };
        self.answers.insert((action, token.to_owned()), answered);
    }
}

fn token(parameters: &Form) -> Option<&str> {
    match parameters.part("ClientToken")? {
        Form::Text(token) => Some(token),
        Form::Group(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_the_same_answer_for_the_same_parameters_for_a_day() {
        let form = |text: &str| Form::parse(text.as_bytes()).unwrap();
        let at = |hours: i64| Timestamp::from_millis(hours * 3_600_000);
        let mut tokens = Tokens::default();
        let first = form("ClientToken=t&A=1");
        assert_eq!(tokens.recall("CreateFleet", &first, at(0)), Ok(None));
        tokens.remember("CreateFleet", &first, &Xml::from("x"), at(0));
        assert_eq!(
            tokens.recall("CreateFleet", &first, at(23)),
            Ok(Some("x".into()))
        );
        assert_eq!(tokens.recall("CreateFleet", &first, at(24)), Ok(None));
        assert_eq!(
            tokens.recall("CreateLaunchTemplate", &first, at(0)),
            Ok(None)
        );
        let other = tokens.recall("CreateFleet", &form("ClientToken=t&A=2"), at(1));
        assert_eq!(other.unwrap_err().code, "IdempotentParameterMismatch");
        let long = form(&format!("ClientToken={}", "t".repeat(65)));
        assert!(tokens.recall("CreateFleet", &long, at(0)).is_err());
    }
}
