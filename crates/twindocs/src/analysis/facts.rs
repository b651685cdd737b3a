//! What a reader finds in one file, in the same form for every language.
//!
//! A reader does not resolve anything. It says which components there are, which names are bound to which [`Expr`] in which
//! scope, and which expressions are called. A scope is a component: a module, a type or a function. Numbers of components
//! are positions in the file's list; its first is the file's module.

use super::{components::Component, source::Language};

/// Deeper nesting of source text than this is not followed.
pub const DEEPEST: usize = 1500;

/// What an expression could be, as far as calls depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expr {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A name, looked up from the scope outward.
    Name(String),
    /// A name that is never a local variable: what a path of Rust begins with.
    Item(String),
    /// A member.
    Attr(Box<Expr>, String),
    /// What a call gives.
    Call(Box<Expr>),
    /// A value of this type.
    Instance(Box<Expr>),
    /// Something that holds these: a list, a map (its values), an option.
    Holding(Box<Expr>),
    /// One of what it holds.
    Element(Box<Expr>),
    /// One of several.
    Any(Vec<Expr>),
    /// A component of this file.
    Def(usize),
    /// A module, under the name that its language's readers give.
    Namespace(String),
    /// The receiver: `self`, `this`.
    Receiver,
    /// The type around: `cls`, `Self`.
    OwnType,
    /// The receiver, seen as its base.
    Base,
    /// A function without a name: its calls are those of the function around it.
    Anonymous,
    /// A value that is none of ours, for certain: a literal.
    Literal,
}

impl Expr {
    /// A name.
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name(name.into())
    }

    /// A member of this.
    #[must_use]
    pub fn attr(self, name: impl Into<String>) -> Self {
        Self::Attr(Box::new(self), name.into())
    }

    /// What calling this gives.
    #[must_use]
    pub fn call(self) -> Self {
        Self::Call(Box::new(self))
    }

    /// A value of this type.
    #[must_use]
    pub fn instance(self) -> Self {
        Self::Instance(Box::new(self))
    }

    /// Something that holds this.
    #[must_use]
    pub fn held(self) -> Self {
        Self::Holding(Box::new(self))
    }

    /// One of what this holds.
    #[must_use]
    pub fn element(self) -> Self {
        Self::Element(Box::new(self))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// One of several; one alone is itself.
    #[must_use]
    pub fn any(mut all: Vec<Self>) -> Self {
        all.retain(|one| !one.is_unknown());
        match all.len() {
            0 => Self::Unknown,
            1 => all.remove(0),
            _ => Self::Any(all),
        }
    }
}

/// A name bound to an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where the name is known.
    pub scope: usize,
    /// The name.
    pub name: String,
    /// What it is bound to.
    pub expr: Expr,
    /// The scope in which the expression is read.
    pub reads: usize,
}

/// Around a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Around {
    /// Nothing special: it happens whenever the caller runs through.
    Plain,
    /// A condition.
    Conditional,
    /// A loop.
    Loop,
    /// The handling of an exception.
    Exception,
}

/// Why something is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A call is written.
    Call,
    /// It is applied as a decorator.
    Decorator,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The component whose text it is in.
    pub scope: usize,
    /// What is called.
    pub callee: Expr,
    /// What it is given; with the name where it is given by name.
    pub args: Vec<(Option<String>, Expr)>,
    /// The texts of what it is given's types, empty where one is not evident; only where a language has overloads.
    pub types: Vec<String>,
    /// Line, from 1.
    pub line: u32,
    /// What is around it.
    pub around: Around,
    /// Why.
    pub why: Why,
    /// The text of what is called, shortened.
    pub text: String,
}

/// Members that belong to a type which is written elsewhere: an `impl`, a Go receiver, a prototype.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// From where the type's name is looked up.
    pub scope: usize,
    /// The type.
    pub target: Expr,
    /// A base that it gets: the trait.
    pub base: Option<Expr>,
    /// The members: name and [`Expr::Def`].
    pub members: Vec<(String, Expr)>,
}

/// One file.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// Its path.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// The names of its module, the first the proper one.
    pub namespaces: Vec<String>,
    /// The grammar met text it does not know.
    pub has_errors: bool,
    /// The components; the first is the module.
    pub components: Vec<Component>,
    /// The parent of each.
    pub parents: Vec<Option<usize>>,
    /// Names of the parameters of each that have no type: what callers pass says what they are.
    pub open_parameters: Vec<Vec<String>>,
    /// Names of inner modules, with their component.
    pub inner_namespaces: Vec<(String, usize)>,
    /// Names.
    pub bindings: Vec<Binding>,
    /// What each function gives back.
    pub returns: Vec<(usize, Expr)>,
    /// Bases of types.
    pub bases: Vec<(usize, Expr)>,
    /// Everything of a module, known in a scope.
    pub stars: Vec<(usize, Expr)>,
    /// Members written elsewhere.
    pub extensions: Vec<Extension>,
    /// Calls.
    pub calls: Vec<Call>,
}
