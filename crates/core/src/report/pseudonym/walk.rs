//! Every string of a report, with the field that it stands in.

use serde_json::Value;

/// The field of a string: its name, and that of the field whose object or list holds it; empty at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The field around it.
    pub parent: &'a str,
    /// The field.
    pub name: &'a str,
}

/// Shows every string.
pub(super) fn strings(value: &Value, see: &mut dyn FnMut(Field<'_>, &str)) {
    within(value, Field { parent: "", name: "" }, see);
}

fn within(value: &Value, field: Field<'_>, see: &mut dyn FnMut(Field<'_>, &str)) {
    match value {
        Value::String(text) => see(field, text),
        Value::Array(items) => items.iter().for_each(|item| within(item, field, see)),
        Value::Object(fields) => {
            for (name, value) in fields {
                within(value, Field { parent: field.name, name }, see);
            }
        }
        _ => {}
    }
}

/// Lets every string be changed.
pub(super) fn strings_mut(value: &mut Value, change: &mut dyn FnMut(Field<'_>, &mut String)) {
    within_mut(value, Field { parent: "", name: "" }, change);
}

fn within_mut(value: &mut Value, field: Field<'_>, change: &mut dyn FnMut(Field<'_>, &mut String)) {
    match value {
        Value::String(text) => change(field, text),
        Value::Array(items) => items.iter_mut().for_each(|item| within_mut(item, field, change)),
        Value::Object(fields) => {
            for (name, value) in fields {
                within_mut(value, Field { parent: field.name, name }, change);
            }
        }
        _ => {}
    }
}
