//! Types of values in a scenario, as parts of a schema.

use serde_json::{Map, Value, json};

/// A key: its name, its type, its meaning.
pub(super) type Key = (&'static str, Value, &'static str);

const NUMBER: &str = r"[0-9][0-9_]*(\.[0-9][0-9_]*)?";

/// Text with a number, an optional space, and one of these units.
fn quantity(units: &str, example: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!(r"^\s*{NUMBER}\s*({units})\s*$"),
        "examples": [example],
    })
}

pub(super) fn time() -> Value {
    shared("time")
}

pub(super) fn size() -> Value {
    shared("size")
}

pub(super) fn rate() -> Value {
    shared("rate")
}

pub(super) fn share() -> Value {
    shared("share")
}

/// A reference to a definition that several keys use.
pub(super) fn shared(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The definitions that [`shared`] refers to.
pub(super) fn definitions() -> Value {
    json!({
        "time": quantity("ns|us|µs|ms|s|min|h|d", "30 s"),
        "size": quantity("[kKMGT]B|[KMGT]iB|B", "256 KiB"),
        "rate": quantity("[kMGT]?bit/s|[kKMGT]?B/s|[KMGT]iB/s", "10 Mbit/s"),
        "share": quantity("%", "20 %"),
        "decimal": {
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": format!(r"^\s*{NUMBER}\s*$") },
            ],
        },
    })
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn truth() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn whole(min: u64, max: u64) -> Value {
    json!({ "type": "integer", "minimum": min, "maximum": max })
}

/// A number that is not negative, as a number or as text.
pub(super) fn decimal() -> Value {
    shared("decimal")
}

pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "enum": words.into_iter().collect::<Vec<&str>>() })
}

pub(super) fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

pub(super) fn points() -> Value {
    let pair = json!({ "type": "array", "items": decimal(), "minItems": 2, "maxItems": 2 });
    json!({ "type": "array", "items": pair, "minItems": 2 })
}

/// A table with exactly these keys allowed.
pub(super) fn table(required: &[&str], keys: Vec<Key>) -> Value {
    let mut properties = Map::new();
    for (name, mut schema, meaning) in keys {
        schema["description"] = meaning.into();
        properties.insert(name.to_owned(), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// One form of a table: the value of `model`, its required keys, and all its keys.
pub(super) type Model = (&'static str, Vec<&'static str>, Vec<Key>);

/// A table whose `model` decides which other keys are allowed. If the language has a default, a
/// table without `model` has the first form.
pub(super) fn models(default: bool, models: Vec<Model>) -> Value {
    let one = |(at, (name, mut required, mut keys)): (usize, Model)| {
        keys.push(("model", json!({ "const": name }), "Name of the model."));
        if at > 0 || !default {
            required.push("model");
        }
        table(&required, keys)
    };
    json!({ "oneOf": models.into_iter().enumerate().map(one).collect::<Vec<Value>>() })
}
