//! The script beside the world's file: what goes wrong on the wire, and what a trial needs that the
//! simulated world does not have. Unknown fields and values that cannot be are refused with their line.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;
use sparkwright::model::time::{Span, Timestamp};

use super::faults::{Fault, When, Wrong};
use crate::world::conditions::check;
use crate::world::conditions::file::Delay;
use crate::world::conditions::yaml;
use crate::world::delays::Distribution;

/// Largest script that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// From a launch until describing finds the instance. EC2 documents no figure ("a matter of seconds",
/// rarely minutes): assumed.
const DESCRIBE_LAG: Distribution = Distribution {
    p50: Span::from_millis(500),
    p99: Span::from_secs(5),
};

/// A script, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// From a launch until describing finds the instance.
    pub describe_lag: Distribution,
    /// Whether calls are throttled.
    pub throttling: bool,
    /// Instances of a hundred that never join.
    pub never_join: u32,
    /// What goes wrong, in order.
    pub faults: Vec<Fault>,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            describe_lag: DESCRIBE_LAG,
            throttling: true,
            never_join: 0,
            faults: Vec::new(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    describe_lag: Option<Spanned<Delay>>,
    throttling: Option<bool>,
    never_join_percent: Option<Spanned<u32>>,
    faults: Vec<Spanned<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Entry {
    action: Option<String>,
    calls: Vec<u64>,
    from: Option<String>,
    to: Option<String>,
    percent: Option<u32>,
    r#do: Option<String>,
    code: Option<String>,
    status: Option<u16>,
    r#for: Option<String>,
}

impl Script {
    /// Reads a file.
    ///
    /// # Errors
    /// One line that names file, line, field, value and remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{name}: {error}; name a script of faults"))?;
        Script::parse(&text).map_err(|problem| format!("{name}: {problem}"))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// One line that names line, field, value and remedy.
    pub fn parse(text: &str) -> Result<Self, String> {
        checked(yaml::read(text, LARGEST)?)
    }
}

fn checked(file: File) -> Result<Script, String> {
    let standard = Script::default();
    let mut faults = Vec::new();
    for (i, entry) in file.faults.iter().enumerate() {
        let place = |field: &str, what: &str| {
            let line = entry.referenced.line();
            format!("line {line}: faults[{i}].{field}: {what}")
        };
        faults.push(fault(&entry.value, place)?);
    }
    Ok(Script {
        describe_lag: match &file.describe_lag {
            None => standard.describe_lag,
            Some(lag) => check::delay(lag, "describeLag")?,
        },
        throttling: file.throttling.unwrap_or(standard.throttling),
        never_join: match &file.never_join_percent {
            None => standard.never_join,
            Some(percent) if percent.value <= 100 => percent.value,
            Some(percent) => {
                let (line, value) = (percent.referenced.line(), percent.value);
                return Err(format!(
                    "line {line}: neverJoinPercent: {value} is above 100"
                ));
            }
        },
        faults,
    })
}

fn fault(entry: &Entry, place: impl Fn(&str, &str) -> String) -> Result<Fault, String> {
    let needed = "is missing; write an action such as CreateFleet, or \"*\"";
    let action = entry
        .action
        .clone()
        .ok_or_else(|| place("action", needed))?;
    let time = |name: &str, given: &Option<String>| match given {
        None => Ok(None),
        Some(text) => match text.parse::<Span>() {
            Ok(span) => Ok(Some(Timestamp::ZERO + span)),
            Err(_) => Err(place(
                name,
                &format!("{text:?} is no time; write 90s, 10m or 1h"),
            )),
        },
    };
    let when = When {
        calls: entry.calls.clone(),
        from: time("from", &entry.from)?,
        to: time("to", &entry.to)?,
        percent: entry.percent,
    };
    if when.calls.contains(&0) {
        return Err(place("calls", "0 is no call; the first is 1"));
    }
    if when.percent.is_some_and(|percent| percent > 100) {
        return Err(place("percent", "is above 100"));
    }
    Ok(Fault {
        action,
        when,
        wrong: wrong(entry, place)?,
    })
}

fn wrong(entry: &Entry, place: impl Fn(&str, &str) -> String) -> Result<Wrong, String> {
    let kind = entry.r#do.as_deref();
    if kind != Some("error") && (entry.code.is_some() || entry.status.is_some()) {
        return Err(place("code", "and status are for do: error"));
    }
    if kind != Some("delay") && entry.r#for.is_some() {
        return Err(place("for", "is for do: delay"));
    }
    match kind {
        Some("error") => {
            let status = entry.status.unwrap_or(500);
            if !(400..=599).contains(&status) {
                return Err(place(
                    "status",
                    &format!("{status} is no error; write 400 to 599"),
                ));
            }
            let code = entry
                .code
                .clone()
                .unwrap_or_else(|| "InternalError".to_owned());
            Ok(Wrong::Error { code, status })
        }
        Some("delay") => {
            let long = entry.r#for.as_deref().and_then(|text| text.parse().ok());
            long.map(Wrong::Delay)
                .ok_or_else(|| place("for", "must say how long; write 30s"))
        }
        Some("lose-answer") => Ok(Wrong::LoseAnswer),
        Some("drop") => Ok(Wrong::Drop),
        Some("hang") => Ok(Wrong::Hang),
        _ => Err(place(
            "do",
            "must be error, delay, lose-answer, drop or hang",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_goes_wrong_and_when() {
        let text = "describeLag: {p50: 1s, p99: 1m}\nthrottling: false\nneverJoinPercent: 5\nfaults:\n\
                    - {action: CreateFleet, calls: [2, 3], do: lose-answer}\n\
                    - {action: \"*\", from: 5m, to: 6m, do: error, code: Unavailable, status: 503}\n\
                    - {action: DescribeInstances, percent: 10, do: delay, for: 30s}\n";
        let script = Script::parse(text).unwrap();
        assert_eq!((script.throttling, script.never_join), (false, 5));
        assert_eq!(script.describe_lag.p99, Span::from_secs(60));
        assert_eq!(script.faults[0].when.calls, [2, 3]);
        assert_eq!(
            script.faults[1].wrong,
            Wrong::Error {
                code: "Unavailable".to_owned(),
                status: 503
            }
        );
        assert_eq!(script.faults[2].wrong, Wrong::Delay(Span::from_secs(30)));
        assert_eq!(Script::parse("").unwrap(), Script::default());
        let constant = Script::parse("describeLag: 3s").unwrap().describe_lag;
        assert_eq!(constant, Distribution::constant(Span::from_secs(3)));
    }

    #[test]
    fn bad_scripts_are_refused_with_line_and_field() {
        for (text, line, field) in [
            ("faults:\n- {do: hang}", 2, "faults[0].action"),
            ("faults:\n- {action: X, do: explode}", 2, "faults[0].do"),
            (
                "faults:\n- {action: X, do: hang}\n- {action: X, do: delay}",
                3,
                "faults[1].for",
            ),
            (
                "faults:\n- {action: X, do: hang, code: Y}",
                2,
                "faults[0].code",
            ),
            (
                "faults:\n- {action: X, do: error, status: 200}",
                2,
                "faults[0].status",
            ),
            (
                "faults:\n- {action: X, do: hang, calls: [0]}",
                2,
                "faults[0].calls",
            ),
            (
                "faults:\n- {action: X, do: hang, from: soon}",
                2,
                "faults[0].from",
            ),
            ("neverJoinPercent: 101", 1, "neverJoinPercent"),
            ("describeLag: {p50: 2s, p99: 1s}", 1, "describeLag.p50"),
            ("fault: []", 1, "fault"),
        ] {
            let problem = Script::parse(text).unwrap_err();
            assert!(
                problem.starts_with(&format!("line {line}: ")),
                "{text}: {problem}"
            );
            assert!(problem.contains(field), "{text}: {problem}");
        }
    }
}
