//! Reads Java. Files of one package share their names.

use tree_sitter::Node;

use super::{
    builder::{Builder, New, children, one_line},
    java_types::{declare, of_arguments},
};
use crate::analysis::{
    components::{Kind, Parameter, Visibility},
    facts::{Around, Expr},
};

/// Types of the library that hold what is in their brackets; of several, the last.
const HOLDERS: [&str; 22] = [
    "List",
    "ArrayList",
    "LinkedList",
    "Set",
    "HashSet",
    "LinkedHashSet",
    "TreeSet",
    "Collection",
    "Iterable",
    "Iterator",
    "Optional",
    "Stream",
    "Map",
    "HashMap",
    "LinkedHashMap",
    "TreeMap",
    "ConcurrentHashMap",
    "ConcurrentMap",
    "Deque",
    "ArrayDeque",
    "Queue",
    "Supplier",
];

pub(super) fn read(b: &mut Builder<'_>, root: Node<'_>) {
    let package = children(root).into_iter().find(|it| it.kind() == "package_declaration");
    let package = package.and_then(|it| it.named_child(0)).map_or("", |it| b.text_of(it));
    b.facts.namespaces = vec![if package.is_empty() { "(default)".to_owned() } else { package.to_owned() }];
    block(b, root, 0);
}

fn block(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    for child in children(node) {
        visit(b, child, scope);
    }
}

fn visit(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    b.deeper(|b| match node.kind() {
        "import_declaration" => import(b, node),
        "class_declaration"
        | "interface_declaration"
        | "enum_declaration"
        | "record_declaration"
        | "annotation_type_declaration" => class(b, node, scope),
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
            method(b, node, scope)
        }
        "field_declaration" | "local_variable_declaration" | "constant_declaration" => {
            variables(b, node, scope);
            block(b, node, scope);
        }
        "enum_constant"
        | "assignment_expression"
        | "enhanced_for_statement"
        | "resource"
        | "instanceof_expression"
        | "type_pattern"
        | "lambda_expression" => binding(b, node, scope),
        "for_statement" | "while_statement" | "do_statement" => {
            b.inside(Around::Loop, |b| block(b, node, scope))
        }
        "if_statement" | "switch_expression" | "ternary_expression" => {
            b.inside(Around::Conditional, |b| block(b, node, scope));
        }
        "catch_clause" => b.inside(Around::Exception, |b| block(b, node, scope)),
        "method_invocation" | "object_creation_expression" | "explicit_constructor_invocation" => {
            call(b, node, scope)
        }
        "method_reference" => {
            let args = vec![(None, value(b, node))];
            b.call(scope, node, Expr::name("method reference"), args);
        }
        _ => block(b, node, scope),
    });
}

/// What binds names, declarations of variables apart.
fn binding(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    match node.kind() {
        "enum_constant" => {
            if let Some(name) = b.field(node, "name") {
                b.bind(scope, name, Expr::OwnType.instance(), scope);
            }
            if let Some(class) = b.type_around(scope) {
                // A constant is made when the class is loaded.
                arguments(b, node, Expr::OwnType, class);
            }
            block(b, node, scope);
        }
        "assignment_expression" => {
            let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
            if let (Some(left), Some(right)) = (left.filter(|it| it.kind() == "identifier"), right) {
                // A declared type stays; what is assigned says which heir it is.
                let (name, given) = (b.text_of(left), value(b, right));
                if given != Expr::Literal
                    && b.facts.bindings.iter().any(|it| it.scope == scope && it.name == name)
                {
                    b.bind(scope, name, given, scope);
                }
            }
            block(b, node, scope);
        }
        "enhanced_for_statement" => {
            if let (Some(name), Some(of)) = (b.field(node, "name"), node.child_by_field_name("type")) {
                let given = if b.text_of(of) == "var" {
                    node.child_by_field_name("value").map(|it| value(b, it).element()).unwrap_or_default()
                } else {
                    type_value(b, of)
                };
                b.bind(scope, name, given, scope);
                declare(b, scope, name, of, "");
            }
            b.inside(Around::Loop, |b| block(b, node, scope));
        }
        "resource" | "instanceof_expression" | "type_pattern" => {
            let of = node.child_by_field_name("type").or_else(|| node.child_by_field_name("right"));
            if let (Some(name), Some(of)) = (b.field(node, "name"), of) {
                let given = type_value(b, of);
                b.bind(scope, name, given, scope);
                declare(b, scope, name, of, "");
            }
            block(b, node, scope);
        }
        "lambda_expression" => {
            let parameters = node.child_by_field_name("parameters");
            for one in parameters
                .map(|it| if it.kind() == "identifier" { vec![it] } else { children(it) })
                .unwrap_or_default()
            {
                let name = b.field(one, "name").unwrap_or_else(|| b.text_of(one));
                let given = one.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default();
                b.bind(scope, name, given, scope);
            }
            block(b, node, scope);
        }
        _ => {}
    }
}

fn import(b: &mut Builder<'_>, node: Node<'_>) {
    let Some(of) = node.named_child(0) else { return };
    let path = b.text_of(of).to_owned();
    let is_star = children(node).iter().any(|it| it.kind() == "asterisk");
    let is_static = b.text_of(node).starts_with("import static");
    let mut names = path.split('.');
    // A package's names are in lower case, by a convention that hardly any code breaks.
    let package: Vec<&str> = names.clone().take_while(|it| !it.starts_with(char::is_uppercase)).collect();
    let namespace = Expr::Namespace(package.join("."));
    if is_star && !is_static {
        b.facts.stars.push((0, names.by_ref().skip(package.len()).fold(namespace, Expr::attr)));
        return;
    }
    let full = names.by_ref().skip(package.len()).fold(namespace, Expr::attr);
    if is_star {
        b.facts.stars.push((0, full));
    } else {
        let name = path.rsplit('.').next().unwrap_or("").to_owned();
        b.bind(0, &name, full, 0);
    }
}

fn modifiers(b: &Builder<'_>, node: Node<'_>) -> (Visibility, Vec<String>) {
    let Some(all) = children(node).into_iter().find(|it| it.kind() == "modifiers") else {
        return (Visibility::Internal, Vec::new());
    };
    let marks = children(all).into_iter().filter(|it| it.kind().ends_with("annotation"));
    let marks = marks.map(|it| one_line(b.text_of(it).trim_start_matches('@'))).collect();
    let words: Vec<&str> = b.text_of(all).split_whitespace().collect();
    let visibility = if words.contains(&"public") {
        Visibility::Public
    } else if words.contains(&"private") {
        Visibility::Private
    } else {
        Visibility::Internal
    };
    (visibility, marks)
}

fn class(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let kind = match node.kind() {
        "interface_declaration" | "annotation_type_declaration" => Kind::Interface,
        "enum_declaration" => Kind::Enum,
        _ => Kind::Class,
    };
    let (visibility, decorators) = modifiers(b, node);
    let doc = b.comment_before(node, &["/**"]);
    let body = node.child_by_field_name("body");
    let at = b.add(scope, New { kind, name: name.to_owned(), node, body, doc, visibility });
    b.facts.components[at].decorators = decorators;
    b.seal(at);
    b.bind(scope, name, Expr::Def(at), scope);
    for heritage in children(node) {
        if matches!(heritage.kind(), "superclass" | "super_interfaces" | "extends_interfaces") {
            bases(b, heritage, at);
        }
    }
    for field in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        if let (Some(name), Some(of)) = (b.field(field, "name"), field.child_by_field_name("type")) {
            let given = type_value(b, of);
            b.bind(at, name, given, at);
            declare(b, at, name, of, "");
        }
    }
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
}

fn bases(b: &mut Builder<'_>, node: Node<'_>, at: usize) {
    for one in children(node) {
        if one.kind() == "type_list" {
            bases(b, one, at);
        } else if let Expr::Instance(base) = type_value(b, one) {
            b.facts.bases.push((at, *base));
        }
    }
}

fn method(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(name) = b.field(node, "name") else { return };
    let is_constructor = node.kind() != "method_declaration";
    let (visibility, decorators) = modifiers(b, node);
    let in_interface = b.facts.components[scope].kind == Kind::Interface;
    let visibility = if in_interface { Visibility::Public } else { visibility };
    let doc = b.comment_before(node, &["/**"]);
    let body = node.child_by_field_name("body");
    let at = b.add(scope, New { kind: Kind::Method, name: name.to_owned(), node, body, doc, visibility });
    b.facts.components[at].decorators = decorators;
    for one in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
        let written = children(one).into_iter().find(|it| it.kind() != "modifiers");
        let of = one.child_by_field_name("type").or(written);
        let name = b.field(one, "name").or_else(|| {
            children(one).into_iter().find(|it| it.kind() == "variable_declarator").map(|it| b.text_of(it))
        });
        let (Some(of), Some(name)) = (of, name) else { continue };
        let mut given = type_value(b, of);
        let is_spread = one.kind() == "spread_parameter";
        if is_spread {
            given = given.held();
        }
        let dimensions = one.child_by_field_name("dimensions").map_or("", |it| b.text_of(it)).to_owned();
        declare(b, at, name, of, if is_spread { "[]" } else { &dimensions });
        let dots = if is_spread { "..." } else { "" };
        let kind = Some(format!("{}{dimensions}{dots}", one_line(b.text_of(of))));
        b.parameter(at, Parameter { name: name.to_owned(), kind, default: None }, given);
    }
    if let Some(of) = node.child_by_field_name("type") {
        b.facts.components[at].returns = Some(one_line(b.text_of(of)));
        let given = type_value(b, of);
        b.facts.returns.push((at, given));
    }
    b.seal(at);
    b.bind(scope, if is_constructor { "<init>" } else { name }, Expr::Def(at), scope);
    if let Some(body) = body {
        b.inside(Around::Plain, |b| block(b, body, at));
    }
}

fn variables(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let Some(of) = node.child_by_field_name("type") else { return };
    let declared = if b.text_of(of) == "var" { Expr::Unknown } else { type_value(b, of) };
    for one in children(node).into_iter().filter(|it| it.kind() == "variable_declarator") {
        let Some(name) = b.field(one, "name") else { continue };
        if b.text_of(of) != "var" {
            let dimensions = one.child_by_field_name("dimensions").map_or("", |it| b.text_of(it)).to_owned();
            declare(b, scope, name, of, &dimensions);
        }
        let given = one.child_by_field_name("value").map(|it| value(b, it)).unwrap_or_default();
        let is_made = matches!(&given, Expr::Call(of) if matches!(**of, Expr::Name(_)));
        let bound = if declared.is_unknown()
            || (is_made && scope != 0 && !b.facts.components[scope].kind.is_type())
        {
            given
        } else {
            declared.clone()
        };
        b.bind(scope, name, bound, scope);
    }
}

fn call(b: &mut Builder<'_>, node: Node<'_>, scope: usize) {
    let callee = match node.kind() {
        "object_creation_expression" => {
            node.child_by_field_name("type").map(|it| class_name(b, it)).unwrap_or_default()
        }
        "explicit_constructor_invocation" => {
            match node.child_by_field_name("constructor").map(|it| it.kind()) {
                Some("super") => Expr::Base.attr("<init>"),
                _ => Expr::OwnType,
            }
        }
        _ => invoked(b, node),
    };
    if let Expr::Attr(of, _) = &callee {
        let args = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        // `all.forEach(one -> …)`: the lambda is given what is held.
        let held = of.clone().attr("stream").call().element();
        for lambda in args.iter().filter(|it| it.kind() == "lambda_expression") {
            if let Some(name) =
                lambda.child_by_field_name("parameters").filter(|it| it.kind() == "identifier")
            {
                b.bind(scope, b.text_of(name), held.clone(), scope);
            }
        }
    }
    arguments(b, node, callee, scope);
    block(b, node, scope);
}

/// Notes a call with what it is given, and what is evident of the types of that.
fn arguments(b: &mut Builder<'_>, node: Node<'_>, callee: Expr, scope: usize) {
    let given = node.child_by_field_name("arguments").map(children).unwrap_or_default();
    let given: Vec<Node<'_>> = given.into_iter().filter(|it| !it.kind().ends_with("comment")).collect();
    let types = of_arguments(b, &given, scope);
    let args = given.into_iter().map(|it| (None, value(b, it))).collect();
    b.call(scope, node, callee, args);
    if let Some(made) = b.facts.calls.last_mut() {
        made.types = types;
    }
}

fn invoked(b: &Builder<'_>, node: Node<'_>) -> Expr {
    let Some(name) = b.field(node, "name") else { return Expr::Unknown };
    match node.child_by_field_name("object") {
        Some(of) => value(b, of).attr(name),
        None => Expr::name(name),
    }
}

fn class_name(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match type_value(b, node) {
        Expr::Instance(of) => *of,
        // `new ArrayList<Thing>()`: it is made outside.
        held @ Expr::Holding(_) => held,
        _ => Expr::name(b.text_of(node).split('<').next().unwrap_or("")),
    }
}

fn type_value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "type_identifier" => Expr::name(b.text_of(node)).instance(),
        "scoped_type_identifier" => {
            let mut names = b.text_of(node).split('.').map(str::trim);
            let first = Expr::name(names.next().unwrap_or(""));
            names.fold(first, Expr::attr).instance()
        }
        "array_type" => {
            node.child_by_field_name("element").map(|it| type_value(b, it).held()).unwrap_or_default()
        }
        "annotated_type" => children(node).last().map(|it| type_value(b, *it)).unwrap_or_default(),
        "generic_type" => {
            let all = children(node);
            let name = all.first().map_or("", |it| b.text_of(*it));
            let args = all.get(1).map(|it| children(*it)).unwrap_or_default();
            match args.last() {
                Some(of) if HOLDERS.contains(&name) => {
                    let of = if of.kind() == "wildcard" { of.named_child(0).unwrap_or(*of) } else { *of };
                    type_value(b, of).held()
                }
                _ => all.first().map(|it| type_value(b, *it)).unwrap_or_default(),
            }
        }
        "integral_type" | "floating_point_type" | "boolean_type" => Expr::Literal,
        _ => Expr::Unknown,
    }
}

fn value(b: &Builder<'_>, node: Node<'_>) -> Expr {
    match node.kind() {
        "identifier" => Expr::name(b.text_of(node)),
        "this" => Expr::Receiver,
        "super" => Expr::Base,
        "field_access" => match (node.child_by_field_name("object"), b.field(node, "field")) {
            // `Outer.this`
            (Some(of), Some("this")) => value(b, of).instance(),
            (Some(of), Some(name)) => value(b, of).attr(name),
            _ => Expr::Unknown,
        },
        "method_invocation" => invoked(b, node).call(),
        "object_creation_expression" => match node.child_by_field_name("type").map(|it| class_name(b, it)) {
            Some(held @ Expr::Holding(_)) => held,
            Some(of) => of.call(),
            None => Expr::Unknown,
        },
        "method_reference" => {
            let all = children(node);
            match (all.first(), all.get(1)) {
                (Some(of), Some(name)) => value(b, *of).attr(b.text_of(*name)),
                _ => Expr::Unknown,
            }
        }
        "parenthesized_expression" => node.named_child(0).map(|it| value(b, it)).unwrap_or_default(),
        "cast_expression" => node.child_by_field_name("type").map(|it| type_value(b, it)).unwrap_or_default(),
        "array_access" => {
            node.child_by_field_name("array").map(|it| value(b, it).element()).unwrap_or_default()
        }
        "ternary_expression" => {
            let sides = ["consequence", "alternative"];
            Expr::any(
                sides.iter().filter_map(|it| node.child_by_field_name(it)).map(|it| value(b, it)).collect(),
            )
        }
        "lambda_expression" => Expr::Anonymous,
        "string_literal"
        | "decimal_integer_literal"
        | "null_literal"
        | "true"
        | "false"
        | "binary_expression"
        | "character_literal" => Expr::Literal,
        _ => Expr::Unknown,
    }
}
