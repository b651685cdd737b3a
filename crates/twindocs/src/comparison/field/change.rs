//! Writing a field of an entry: that field and nothing else.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Field, FieldError, Side};
use crate::records::documented::{CallRef, Entry, ParameterDoc, RaisesDoc, ReturnsDoc};

/// Writes a value; null takes away what may be missing. What is added to a list is put where `order` has it.
///
/// Returns whether the field is there to be written: the type of a parameter that the entry does not name is not.
///
/// # Errors
/// Where the field cannot hold the value. The entry is then as it was.
pub fn set(entry: &mut Entry, field: &Field, value: &Value, order: &[String]) -> Result<bool, FieldError> {
    let docs = &mut entry.documentation;
    let parameter = docs.parameters.iter_mut().find(|it| match field {
        Field::ParameterType(name)
        | Field::ParameterDescription(name)
        | Field::ParameterDefault(name)
        | Field::ParameterRequired(name) => it.name == *name,
        _ => false,
    });
    match field {
        Field::Summary => docs.summary = read(field, value)?,
        Field::Description => docs.description = read(field, value)?,
        Field::Parameter(name) => {
            let new: Option<ParameterDoc> = read(field, value)?;
            place(&mut docs.parameters, name, new, |it| &it.name, order);
        }
        Field::Raises(kind) => {
            let new: Option<RaisesDoc> = read(field, value)?;
            place(&mut docs.raises, kind, new, |it| &it.kind, order);
        }
        Field::RaisesCondition(kind) => {
            let condition: String = read(field, value)?;
            let Some(at) = docs.raises.iter().position(|it| it.kind == *kind) else { return Ok(false) };
            docs.raises[at].condition = condition;
            let mut seen = 0;
            // What was said in several places is said in the first.
            docs.raises.retain(|it| it.kind != *kind || std::mem::replace(&mut seen, 1) == 0);
        }
        Field::Returns => docs.returns = read::<Option<ReturnsDoc>>(field, value)?,
        Field::ReturnsType | Field::ReturnsDescription => {
            let Some(returns) = &mut docs.returns else { return Ok(false) };
            match field {
                Field::ReturnsType => returns.kind = read(field, value)?,
                _ => returns.description = read(field, value)?,
            }
        }
        Field::Edge(side, id) => {
            let new: Option<CallRef> = read(field, value)?;
            let calls = calls(entry, *side);
            calls.retain(|it| it.component_id != *id);
            calls.extend(new);
            calls.sort();
        }
        Field::EdgeLine(side, id) | Field::EdgeKind(side, id) => {
            let Some(edge) = calls(entry, *side).iter_mut().find(|it| it.component_id == *id) else {
                return Ok(false);
            };
            match field {
                Field::EdgeLine(..) => edge.call_site_line = read(field, value)?,
                _ => edge.call_type = read(field, value)?,
            }
        }
        _ => {
            let Some(parameter) = parameter else { return Ok(false) };
            match field {
                Field::ParameterType(_) => parameter.kind = read(field, value)?,
                Field::ParameterDescription(_) => parameter.description = read(field, value)?,
                Field::ParameterDefault(_) => parameter.default = read(field, value)?,
                _ => parameter.required = read(field, value)?,
            }
        }
    }
    Ok(true)
}

fn read<T: DeserializeOwned>(field: &Field, value: &Value) -> Result<T, FieldError> {
    T::deserialize(value)
        .map_err(|_| FieldError::Value { field: field.to_string(), value: value.to_string() })
}

fn calls(entry: &mut Entry, side: Side) -> &mut Vec<CallRef> {
    match side {
        Side::Callers => &mut entry.call_graph.callers,
        Side::Callees => &mut entry.call_graph.callees,
    }
}

/// Puts one of a list in the place of the one of its name, or where it belongs among the others; none takes it away.
fn place<T>(list: &mut Vec<T>, name: &str, new: Option<T>, of: fn(&T) -> &String, order: &[String]) {
    let there = list.iter().position(|it| of(it) == name);
    list.retain(|it| of(it) != name);
    let Some(new) = new else { return };
    let rank = |name: &str| order.iter().position(|it| it == name);
    let at = there.or_else(|| {
        let own = rank(name)?;
        list.iter().position(|it| rank(of(it)).is_some_and(|other| other > own))
    });
    list.insert(at.unwrap_or(list.len()).min(list.len()), new);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Field, set};
    use crate::records::documented::Entry;

    fn entry() -> Entry {
        serde_json::from_value(json!({
            "component_id": "a.py::f",
            "documentation": {
                "summary": "Reads.",
                "parameters": [
                    { "name": "path", "type": "str", "description": "Where." },
                    { "name": "mode", "description": "How.", "default": "'r'" },
                ],
                "returns": { "type": "str", "description": "What is there." },
                "raises": [
                    { "type": "OSError", "condition": "No file." },
                    { "type": "ValueError", "condition": "No mode." },
                    { "type": "OSError", "condition": "No right." },
                ],
            },
            "call_graph": { "callees": [{ "component_id": "a.py::g", "call_site_line": 3, "call_type": "direct" }] },
            "metadata": {
                "agent_id": "A1", "stream_id": "a", "model": "derived", "confidence": 1.0, "processing_order": 0,
            },
            "written_in": 1,
            "key": "k",
        }))
        .expect("an entry")
    }

    #[test]
    fn every_field_is_read_by_its_name_and_written_alone() {
        let fields = [
            ("/documentation/summary", json!("Reads.")),
            ("/documentation/description", json!("")),
            ("/documentation/parameters/path/type", json!("str")),
            ("/documentation/parameters/mode/type", Value::Null),
            ("/documentation/parameters/mode/description", json!("How.")),
            ("/documentation/parameters/mode/default", json!("'r'")),
            ("/documentation/parameters/mode/required", json!(false)),
            ("/documentation/returns", json!({ "type": "str", "description": "What is there." })),
            ("/documentation/returns/type", json!("str")),
            ("/documentation/returns/description", json!("What is there.")),
            ("/documentation/raises/ValueError/condition", json!("No mode.")),
            (
                "/call_graph/callees/a.py::g",
                json!({ "component_id": "a.py::g", "call_site_line": 3, "call_type": "direct" }),
            ),
            ("/call_graph/callees/a.py::g/call_site_line", json!(3)),
            ("/call_graph/callees/a.py::g/call_type", json!("direct")),
            ("/call_graph/callers/a.py::h/call_type", Value::Null),
        ];
        for (name, value) in fields {
            let field: Field = name.parse().expect(name);
            assert_eq!(field.to_string(), name);
            assert_eq!(field.get(&entry()), value, "{name}");
            let mut same = entry();
            if field.get(&same) != Value::Null || name.ends_with("/type") {
                assert_eq!(set(&mut same, &field, &value, &[]), Ok(true), "{name}");
            }
            assert_eq!(same, entry(), "{name}");
        }
        assert!("/documentation/none".parse::<Field>().is_err());
        assert!("/call_graph/callees/".parse::<Field>().is_err());
    }

    #[test]
    fn what_is_added_stands_where_the_signature_has_it_and_what_is_taken_away_leaves_no_trace() {
        let mut changed = entry();
        let order = ["path".to_owned(), "size".to_owned(), "mode".to_owned()];
        let size = Field::Parameter("size".to_owned());
        let value = json!({ "name": "size", "description": "How much.", "required": true });
        assert_eq!(set(&mut changed, &size, &value, &order), Ok(true));
        let names =
            |it: &Entry| it.documentation.parameters.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&changed), ["path", "size", "mode"]);
        assert_eq!(set(&mut changed, &size, &Value::Null, &order), Ok(true));
        assert_eq!(changed, entry());
    }

    #[test]
    fn what_is_said_in_several_places_is_one_text_and_becomes_one() {
        let mut changed = entry();
        let field: Field = "/documentation/raises/OSError/condition".parse().expect("a field");
        assert_eq!(field.get(&changed), json!("No file.; No right."));
        assert_eq!(set(&mut changed, &field, &json!("No file or right."), &[]), Ok(true));
        let kinds: Vec<_> = changed.documentation.raises.iter().map(|it| it.kind.as_str()).collect();
        assert_eq!(kinds, ["OSError", "ValueError"]);
    }

    #[test]
    fn a_value_that_does_not_fit_changes_nothing() {
        let mut changed = entry();
        let kind: Field = "/call_graph/callees/a.py::g/call_type".parse().expect("a field");
        assert!(set(&mut changed, &kind, &json!("sideways"), &[]).is_err());
        assert!(set(&mut changed, &Field::Summary, &Value::Null, &[]).is_err());
        assert_eq!(set(&mut changed, &Field::ParameterType("none".into()), &json!("x"), &[]), Ok(false));
        assert_eq!(changed, entry());
    }
}
