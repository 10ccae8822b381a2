//! A form's tree as serde reads it: every value is text until a field says what it should be. Problems
//! carry the parameter's whole name.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::form::Form;

/// What is wrong with a request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nobody knows the parameter.
    Unknown(String),
    /// It must be there.
    Missing(String),
    /// Its value cannot be, and why.
    Value(String, String),
}

impl Problem {
    /// The problem, seen from one level further out.
    fn within(self, outer: &str) -> Problem {
        let path = |inner: String| match inner.as_str() {
            "" => outer.to_owned(),
            _ => format!("{outer}.{inner}"),
        };
        match self {
            Problem::Unknown(inner) => Problem::Unknown(path(inner)),
            Problem::Missing(inner) => Problem::Missing(path(inner)),
            Problem::Value(inner, why) => Problem::Value(path(inner), why),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unknown(path) => write!(f, "{path} is unknown"),
            Problem::Missing(path) => write!(f, "{path} is missing"),
            Problem::Value(path, why) => write!(f, "{path}: {why}"),
        }
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem::Value(String::new(), message.to_string())
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Problem::Unknown(field.to_owned())
    }

    fn missing_field(field: &'static str) -> Self {
        Problem::Missing(field.to_owned())
    }
}

fn wrong(why: String) -> Problem {
    Problem::Value(String::new(), why)
}

impl Form {
    fn text(&self) -> Result<&str, Problem> {
        match self {
            Form::Text(text) => Ok(text),
            Form::Group(_) => Err(wrong("It takes one value".to_owned())),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, kind: &str) -> Result<T, Problem> {
        let text = self.text()?;
        let parsed = text.parse();
        parsed.map_err(|_| wrong(format!("{text:?} is no {kind}")))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:literal),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            visitor.$visit(self.parsed($kind)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for &'de Form {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self {
            Form::Text(text) => visitor.visit_borrowed_str(text),
            Form::Group(_) => self.deserialize_map(visitor),
        }
    }

    numbers! {
        deserialize_bool visit_bool "true or false",
        deserialize_i32 visit_i32 "integer",
        deserialize_i64 visit_i64 "integer",
        deserialize_u16 visit_u16 "integer of at least 0",
        deserialize_u32 visit_u32 "integer of at least 0",
        deserialize_u64 visit_u64 "integer of at least 0",
        deserialize_f64 visit_f64 "number",
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let text = self.text()?;
        if !variants.contains(&text) {
            let known = variants.join(", ");
            return Err(wrong(format!("{text:?} is none of {known}")));
        }
        let deserializer: StrDeserializer<'de, Problem> = text.into_deserializer();
        visitor.visit_enum(deserializer)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let items = self.items();
        let items = items.ok_or_else(|| wrong("Its parts are numbered from 1".to_owned()))?;
        visitor.visit_seq(Parts(items.into_iter(), None))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Form::Group(inside) = self else {
            return Err(wrong(
                "It has parts, and takes no value of its own".to_owned(),
            ));
        };
        let parts: Vec<(&str, &Form)> = inside.iter().map(|(k, v)| (k.as_str(), v)).collect();
        visitor.visit_map(Parts(parts.into_iter(), None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 u8 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Parts of a group one after the other, and the one whose value comes next.
struct Parts<'de>(
    std::vec::IntoIter<(&'de str, &'de Form)>,
    Option<(&'de str, &'de Form)>,
);

impl<'de> SeqAccess<'de> for Parts<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some((name, part)) = self.0.next() else {
            return Ok(None);
        };
        let read = seed.deserialize(part);
        read.map(Some).map_err(|problem| problem.within(name))
    }
}

impl<'de> MapAccess<'de> for Parts<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        self.1 = self.0.next();
        let Some((name, _)) = self.1 else {
            return Ok(None);
        };
        let name: StrDeserializer<'de, Problem> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Problem> {
        let Some((name, part)) = self.1.take() else {
            return Err(wrong("A value without a name".to_owned()));
        };
        seed.deserialize(part)
            .map_err(|problem| problem.within(name))
    }
}
