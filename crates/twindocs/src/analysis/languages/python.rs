//! Reads Python.

mod expressions;
mod imports;

use tree_sitter::Node;

use super::builder::{Builder, New, children, one_line};
use crate::analysis::{
    components::{Kind, Parameter, Visibility},
    facts::{Around, Expr},
    source::Codebase,
};
use expressions::{annotation, value};

pub(super) fn read(b: &mut Builder<'_>, codebase: &Codebase, root: Node<'_>) {
    b.facts.namespaces = imports::namespaces(codebase, &b.facts.path);
    b.facts.components[0].doc = docstring(b, root);
    block(b, root, 0);
}

fn block(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for child in children(node) {
        visit(b, child, scope);
    }
}

/// Whatever is not a statement with a meaning of its own is looked through.
fn visit(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    b.deeper(|b| match node.kind() {
        "function_definition" => function(b, node, node, &[], scope),
        "class_definition" => class(b, node, node, &[], scope),
        "decorated_definition" => decorated(b, node, scope),
        "import_statement" | "import_from_statement" | "future_import_statement" => {
            imports::read(b, node, scope)
        }
        "assignment" => assignment(b, node, scope),
        "named_expression" => {
            if let (Some(name), Some(to)) =
                (node.child_by_field_name("name"), node.child_by_field_name("value"))
            {
                bind_target(b, name, value(b, to), scope);
            }
            block(b, node, scope);
        }
        "for_statement" | "for_in_clause" => {
            if let (Some(left), Some(right)) =
                (node.child_by_field_name("left"), node.child_by_field_name("right"))
            {
                bind_target(b, left, value(b, right).element(), scope);
            }
            if node.kind() == "for_statement" {
                b.inside(Around::Loop, |b| block(b, node, scope));
            } else {
                block(b, node, scope);
            }
        }
        "while_statement"
        | "list_comprehension"
        | "generator_expression"
        | "set_comprehension"
        | "dictionary_comprehension" => b.inside(Around::Loop, |b| block(b, node, scope)),
        "if_statement" | "conditional_expression" | "match_statement" => {
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        "except_clause" | "except_group_clause" => {
            b.inside(Around::Exception, |b| block(b, node, scope));
        }
        "as_pattern" => as_pattern(b, node, scope),
        "return_statement" => {
            if let Some(given) = node.named_child(0) {
                let given = value(b, given);
                b.facts.returns.push((scope, given));
            }
            block(b, node, scope);
        }
        "yield" => {
            if let Some(given) = node.named_child(0) {
                let given = value(b, given).held();
                b.facts.returns.push((scope, given));
            }
            block(b, node, scope);
        }
        "call" => call(b, node, scope),
        _ => block(b, node, scope),
    });
}

fn decorated(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let decorators: Vec<Node<'_>> =
        children(node).into_iter().filter(|it| it.kind() == "decorator").collect();
    match node.child_by_field_name("definition") {
        Some(inner) if inner.kind() == "function_definition" => function(b, inner, node, &decorators, scope),
        Some(inner) => class(b, inner, node, &decorators, scope),
        None => {}
    }
}

fn visibility(name: &str) -> Visibility {
    if name.starts_with('_') && !(name.starts_with("__") && name.ends_with("__")) {
        Visibility::Private
    } else {
        Visibility::Public
    }
}

fn function(b: &mut Builder<'_>, node: Node<'_>, whole: Node<'_>, decorators: &[Node<'_>], scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let in_class = b.facts.components[scope].kind.is_type();
    let body = node.child_by_field_name("body");
    let doc = body.map(|body| docstring(b, body)).unwrap_or_default();
    let kind = if in_class { Kind::Method } else { Kind::Function };
    let at = b.add(
        scope,
        New { kind, name: name.to_owned(), node: whole, body, doc, visibility: visibility(name) },
    );
    let marks: Vec<String> =
        decorators.iter().map(|it| one_line(b.text_of(*it).trim_start_matches('@'))).collect();
    let marked = |mark: &str| marks.iter().any(|it| it == mark || it.ends_with(&format!(".{mark}")));
    let receiver = match (in_class && !marked("staticmethod"), marked("classmethod") || name == "__new__") {
        (false, _) => None,
        (true, true) => Some(Expr::OwnType),
        (true, false) => Some(Expr::Receiver),
    };
    let is_property = marked("property") || marked("cached_property");
    b.facts.components[at].decorators.clone_from(&marks);
    if let Some(parameters) = node.child_by_field_name("parameters") {
        self::parameters(b, parameters, at, receiver);
    }
    if let Some(returned) = node.child_by_field_name("return_type") {
        b.facts.components[at].returns = Some(one_line(b.text_of(returned)));
        let returned = annotation(b, returned);
        if !returned.is_unknown() {
            b.facts.returns.push((at, returned));
        }
    }
    b.seal(at);
    let bound = if is_property { Expr::Def(at).call() } else { Expr::Def(at) };
    let is_setter = marks.iter().any(|it| it.ends_with(".setter") || it.ends_with(".deleter"));
    if !is_setter {
        b.bind(scope, name, bound, scope);
    }
    apply(b, decorators, at, scope);
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
}

/// Decorators are called where the definition is.
fn apply(b: &mut Builder<'_>, decorators: &[Node<'_>], decorated: usize, scope: usize) {
    for decorator in decorators {
        let Some(inner) = decorator.named_child(0) else { continue };
        if inner.kind() == "call" {
            visit(b, inner, scope);
            let callee = value(b, inner);
            b.decorate(scope, inner, callee, decorated);
        } else {
            let callee = value(b, inner);
            b.decorate(scope, inner, callee, decorated);
        }
    }
}

fn parameters(b: &mut Builder<'_>, node: Node<'_>, function: usize, mut receiver: Option<Expr>) {
    let outer = b.facts.parents[function].unwrap_or(0);
    for one in children(node) {
        let name_node = match one.kind() {
            "identifier" => Some(one),
            "typed_parameter" => one.named_child(0),
            "default_parameter" | "typed_default_parameter" => one.child_by_field_name("name"),
            "list_splat_pattern" | "dictionary_splat_pattern" => one.named_child(0),
            _ => None,
        };
        let Some(name_node) = name_node else { continue };
        let name = b.text_of(name_node).trim_start_matches('*').to_owned();
        if let Some(receiver) = receiver.take() {
            b.bind(function, &name, receiver, function);
            continue;
        }
        let kind = one.child_by_field_name("type");
        let default = one.child_by_field_name("value");
        if let Some(default) = default {
            visit(b, default, outer);
        }
        let is_splat = b.text_of(name_node).starts_with('*') || one.kind().contains("splat");
        let mut bound = kind.map(|kind| annotation(b, kind)).unwrap_or_default();
        if is_splat {
            bound = if bound.is_unknown() { Expr::Literal } else { bound.held() };
        }
        let parameter = Parameter {
            name: b
                .text_of(if is_splat { one } else { name_node })
                .split([':', '='])
                .next()
                .unwrap_or("")
                .trim()
                .to_owned(),
            kind: kind.map(|kind| one_line(b.text_of(kind))),
            default: default.map(|default| one_line(b.text_of(default))),
        };
        if is_splat {
            b.bind(function, &name, bound, function);
            b.facts.components[function].parameters.push(parameter);
        } else {
            b.parameter(function, parameter, bound);
            // A default says as much as a caller does.
            if let Some(default) = default.map(|default| value(b, default)).filter(|it| *it != Expr::Literal)
            {
                b.bind(function, &name, default, outer);
            }
        }
    }
}

fn class(b: &mut Builder<'_>, node: Node<'_>, whole: Node<'_>, decorators: &[Node<'_>], scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let body = node.child_by_field_name("body");
    let doc = body.map(|body| docstring(b, body)).unwrap_or_default();
    let new = New {
        kind: Kind::Class,
        name: name.to_owned(),
        node: whole,
        body,
        doc,
        visibility: visibility(name),
    };
    let at = b.add(scope, new);
    b.facts.components[at].decorators =
        decorators.iter().map(|it| one_line(b.text_of(*it).trim_start_matches('@'))).collect();
    b.seal(at);
    b.bind(scope, name, Expr::Def(at), scope);
    for base in node.child_by_field_name("superclasses").map(children).unwrap_or_default() {
        visit(b, base, scope);
        if base.kind() != "keyword_argument" {
            let target = if base.kind() == "subscript" { base.named_child(0).unwrap_or(base) } else { base };
            let target = value(b, target);
            b.facts.bases.push((at, target));
        }
    }
    apply(b, decorators, at, scope);
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
}

fn assignment(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
    let kind = node.child_by_field_name("type").map(|kind| annotation(b, kind)).unwrap_or_default();
    if let Some(left) = left {
        let pairs = match right {
            Some(right) if is_sequence(left) && is_sequence(right) => {
                children(left).into_iter().zip(children(right)).map(|(to, from)| (to, Some(from))).collect()
            }
            _ => vec![(left, right)],
        };
        for (to, from) in pairs {
            let given = from.map(|from| value(b, from)).unwrap_or_default();
            let bound = if kind.is_unknown() { given } else { Expr::any(vec![kind.clone(), given]) };
            bind_target(b, to, bound, scope);
        }
        if !matches!(left.kind(), "identifier" | "attribute") {
            visit(b, left, scope);
        }
    }
    if let Some(right) = right {
        visit(b, right, scope);
    }
}

fn is_sequence(node: Node<'_>) -> bool {
    matches!(node.kind(), "pattern_list" | "expression_list" | "tuple" | "tuple_pattern")
}

fn bind_target(b: &mut Builder<'_>, target: Node<'_>, bound: Expr, scope: usize) {
    match target.kind() {
        "identifier" => b.bind(scope, b.text_of(target), bound, scope),
        "attribute" => {
            let Some(object) = b.field(target, "object") else { return };
            let receiver = b.facts.bindings.iter().any(|it| {
                it.name == object && it.scope == scope && matches!(it.expr, Expr::Receiver | Expr::OwnType)
            });
            if let (true, Some(class), Some(name)) =
                (receiver, b.type_around(scope), b.field(target, "attribute"))
            {
                b.bind(class, name, bound, scope);
            }
        }
        // `table[key] = thing`: the table holds such things.
        "subscript" => {
            let says_something = bound != Expr::Literal && !bound.is_unknown();
            if let Some(holder) = target.child_by_field_name("value").filter(|_| says_something) {
                bind_target(b, holder, bound.held(), scope);
            }
        }
        "as_pattern_target" => {
            if let Some(inner) = target.named_child(0) {
                bind_target(b, inner, bound, scope);
            }
        }
        _ => {}
    }
}

/// `with thing as name`, `except Kind as name`.
fn as_pattern(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    if let (Some(from), Some(to)) = (node.named_child(0), node.child_by_field_name("alias")) {
        let given = value(b, from);
        let in_except = node.parent().is_some_and(|it| it.kind().starts_with("except"));
        let bound = if in_except {
            given.instance()
        } else {
            Expr::any(vec![given.clone(), given.attr("__enter__").call()])
        };
        bind_target(b, to, bound, scope);
    }
    block(b, node, scope);
}

fn call(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    if let Some(callee) = node.child_by_field_name("function") {
        let target = value(b, callee);
        let mut args = Vec::new();
        for arg in node.child_by_field_name("arguments").map(children).unwrap_or_default() {
            match arg.kind() {
                "keyword_argument" => {
                    let name = b.field(arg, "name").map(str::to_owned);
                    let given = arg.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default();
                    args.push((name, given));
                }
                "list_splat" | "dictionary_splat" => break,
                "comment" => {}
                _ => args.push((None, value(b, arg))),
            }
        }
        b.call(scope, node, target, args);
    }
    block(b, node, scope);
}

/// The docstring of a block.
fn docstring(b: &Builder<'_>, block: Node<'_>) -> String {
    let first = children(block).into_iter().find(|it| it.kind() != "comment");
    let string = first
        .filter(|it| it.kind() == "expression_statement")
        .and_then(|it| it.named_child(0))
        .filter(|it| it.kind() == "string");
    let Some(string) = string else { return String::new() };
    let content = children(string).into_iter().find(|it| it.kind() == "string_content");
    let text = content.map_or("", |content| b.text_of(content));
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}
