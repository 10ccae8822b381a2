//! Filters of describing actions: each names a property and values, of which one must hold; `*` and `?` in a
//! value stand for any letters and any letter. All filters must hold. A filter that the action does not have
//! is refused.

use serde::Deserialize;

use crate::emulator::account::Tags;
use crate::emulator::wire::ApiError;

/// Most values of a filter.
const MOST: usize = 200;

/// A filter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Filter {
    /// `instance-state-name`.
    pub name: String,
    /// Any of these.
    #[serde(rename = "Value")]
    pub values: Vec<String>,
}

/// Checks filters by name; `tag:…` and `tag-key` are known everywhere that has tags.
///
/// # Errors
/// `InvalidParameterValue`, `FilterLimitExceeded`.
pub fn check(filters: &[Filter], known: &[&str], tagged: bool) -> Result<(), ApiError> {
    for filter in filters {
        let name = filter.name.as_str();
        let of_tags = tagged && (name == "tag-key" || name.starts_with("tag:"));
        if !of_tags && !known.contains(&name) {
            return Err(ApiError::value(format!("The filter '{name}' is invalid")));
        }
        if filter.values.len() > MOST {
            let what = format!("The filter '{name}' has more than {MOST} values");
            return Err(ApiError::client("FilterLimitExceeded", what));
        }
    }
    Ok(())
}

/// True where all filters hold for something with these tags, whose properties `of` gives by name.
pub fn hold(filters: &[Filter], tags: &Tags, of: impl Fn(&str) -> Vec<String>) -> bool {
    filters.iter().all(|filter| {
        let has = match filter.name.strip_prefix("tag:") {
            Some(key) => tags.get(key).cloned().into_iter().collect(),
            None if filter.name == "tag-key" => tags.keys().cloned().collect(),
            None => of(&filter.name),
        };
        let wanted = filter.values.iter();
        wanted
            .flat_map(|wanted| has.iter().map(move |has| (wanted, has)))
            .any(|(wanted, has)| matches(wanted, has))
    })
}

/// True where a text is what a pattern says; a backslash takes a letter's meaning away.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = letters(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when letters do not fit: behind the last star, with one more letter for it.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Letter::Many) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(Letter::Any) => (p, t) = (p + 1, t + 1),
            Some(Letter::One(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after, at)) => {
                    retry = Some((after, at + 1));
                    (p, t) = (after, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == Letter::Many)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    One(char),
    Any,
    Many,
}

fn letters(pattern: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        letters.push(match c {
            '*' => Letter::Many,
            '?' => Letter::Any,
            '\\' => Letter::One(rest.next().unwrap_or(c)),
            c => Letter::One(c),
        });
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_letters() {
        for (pattern, text, expected) in [
            ("c5*", "c5.large", true),
            ("c5*", "m5.large", false),
            ("*.large", "c5.large", true),
            ("c?.*", "c5.large", true),
            ("c?", "c", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("", "", true),
            ("", "a", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn every_filter_must_hold_by_one_of_its_values() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: name.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let tags = Tags::from([("team".to_owned(), "data".to_owned())]);
        let of = |name: &str| vec![format!("{name} value")];
        let hold = |filters: &[Filter]| hold(filters, &tags, of);
        assert!(hold(&[
            filter("x", &["y", "x value"]),
            filter("tag:team", &["data"])
        ]));
        assert!(hold(&[filter("tag-key", &["te*"])]));
        assert!(!hold(&[
            filter("x", &["x value"]),
            filter("tag:team", &["other"])
        ]));
        assert!(!hold(&[filter("tag:none", &["*"])]));
        let refused = |filters: &[Filter]| check(filters, &["x"], false).unwrap_err().code;
        assert_eq!(refused(&[filter("z", &["1"])]), "InvalidParameterValue");
        assert_eq!(
            refused(&[filter("tag:team", &["1"])]),
            "InvalidParameterValue"
        );
        assert_eq!(refused(&[filter("x", &["1"; 201])]), "FilterLimitExceeded");
    }
}
