//! Expressions and annotations of Python as [`Expr`].

use tree_sitter::Node;

use crate::analysis::{
    facts::Expr,
    languages::builder::{Builder, children},
};

/// Types of the standard library that hold what is in their brackets; of two, the last.
const HOLDERS: [&str; 24] = [
    "List",
    "list",
    "Sequence",
    "MutableSequence",
    "Iterable",
    "Iterator",
    "Collection",
    "Set",
    "set",
    "FrozenSet",
    "frozenset",
    "Tuple",
    "tuple",
    "Deque",
    "deque",
    "Dict",
    "dict",
    "Mapping",
    "MutableMapping",
    "defaultdict",
    "OrderedDict",
    "Generator",
    "AsyncIterator",
    "AsyncIterable",
];
/// Types that stand for what is in their brackets.
const TRANSPARENT: [&str; 8] =
    ["Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "Awaitable", "NotRequired"];

/// What an expression could be.
pub(super) fn value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "identifier" => Expr::name(b.text_of(node)),
        "attribute" => match (node.child_by_field_name("object"), b.field(node, "attribute")) {
            (Some(object), Some(name)) => value(b, object).attr(name),
            _ => Expr::Unknown,
        },
        "call" => called(b, node),
        "await" | "parenthesized_expression" | "list_splat" => {
            node.named_child(0).map(|it| value(b, it)).unwrap_or_default()
        }
        "conditional_expression" => {
            let all = children(node);
            let sides = [all.first(), all.get(2)];
            Expr::any(sides.into_iter().flatten().map(|it| value(b, *it)).collect())
        }
        "boolean_operator" => Expr::any(
            ["left", "right"]
                .iter()
                .filter_map(|it| node.child_by_field_name(it))
                .map(|it| value(b, it))
                .collect(),
        ),
        "named_expression" => node.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default(),
        "lambda" => Expr::Anonymous,
        "list" | "tuple" | "set" => held(children(node).into_iter().map(|it| value(b, it)).collect()),
        "dictionary" => {
            let values = children(node).into_iter().filter_map(|it| it.child_by_field_name("value"));
            held(values.map(|it| value(b, it)).collect())
        }
        "list_comprehension" | "generator_expression" | "set_comprehension" => {
            node.child_by_field_name("body").map(|it| value(b, it).held()).unwrap_or_default()
        }
        "subscript" => node.child_by_field_name("value").map(|it| value(b, it).element()).unwrap_or_default(),
        "string"
        | "integer"
        | "float"
        | "true"
        | "false"
        | "none"
        | "concatenated_string"
        | "comparison_operator"
        | "not_operator" => Expr::Literal,
        _ => Expr::Unknown,
    }
}

fn held(mut all: Vec<Expr>) -> Expr {
    all.retain(|it| !matches!(it, Expr::Literal | Expr::Unknown));
    all.truncate(32);
    if all.is_empty() { Expr::Literal } else { Expr::any(all).held() }
}

fn called(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(callee) = node.child_by_field_name("function") else { return Expr::Unknown };
    let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
    let name = b.text_of(callee);
    match (name, args.first()) {
        ("super", _) => Expr::Base,
        ("type", Some(of)) if args.len() == 1 && b.text_of(*of) == "self" => Expr::OwnType,
        (
            "partial" | "functools.partial" | "iter" | "list" | "sorted" | "reversed" | "tuple" | "set",
            Some(first),
        ) => value(b, *first),
        ("next", Some(first)) => value(b, *first).element(),
        ("cast" | "typing.cast", Some(first)) => annotation(b, *first),
        ("getattr", Some(object)) => match args.get(1).map(|it| b.text_of(*it).trim_matches(['"', '\''])) {
            Some(name) if args[1].kind() == "string" => value(b, *object).attr(name),
            _ => Expr::Unknown,
        },
        _ => value(b, callee).call(),
    }
}

/// A value of an annotated type.
pub(super) fn annotation(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "type" | "parenthesized_expression" => {
            node.named_child(0).map(|it| annotation(b, it)).unwrap_or_default()
        }
        "identifier" if b.text_of(node) == "Self" => Expr::Receiver,
        "identifier" if b.text_of(node) == "Any" => Expr::Unknown,
        "identifier" | "attribute" => value(b, node).instance(),
        "string" => by_name(b.text_of(node).trim_matches(['"', '\''])),
        "binary_operator" | "union_type" => {
            Expr::any(children(node).into_iter().map(|it| annotation(b, it)).collect())
        }
        "generic_type" | "subscript" | "member_type" => generic(b, node),
        _ => Expr::Unknown,
    }
}

/// `Optional[Thing]`, `list[Thing]`, `Thing[int]`.
fn generic(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let all = children(node);
    let Some(name) = all.first() else { return Expr::Unknown };
    let inner: Vec<Node<'_>> = all
        .iter()
        .skip(1)
        .flat_map(|it| if it.kind() == "type_parameter" { children(*it) } else { vec![*it] })
        .collect();
    let last = b.text_of(*name).rsplit('.').next().unwrap_or("");
    if TRANSPARENT.contains(&last) {
        return Expr::any(inner.iter().map(|it| annotation(b, *it)).collect());
    }
    match last {
        "Type" | "type" => match inner.first().map(|it| annotation(b, *it)) {
            Some(Expr::Instance(class)) => *class,
            _ => Expr::Unknown,
        },
        "Generator" => inner.first().map(|it| annotation(b, *it).held()).unwrap_or_default(),
        _ if HOLDERS.contains(&last) => {
            let of = inner.iter().rev().find(|it| b.text_of(**it) != "...");
            of.map(|it| annotation(b, *it)).filter(|it| !it.is_unknown()).map(Expr::held).unwrap_or_default()
        }
        _ => value(b, *name).instance(),
    }
}

/// An annotation in quotation marks: the names in it are followed where it is one name or an optional one.
fn by_name(text: &str) -> Expr {
    let text = text.trim();
    let inner = text.strip_prefix("Optional[").and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let parts: Vec<Expr> = inner
        .split('|')
        .map(str::trim)
        .filter(|it| !it.is_empty() && it.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'))
        .map(|path| {
            let mut names = path.split('.');
            let first = Expr::name(names.next().unwrap_or(""));
            names.fold(first, Expr::attr).instance()
        })
        .collect();
    Expr::any(parts)
}
