//! Modules of JavaScript by name, what an import binds and an export makes known.

use tree_sitter::Node;

use super::expressions::value;
use crate::analysis::{
    facts::Expr,
    languages::builder::{Builder, children},
};

/// A file is known by its path without its ending; an `index` also by its folder.
pub(super) fn namespaces(path: &str) -> Vec<String> {
    let stem = without_ending(path);
    let folder = stem.strip_suffix("/index").map(str::to_owned);
    std::iter::once(stem.to_owned()).chain(folder).collect()
}

fn without_ending(path: &str) -> &str {
    let endings = [".d.ts", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"];
    endings.iter().find_map(|it| path.strip_suffix(it)).unwrap_or(path)
}

/// The module that a string names, seen from this file.
pub(super) fn module(b: &Builder<'_>, string: Node<'_>) -> Expr {
    named(b, b.text_of(string))
}

/// Binds what comments import: `@typedef {import("./thing.js").Thing} Thing`.
pub(super) fn of_comments(b: &mut Builder<'_>) {
    for tag in b.text.split("@typedef").skip(1) {
        let Some((of, rest)) = tag.trim_start().strip_prefix('{').and_then(|it| it.split_once('}')) else {
            continue;
        };
        let import = of.trim().strip_prefix("import(").and_then(|it| it.split_once(')'));
        let Some((module, member)) = import else { continue };
        let name = rest.split_whitespace().next().unwrap_or("");
        if let Some(member) = member.strip_prefix('.').filter(|_| !name.is_empty()) {
            let of = named(b, module).attr(member.trim());
            b.bind(0, name, of, 0);
        }
    }
}

fn named(b: &Builder<'_>, text: &str) -> Expr {
    let name = text.trim_matches(['"', '\'', '`']);
    if !name.starts_with('.') {
        return Expr::Namespace(name.to_owned());
    }
    let mut parts: Vec<&str> = b.facts.path.split('/').collect();
    parts.pop();
    for part in without_ending(name).split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Expr::Namespace(if joined.is_empty() { "index".to_owned() } else { joined })
}

pub(super) fn import(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(source) = node.child_by_field_name("source") else { return };
    let module = module(b, source);
    let clauses = children(node).into_iter().filter(|it| it.kind() == "import_clause").flat_map(children);
    for one in clauses {
        match one.kind() {
            "identifier" => b.bind(scope, b.text_of(one), module.clone().attr("default"), scope),
            "namespace_import" => {
                if let Some(name) = one.named_child(0) {
                    b.bind(scope, b.text_of(name), module.clone(), scope);
                }
            }
            "named_imports" => {
                for one in children(one) {
                    let Some(name) = b.field(one, "name") else { continue };
                    b.bind(scope, b.field(one, "alias").unwrap_or(name), module.clone().attr(name), scope);
                }
            }
            _ => {}
        }
    }
}

pub(super) fn export(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let source = node.child_by_field_name("source").map(|it| module(b, it));
    let mut is_clause = false;
    for one in children(node) {
        match one.kind() {
            "export_clause" => {
                is_clause = true;
                for one in children(one) {
                    let Some(name) = b.field(one, "name") else { continue };
                    let alias = b.field(one, "alias").unwrap_or(name);
                    match &source {
                        Some(module) => b.bind(scope, alias, module.clone().attr(name), scope),
                        None if alias != name => b.bind(scope, alias, Expr::name(name), scope),
                        None => {}
                    }
                }
            }
            "namespace_export" => {
                is_clause = true;
                if let (Some(name), Some(module)) = (one.named_child(0), &source) {
                    b.bind(scope, b.text_of(name), module.clone(), scope);
                }
            }
            _ => {}
        }
    }
    if let (false, Some(module)) = (is_clause, source) {
        b.facts.stars.push((scope, module));
    }
    let is_default = b.text_of(node).trim_start_matches("export").trim_start().starts_with("default");
    if is_default {
        let declared =
            node.child_by_field_name("declaration").and_then(|it| b.field(it, "name")).map(Expr::name);
        let given = declared.or_else(|| node.child_by_field_name("value").map(|it| value(b, it)));
        b.bind(scope, "default", given.unwrap_or_default(), scope);
    }
}

/// `module.exports = {…}` or one thing.
pub(super) fn export_object(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    if node.kind() != "object" {
        let given = value(b, node);
        b.bind(0, "default", given, scope);
        return;
    }
    for one in children(node) {
        if let (Some(key), Some(of)) = (b.field(one, "key"), one.child_by_field_name("value")) {
            let given = value(b, of);
            if given != Expr::name(key) {
                b.bind(0, key, given, scope);
            }
        }
    }
}
