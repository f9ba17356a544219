//! A validator of JSON Schema draft 4, as far as the schema of SARIF goes: a keyword that it does not know fails the test.

use serde_json::Value;

/// Keywords that say nothing about validity.
const SILENT: [&str; 7] = ["$schema", "id", "title", "description", "default", "definitions", "format"];

/// Everything in which a value is not as its schema says.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    judge(schema, schema, value, "", &mut faults);
    faults
}

fn holds(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut faults = Vec::new();
    judge(root, schema, value, "", &mut faults);
    faults.is_empty()
}

fn judge(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            known if SILENT.contains(&known) => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                judge(root, target, value, at, faults);
                true
            }
            "type" => is_type(rule.as_str().unwrap(), value),
            "enum" => rule.as_array().unwrap().contains(value),
            "required" => is_without_gap(rule, value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "uniqueItems" => {
                value.as_array().is_none_or(|items| items.iter().enumerate().all(|(at, one)| !items[..at].contains(one)))
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|one| holds(root, one, value)),
            "oneOf" => rule.as_array().unwrap().iter().filter(|one| holds(root, one, value)).count() == 1,
            // Those of SARIF are on members that we do not write.
            "pattern" => value.is_null(),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(root, rule, item, &format!("{at}/{index}"), faults);
                }
                true
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        judge(root, rule, member, &format!("{at}/{name}"), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties");
                for (name, member) in value.as_object().into_iter().flatten() {
                    let is_known = known.is_some_and(|known| known.get(name).is_some());
                    match rule {
                        Value::Bool(false) if !is_known => faults.push(format!("{at}: {name} is no member")),
                        Value::Object(_) if !is_known => judge(root, rule, member, &format!("{at}/{name}"), faults),
                        _ => {}
                    }
                }
                true
            }
            other => panic!("the validator does not know {other}"),
        };
        if !fits {
            faults.push(format!("{at}: {keyword} {rule}"));
        }
    }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no type {other}"),
    }
}

fn is_without_gap(required: &Value, value: &Value) -> bool {
    let Some(members) = value.as_object() else { return true };
    required.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
}

#[test]
fn the_validator_refuses() {
    let schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    let good = serde_json::json!({ "version": "2.1.0", "runs": [ { "tool": { "driver": { "name": "x" } }, "results": [] } ] });
    assert_eq!(faults(&schema, &good), Vec::<String>::new());
    for (pointer, bad) in [
        ("/version", serde_json::json!("2.0.0")),
        ("/runs", serde_json::json!(7)),
        ("/runs/0/tool", serde_json::json!({})),
        ("/runs/0/results", serde_json::json!([ { "level": "bad", "message": { "text": "x" } } ])),
        ("/runs/0/results", serde_json::json!([ { "messages": { "text": "x" } } ])),
    ] {
        let mut log = good.clone();
        *log.pointer_mut(pointer).unwrap() = bad;
        assert!(!faults(&schema, &log).is_empty(), "{pointer}");
    }
}
