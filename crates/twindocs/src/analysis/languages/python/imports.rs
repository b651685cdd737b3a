//! Python's modules by name, and what an import binds.

use tree_sitter::Node;

use crate::analysis::{
    facts::Expr,
    languages::builder::{Builder, children},
    source::Codebase,
};

/// The names of a file's module: from the topmost folder that is a package, and from the root.
pub(super) fn namespaces(codebase: &Codebase, path: &str) -> Vec<String> {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let mut parts: Vec<&str> = stem.split('/').collect();
    if parts.last() == Some(&"__init__") {
        parts.pop();
    }
    let is_package = |folder: &str| {
        let file = if folder.is_empty() { "__init__.py".to_owned() } else { format!("{folder}/__init__.py") };
        codebase.files.binary_search_by(|it| it.path.as_str().cmp(&file)).is_ok()
    };
    let folders: Vec<&str> = path.split('/').collect();
    let mut top = folders.len() - 1;
    while top > 0 && is_package(&folders[..top].join("/")) {
        top -= 1;
    }
    let whole = parts.join(".");
    let mut names = Vec::new();
    if top == 0 && is_package("") {
        // The root is itself a package: it is called by its folder's name.
        names.push(if whole.is_empty() {
            codebase.name.clone()
        } else {
            format!("{}.{whole}", codebase.name)
        });
    }
    if top < parts.len() {
        names.push(parts[top..].join("."));
    }
    names.push(whole);
    names.dedup();
    names.retain(|it| !it.is_empty());
    names
}

pub(super) fn read(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let module = node.child_by_field_name("module_name");
    let Some(module_node) = module else {
        for one in children(node) {
            plain(b, one, scope);
        }
        return;
    };
    let module = absolute(b, b.text_of(module_node));
    for one in children(node) {
        if one.id() == module_node.id() {
            continue;
        }
        match one.kind() {
            "wildcard_import" => b.facts.stars.push((scope, Expr::Namespace(module.clone()))),
            "dotted_name" => {
                let name = b.text_of(one);
                b.bind(scope, name, Expr::Namespace(module.clone()).attr(name), scope);
            }
            "aliased_import" => {
                if let (Some(name), Some(alias)) = (b.field(one, "name"), b.field(one, "alias")) {
                    b.bind(scope, alias, Expr::Namespace(module.clone()).attr(name), scope);
                }
            }
            _ => {}
        }
    }
}

/// `import a.b`, `import a.b as c`.
fn plain(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    match node.kind() {
        "dotted_name" => {
            let first = b.text_of(node).split('.').next().unwrap_or("");
            b.bind(scope, first, Expr::Namespace(first.to_owned()), scope);
        }
        "aliased_import" => {
            if let (Some(name), Some(alias)) = (b.field(node, "name"), b.field(node, "alias")) {
                b.bind(scope, alias, Expr::Namespace(name.to_owned()), scope);
            }
        }
        _ => {}
    }
}

/// A relative module name made absolute.
fn absolute(b: &Builder<'_>, name: &str) -> String {
    let dots = name.chars().take_while(|c| *c == '.').count();
    if dots == 0 {
        return name.to_owned();
    }
    let own = b.facts.namespaces.first().cloned().unwrap_or_default();
    let mut parts: Vec<&str> = own.split('.').collect();
    let is_package = b.facts.path.ends_with("__init__.py") || b.facts.path.ends_with("__init__.pyi");
    let up = if is_package { dots - 1 } else { dots };
    parts.truncate(parts.len().saturating_sub(up));
    let rest = name[dots..].trim();
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts.join(".")
}
