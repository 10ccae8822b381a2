//! Answers of the query protocol: elements by name, lists as `<item>`s. What is absent is left out, as EC2
//! leaves it out.

use std::borrow::Cow;

/// An element's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Xml {
    /// Nothing: the element itself is left out.
    Absent,
    /// Text.
    Text(String),
    /// Elements by name.
    Fields(Vec<(Cow<'static, str>, Xml)>),
    /// A list.
    Items(Vec<Xml>),
}

impl Xml {
    /// An element without content yet.
    pub fn new() -> Self {
        Xml::Fields(Vec::new())
    }

    /// A list.
    pub fn items(items: impl IntoIterator<Item = Xml>) -> Self {
        Xml::Items(items.into_iter().collect())
    }

    /// With one more element inside.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, content: impl Into<Xml>) -> Self {
        if let Xml::Fields(fields) = &mut self {
            fields.push((name.into(), content.into()));
        }
        self
    }

    /// A document with this root.
    pub fn document(&self, root: &str) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let name = root.split(' ').next().unwrap_or(root);
        element(&mut out, root, name, self);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Xml::Absent => {}
            Xml::Text(text) => escape(out, text),
            Xml::Fields(fields) => {
                let there = fields.iter().filter(|(_, content)| *content != Xml::Absent);
                there.for_each(|(name, content)| element(out, name, name, content));
            }
            Xml::Items(items) => items.iter().for_each(|i| element(out, "item", "item", i)),
        }
    }
}

impl Default for Xml {
    fn default() -> Self {
        Xml::new()
    }
}

fn element(out: &mut String, begin: &str, end: &str, content: &Xml) {
    out.extend(["<", begin, ">"]);
    content.write(out);
    out.extend(["</", end, ">"]);
}

/// Characters that XML 1.0 cannot hold at all are left out.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

impl From<&str> for Xml {
    fn from(text: &str) -> Self {
        Xml::Text(text.to_owned())
    }
}

impl From<&String> for Xml {
    fn from(text: &String) -> Self {
        Xml::Text(text.clone())
    }
}

impl From<String> for Xml {
    fn from(text: String) -> Self {
        Xml::Text(text)
    }
}

impl From<bool> for Xml {
    fn from(value: bool) -> Self {
        Xml::Text(value.to_string())
    }
}

impl From<u32> for Xml {
    fn from(value: u32) -> Self {
        Xml::Text(value.to_string())
    }
}

impl From<u64> for Xml {
    fn from(value: u64) -> Self {
        Xml::Text(value.to_string())
    }
}

impl<T: Into<Xml>> From<Option<T>> for Xml {
    fn from(value: Option<T>) -> Self {
        value.map_or(Xml::Absent, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_what_is_absent_left_out() {
        let xml = Xml::new()
            .with("a", "1 < 2 & \"3\"\u{1}")
            .with("b", None::<&str>)
            .with(
                "c",
                Xml::items([Xml::from(7_u32), Xml::new().with("d", true)]),
            );
        let expected =
            "<a>1 &lt; 2 &amp; &quot;3&quot;</a><c><item>7</item><item><d>true</d></item></c>";
        let document = xml.document("root xmlns=\"u\"");
        assert!(
            document.ends_with(&format!("<root xmlns=\"u\">{expected}</root>")),
            "{document}"
        );
    }
}
