//! Reads Rust. A method belongs to its type by an [`Extension`]; what is in a macro's brackets is read as arguments.

use tree_sitter::Node;

use super::{
    builder::{Builder, New, children, one_line},
    rust_types::{bind_pattern, path, type_value, value},
};
use crate::analysis::{
    components::{Kind, Parameter, Visibility},
    facts::{Around, Expr, Extension},
    source::Codebase,
};

pub(super) fn read(b: &mut Builder<'_>, codebase: &Codebase, root: Node<'_>) {
    let name = module_name(codebase, &b.facts.path);
    b.facts.namespaces = vec![name];
    let inner: Vec<&str> = b.text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    b.facts.components[0].doc = inner.iter().map(|it| it.trim()).collect::<Vec<_>>().join("\n");
    block(b, root, 0);
}

/// `crate_name::module::…`, by the nearest manifest and the path from its `src`.
fn module_name(codebase: &Codebase, path: &str) -> String {
    let folders: Vec<&str> = path.split('/').collect();
    let mut depth = folders.len() - 1;
    let (folder, package) = loop {
        let folder = folders[..depth].join("/");
        let manifest =
            if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
        if let Some(text) = codebase.manifests.get(&manifest) {
            break (depth, package_name(text));
        }
        if depth == 0 {
            break (0, None);
        }
        depth -= 1;
    };
    let rest = &folders[folder..];
    let package = package.unwrap_or_else(|| "crate".to_owned());
    let (package, rest) = match rest {
        ["src", "bin", ..] => (format!("{package}.{}", rest[2..].join(".")), &rest[3..]),
        ["src", rest @ ..] => (package, rest),
        // Tests and examples are crates of their own.
        [kind, first, rest @ ..] if package != "crate" => (format!("{package}.{kind}.{first}"), rest),
        rest => (package, rest),
    };
    let mut parts = vec![package];
    for (at, part) in rest.iter().enumerate() {
        let part = part.strip_suffix(".rs").unwrap_or(part);
        let is_root = part == "mod" || (at == 0 && rest.len() == 1 && matches!(part, "lib" | "main"));
        if !is_root {
            parts.push(part.to_owned());
        }
    }
    parts.join("::")
}

fn package_name(manifest: &str) -> Option<String> {
    let table: toml::Table = manifest.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.replace('-', "_"))
}

pub(super) fn block(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for child in children(node) {
        visit(b, child, scope);
    }
}

fn visit(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    b.deeper(|b| match node.kind() {
        "use_declaration" => {
            if let Some(argument) = node.child_by_field_name("argument") {
                imports(b, argument, None, scope);
            }
        }
        "mod_item" => module(b, node, scope),
        "struct_item" | "union_item" => of_type(b, node, Kind::Struct, scope),
        "enum_item" => of_type(b, node, Kind::Enum, scope),
        "trait_item" => of_type(b, node, Kind::Trait, scope),
        "impl_item" => implementation(b, node, scope),
        "function_item" | "function_signature_item" => {
            let kind = if b.facts.components[scope].kind.is_type() { Kind::Method } else { Kind::Function };
            if let Some((name, at)) = function(b, node, "", kind, scope) {
                b.bind(scope, &name, Expr::Def(at), scope);
            }
        }
        "type_item" | "const_item" | "static_item" => {
            if let (Some(name), Some(of)) = (b.field(node, "name"), node.child_by_field_name("type")) {
                let of = type_value(b, of);
                b.bind(scope, name, of, scope);
            }
            block(b, node, scope);
        }
        "let_declaration" | "let_condition" | "for_expression" | "match_expression" => {
            binding(b, node, scope)
        }
        "while_expression" | "loop_expression" => b.inside(Around::Loop, |b| block(b, node, scope)),
        "if_expression" => b.inside(Around::Conditional, |b| block(b, node, scope)),
        "closure_expression" => closure(b, node, scope),
        "call_expression" => {
            if let Some(callee) = node.child_by_field_name("function") {
                let callee = value(b, callee);
                let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
                if let Expr::Attr(of, _) = &callee {
                    let held = of.clone().attr("iter").call().element();
                    for closure in args.iter().filter(|it| it.kind() == "closure_expression") {
                        held_parameter(b, *closure, &held, scope);
                    }
                }
                let args = args.into_iter().map(|it| (None, value(b, it))).collect();
                b.call(scope, node, callee, args);
            }
            block(b, node, scope);
        }
        "macro_invocation" => in_macro(b, node, scope),
        "attribute_item" | "inner_attribute_item" | "macro_definition" => {}
        _ => block(b, node, scope),
    });
}

/// What binds names by patterns.
fn binding(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    match node.kind() {
        "let_declaration" => {
            let given =
                node.child_by_field_name("type").map(|it| type_value(b, it)).filter(|it| !it.is_unknown());
            let given = given.or_else(|| node.child_by_field_name("value").map(|it| value(b, it)));
            if let Some(pattern) = node.child_by_field_name("pattern") {
                bind_pattern(b, pattern, given.unwrap_or_default(), scope);
            }
            block(b, node, scope);
        }
        "let_condition" => {
            let given = node.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default();
            if let Some(pattern) = node.child_by_field_name("pattern") {
                bind_pattern(b, pattern, given, scope);
            }
            block(b, node, scope);
        }
        "for_expression" => {
            let given =
                node.child_by_field_name("value").map(|it| value(b, it).element()).unwrap_or_default();
            if let Some(pattern) = node.child_by_field_name("pattern") {
                bind_pattern(b, pattern, given, scope);
            }
            b.inside(Around::Loop, |b| block(b, node, scope));
        }
        "match_expression" => {
            let given = node.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default();
            for arm in node.child_by_field_name("body").map(children).unwrap_or_default() {
                if let Some(pattern) = arm.child_by_field_name("pattern") {
                    bind_pattern(b, pattern, given.clone(), scope);
                }
            }
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        _ => {}
    }
}

/// `use a::{b, c as d, e::*}`.
fn imports(b: &mut Builder<'_>, node: Node<'_>, prefix: Option<Expr>, scope: usize) {
    let joined = |b: &Builder<'_>, node: Node<'_>| path(b, node, prefix.clone());
    match node.kind() {
        "scoped_use_list" => {
            let prefix = node.child_by_field_name("path").map(|it| joined(b, it)).or(prefix);
            for one in node.child_by_field_name("list").map(children).unwrap_or_default() {
                imports(b, one, prefix.clone(), scope);
            }
        }
        "use_list" => children(node).into_iter().for_each(|it| imports(b, it, prefix.clone(), scope)),
        "use_as_clause" => {
            if let (Some(of), Some(alias)) = (node.child_by_field_name("path"), b.field(node, "alias")) {
                let of = joined(b, of);
                b.bind(scope, alias, of, 0);
            }
        }
        "use_wildcard" => {
            let of = node.named_child(0).map(|it| joined(b, it)).or(prefix);
            b.facts.stars.extend(of.map(|it| (scope, it)));
        }
        "self" => {
            if let Some(Expr::Attr(_, name) | Expr::Name(name)) = &prefix {
                b.bind(scope, &name.clone(), prefix.clone().unwrap_or_default(), 0);
            }
        }
        _ => {
            let of = joined(b, node);
            let name = b.text_of(node).rsplit("::").next().unwrap_or("");
            // `use name;` of a crate says nothing new.
            if of != Expr::name(name) {
                b.bind(scope, name, of, scope);
            }
        }
    }
}

fn visibility(b: &Builder<'_>, node: Node<'_>) -> Visibility {
    let mark = children(node).into_iter().find(|it| it.kind() == "visibility_modifier");
    match mark.map(|it| b.text_of(it)) {
        Some("pub") => Visibility::Public,
        Some(_) => Visibility::Internal,
        None => Visibility::Private,
    }
}

fn new<'a>(b: &Builder<'_>, node: Node<'a>, kind: Kind, name: String) -> New<'a> {
    let doc = b.comment_before(node, &["///", "/**"]);
    New { kind, name, node, body: node.child_by_field_name("body"), doc, visibility: visibility(b, node) }
}

fn module(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let outer = b.facts.inner_namespaces.iter().find(|it| it.1 == scope).map(|it| it.0.clone());
    let full = format!("{}::{name}", outer.unwrap_or_else(|| b.facts.namespaces[0].clone()));
    let Some(body) = node.child_by_field_name("body") else {
        // It is another file.
        b.bind(scope, name, Expr::Namespace(full), scope);
        return;
    };
    let new = new(b, node, Kind::Module, name.to_owned());
    let at = b.add(scope, new);
    b.seal(at);
    b.facts.inner_namespaces.push((full.clone(), at));
    b.bind(scope, name, Expr::Namespace(full), scope);
    block(b, body, at);
}

fn of_type(b: &mut Builder<'_>, node: Node<'_>, kind: Kind, scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let new = new(b, node, kind, name.to_owned());
    let at = b.add(scope, new);
    b.seal(at);
    b.bind(scope, name, Expr::Def(at), scope);
    if let Some(bounds) = node.child_by_field_name("bounds") {
        for bound in children(bounds) {
            if let Expr::Instance(base) = type_value(b, bound) {
                b.facts.bases.push((at, *base));
            }
        }
    }
    let Some(body) = node.child_by_field_name("body") else { return };
    match kind {
        Kind::Trait => block(b, body, at),
        _ => fields(b, body, at),
    }
}

fn fields(b: &mut Builder<'_>, body: Node<'_>, at: usize) {
    let scope = b.facts.parents[at].unwrap_or(0);
    let mut position = 0;
    for one in children(body) {
        match one.kind() {
            "field_declaration" => {
                if let (Some(name), Some(of)) = (b.field(one, "name"), one.child_by_field_name("type")) {
                    let of = type_value(b, of);
                    b.bind(at, name, of, scope);
                }
            }
            "enum_variant" => {
                if let Some(name) = b.field(one, "name") {
                    b.bind(at, name, Expr::Def(at).instance(), scope);
                    // What a pattern takes out of the variant.
                    if let Some(first) = one.child_by_field_name("body").and_then(|it| it.named_child(0)) {
                        let of = type_value(b, first.child_by_field_name("type").unwrap_or(first));
                        b.bind(at, &format!("{name}.0"), of, scope);
                    }
                }
            }
            "visibility_modifier" | "attribute_item" | "line_comment" | "block_comment" => {}
            _ => {
                let of = type_value(b, one);
                b.bind(at, &position.to_string(), of, scope);
                position += 1;
            }
        }
    }
}

fn implementation(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(of) = node.child_by_field_name("type") else { return };
    let target = type_value(b, of);
    let base = node.child_by_field_name("trait");
    let base_path = base.and_then(|it| match type_value(b, it) {
        Expr::Instance(base) => Some(*base),
        _ => None,
    });
    let bare = |node: Node<'_>| {
        let text = b.text_of(node);
        one_line(text.split('<').next().unwrap_or(text)).rsplit("::").next().unwrap_or("").trim().to_owned()
    };
    let name = bare(of);
    let prefix = match base.map(bare) {
        Some(base) => format!("<{name} as {base}>."),
        None => format!("{name}."),
    };
    let mut members = Vec::new();
    for one in node.child_by_field_name("body").map(children).unwrap_or_default() {
        match one.kind() {
            "function_item" => {
                if let Some((name, at)) = function(b, one, &prefix, Kind::Method, scope) {
                    if base.is_some() {
                        b.facts.components[at].visibility = Visibility::Public;
                    }
                    members.push((name, Expr::Def(at)));
                }
            }
            "macro_invocation" | "const_item" => visit(b, one, scope),
            _ => {}
        }
    }
    let target = match target {
        Expr::Instance(target) => *target,
        other => other,
    };
    b.facts.extensions.push(Extension { scope, target, base: base_path, members });
}

fn function(
    b: &mut Builder<'_>,
    node: Node<'_>,
    prefix: &str,
    kind: Kind,
    scope: usize,
) -> Option<(String, usize)> {
    let name = b.field(node, "name")?;
    let new = new(b, node, kind, format!("{prefix}{name}"));
    let body = new.body;
    let at = b.add(scope, new);
    for bound in node.child_by_field_name("type_parameters").map(children).unwrap_or_default() {
        type_parameter(b, bound, at);
    }
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        match one.kind() {
            "self_parameter" => b.bind(at, "self", Expr::Receiver, at),
            "parameter" => {
                let (Some(pattern), Some(of)) =
                    (one.child_by_field_name("pattern"), one.child_by_field_name("type"))
                else {
                    continue;
                };
                let kind = Some(one_line(b.text_of(of)));
                let parameter = Parameter { name: one_line(b.text_of(pattern)), kind, default: None };
                let given = type_value(b, of);
                if pattern.kind() == "identifier" {
                    b.parameter(at, parameter, given);
                } else {
                    b.facts.components[at].parameters.push(parameter);
                    // `State(service): State<Arc<Service>>`: a wrapper from outside holds what is in its brackets.
                    let wrapped = pattern.named_child(1).filter(|_| pattern.kind() == "tuple_struct_pattern");
                    let arguments =
                        of.child_by_field_name("type_arguments").map(children).unwrap_or_default();
                    match (wrapped, arguments.as_slice()) {
                        (Some(inner), [only]) => {
                            let given = type_value(b, *only);
                            bind_pattern(b, inner, given, at);
                        }
                        _ => bind_pattern(b, pattern, given, at),
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(of) = node.child_by_field_name("return_type") {
        b.facts.components[at].returns = Some(one_line(b.text_of(of)));
        let of = type_value(b, of);
        b.facts.returns.push((at, of));
    }
    b.seal(at);
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
    Some((name.to_owned(), at))
}

/// `T: Trait`: a value of `T` is one of the trait.
fn type_parameter(b: &mut Builder<'_>, node: Node<'_>, at: usize) {
    let name = b.field(node, "name").unwrap_or("");
    let bounds = node.child_by_field_name("bounds").map(children).unwrap_or_default();
    let bounds = bounds.into_iter().map(|it| type_value(b, it)).collect();
    b.bind(at, name, Expr::any(bounds), at);
}

fn closure(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        match (one.child_by_field_name("pattern"), one.child_by_field_name("type")) {
            (Some(pattern), Some(of)) => {
                let of = type_value(b, of);
                bind_pattern(b, pattern, of, scope);
            }
            _ => bind_pattern(b, one, Expr::Unknown, scope),
        }
    }
    if let Some(body) = node.child_by_field_name("body") {
        visit(b, body, scope);
    }
}

/// `all.iter().map(|one| …)`: the closure is given what is held.
fn held_parameter(b: &mut Builder<'_>, closure: Node<'_>, held: &Expr, scope: usize) {
    let first = closure.child_by_field_name("parameters").and_then(|it| it.named_child(0));
    if let Some(first) = first.filter(|it| it.kind() != "parameter") {
        bind_pattern(b, first, held.clone(), scope);
    }
}

/// What is in a macro's brackets is read as arguments of a call; what cannot be read so is left out.
fn in_macro(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(tokens) = children(node).into_iter().find(|it| it.kind() == "token_tree") else { return };
    b.deeper(|b| in_tokens(b, tokens, scope));
}

/// What is between commas, colons and braces, each as an expression: `json!({ "a": f() })` has no other form.
fn in_tokens(b: &mut Builder<'_>, tokens: Node<'_>, scope: usize) {
    let mut cursor = tokens.walk();
    let (mut start, mut last): (Option<Node<'_>>, Option<Node<'_>>) = (None, None);
    let parts: Vec<Node<'_>> = tokens.children(&mut cursor).collect();
    for part in parts.iter().skip(1) {
        let is_block = part.kind() == "token_tree" && b.text_of(*part).starts_with('{');
        let is_end = is_block || matches!(part.kind(), "," | ";" | ":" | "=>" | ")" | "]" | "}");
        if let (true, Some(first), Some(end)) = (is_end, start, last) {
            argument(b, first, end, scope);
            start = None;
        } else if !is_end {
            start = start.or(Some(*part));
        }
        if is_block {
            b.deeper(|b| in_tokens(b, *part, scope));
        }
        last = Some(*part);
    }
}

/// Reads the tokens from one to another as an expression, at their own place in the file.
fn argument(b: &mut Builder<'_>, first: Node<'_>, last: Node<'_>, scope: usize) {
    let text = b.text.get(first.start_byte()..last.end_byte()).unwrap_or("");
    if !text.contains('(') {
        return;
    }
    let range = tree_sitter::Range {
        start_byte: first.start_byte(),
        end_byte: last.end_byte(),
        start_point: first.start_position(),
        end_point: last.end_position(),
    };
    let mut parser = tree_sitter::Parser::new();
    let is_ready = parser.set_language(&tree_sitter_rust::LANGUAGE.into()).is_ok()
        && parser.set_included_ranges(&[range]).is_ok();
    if let Some(tree) = is_ready.then(|| parser.parse(b.text, None)).flatten() {
        block(b, tree.root_node(), scope);
    }
}
