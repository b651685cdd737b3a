//! Components: what is documented. A function, a method, a class or its like, a module.

use serde::{Deserialize, Serialize};

use super::source::Language;

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file, or a module inside one.
    Module,
    /// A class, a record, or an annotation type.
    Class,
    /// A struct, a union or a named type.
    Struct,
    /// An enumeration.
    Enum,
    /// A trait.
    Trait,
    /// An interface or a protocol of methods.
    Interface,
    /// A function, at the top or inside another.
    Function,
    /// A function that belongs to a type.
    Method,
}

impl Kind {
    /// Says whether it can have methods.
    #[must_use]
    pub fn is_type(self) -> bool {
        matches!(self, Self::Class | Self::Struct | Self::Enum | Self::Trait | Self::Interface)
    }

    /// Says whether it can be called.
    #[must_use]
    pub fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method)
    }
}

/// Who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// The package, the crate, the class and its heirs: not everybody.
    Internal,
    /// The file or the type alone.
    Private,
}

/// A parameter as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The text of its type, where one is written.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The text of its default, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// `path::Outer.name`: it changes only with the path or the names. The second and later of the same name have their
    /// parameters behind it.
    pub id: String,
    /// The file, from the root of the codebase, with `/`.
    pub path: String,
    /// `Outer.name`; of a file's module, the file's name without its ending.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// In what it is written.
    pub language: Language,
    /// The component it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its text up to its body, in one line.
    pub signature: String,
    /// Parameters, without the receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The text of the type of what it returns, where one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// Decorators, annotations, attributes: their text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decorators: Vec<String>,
    /// First line, from 1, with decorators.
    pub line_start: u32,
    /// Last line.
    pub line_end: u32,
    /// The documentation that is there: a docstring or the comment before it, without the marks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Who may use it.
    pub visibility: Visibility,
    /// BLAKE3 of its text, with its documentation, in hexadecimal. A module's is the whole file's.
    pub hash: String,
}
