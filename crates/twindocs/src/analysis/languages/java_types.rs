//! What is evident of the types of Java's expressions, as text: enough to tell overloads apart.

use tree_sitter::Node;

use super::builder::{Builder, children};

/// Numbers in the order in which an operator widens them.
const WIDENING: [&str; 4] = ["int", "long", "float", "double"];

/// The types of a call's arguments; an empty text where one is not evident.
pub(super) fn of_arguments(b: &Builder<'_>, arguments: &[Node<'_>], scope: usize) -> Vec<String> {
    arguments.iter().map(|it| of(b, *it, scope)).collect()
}

/// The text of the type that a declaration writes.
pub(super) fn declare(b: &mut Builder<'_>, scope: usize, name: &str, of: Node<'_>, dimensions: &str) {
    let text = format!("{}{dimensions}", b.text_of(of));
    b.declared.insert((scope, name.to_owned()), text);
}

fn of(b: &Builder<'_>, node: Node<'_>, scope: usize) -> String {
    let field = |name: &str| node.child_by_field_name(name);
    let inner = |name: &str| field(name).map_or(String::new(), |it| of(b, it, scope));
    let text = match node.kind() {
        "string_literal" => "String",
        "character_literal" => "char",
        "true" | "false" | "instanceof_expression" => "boolean",
        "null_literal" => "null",
        "decimal_integer_literal"
        | "hex_integer_literal"
        | "octal_integer_literal"
        | "binary_integer_literal" => {
            if b.text_of(node).ends_with(['l', 'L']) {
                "long"
            } else {
                "int"
            }
        }
        "decimal_floating_point_literal" | "hex_floating_point_literal" => {
            if b.text_of(node).ends_with(['f', 'F']) { "float" } else { "double" }
        }
        "lambda_expression" | "method_reference" => "lambda",
        "class_literal" => "Class",
        "identifier" => return of_name(b, b.text_of(node), Some(scope)),
        "this" => {
            let own = b.type_around(scope).map(|it| b.facts.components[it].name.as_str());
            own.and_then(|it| it.rsplit('.').next()).unwrap_or("")
        }
        "parenthesized_expression" => {
            return node.named_child(0).map_or(String::new(), |it| of(b, it, scope));
        }
        "cast_expression" | "object_creation_expression" => {
            return field("type").map_or(String::new(), |it| bare(b.text_of(it)));
        }
        "array_creation_expression" => {
            let dimensions = children(node).into_iter().filter(|it| it.kind().starts_with("dimensions"));
            let count: usize = dimensions.map(|it| b.text_of(it).matches('[').count()).sum();
            return format!("{}{}", field("type").map_or("", |it| b.text_of(it)), "[]".repeat(count));
        }
        "array_access" => return inner("array").strip_suffix("[]").unwrap_or("").to_owned(),
        "field_access" => {
            let is_own = field("object").is_some_and(|it| it.kind() == "this");
            return match b.field(node, "field") {
                Some("length") if inner("object").ends_with("[]") => "int".to_owned(),
                Some(name) if is_own => of_name(b, name, b.type_around(scope)),
                _ => String::new(),
            };
        }
        "assignment_expression" => return inner("left"),
        "ternary_expression" => {
            let (one, other) = (inner("consequence"), inner("alternative"));
            return if one == "null" { other } else { one };
        }
        "unary_expression" => {
            let of = inner("operand");
            return if matches!(&*of, "byte" | "short" | "char") { "int".to_owned() } else { of };
        }
        "update_expression" => {
            return node.named_child(0).map_or(String::new(), |it| of(b, it, scope));
        }
        "method_invocation" => {
            let guess =
                of_library(b.field(node, "name").unwrap_or(""), b.field(node, "object").unwrap_or(""));
            return if guess.is_empty() { String::new() } else { format!("?{guess}") };
        }
        "binary_expression" => {
            return of_operator(b.field(node, "operator"), &inner("left"), &inner("right"));
        }
        _ => "",
    };
    text.to_owned()
}

fn of_name(b: &Builder<'_>, name: &str, mut scope: Option<usize>) -> String {
    while let Some(at) = scope {
        if let Some(text) = b.declared.get(&(at, name.to_owned())) {
            return bare(text);
        }
        scope = b.facts.parents[at];
    }
    String::new()
}

/// What a method of the language's own library gives, where its name is the same in all of it. A method of the codebase goes before.
fn of_library<'a>(name: &str, object: &'a str) -> &'a str {
    match name {
        "valueOf" if object.starts_with(char::is_uppercase) => object,
        "toString" | "trim" | "substring" | "toLowerCase" | "toUpperCase" | "getSimpleName"
        | "getMessage" => "String",
        "replace" | "format" | "join" | "readLine" | "nextLine" | "concat" => "String",
        "length" | "size" | "indexOf" | "lastIndexOf" | "compareTo" | "hashCode" | "intValue" => "int",
        "floatToIntBits" | "parseInt" | "nextInt" | "ordinal" => "int",
        "longValue" | "doubleToLongBits" | "parseLong" | "getTime" | "currentTimeMillis" | "nanoTime" => {
            "long"
        }
        "doubleValue" | "parseDouble" => "double",
        "floatValue" => "float",
        "shortValue" => "short",
        "byteValue" => "byte",
        "booleanValue" | "equals" | "isEmpty" | "contains" | "startsWith" | "endsWith" | "hasNext" => {
            "boolean"
        }
        "charValue" | "charAt" => "char",
        "toCharArray" => "char[]",
        "getBytes" => "byte[]",
        "getClass" => "Class",
        _ => "",
    }
}

fn of_operator(operator: Option<&str>, left: &str, right: &str) -> String {
    match operator {
        Some("==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||") => "boolean".to_owned(),
        Some("+") if left == "String" || right == "String" => "String".to_owned(),
        Some("&" | "|" | "^") if left == "boolean" => "boolean".to_owned(),
        Some("<<" | ">>" | ">>>") if left == "long" => "long".to_owned(),
        _ if left.is_empty() || right.is_empty() => String::new(),
        _ => {
            let place = |it: &str| WIDENING.iter().position(|one| *one == it).unwrap_or(0);
            WIDENING[place(left).max(place(right))].to_owned()
        }
    }
}

fn bare(text: &str) -> String {
    crate::analysis::calls::bare_type(text)
}
