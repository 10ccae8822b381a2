//! Text in the form of Java's `.properties` files to Spark properties: comments, escapes, lines that go
//! on in the next. Knows no property; the form is that of `java.util.Properties.load`.

use crate::model::conf::Conf;

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text:?} is no Unicode escape; write \\u and four hexadecimal digits")]
pub struct Malformed {
    /// The line that the entry begins in, from 1.
    pub line: usize,
    /// The escape as it stands there.
    pub text: String,
}

/// All entries; of a key that is given twice the last counts.
///
/// # Errors
/// A Unicode escape that is none: the one thing that Java refuses.
pub fn properties(text: &str) -> Result<Conf, Malformed> {
    let mut conf = Conf::new();
    for (line, entry) in entries(text) {
        let (key, value) = split(&entry);
        let plain = |text: &str| unescaped(text).map_err(|text| Malformed { line, text });
        conf.insert(plain(key)?, plain(value)?);
    }
    Ok(conf)
}

/// Lines as they are meant, with the line that each begins in: less blank ones and comments, and with
/// what a backslash at the end carries on.
fn entries(text: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    let text = text.replace("\r\n", "\n");
    for (i, line) in text.split(['\n', '\r']).enumerate() {
        let line = line.trim_start_matches(is_space);
        if !goes_on && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        let carries_on = backslashes % 2 == 1;
        let content = match carries_on {
            true => &line[..line.len() - 1],
            false => line,
        };
        match entries.last_mut().filter(|_| goes_on) {
            Some((_, entry)) => entry.push_str(content),
            None => entries.push((i + 1, content.to_owned())),
        }
        goes_on = carries_on;
    }
    entries
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Key and value at the first `=`, `:` or space that is not escaped.
fn split(entry: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = entry.find(|c: char| {
        let ends = !escaped && (is_space(c) || c == '=' || c == ':');
        escaped = !escaped && c == '\\';
        ends
    });
    let (key, rest) = entry.split_at(end.unwrap_or(entry.len()));
    let rest = rest.trim_start_matches(is_space);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_space))
}

/// The text that escapes stand for; an error is the escape that stands for nothing.
fn unescaped(text: &str) -> Result<String, String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let is_whole = digits.len() == 4 && !digits.starts_with('+');
                    let unit = u16::from_str_radix(&digits, 16).ok();
                    let unit = unit.filter(|_| is_whole);
                    units.push(unit.ok_or_else(|| format!("\\u{digits}"))?);
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend(c.encode_utf16(&mut [0; 2]).iter());
    }
    // Half a surrogate pair, which Java keeps, is of no use in any property.
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("", vec![]),
            ("# a=b\n! c=d\n\n \t\n", vec![]),
            ("a=b", vec![("a", "b")]),
            ("a = b ", vec![("a", "b ")]),
            ("a:b", vec![("a", "b")]),
            ("a b=c", vec![("a", "b=c")]),
            ("a", vec![("a", "")]),
            ("a=", vec![("a", "")]),
            ("a==b", vec![("a", "=b")]),
            ("a\\=b\\:c\\ d=e", vec![("a=b:c d", "e")]),
            (
                "m=k8s\\://https\\://h\\:1",
                vec![("m", "k8s://https://h:1")],
            ),
            (
                "a=1,\\\n   2,\\\r\n\t3\nb=4",
                vec![("a", "1,2,3"), ("b", "4")],
            ),
            ("a=\\\\\nb=c", vec![("a", "\\"), ("b", "c")]),
            ("a=b\\\n# no comment", vec![("a", "b# no comment")]),
            (
                "a=\\u0041\\uD83D\\uDE00\\tz\\q",
                vec![("a", "A\u{1f600}\tzq")],
            ),
            ("a=é", vec![("a", "é")]),
            ("a=1\na=2", vec![("a", "2")]),
            ("a=1\rb=2", vec![("a", "1"), ("b", "2")]),
            ("a=b\\", vec![("a", "b")]),
        ] {
            let expected: Conf = expected
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(properties(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn an_escape_that_is_none_is_named_with_its_line() {
        for text in ["a=1\n\nb=\\u00", "#\n\nb=\\uzzzz", "\n\n\\u+041=b"] {
            let error = properties(text).unwrap_err();
            assert_eq!(error.line, 3, "{text:?}");
            assert!(error.text.starts_with("\\u"), "{error}");
        }
    }
}
