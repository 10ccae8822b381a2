//! The documentation of each kind that people write has a row for every field of its definition.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sparkwright::model::label::WELL_KNOWN;
use sparkwright::model::nodeclass::NodeClass;
use sparkwright::model::nodepool::NodePool;
use sparkwright::model::object::definition;

#[test]
fn every_field_of_a_nodepool_is_documented() {
    documented("docs/nodepools.md", &definition::<NodePool>());
}

#[test]
fn every_field_of_a_nodeclass_is_documented() {
    documented("docs/nodeclasses.md", &definition::<NodeClass>());
}

#[test]
fn every_well_known_label_is_documented() {
    let text = read("docs/nodepools.md");
    for label in WELL_KNOWN {
        let row = format!("| `{}` | {} |", label.key, label.meaning);
        assert!(text.contains(&row), "docs/nodepools.md lacks the row {row}");
    }
}

fn documented(document: &str, definition: &Value) {
    let text = read(document);
    let schema =
        &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut fields = Vec::new();
    leaves(schema, "", &mut fields);
    assert!(fields.len() > 40, "{fields:?}");
    for field in &fields {
        assert!(
            text.contains(&format!("| `{field}` |")),
            "{document} lacks {field}"
        );
    }
    let (_, fields_on) = text
        .split_once("## Fields of `spec`")
        .expect("the document has the table of fields");
    let table = fields_on.split("\n## ").next().unwrap_or_default();
    for row in table.lines().filter_map(|line| line.strip_prefix("| `")) {
        let named = row.split('`').next().unwrap_or_default();
        let field = !named.contains(['/', ' ']);
        assert!(
            !field || fields.iter().any(|f| f == named),
            "{document}: {named} is no field"
        );
    }
}

/// Paths of the fields that hold values: `template.spec.taints[].key`.
fn leaves(schema: &Value, at: &str, fields: &mut Vec<String>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    match (properties, schema.get("items")) {
        (Some(properties), _) => {
            for (name, child) in properties {
                let dot = if at.is_empty() { "" } else { "." };
                leaves(child, &format!("{at}{dot}{name}"), fields);
            }
        }
        (None, Some(items)) if items.get("properties").is_some() => {
            leaves(items, &format!("{at}[]"), fields);
        }
        _ => fields.push(at.to_owned()),
    }
}

fn read(document: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document))
        .expect("the page is there")
}
