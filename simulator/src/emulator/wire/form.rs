//! The query protocol's parameters: `Filter.1.Value.2=x` is the second value of the first filter. A form is
//! read into a tree of named groups, whose lists are groups with numbers for names.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::ApiError;
use super::xml::Xml;

/// Deepest name: real ones have six parts or so.
const DEEPEST: usize = 12;
/// Most parameters: a thousand instance ids, or hundreds of overrides of a fleet.
const MOST: usize = 20_000;

/// A parameter, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A value.
    Text(String),
    /// Parameters by name; a list by number.
    Group(BTreeMap<String, Form>),
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// Where two names contradict each other, or there are too many.
    pub fn parse(body: &[u8]) -> Result<Form, ApiError> {
        let malformed = |what: String| ApiError::client("MalformedQueryString", what);
        let mut form = Form::Group(BTreeMap::new());
        for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
            let parts: Vec<&str> = name.split('.').collect();
            if count >= MOST || parts.len() > DEEPEST {
                return Err(malformed("The query string has too many parts".to_owned()));
            }
            let put = form.put(&parts, value.into_owned());
            put.map_err(|()| malformed(format!("The parameter {name} stands there twice")))?;
        }
        Ok(form)
    }

    fn put(&mut self, path: &[&str], value: String) -> Result<(), ()> {
        let Form::Group(inside) = self else {
            return Err(());
        };
        match path {
            [] => Err(()),
            [last] => match inside.insert((*last).to_owned(), Form::Text(value)) {
                None => Ok(()),
                Some(_) => Err(()),
            },
            [first, rest @ ..] => inside
                .entry((*first).to_owned())
                .or_insert_with(|| Form::Group(BTreeMap::new()))
                .put(rest, value),
        }
    }

    /// Takes a value out of the outermost group.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let Form::Group(inside) = self else {
            return None;
        };
        match inside.remove(name)? {
            Form::Text(text) => Some(text),
            group @ Form::Group(_) => {
                inside.insert(name.to_owned(), group);
                None
            }
        }
    }

    /// A part of the outermost group.
    pub fn part(&self, name: &str) -> Option<&Form> {
        match self {
            Form::Group(inside) => inside.get(name),
            Form::Text(_) => None,
        }
    }

    /// Reads the parameters into a request.
    ///
    /// # Errors
    /// EC2's own, naming the parameter: one that is not known, that is missing, or whose value cannot be.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        T::deserialize(self).map_err(ApiError::from)
    }

    /// The parts of a list, in order of their numbers; None where this is no list.
    pub(super) fn items(&self) -> Option<Vec<(&str, &Form)>> {
        let Form::Group(inside) = self else {
            return None;
        };
        let mut items = Vec::new();
        for (name, item) in inside {
            items.push((name.parse::<u32>().ok()?, name.as_str(), item));
        }
        items.sort_by_key(|(number, ..)| *number);
        Some(
            items
                .into_iter()
                .map(|(_, name, item)| (name, item))
                .collect(),
        )
    }

    /// The parameters as an answer gives them back: `SecurityGroupId.1` is `securityGroupIdSet/item`.
    pub fn echo(&self) -> Xml {
        match self {
            Form::Text(text) => Xml::from(text.as_str()),
            Form::Group(inside) => inside.iter().fold(Xml::new(), |xml, (name, part)| {
                let Some(items) = part.items() else {
                    return xml.with(lower(name), part.echo());
                };
                let items = items.into_iter().map(|(_, item)| match name.as_str() {
                    "NetworkInterface" => item.echo_interface(),
                    _ => item.echo(),
                });
                xml.with(format!("{}Set", lower(name)), Xml::items(items))
            }),
        }
    }

    /// A network interface, whose groups have names of their own: `groupSet/groupId`.
    fn echo_interface(&self) -> Xml {
        let groups = self.part("SecurityGroupId").and_then(Form::items);
        let groups = groups.unwrap_or_default().into_iter();
        let groups = groups.fold(Xml::new(), |xml, (_, id)| xml.with("groupId", id.echo()));
        self.echo().with("groupSet", groups)
    }

    /// The parameters as JSON, for the log.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Form::Text(text) => text.as_str().into(),
            Form::Group(inside) => match self.items().filter(|items| !items.is_empty()) {
                Some(items) => items.into_iter().map(|(_, item)| item.json()).collect(),
                None => inside.iter().map(|(k, v)| (k.clone(), v.json())).collect(),
            },
        }
    }
}

/// `SecurityGroupId` is `securityGroupId`.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Request {
        #[serde(default, rename = "Filter")]
        filters: Vec<Filter>,
        max_results: Option<u32>,
        image_id: String,
        #[serde(default)]
        force: bool,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Filter {
        name: String,
        #[serde(rename = "Value")]
        values: Vec<String>,
    }

    fn read(body: &str) -> Result<Request, ApiError> {
        Form::parse(body.as_bytes())?.read()
    }

    #[test]
    fn lists_are_read_in_order_of_their_numbers_and_values_by_their_type() {
        let values: String = (1..=11)
            .map(|i| format!("&Filter.1.Value.{i}=v{i}"))
            .collect();
        let body = format!("ImageId=ami-1&Filter.1.Name=a%20b{values}&MaxResults=5&Force=true");
        let request = read(&body).unwrap();
        assert_eq!(request.filters[0].name, "a b");
        assert_eq!(request.filters[0].values[9..], ["v10", "v11"]);
        assert_eq!((request.max_results, request.force), (Some(5), true));
    }

    #[test]
    fn bad_parameters_are_refused_by_name() {
        for (body, code, named) in [
            ("MaxResults=5", "MissingParameter", "ImageId"),
            ("ImageId=a&Imageid=b", "UnknownParameter", "Imageid"),
            (
                "ImageId=a&Filter.1.Nam=b",
                "UnknownParameter",
                "Filter.1.Nam",
            ),
            (
                "ImageId=a&Filter.1.Name=b",
                "MissingParameter",
                "Filter.1.Value",
            ),
            (
                "ImageId=a&MaxResults=x",
                "InvalidParameterValue",
                "MaxResults",
            ),
            (
                "ImageId=a&MaxResults=-1",
                "InvalidParameterValue",
                "MaxResults",
            ),
            ("ImageId=a&Force=yes", "InvalidParameterValue", "Force"),
            ("ImageId=a&ImageId=b", "MalformedQueryString", "ImageId"),
            ("ImageId.1=a", "InvalidParameterValue", "ImageId"),
            ("ImageId=a&Filter=b", "InvalidParameterValue", "Filter"),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(error.code, code, "{body}: {error:?}");
            assert!(error.message.contains(named), "{body}: {error:?}");
        }
    }

    #[test]
    fn an_echo_has_the_names_of_answers() {
        let body = b"SecurityGroupId.1=sg-1&BlockDeviceMapping.1.Ebs.VolumeSize=20\
                     &NetworkInterface.1.SecurityGroupId.1=sg-2";
        let echo = Form::parse(body).unwrap().echo().document("data");
        for part in [
            "<blockDeviceMappingSet><item><ebs><volumeSize>20</volumeSize></ebs></item></blockDeviceMappingSet>",
            "<groupSet><groupId>sg-2</groupId></groupSet>",
            "<securityGroupIdSet><item>sg-1</item></securityGroupIdSet>",
        ] {
            assert!(echo.contains(part), "{part} in {echo}");
        }
    }
}
