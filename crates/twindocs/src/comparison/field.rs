//! The fields of an entry that can differ: how each is named, read and changed.
//!
//! A name is a pointer into the entry in which lists are entered by name and not by number, because the two streams need not
//! have the same order: `/documentation/parameters/path/type`, `/call_graph/callees/src/a.rs::f`.

mod change;

use std::{fmt, str::FromStr};

use serde_json::{Value, json};

use crate::records::documented::{CallRef, Entry, RaisesDoc};

pub use change::set;

/// One end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who calls it.
    Callers,
    /// Whom it calls.
    Callees,
}

/// A field. What has a name in it is one of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Whether a call is claimed.
    Edge(Side, String),
    /// The line of a call.
    EdgeLine(Side, String),
    /// The kind of a call.
    EdgeKind(Side, String),
    /// The one line.
    Summary,
    /// The text.
    Description,
    /// Whether a parameter is named.
    Parameter(String),
    /// The text of its type.
    ParameterType(String),
    /// What it is for.
    ParameterDescription(String),
    /// Its default.
    ParameterDefault(String),
    /// Whether it must be given.
    ParameterRequired(String),
    /// Whether a result is named.
    Returns,
    /// The text of its type.
    ReturnsType,
    /// What it says.
    ReturnsDescription,
    /// Whether an error is named.
    Raises(String),
    /// When it is raised.
    RaisesCondition(String),
}

/// Why a field cannot be read or written so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// No field is called so.
    #[error("an entry has no field `{0}`")]
    Unknown(String),
    /// The field does not hold such a value.
    #[error("`{field}` cannot be {value}")]
    Value {
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callers => "callers",
            Self::Callees => "callees",
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edge(side, id) => write!(f, "/call_graph/{side}/{id}"),
            Self::EdgeLine(side, id) => write!(f, "/call_graph/{side}/{id}/call_site_line"),
            Self::EdgeKind(side, id) => write!(f, "/call_graph/{side}/{id}/call_type"),
            Self::Summary => f.write_str("/documentation/summary"),
            Self::Description => f.write_str("/documentation/description"),
            Self::Parameter(name) => write!(f, "/documentation/parameters/{name}"),
            Self::ParameterType(name) => write!(f, "/documentation/parameters/{name}/type"),
            Self::ParameterDescription(name) => write!(f, "/documentation/parameters/{name}/description"),
            Self::ParameterDefault(name) => write!(f, "/documentation/parameters/{name}/default"),
            Self::ParameterRequired(name) => write!(f, "/documentation/parameters/{name}/required"),
            Self::Returns => f.write_str("/documentation/returns"),
            Self::ReturnsType => f.write_str("/documentation/returns/type"),
            Self::ReturnsDescription => f.write_str("/documentation/returns/description"),
            Self::Raises(kind) => write!(f, "/documentation/raises/{kind}"),
            Self::RaisesCondition(kind) => write!(f, "/documentation/raises/{kind}/condition"),
        }
    }
}

/// Makes a field of a name.
type OfName = fn(String) -> Field;
/// Last parts of pointers, with what they make.
type Parts = &'static [(&'static str, OfName)];

/// The fields of a parameter, by the last part of the pointer.
const OF_PARAMETERS: [(&str, OfName); 4] = [
    ("/type", Field::ParameterType),
    ("/description", Field::ParameterDescription),
    ("/default", Field::ParameterDefault),
    ("/required", Field::ParameterRequired),
];
/// Those of an error.
const OF_RAISES: [(&str, OfName); 1] = [("/condition", Field::RaisesCondition)];
/// Those of a call.
const OF_CALLEES: [(&str, OfName); 2] = [
    ("/call_site_line", |id| Field::EdgeLine(Side::Callees, id)),
    ("/call_type", |id| Field::EdgeKind(Side::Callees, id)),
];
/// Those of a call, from its other end.
const OF_CALLERS: [(&str, OfName); 2] = [
    ("/call_site_line", |id| Field::EdgeLine(Side::Callers, id)),
    ("/call_type", |id| Field::EdgeKind(Side::Callers, id)),
];
/// The lists, with what one of a list is as a whole.
const LISTS: [(&str, Parts, OfName); 4] = [
    ("/documentation/parameters/", &OF_PARAMETERS, Field::Parameter),
    ("/documentation/raises/", &OF_RAISES, Field::Raises),
    ("/call_graph/callees/", &OF_CALLEES, |id| Field::Edge(Side::Callees, id)),
    ("/call_graph/callers/", &OF_CALLERS, |id| Field::Edge(Side::Callers, id)),
];

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let unknown = || FieldError::Unknown(text.to_owned());
        for (list, parts, whole) in LISTS {
            let Some(rest) = text.strip_prefix(list) else { continue };
            // The last part says which field it is; a name may hold `/` itself.
            let part = parts.iter().find_map(|(end, make)| Some((rest.strip_suffix(end)?, make)));
            let (name, make) = part.unwrap_or((rest, &whole));
            return if name.is_empty() { Err(unknown()) } else { Ok(make(name.to_owned())) };
        }
        match text {
            "/documentation/summary" => Ok(Self::Summary),
            "/documentation/description" => Ok(Self::Description),
            "/documentation/returns" => Ok(Self::Returns),
            "/documentation/returns/type" => Ok(Self::ReturnsType),
            "/documentation/returns/description" => Ok(Self::ReturnsDescription),
            _ => Err(unknown()),
        }
    }
}

impl Field {
    /// Says whether it is about whether something is there at all.
    #[must_use]
    pub fn is_presence(&self) -> bool {
        matches!(self, Self::Edge(..) | Self::Parameter(_) | Self::Returns | Self::Raises(_))
    }

    /// Says whether it holds words, so that a person's text can be written into it.
    #[must_use]
    pub fn is_text(&self) -> bool {
        !matches!(self, Self::Edge(..) | Self::EdgeLine(..) | Self::EdgeKind(..) | Self::ParameterRequired(_))
    }

    /// Returns what an entry has there; null where it has nothing.
    #[must_use]
    pub fn get(&self, entry: &Entry) -> Value {
        let docs = &entry.documentation;
        let parameter = |name: &str| docs.parameters.iter().find(|it| it.name == name);
        let edge = |side: Side, id: &str| ends(entry, side).iter().find(|it| it.component_id == id);
        match self {
            Self::Edge(side, id) => json!(edge(*side, id)),
            Self::EdgeLine(side, id) => json!(edge(*side, id).and_then(|it| it.call_site_line)),
            Self::EdgeKind(side, id) => json!(edge(*side, id).map(|it| it.call_type)),
            Self::Summary => json!(docs.summary),
            Self::Description => json!(docs.description),
            Self::Parameter(name) => json!(parameter(name)),
            Self::ParameterType(name) => json!(parameter(name).and_then(|it| it.kind.as_ref())),
            Self::ParameterDescription(name) => json!(parameter(name).map(|it| &it.description)),
            Self::ParameterDefault(name) => json!(parameter(name).and_then(|it| it.default.as_ref())),
            Self::ParameterRequired(name) => json!(parameter(name).map(|it| it.required)),
            Self::Returns => json!(docs.returns),
            Self::ReturnsType => json!(docs.returns.as_ref().and_then(|it| it.kind.as_ref())),
            Self::ReturnsDescription => json!(docs.returns.as_ref().map(|it| &it.description)),
            Self::Raises(kind) => {
                json!(condition(entry, kind).map(|condition| RaisesDoc { kind: kind.clone(), condition }))
            }
            Self::RaisesCondition(kind) => json!(condition(entry, kind)),
        }
    }
}

/// The calls of one side.
#[must_use]
pub fn ends(entry: &Entry, side: Side) -> &[CallRef] {
    match side {
        Side::Callers => &entry.call_graph.callers,
        Side::Callees => &entry.call_graph.callees,
    }
}

/// All that is said of when an error is raised.
#[must_use]
pub fn condition(entry: &Entry, kind: &str) -> Option<String> {
    let all: Vec<&str> = entry
        .documentation
        .raises
        .iter()
        .filter(|it| it.kind == kind)
        .map(|it| it.condition.as_str())
        .collect();
    if all.is_empty() { None } else { Some(all.join("; ")) }
}
