//! A text to its documents, each as JSON: YAML streams, JSON documents one after the other, JSON lines,
//! also mixed. Documents are read one at a time; a broken one does not hide those after it.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// Broken JSON documents that are named before the rest of a text is given up: what is broken this
/// often is probably no JSON.
const MOST_BROKEN: usize = 10;
/// Parser events and nodes that any YAML document may have; larger documents may have more in
/// proportion to their length, so only what expands aliases into far more than was written is refused.
const LEAST_BUDGET: usize = 1_000_000;

/// One document of a text.
#[derive(Debug)]
pub struct Document<'a> {
    /// Its place in the text, from 1; empty documents are not counted.
    pub number: usize,
    /// Its JSON, or what is wrong with it, line included.
    pub json: Result<Cow<'a, str>, String>,
}

/// Hands each document of the text to `each`, in order.
pub fn for_each<'a>(text: &'a str, each: &mut dyn FnMut(Document<'a>)) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut number = 0;
    let mut hand = |json| {
        number += 1;
        each(Document { number, json });
    };
    for (start, chunk) in chunks(text) {
        let body = chunk.trim_start();
        let is_json = body.starts_with(['{', '[']);
        let lines_before = || text[..start].matches('\n').count();
        if is_json {
            json(chunk, &lines_before, &mut hand);
        } else if !is_empty(chunk) {
            hand(yaml(chunk, &lines_before).map(Cow::Owned));
        }
    }
}

/// The stretches between document marks (`---` and `...` at a line's start), with the byte where each
/// begins. No string of JSON or YAML can hold such a line, so the marks can be trusted.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let mut end = start;
        for line in text[start..].split_inclusive('\n') {
            let begins_line = end == 0 || text[..end].ends_with('\n');
            if begins_line && is_mark(line) {
                next = Some(end + 3);
                return Some((start, &text[start..end]));
            }
            end += line.len();
        }
        next = None;
        Some((start, &text[start..]))
    })
}

fn is_mark(text: &str) -> bool {
    let after = text
        .strip_prefix("---")
        .or_else(|| text.strip_prefix("..."));
    after.is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
}

/// Nothing but blank lines, comments and directives.
fn is_empty(chunk: &str) -> bool {
    chunk
        .lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with(['#', '%']))
}

/// JSON documents one after the other. After a broken one, reading goes on at the next line that
/// begins with a brace, which is where documents begin in lines and in indented JSON.
fn json<'a>(
    chunk: &'a str,
    lines_before: &dyn Fn() -> usize,
    hand: &mut dyn FnMut(Result<Cow<'a, str>, String>),
) {
    let mut at = 0;
    let mut broken = 0;
    while at < chunk.len() {
        let mut stream = serde_json::Deserializer::from_str(&chunk[at..]).into_iter::<&RawValue>();
        let mut read = 0;
        let error = loop {
            match stream.next() {
                None => return,
                Some(Ok(document)) => hand(Ok(Cow::Borrowed(document.get()))),
                Some(Err(error)) => break error,
            }
            read = stream.byte_offset();
        };
        if at + read == 0
            && let Ok(flow) = yaml(chunk, lines_before)
        {
            return hand(Ok(Cow::Owned(flow)));
        }
        let line = lines_before() + chunk[..at].matches('\n').count() + error.line();
        hand(Err(format!(
            "line {line}: {}; mend the JSON",
            without_place(&error.to_string())
        )));
        broken += 1;
        let begun = at + read + chunk[at + read..].find(['{', '[']).unwrap_or(0);
        match chunk[begun..].find("\n{") {
            Some(next) if broken < MOST_BROKEN => at = begun + next + 1,
            Some(_) => return hand(Err("the rest is not read".to_owned())),
            None => return,
        }
    }
}

/// One YAML document as JSON. Words such as `yes` and `on` stay text, as in YAML 1.2.
fn yaml(chunk: &str, lines_before: &dyn Fn() -> usize) -> Result<String, String> {
    let budget = LEAST_BUDGET.max(chunk.len().saturating_mul(2));
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: budget,
            max_nodes: budget,
            max_total_scalar_bytes: budget.saturating_mul(64),
        },
        strict_booleans: true,
        with_snippet: false,
        emit_comments: false,
    };
    serde_saphyr::from_str_with_options::<Value>(chunk, options)
        .map(|value| value.to_string())
        .map_err(|error| {
            let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let message = without_place(&message).replace(char::is_control, " ");
            let line = error.location().map_or(1, |location| location.line());
            let line = u64::try_from(lines_before()).map_or(line, |before| before + line);
            format!("line {line}: {message}; mend the YAML")
        })
}

/// The message less the place that the parser counted from the document's start.
fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}
