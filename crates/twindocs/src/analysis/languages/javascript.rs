//! Reads JavaScript and TypeScript.

mod expressions;
mod imports;
mod jsdoc;

use tree_sitter::Node;

use super::builder::{Builder, New, children, one_line};
use crate::analysis::{
    components::{Kind, Parameter, Visibility},
    facts::{Around, Expr, Extension},
};
use expressions::{type_value, value};

pub(super) fn read(b: &mut Builder<'_>, root: Node<'_>) {
    b.facts.namespaces = imports::namespaces(&b.facts.path);
    if let Some(first) = root.named_child(0).filter(|it| it.kind() == "comment") {
        let text = b.text_of(first);
        if text.starts_with("/**") && (text.contains("@file") || text.contains("@module")) {
            b.facts.components[0].doc = one_line(text.trim_matches(['/', '*', ' ', '\n']));
        }
    }
    imports::of_comments(b);
    block(b, root, 0);
}

fn block(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for child in children(node) {
        visit(b, child, scope);
    }
}

fn visit(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    b.deeper(|b| match node.kind() {
        "import_statement" => imports::import(b, node, scope),
        "export_statement" => {
            imports::export(b, node, scope);
            block(b, node, scope);
        }
        "function_signature" if has_body_below(b, node) => {}
        "function_declaration" | "generator_function_declaration" | "function_signature" => {
            if let Some(name) = b.field(node, "name") {
                let at = function(b, node, node, name, scope);
                b.bind(scope, name, Expr::Def(at), scope);
            }
        }
        "class_declaration" | "abstract_class_declaration" | "interface_declaration" | "enum_declaration" => {
            class(b, node, None, scope);
        }
        "internal_module" => {
            if let (Some(name), Some(body)) = (b.field(node, "name"), node.child_by_field_name("body")) {
                let new = new(b, node, Kind::Class, name, Some(body));
                let at = b.add(scope, new);
                b.seal(at);
                b.bind(scope, name, Expr::Def(at), scope);
                block(b, body, at);
            }
        }
        "type_alias_declaration" => {
            if let (Some(name), Some(of)) = (b.field(node, "name"), node.child_by_field_name("value")) {
                let of = type_value(b, of);
                b.bind(scope, name, of, scope);
            }
        }
        "variable_declarator" => declarator(b, node, scope),
        "assignment_expression" => assignment(b, node, scope),
        "for_in_statement" => {
            if let (Some(left), Some(right)) =
                (node.child_by_field_name("left"), node.child_by_field_name("right"))
            {
                let given = value(b, right).element();
                bind_pattern(b, left, given, scope);
            }
            b.inside(Around::Loop, |b| block(b, node, scope));
        }
        "for_statement" | "while_statement" | "do_statement" => {
            b.inside(Around::Loop, |b| block(b, node, scope))
        }
        "if_statement" | "switch_statement" | "ternary_expression" => {
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        "catch_clause" => b.inside(Around::Exception, |b| block(b, node, scope)),
        "return_statement" => {
            if let Some(given) = node.named_child(0) {
                let given = value(b, given);
                b.facts.returns.push((scope, given));
            }
            block(b, node, scope);
        }
        "arrow_function" | "function_expression" | "generator_function" => anonymous(b, node, scope),
        "class" => block(b, node, scope),
        "call_expression" | "new_expression" => call(b, node, scope),
        _ => block(b, node, scope),
    });
}

/// Whether a signature is one of several of a function that is written below: that one is the component.
fn has_body_below(b: &Builder<'_>, node: Node<'_>) -> bool {
    let name = b.field(node, "name");
    let is_exported = node.parent().is_some_and(|it| it.kind() == "export_statement");
    let mut next = if is_exported { node.parent() } else { Some(node) };
    while let Some(sibling) = next.and_then(|it| it.next_named_sibling()) {
        let of = sibling.child_by_field_name("declaration").unwrap_or(sibling);
        if !matches!(of.kind(), "comment" | "decorator") && b.field(of, "name") != name {
            return false;
        }
        if of.child_by_field_name("body").is_some() {
            return true;
        }
        next = Some(sibling);
    }
    false
}

fn new<'a>(b: &Builder<'_>, node: Node<'a>, kind: Kind, name: &str, body: Option<Node<'a>>) -> New<'a> {
    let mut whole = node;
    while let Some(outer) = whole.parent().filter(|it| {
        matches!(
            it.kind(),
            "export_statement" | "lexical_declaration" | "variable_declaration" | "variable_declarator"
        )
    }) {
        whole = outer;
    }
    let text = b.text_of(whole);
    let is_exported = whole.kind() == "export_statement";
    let visibility = if name.starts_with('#') || text.starts_with("private ") {
        Visibility::Private
    } else if text.starts_with("protected ") || !(is_exported || kind == Kind::Method) {
        Visibility::Internal
    } else {
        Visibility::Public
    };
    New { kind, name: name.to_owned(), node, body, doc: b.comment_before(whole, &["/**"]), visibility }
}

/// A function of any form; `whole` is the text that it is documented with.
fn function(b: &mut Builder<'_>, node: Node<'_>, whole: Node<'_>, name: &str, scope: usize) -> usize {
    let is_method = b.facts.components[scope].kind.is_type();
    let body = node.child_by_field_name("body");
    let new = new(b, whole, if is_method { Kind::Method } else { Kind::Function }, name, body);
    let at = b.add(scope, new);
    parameters(b, node, at);
    if let Some(of) = node.child_by_field_name("return_type") {
        b.facts.components[at].returns = Some(one_line(b.text_of(of).trim_start_matches(':')));
        let of = type_value(b, of);
        if !of.is_unknown() {
            b.facts.returns.push((at, of));
        }
    } else {
        let of = jsdoc::of_returned(&b.facts.components[at].doc);
        if !matches!(of, Expr::Unknown | Expr::Literal) {
            b.facts.returns.push((at, of));
        }
    }
    b.seal(at);
    if let Some(body) = body {
        if body.kind() != "statement_block" {
            let given = value(b, body);
            b.facts.returns.push((at, given));
        }
        b.inside(Around::Plain, |b| visit(b, body, at));
    }
    at
}

fn parameters(b: &mut Builder<'_>, node: Node<'_>, at: usize) {
    if let Some(one) = node.child_by_field_name("parameter") {
        b.parameter(at, Parameter { name: b.text_of(one).to_owned(), ..Parameter::default() }, Expr::Unknown);
    }
    let outer = b.facts.parents[at].unwrap_or(0);
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        let pattern =
            one.child_by_field_name("pattern").or_else(|| one.child_by_field_name("left")).unwrap_or(one);
        let of = one.child_by_field_name("type");
        let default = one.child_by_field_name("value").or_else(|| one.child_by_field_name("right"));
        let given = of.map(|it| type_value(b, it)).unwrap_or_default();
        if pattern.kind() == "comment" || b.text_of(pattern) == "this" {
            continue;
        }
        let parameter = Parameter {
            name: one_line(b.text_of(pattern)),
            kind: of.map(|it| one_line(b.text_of(it).trim_start_matches(':'))),
            default: default.map(|it| one_line(b.text_of(it))),
        };
        let name = parameter.name.clone();
        let by_comment = || jsdoc::of_parameter(&b.facts.components[at].doc, &name);
        let given = if of.is_none() { by_comment() } else { given };
        if pattern.kind() == "identifier" {
            b.parameter(at, parameter, given.clone());
        } else {
            b.facts.components[at].parameters.push(parameter);
            bind_pattern(b, pattern, given.clone(), at);
        }
        // `constructor(private x: Thing)` is a field too.
        let is_field =
            children(one).iter().any(|it| matches!(it.kind(), "accessibility_modifier" | "readonly"));
        if is_field && b.facts.components[outer].kind.is_type() {
            b.bind(outer, &name, given, outer);
        }
        if let Some(default) = default {
            let given = value(b, default);
            if given != Expr::Literal {
                b.bind(at, &name, given, at);
            }
            visit(b, default, at);
        }
    }
}

/// A function that is no component: its calls are those of the component around it.
fn anonymous(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        let pattern = one.child_by_field_name("pattern").unwrap_or(one);
        let given = one.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default();
        bind_pattern(b, pattern, given, scope);
    }
    if let Some(one) = node.child_by_field_name("parameter") {
        bind_pattern(b, one, Expr::Unknown, scope);
    }
    if let Some(body) = node.child_by_field_name("body") {
        // What it returns is not what the function around it returns.
        let before = b.facts.returns.len();
        visit(b, body, scope);
        let mut at = before;
        while at < b.facts.returns.len() {
            if b.facts.returns[at].0 == scope {
                b.facts.returns.remove(at);
            } else {
                at += 1;
            }
        }
    }
}

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "arrow_function" | "function_expression" | "generator_function")
}

fn declarator(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(name) = node.child_by_field_name("name") else { return };
    let of = node.child_by_field_name("type").map(|it| type_value(b, it)).filter(|it| !it.is_unknown());
    let Some(given) = node.child_by_field_name("value") else {
        bind_pattern(b, name, of.unwrap_or_default(), scope);
        return;
    };
    if name.kind() == "identifier" && is_function(given) {
        let at = function(b, given, node, b.text_of(name), scope);
        b.bind(scope, b.text_of(name), Expr::Def(at), scope);
    } else if name.kind() == "identifier" && given.kind() == "class" {
        class(b, given, Some(b.text_of(name)), scope);
    } else {
        let outer = node.parent().unwrap_or(node);
        let of = of.or_else(|| by_comment(b, outer));
        let bound = of.unwrap_or_else(|| value(b, given));
        bind_pattern(b, name, bound, scope);
        visit(b, given, scope);
    }
}

fn bind_pattern(b: &mut Builder<'_>, pattern: Node<'_>, given: Expr, scope: usize) {
    match pattern.kind() {
        "identifier" => b.bind(scope, b.text_of(pattern), given, scope),
        "object_pattern" => {
            for one in children(pattern) {
                match one.kind() {
                    "shorthand_property_identifier_pattern" => {
                        let name = b.text_of(one);
                        b.bind(scope, name, given.clone().attr(name), scope);
                    }
                    "pair_pattern" => {
                        if let (Some(key), Some(to)) = (b.field(one, "key"), one.child_by_field_name("value"))
                        {
                            bind_pattern(b, to, given.clone().attr(key), scope);
                        }
                    }
                    _ => {}
                }
            }
        }
        "array_pattern" => {
            children(pattern).into_iter().for_each(|it| bind_pattern(b, it, given.clone().element(), scope))
        }
        _ => {}
    }
}

fn class(b: &mut Builder<'_>, node: Node<'_>, named: Option<&str>, scope: usize) {
    let Some(name) = named.or_else(|| b.field(node, "name")) else { return };
    let kind = match node.kind() {
        "interface_declaration" => Kind::Interface,
        "enum_declaration" => Kind::Enum,
        _ => Kind::Class,
    };
    let body = node.child_by_field_name("body");
    let new = new(b, node, kind, name, body);
    let at = b.add(scope, new);
    b.seal(at);
    b.bind(scope, name, Expr::Def(at), scope);
    for heritage in children(node) {
        bases(b, heritage, at);
    }
    for decorator in children(node).into_iter().filter(|it| it.kind() == "decorator") {
        decorate(b, decorator, at, scope);
    }
    let mut decorators = Vec::new();
    for member in body.map(children).unwrap_or_default() {
        match member.kind() {
            "decorator" => decorators.push(member),
            "method_definition" | "method_signature" | "abstract_method_signature" => {
                let Some(name) = b.field(member, "name") else { continue };
                if member.kind() == "method_signature" && has_body_below(b, member) {
                    continue;
                }
                let method = function(b, member, member, name, at);
                let is_getter = b.text_of(member).split('(').next().is_some_and(|it| it.contains("get "));
                let bound = if is_getter { Expr::Def(method).call() } else { Expr::Def(method) };
                b.bind(at, name, bound, at);
                decorators.drain(..).for_each(|it| decorate(b, it, method, scope));
            }
            "public_field_definition" | "field_definition" | "property_signature" => field(b, member, at),
            _ => visit(b, member, at),
        }
    }
}

fn bases(b: &mut Builder<'_>, node: Node<'_>, at: usize) {
    match node.kind() {
        "class_heritage" if node.child_by_field_name("value").is_none() => {
            let all = children(node);
            let plain = all.iter().any(|it| it.kind().ends_with("_clause"));
            for one in all {
                if plain {
                    bases(b, one, at);
                } else {
                    let base = value(b, one);
                    b.facts.bases.push((at, base));
                }
            }
        }
        "extends_clause" => {
            if let Some(of) = node.child_by_field_name("value") {
                let base = value(b, of);
                b.facts.bases.push((at, base));
            }
        }
        "implements_clause" | "extends_type_clause" => {
            for one in children(node) {
                if let Expr::Instance(base) = type_value(b, one) {
                    b.facts.bases.push((at, *base));
                }
            }
        }
        _ => {}
    }
}

fn decorate(b: &mut Builder<'_>, decorator: Node<'_>, decorated: usize, scope: usize) {
    let text = one_line(b.text_of(decorator).trim_start_matches('@'));
    b.facts.components[decorated].decorators.push(text);
    let Some(inner) = decorator.named_child(0) else { return };
    let inner = if inner.kind() == "call_expression" {
        inner.child_by_field_name("function").unwrap_or(inner)
    } else {
        inner
    };
    let callee = value(b, inner);
    b.decorate(scope, inner, callee, decorated);
}

/// The type that a comment before a declaration gives it.
fn by_comment(b: &Builder<'_>, node: Node<'_>) -> Option<Expr> {
    Some(jsdoc::of_declared(&b.comment_before(node, &["/**"]))).filter(|it| !it.is_unknown())
}

fn field(b: &mut Builder<'_>, node: Node<'_>, class: usize) {
    let Some(name) = b.field(node, "name").or_else(|| b.field(node, "property")) else { return };
    let given = node.child_by_field_name("value");
    if let Some(given) = given.filter(|it| is_function(*it)) {
        let at = function(b, given, node, name, class);
        b.bind(class, name, Expr::Def(at), class);
        return;
    }
    let of = node.child_by_field_name("type").map(|it| type_value(b, it)).filter(|it| !it.is_unknown());
    let of = of.or_else(|| by_comment(b, node));
    let bound = of.or_else(|| given.map(|it| value(b, it))).unwrap_or_default();
    b.bind(class, name, bound, class);
    if let Some(given) = given {
        visit(b, given, class);
    }
}

fn assignment(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else {
        return;
    };
    let text = b.text_of(left);
    let property = b.field(left, "property").unwrap_or("");
    let object = b.field(left, "object").unwrap_or("");
    if text == "module.exports" {
        imports::export_object(b, right, scope);
    } else if is_function(right) && left.kind() == "member_expression" {
        let prototype = object.strip_suffix(".prototype");
        let at = function(
            b,
            right,
            node,
            &prototype.map_or_else(|| property.to_owned(), |it| format!("{it}.{property}")),
            scope,
        );
        let bound = Expr::Def(at);
        match (prototype, object, b.type_around(scope)) {
            (Some(of), _, _) => {
                let (target, members) = (Expr::name(of), vec![(property.to_owned(), bound)]);
                b.facts.extensions.push(Extension { scope, target, base: None, members });
            }
            (_, "exports" | "module.exports", _) => b.bind(0, property, bound, scope),
            (_, "this", Some(class)) => b.bind(class, property, bound, scope),
            _ => {}
        }
        return;
    } else {
        let given = node.parent().and_then(|it| by_comment(b, it)).unwrap_or_else(|| value(b, right));
        match (left.kind(), object, b.type_around(scope)) {
            ("identifier", ..) => b.bind(scope, text, given, scope),
            (_, "exports" | "module.exports", _) => b.bind(0, property, given, scope),
            (_, "this", Some(class)) => b.bind(class, property, given, scope),
            _ => {}
        }
    }
    block(b, node, scope);
}

fn call(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let callee = node.child_by_field_name("function").or_else(|| node.child_by_field_name("constructor"));
    if let Some(callee) = callee {
        let target = match callee.kind() {
            "super" => Expr::Base.attr("constructor"),
            "import" => Expr::Literal,
            _ => value(b, callee),
        };
        let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        if let Expr::Attr(of, _) = &target {
            // `all.forEach((one) => …)`: the function is given what is held.
            let held = of.clone().attr("values").call().element();
            for given in args.iter().filter(|it| is_function(**it)) {
                let all = given.child_by_field_name("parameters").and_then(|it| it.named_child(0));
                let first = given.child_by_field_name("parameter").or(all);
                if let Some(first) = first.filter(|it| it.child_by_field_name("type").is_none()) {
                    let pattern = first.child_by_field_name("pattern").unwrap_or(first);
                    bind_pattern(b, pattern, held.clone(), scope);
                }
            }
        }
        let args = args.into_iter().map(|it| (None, value(b, it))).collect();
        b.call(scope, node, target, args);
    }
    block(b, node, scope);
}
