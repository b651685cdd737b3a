//! Expressions and types of JavaScript and TypeScript as [`Expr`].

use tree_sitter::Node;

use super::imports;
use crate::analysis::{
    facts::Expr,
    languages::builder::{Builder, children},
};

/// Types that hold what is in their brackets; of several, the last.
const HOLDERS: [&str; 10] = [
    "Array",
    "ReadonlyArray",
    "Set",
    "Map",
    "Record",
    "Iterable",
    "Iterator",
    "Generator",
    "ReadonlyMap",
    "WeakMap",
];

/// What an expression could be.
pub(super) fn value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "identifier" | "type_identifier" | "shorthand_property_identifier" => Expr::name(b.text_of(node)),
        "this" => Expr::Receiver,
        "super" => Expr::Base,
        "member_expression" => match (node.child_by_field_name("object"), b.field(node, "property")) {
            // A function called through these is the function.
            (Some(of), Some("call" | "apply" | "bind")) => value(b, of),
            (Some(of), Some(name)) => value(b, of).attr(name),
            _ => Expr::Unknown,
        },
        "subscript_expression" => {
            node.child_by_field_name("object").map(|it| value(b, it).element()).unwrap_or_default()
        }
        "call_expression" => called(b, node),
        "new_expression" => {
            node.child_by_field_name("constructor").map(|it| value(b, it).call()).unwrap_or_default()
        }
        "await_expression" | "parenthesized_expression" | "non_null_expression" | "satisfies_expression" => {
            node.named_child(0).map(|it| value(b, it)).unwrap_or_default()
        }
        "as_expression" => match node.named_child(1) {
            Some(of) => type_value(b, of),
            None => node.named_child(0).map(|it| value(b, it)).unwrap_or_default(),
        },
        "ternary_expression" => sides(b, node, ["consequence", "alternative"]),
        "binary_expression" => {
            let operator = node.child_by_field_name("operator").map_or("", |it| b.text_of(it));
            if matches!(operator, "||" | "&&" | "??") {
                sides(b, node, ["left", "right"])
            } else {
                Expr::Literal
            }
        }
        "arrow_function" | "function_expression" | "generator_function" => Expr::Anonymous,
        "array" => held(children(node).into_iter().map(|it| value(b, it)).collect()),
        "object" => {
            let values = children(node).into_iter().filter_map(|it| it.child_by_field_name("value"));
            held(values.map(|it| value(b, it)).collect())
        }
        "string" | "number" | "true" | "false" | "null" | "undefined" | "template_string" | "regex" => {
            Expr::Literal
        }
        _ => Expr::Unknown,
    }
}

fn sides(b: &Builder<'_>, node: Node<'_>, names: [&str; 2]) -> Expr {
    Expr::any(names.iter().filter_map(|it| node.child_by_field_name(it)).map(|it| value(b, it)).collect())
}

fn held(mut all: Vec<Expr>) -> Expr {
    all.retain(|it| !matches!(it, Expr::Literal | Expr::Unknown | Expr::Anonymous));
    all.truncate(32);
    if all.is_empty() { Expr::Literal } else { Expr::any(all).held() }
}

fn called(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(callee) = node.child_by_field_name("function") else { return Expr::Unknown };
    let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
    match (b.text_of(callee), args.first()) {
        ("require" | "import", Some(name)) if name.kind() == "string" => imports::module(b, *name),
        (text, _) if text.ends_with(".bind") => value(b, callee),
        _ => value(b, callee).call(),
    }
}

/// A value of a type.
pub(super) fn type_value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "type_annotation" | "readonly_type" | "parenthesized_type" => {
            node.named_child(0).map(|it| type_value(b, it)).unwrap_or_default()
        }
        "type_identifier" | "identifier" => Expr::name(b.text_of(node)).instance(),
        "nested_type_identifier" => {
            let mut names = b.text_of(node).split('.').map(str::trim);
            let first = Expr::name(names.next().unwrap_or(""));
            names.fold(first, Expr::attr).instance()
        }
        "this_type" => Expr::Receiver,
        "array_type" => node.named_child(0).map(|it| type_value(b, it).held()).unwrap_or_default(),
        "union_type" | "intersection_type" => {
            Expr::any(children(node).into_iter().map(|it| type_value(b, it)).collect())
        }
        "type_query" => node.named_child(0).map(|it| value(b, it)).unwrap_or_default(),
        "generic_type" => generic(b, node),
        "predefined_type" if !matches!(b.text_of(node), "any" | "unknown" | "object") => Expr::Literal,
        _ => Expr::Unknown,
    }
}

fn generic(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(of) = node.child_by_field_name("name") else { return Expr::Unknown };
    let args = node.child_by_field_name("type_arguments").map(children).unwrap_or_default();
    match b.text_of(of) {
        "Promise" | "Readonly" | "Partial" | "Required" | "NonNullable" | "Awaited" => {
            args.first().map(|it| type_value(b, *it)).unwrap_or_default()
        }
        name if HOLDERS.contains(&name) => {
            let of = args.last().map(|it| type_value(b, *it)).unwrap_or_default();
            if of.is_unknown() { of } else { of.held() }
        }
        _ => type_value(b, of),
    }
}
