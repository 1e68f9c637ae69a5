//! The JSON Schema of a machine file, for editors.

use crate::file::File;

/// Returns the JSON Schema of a machine file.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::fake::example;

    fn json(text: &str) -> Value {
        let table: toml::Table = toml::from_str(text).unwrap();
        serde_json::to_value(table).unwrap()
    }

    /// Collects the paths of all tables and values in a file.
    fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.into());
        match value {
            Value::Object(table) => {
                table
                    .iter()
                    .for_each(|(name, value)| paths(value, &format!("{path}/{name}"), found));
            }
            Value::Array(list) => {
                let list = list.iter().enumerate();
                list.for_each(|(at, value)| paths(value, &format!("{path}/{at}"), found));
            }
            _ => {}
        }
    }

    /// Reports whether the parser accepts a file in this form, whatever its names and terms are.
    fn is_parsed(value: &Value) -> bool {
        let text = toml::to_string(value).unwrap();
        File::parse(Path::new("a"), &text).is_ok()
    }

    #[test]
    fn the_schema_accepts_what_the_parser_accepts() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let right = json(example());
        assert!(validator.is_valid(&right));
        let mut all = Vec::new();
        paths(&right, "", &mut all);
        let (mut accepted, mut refused) = (0, 0);
        for path in all {
            for other in [
                Value::from(1),
                Value::from(-1),
                Value::from(0.5),
                Value::from("exactly"),
                Value::from(true),
                Value::Array(Vec::new()),
                Value::Array(vec!["x".into()]),
                serde_json::json!({}),
                serde_json::json!({ "line": "x" }),
                serde_json::json!({ "pattern": "x", "with": "y", "unknown": 1 }),
            ] {
                let mut file = right.clone();
                *file.pointer_mut(&path).unwrap() = other.clone();
                if !file.is_object() {
                    continue;
                }
                let (is_valid, is_parsed) = (validator.is_valid(&file), is_parsed(&file));
                assert_eq!(is_valid, is_parsed, "{path} = {other}");
                if is_valid {
                    accepted += 1;
                } else {
                    refused += 1;
                }
            }
        }
        assert!(accepted > 100 && refused > 500, "{accepted} {refused}");
    }

    /// The names of all keys in the schema, and of all values of a key that has few.
    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(table) => {
                if let Some(Value::Object(properties)) = table.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                if let Some(Value::String(value)) = table.get("const") {
                    found.insert(value.clone());
                }
                table.values().for_each(|value| keys(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_has_every_key() {
        let document = include_str!("../../docs/machines.md");
        let mut all = BTreeSet::new();
        keys(&schema(), &mut all);
        assert!(all.len() > 50, "{all:?}");
        let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let is_missing = |key: &&String| {
            let name = format!("`{key}`");
            !rows.iter().any(|row| row.contains(&name))
        };
        assert_eq!(all.iter().filter(is_missing).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn every_key_is_described() {
        fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
            let Value::Object(table) = schema else { return };
            for (name, value) in table {
                let path = format!("{path}/{name}");
                if name == "properties"
                    && let Value::Object(properties) = value
                {
                    let missing =
                        properties.iter().filter(|(_, value)| value.get("description").is_none());
                    found.extend(missing.map(|(name, _)| format!("{path}/{name}")));
                }
                undescribed(value, &path, found);
            }
        }
        let mut found = Vec::new();
        undescribed(&schema(), "", &mut found);
        assert_eq!(found, [""; 0]);
    }
}
