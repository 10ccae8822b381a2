//! Pages of a list: so many entries, and a token for the rest that holds for the same action alone. A
//! token holds a place in the list as it is asked for the next time, as EC2's may skip what has gone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::ops::RangeInclusive;

use super::ApiError;

/// Entries of a page, and the token of the next one.
#[derive(Debug)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// What to ask with for the rest; None where this was the last page.
    pub next: Option<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The action.
    pub action: &'static str,
    /// How many at most.
    pub most: Option<u32>,
    /// Where to go on.
    pub token: Option<&'a str>,
}

/// Cuts a page. Without `most`, and without a limit of the action, everything is one page.
///
/// # Errors
/// `InvalidParameterValue` where `most` is out of the action's range; `InvalidNextToken`.
pub fn cut<T>(
    entries: Vec<T>,
    asked: Asked<'_>,
    range: RangeInclusive<u32>,
    default: Option<u32>,
) -> Result<Page<T>, ApiError> {
    if let Some(most) = asked.most.filter(|most| !range.contains(most)) {
        let (low, high) = (range.start(), range.end());
        return Err(ApiError::value(format!(
            "Value ( {most} ) for parameter maxResults is invalid. Expecting a value between {low} and {high}."
        )));
    }
    let begin = match asked.token {
        None => 0,
        Some(token) => begin(token, asked.action)
            .filter(|begin| *begin <= entries.len())
            .ok_or_else(|| {
                ApiError::client("InvalidNextToken", "The specified nextToken is not valid.")
            })?,
    };
    let most = asked.most.or(default);
    let most = most.and_then(|most| usize::try_from(most).ok());
    let all = entries.len();
    let end = most.map_or(all, |most| begin.saturating_add(most).min(all));
    let next = (end < all).then(|| STANDARD.encode(format!("{}:{end}", asked.action)));
    let entries = entries.into_iter().take(end).skip(begin).collect();
    Ok(Page { entries, next })
}

fn begin(token: &str, action: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix(action)?.strip_prefix(':')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_hold_everything_once() {
        let asked = Asked {
            action: "DescribeThings",
            most: Some(5),
            token: None,
        };
        let mut token = None;
        let mut all: Vec<u32> = Vec::new();
        let mut pages = 0;
        loop {
            let next = Asked {
                token: token.as_deref(),
                ..asked
            };
            let page = cut((0..12).collect(), next, 5..=10, None).unwrap();
            all.extend(&page.entries);
            pages += 1;
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!((pages, all), (3, (0..12).collect()));
        let first = cut(vec![0; 12], asked, 5..=10, None).unwrap().next;
        let bad = |asked| cut(vec![0; 12], asked, 5..=10, None).unwrap_err().code;
        let few = Asked {
            most: Some(4),
            ..asked
        };
        assert_eq!(bad(few), "InvalidParameterValue");
        let other = Asked {
            action: "DescribeOthers",
            token: first.as_deref(),
            ..asked
        };
        assert_eq!(bad(other), "InvalidNextToken");
    }
}
