//! Expressions, types and patterns of Rust as [`Expr`].

use tree_sitter::Node;

use super::builder::{Builder, children};
use crate::analysis::facts::Expr;

/// Types that are looked through: a method called on them is one of what they point to.
const POINTERS: [&str; 12] = [
    "Box",
    "Rc",
    "Arc",
    "Cow",
    "Pin",
    "Ref",
    "RefMut",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Weak",
    "ManuallyDrop",
];
/// Types that hold what is in their brackets; of several, the last, and of a result the first.
const HOLDERS: [&str; 18] = [
    "Vec",
    "Option",
    "Result",
    "VecDeque",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "DashMap",
    "ArcSwap",
    "BinaryHeap",
];

/// A path, after a prefix where it has one.
pub(super) fn path(b: &Builder<'_>, node: Node<'_>, prefix: Option<Expr>) -> Expr {
    match node.kind() {
        "scoped_identifier" | "scoped_type_identifier" => {
            let name = b.field(node, "name").unwrap_or("");
            match node.child_by_field_name("path") {
                // A variable's name has no meaning before `::`.
                Some(outer) => match path(b, outer, prefix) {
                    Expr::Name(first) => Expr::Item(first).attr(name),
                    outer => outer.attr(name),
                },
                None => Expr::name(name),
            }
        }
        "generic_type" => node.child_by_field_name("type").map(|it| path(b, it, prefix)).unwrap_or_default(),
        "bracketed_type" => node.named_child(0).map(|it| path(b, it, prefix)).unwrap_or_default(),
        "qualified_type" => {
            node.child_by_field_name("type").map(|it| path(b, it, prefix)).unwrap_or_default()
        }
        "crate" => {
            let root = b.facts.namespaces[0].split("::").next().unwrap_or("").to_owned();
            Expr::Namespace(root)
        }
        "self" => prefix.unwrap_or_else(|| Expr::Namespace(b.facts.namespaces[0].clone())),
        "super" => match prefix {
            Some(Expr::Namespace(name)) => Expr::Namespace(outer(&name)),
            _ => Expr::Namespace(outer(&here(b, node))),
        },
        _ => {
            let name = b.text_of(node);
            match prefix {
                Some(prefix) => prefix.attr(name),
                None if name == "Self" => Expr::OwnType,
                None => Expr::name(name),
            }
        }
    }
}

/// The name of the module that a node is in.
fn here(b: &Builder<'_>, node: Node<'_>) -> String {
    let mut names = Vec::new();
    let mut around = node.parent();
    while let Some(one) = around {
        if one.kind() == "mod_item" {
            names.extend(b.field(one, "name"));
        }
        around = one.parent();
    }
    names.push(&b.facts.namespaces[0]);
    names.reverse();
    names.join("::")
}

fn outer(name: &str) -> String {
    name.rsplit_once("::").map_or(name, |(outer, _)| outer).to_owned()
}

/// A value of a type.
pub(super) fn type_value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "type_identifier" | "scoped_type_identifier" | "identifier" | "scoped_identifier" => {
            path(b, node, None).instance()
        }
        "reference_type" | "pointer_type" => {
            node.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default()
        }
        "dynamic_type" | "abstract_type" | "bounded_type" | "higher_ranked_trait_bound" => {
            let all = children(node).into_iter().filter(|it| it.kind() != "lifetime");
            Expr::any(all.map(|it| type_value(b, it)).collect())
        }
        "array_type" => {
            node.child_by_field_name("element").map(|it| type_value(b, it).held()).unwrap_or_default()
        }
        "generic_type" => generic(b, node),
        "primitive_type" | "unit_type" | "never_type" => Expr::Literal,
        _ => Expr::Unknown,
    }
}

fn generic(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(of) = node.child_by_field_name("type") else { return Expr::Unknown };
    let name = b.text_of(of).rsplit("::").next().unwrap_or("");
    let args: Vec<Node<'_>> = node.child_by_field_name("type_arguments").map(children).unwrap_or_default();
    let mut args = args.into_iter().filter(|it| it.kind() != "lifetime");
    if POINTERS.contains(&name) {
        return args.next().map(|it| type_value(b, it)).unwrap_or_default();
    }
    if HOLDERS.contains(&name) {
        let of = if name == "Result" { args.next() } else { args.next_back() };
        let of = of.map(|it| type_value(b, it)).unwrap_or_default();
        return if of.is_unknown() { Expr::Literal } else { of.held() };
    }
    if matches!(name, "Iterator" | "IntoIterator" | "Future" | "Stream") {
        let item = args.next().and_then(|it| it.child_by_field_name("type")).map(|it| type_value(b, it));
        let item = item.unwrap_or_default();
        return if name == "Future" { item } else { item.held() };
    }
    path(b, of, None).instance()
}

/// What an expression could be.
pub(super) fn value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "self" => Expr::name("self"),
        "identifier" | "scoped_identifier" => path(b, node, None),
        "field_expression" => match (node.child_by_field_name("value"), b.field(node, "field")) {
            (Some(of), Some(name)) => value(b, of).attr(name),
            _ => Expr::Unknown,
        },
        "generic_function" => node.child_by_field_name("function").map(|it| value(b, it)).unwrap_or_default(),
        "call_expression" => called(b, node),
        "struct_expression" => {
            node.child_by_field_name("name").map(|it| type_value(b, it)).unwrap_or_default()
        }
        "try_expression" => node.named_child(0).map(|it| value(b, it).element()).unwrap_or_default(),
        "index_expression" => node.named_child(0).map(|it| value(b, it).element()).unwrap_or_default(),
        "reference_expression" => {
            node.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default()
        }
        "await_expression" | "parenthesized_expression" | "unary_expression" => {
            node.named_child(0).map(|it| value(b, it)).unwrap_or_default()
        }
        "type_cast_expression" => {
            node.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default()
        }
        "closure_expression" => Expr::Anonymous,
        "if_expression" => {
            let sides = ["consequence", "alternative"];
            Expr::any(
                sides.iter().filter_map(|it| node.child_by_field_name(it)).map(|it| value(b, it)).collect(),
            )
        }
        "block" | "else_clause" => children(node).last().map(|it| value(b, *it)).unwrap_or_default(),
        "match_expression" => {
            let arms = node.child_by_field_name("body").map(children).unwrap_or_default();
            let values = arms.into_iter().filter_map(|it| it.child_by_field_name("value"));
            Expr::any(values.take(16).map(|it| value(b, it)).collect())
        }
        "macro_invocation" if b.field(node, "macro") == Some("vec") => Expr::Literal,
        "array_expression" => {
            let first = node.named_child(0).map(|it| value(b, it)).unwrap_or_default();
            if first.is_unknown() { Expr::Literal } else { first.held() }
        }
        "string_literal" | "raw_string_literal" | "integer_literal" | "float_literal" | "boolean_literal"
        | "char_literal" | "binary_expression" => Expr::Literal,
        _ => Expr::Unknown,
    }
}

/// `Some(x)` and `Ok(x)` hold x; `Box::new(x)` and `x.clone()` are x.
fn called(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(callee) = node.child_by_field_name("function") else { return Expr::Unknown };
    let first = node.child_by_field_name("arguments").and_then(|it| it.named_child(0));
    match (b.text_of(callee), first) {
        ("Some" | "Ok" | "RefCell::new" | "Mutex::new" | "RwLock::new", Some(of)) => {
            return value(b, of).held();
        }
        ("Box::new" | "Rc::new" | "Arc::new" | "Arc::clone" | "Rc::clone" | "Box::pin", Some(of)) => {
            return value(b, of);
        }
        _ => {}
    }
    let plain = value(b, callee).call();
    // Whether it is our own `clone` or a derived one, it gives the same type.
    match (callee.child_by_field_name("value"), b.field(callee, "field")) {
        (Some(of), Some("clone" | "to_owned" | "as_ref" | "as_mut" | "borrow" | "borrow_mut")) => {
            Expr::any(vec![plain, value(b, of)])
        }
        _ => plain,
    }
}

/// Binds the names of a pattern. What is taken out of a variant is what the variant or its container holds.
pub(super) fn bind_pattern(b: &mut Builder<'_>, pattern: Node<'_>, given: Expr, scope: usize) {
    match pattern.kind() {
        "identifier" => b.bind(scope, b.text_of(pattern), given, scope),
        "match_pattern" | "mut_pattern" | "reference_pattern" | "ref_pattern" | "or_pattern"
        | "captured_pattern" => {
            for inner in children(pattern) {
                if inner.kind() != "mutable_specifier" && !inner.kind().ends_with("_expression") {
                    bind_pattern(b, inner, given.clone(), scope);
                }
            }
        }
        "tuple_struct_pattern" => {
            let name = pattern.child_by_field_name("type");
            let text = name.map_or("", |it| b.text_of(it)).to_owned();
            let inner = match (text.as_str(), name) {
                ("Some" | "Ok", _) => given.element(),
                ("Err" | "None", _) => Expr::Unknown,
                (_, Some(name)) => match path(b, name, None) {
                    Expr::Attr(of, variant) => of.attr(format!("{variant}.0")),
                    other => other.instance().attr("0"),
                },
                _ => Expr::Unknown,
            };
            let parts: Vec<Node<'_>> = children(pattern).into_iter().skip(1).collect();
            for (at, part) in parts.into_iter().enumerate() {
                bind_pattern(b, part, if at == 0 { inner.clone() } else { Expr::Unknown }, scope);
            }
        }
        "struct_pattern" => {
            let of = pattern.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default();
            for one in children(pattern).into_iter().filter(|it| it.kind() == "field_pattern") {
                let Some(name) = b.field(one, "name") else { continue };
                let field = of.clone().attr(name);
                match one.child_by_field_name("pattern") {
                    Some(inner) => bind_pattern(b, inner, field, scope),
                    None => b.bind(scope, name, field, scope),
                }
            }
        }
        "tuple_pattern" | "slice_pattern" => {
            for inner in children(pattern) {
                bind_pattern(b, inner, Expr::Unknown, scope);
            }
        }
        _ => {}
    }
}
