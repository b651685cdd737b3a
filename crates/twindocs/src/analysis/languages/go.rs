//! Reads Go. A method belongs to its type by an [`Extension`]; a package is its folder.

use tree_sitter::Node;

use super::builder::{Builder, New, children, one_line};
use crate::analysis::{
    components::{Kind, Parameter, Visibility},
    facts::{Around, Expr, Extension},
    source::Codebase,
};

pub(super) fn read(b: &mut Builder<'_>, codebase: &Codebase, root: Node<'_>) {
    let folder = b.facts.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let (at, module) = go_module(codebase, &folder);
    let rest = folder.get(at..).unwrap_or("").trim_matches('/');
    let name = if rest.is_empty() { module } else { format!("{module}/{rest}") };
    b.facts.namespaces = vec![name];
    for one in children(root) {
        if one.kind() == "package_clause" {
            b.facts.components[0].doc = b.comment_before(one, &[]);
        }
        visit(b, one, 0);
    }
}

/// The module's name and where its folder ends in the path.
fn go_module(codebase: &Codebase, folder: &str) -> (usize, String) {
    let mut here = folder;
    loop {
        let file = if here.is_empty() { "go.mod".to_owned() } else { format!("{here}/go.mod") };
        if let Some(text) = codebase.manifests.get(&file) {
            let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
            return (here.len(), name.unwrap_or("main").trim().to_owned());
        }
        match here.rsplit_once('/') {
            Some((outer, _)) => here = outer,
            None if !here.is_empty() => here = "",
            None => return (0, codebase.name.clone()),
        }
    }
}

fn block(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for child in children(node) {
        visit(b, child, scope);
    }
}

fn visit(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    b.deeper(|b| match node.kind() {
        "import_spec" => import(b, node),
        "function_declaration" => {
            if let Some(name) = b.field(node, "name") {
                let at = function(b, node, name.to_owned(), Kind::Function, scope);
                b.bind(scope, name, Expr::Def(at), scope);
            }
        }
        "method_declaration" => method(b, node, scope),
        "type_spec" | "type_alias" => of_type(b, node, scope),
        "short_var_declaration" | "assignment_statement" => {
            pairs(b, node, scope);
            block(b, node, scope);
        }
        "var_spec" | "const_spec" => {
            let of = node.child_by_field_name("type").map(|it| type_value(b, it));
            let values = node.child_by_field_name("value").map(children).unwrap_or_default();
            let mut cursor = node.walk();
            let names: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
            for (at, name) in names.into_iter().enumerate() {
                let given = of.clone().or_else(|| values.get(at).map(|it| value(b, *it)));
                b.bind(scope, b.text_of(name), given.unwrap_or_default(), scope);
            }
            block(b, node, scope);
        }
        "range_clause" => {
            let given =
                node.child_by_field_name("right").map(|it| value(b, it).element()).unwrap_or_default();
            if let Some(last) = node.child_by_field_name("left").and_then(|it| it.named_child(1)) {
                b.bind(scope, b.text_of(last), given, scope);
            }
            block(b, node, scope);
        }
        "type_switch_statement" => {
            let alias = node.child_by_field_name("alias").map_or("", |it| b.text_of(it)).to_owned();
            let cases = children(node).into_iter().filter(|it| it.kind() == "type_case");
            for of in cases.filter_map(|it| it.child_by_field_name("type")) {
                let of = type_value(b, of);
                b.bind(scope, &alias, of, scope);
            }
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        "for_statement" => b.inside(Around::Loop, |b| block(b, node, scope)),
        "if_statement" | "expression_switch_statement" | "select_statement" => {
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        "func_literal" => {
            for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
                let of = one.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default();
                let mut cursor = one.walk();
                for name in one.children_by_field_name("name", &mut cursor) {
                    b.bind(scope, b.text_of(name), of.clone(), scope);
                }
            }
            block(b, node, scope);
        }
        "call_expression" => {
            if let Some(callee) = node.child_by_field_name("function") {
                let callee = value(b, callee);
                let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
                let args = args.into_iter().map(|it| (None, value(b, it))).collect();
                b.call(scope, node, callee, args);
            }
            block(b, node, scope);
        }
        _ => block(b, node, scope),
    });
}

fn import(b: &mut Builder<'_>, node: Node<'_>) {
    let Some(path) = b.field(node, "path") else { return };
    let path = path.trim_matches(['"', '`']);
    match b.field(node, "name") {
        Some(".") => b.facts.stars.push((0, Expr::Namespace(path.to_owned()))),
        Some("_") => {}
        Some(name) => b.bind(0, name, Expr::Namespace(path.to_owned()), 0),
        None => {
            let name = path.rsplit('/').next().unwrap_or(path);
            b.bind(0, name, Expr::Namespace(path.to_owned()), 0);
        }
    }
}

/// `a, b := f(), g()`, or the first of what one call gives.
fn pairs(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let left = node.child_by_field_name("left").map(children).unwrap_or_default();
    let right = node.child_by_field_name("right").map(children).unwrap_or_default();
    for (at, to) in left.into_iter().enumerate() {
        let given = right.get(at).map(|it| value(b, *it)).unwrap_or_default();
        if to.kind() == "identifier" && b.text_of(to) != "_" {
            b.bind(scope, b.text_of(to), given, scope);
        }
    }
}

fn new<'a>(b: &Builder<'_>, node: Node<'a>, kind: Kind, name: String) -> New<'a> {
    let last = name.rsplit('.').next().unwrap_or("");
    let is_public = last.chars().next().is_some_and(char::is_uppercase);
    let visibility = if is_public { Visibility::Public } else { Visibility::Internal };
    let outer = node.parent().filter(|it| it.kind() == "type_declaration").unwrap_or(node);
    let body = if kind.is_callable() { node.child_by_field_name("body") } else { None };
    New { kind, name, node: outer, body, doc: b.comment_before(outer, &[]), visibility }
}

fn function(b: &mut Builder<'_>, node: Node<'_>, name: String, kind: Kind, scope: usize) -> usize {
    let new = new(b, node, kind, name);
    let body = new.body;
    let at = b.add(scope, new);
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        let Some(of) = one.child_by_field_name("type") else { continue };
        let mut given = type_value(b, of);
        if one.kind() == "variadic_parameter_declaration" {
            given = given.held();
        }
        let mut cursor = one.walk();
        let names: Vec<_> = one.children_by_field_name("name", &mut cursor).collect();
        for name in names {
            let kind = Some(one_line(b.text_of(of)));
            b.parameter(
                at,
                Parameter { name: b.text_of(name).to_owned(), kind, default: None },
                given.clone(),
            );
        }
    }
    if let Some(result) = node.child_by_field_name("result") {
        b.facts.components[at].returns = Some(one_line(b.text_of(result)));
        let first = if result.kind() == "parameter_list" {
            result.named_child(0).and_then(|it| it.child_by_field_name("type"))
        } else {
            Some(result)
        };
        let given = first.map(|it| type_value(b, it)).unwrap_or_default();
        b.facts.returns.push((at, given));
    }
    b.seal(at);
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
    at
}

fn method(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let receiver = node.child_by_field_name("receiver").and_then(|it| it.named_child(0));
    let (Some(name), Some(receiver)) = (b.field(node, "name"), receiver) else { return };
    let Some(of) = receiver.child_by_field_name("type") else { return };
    let type_name = b.text_of(of).trim_start_matches('*').split('[').next().unwrap_or("").to_owned();
    let receiver_name = b.field(receiver, "name").unwrap_or("_").to_owned();
    // Bound before the body is read, which looks it up only later.
    let next = b.facts.components.len();
    let at = function(b, node, format!("{type_name}.{name}"), Kind::Method, scope);
    debug_assert_eq!(next, at);
    b.bind(at, &receiver_name, Expr::Receiver, at);
    let members = vec![(name.to_owned(), Expr::Def(at))];
    b.facts.extensions.push(Extension { scope, target: Expr::name(type_name), base: None, members });
}

/// The member of a named slice or map that is what it holds.
pub(in crate::analysis) const HELD: &str = "[]";

fn of_type(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let (Some(name), Some(of)) = (b.field(node, "name"), node.child_by_field_name("type")) else { return };
    if node.kind() == "type_alias" {
        let of = type_value(b, of);
        b.bind(scope, name, of, scope);
        return;
    }
    let kind = if of.kind() == "interface_type" { Kind::Interface } else { Kind::Struct };
    let new = new(b, node, kind, name.to_owned());
    let at = b.add(scope, new);
    b.seal(at);
    b.bind(scope, name, Expr::Def(at), scope);
    if matches!(of.kind(), "slice_type" | "array_type" | "map_type" | "channel_type") {
        // `type byName []*Thing`: what it holds is a member without a name that could be written.
        let held = type_value(b, of).element();
        b.bind(at, HELD, held, scope);
    }
    let members = if kind == Kind::Interface {
        children(of)
    } else {
        children(of)
            .into_iter()
            .filter(|it| it.kind() == "field_declaration_list")
            .flat_map(children)
            .collect()
    };
    for one in members {
        match one.kind() {
            "method_elem" => {
                if let Some(name) = b.field(one, "name") {
                    let method = function(b, one, name.to_owned(), Kind::Method, at);
                    b.bind(at, name, Expr::Def(method), at);
                }
            }
            "type_elem" => {
                let base = one.named_child(0).map(|it| type_value(b, it));
                embed(b, base.unwrap_or_default(), at);
            }
            "field_declaration" => {
                let Some(of) = one.child_by_field_name("type") else { continue };
                let given = type_value(b, of);
                let mut cursor = one.walk();
                let names: Vec<_> = one.children_by_field_name("name", &mut cursor).collect();
                if names.is_empty() {
                    let short = b.text_of(of).trim_start_matches('*').rsplit('.').next().unwrap_or("");
                    b.bind(at, short, given.clone(), scope);
                    embed(b, given, at);
                    continue;
                }
                for name in names {
                    b.bind(at, b.text_of(name), given.clone(), scope);
                }
            }
            _ => {}
        }
    }
}

/// What is embedded gives its methods.
fn embed(b: &mut Builder<'_>, of: Expr, at: usize) {
    if let Expr::Instance(base) = of {
        b.facts.bases.push((at, *base));
    }
}

fn type_value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "type_identifier" | "identifier" => Expr::name(b.text_of(node)).instance(),
        "qualified_type" => match (b.field(node, "package"), b.field(node, "name")) {
            (Some(package), Some(name)) => Expr::name(package).attr(name).instance(),
            _ => Expr::Unknown,
        },
        "pointer_type" | "parenthesized_type" => {
            node.named_child(0).map(|it| type_value(b, it)).unwrap_or_default()
        }
        "generic_type" => node.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default(),
        "slice_type" | "array_type" => {
            node.child_by_field_name("element").map(|it| type_value(b, it).held()).unwrap_or_default()
        }
        "map_type" | "channel_type" => {
            node.child_by_field_name("value").map(|it| type_value(b, it).held()).unwrap_or_default()
        }
        _ => Expr::Unknown,
    }
}

fn value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "identifier" | "type_identifier" => Expr::name(b.text_of(node)),
        "selector_expression" => match (node.child_by_field_name("operand"), b.field(node, "field")) {
            (Some(of), Some(name)) => value(b, of).attr(name),
            _ => Expr::Unknown,
        },
        "call_expression" => {
            let Some(callee) = node.child_by_field_name("function") else { return Expr::Unknown };
            let first = node.child_by_field_name("arguments").and_then(|it| it.named_child(0));
            match (b.text_of(callee), first) {
                ("new" | "make", Some(of)) => type_value(b, of),
                ("append", Some(of)) => value(b, of),
                _ => value(b, callee).call(),
            }
        }
        "composite_literal" => {
            node.child_by_field_name("type").map(|it| exact(type_value(b, it))).unwrap_or_default()
        }
        "unary_expression" => node.child_by_field_name("operand").map(|it| value(b, it)).unwrap_or_default(),
        "parenthesized_expression" => node.named_child(0).map(|it| value(b, it)).unwrap_or_default(),
        "index_expression" => {
            node.child_by_field_name("operand").map(|it| value(b, it).element()).unwrap_or_default()
        }
        "slice_expression" => node.child_by_field_name("operand").map(|it| value(b, it)).unwrap_or_default(),
        "type_assertion_expression" | "type_conversion_expression" => {
            node.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default()
        }
        "func_literal" => Expr::Anonymous,
        "interpreted_string_literal"
        | "raw_string_literal"
        | "int_literal"
        | "float_literal"
        | "rune_literal"
        | "true"
        | "false"
        | "nil"
        | "binary_expression" => Expr::Literal,
        _ => Expr::Unknown,
    }
}

/// `T{}` is a T itself, as if it were called.
fn exact(of: Expr) -> Expr {
    match of {
        Expr::Instance(of) => of.call(),
        other => other,
    }
}
