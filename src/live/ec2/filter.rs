//! Filters of EC2's describing actions. Knows their form and bounds; which properties an action has is for
//! those who ask.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Filter;

/// Most values of one filter (EC2 API reference, "Filtering").
pub(super) const MOST_VALUES: usize = 200;

/// A property that has one of these values.
pub(super) fn any<T: AsRef<str>>(name: impl Into<String>, values: &[T]) -> Filter {
    let values = values.iter().map(|value| value.as_ref().to_owned());
    Filter::builder()
        .name(name)
        .set_values(Some(values.collect()))
        .build()
}

/// Tags that are all there; an empty value takes any.
pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Filter> {
    let filter = |(key, value): (&String, &String)| {
        if value.is_empty() {
            any("tag-key", &[key])
        } else {
            any(format!("tag:{key}"), &[value])
        }
    };
    tags.iter().map(filter).collect()
}
