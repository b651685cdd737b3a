//! What all readers write with: components with stable ids, bindings, calls, and the texts of nodes.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::analysis::{
    components::{Component, Kind, Parameter, Visibility},
    facts::{Around, Binding, Call, DEEPEST, Expr, FileFacts, Why},
    source::SourceFile,
};

/// Longest text of a signature or a callee, in characters.
const LONGEST_TEXT: usize = 300;

/// A component that is about to be added.
pub(super) struct New<'a> {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Its whole text, with decorators.
    pub(super) node: Node<'a>,
    /// Where its body begins: its signature ends there.
    pub(super) body: Option<Node<'a>>,
    pub(super) doc: String,
    pub(super) visibility: Visibility,
}

/// A file while it is read.
pub(super) struct Builder<'t> {
    pub(super) text: &'t str,
    pub(super) facts: FileFacts,
    pub(super) around: Around,
    /// The texts of declared types by scope and name, where a language has overloads.
    pub(super) declared: BTreeMap<(usize, String), String>,
    depth: usize,
    ids: BTreeMap<String, usize>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(file: &'t SourceFile) -> Self {
        let stem = file.path.rsplit('/').next().unwrap_or(&file.path);
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let lines = u32::try_from(file.text.lines().count().max(1)).unwrap_or(u32::MAX);
        let module = Component {
            id: file.path.clone(),
            path: file.path.clone(),
            name: stem.to_owned(),
            kind: Kind::Module,
            language: file.language,
            parent: None,
            signature: String::new(),
            parameters: Vec::new(),
            returns: None,
            decorators: Vec::new(),
            line_start: 1,
            line_end: lines,
            doc: String::new(),
            visibility: Visibility::Public,
            hash: blake3::hash(file.text.as_bytes()).to_hex().to_string(),
        };
        let facts = FileFacts {
            path: file.path.clone(),
            language: file.language,
            namespaces: Vec::new(),
            has_errors: false,
            components: vec![module],
            parents: vec![None],
            open_parameters: vec![Vec::new()],
            inner_namespaces: Vec::new(),
            bindings: Vec::new(),
            returns: Vec::new(),
            bases: Vec::new(),
            stars: Vec::new(),
            extensions: Vec::new(),
            calls: Vec::new(),
        };
        let ids = BTreeMap::from([(file.path.clone(), 0)]);
        Self { text: &file.text, facts, around: Around::Plain, declared: BTreeMap::new(), depth: 0, ids }
    }

    pub(super) fn finish(self) -> FileFacts {
        self.facts
    }

    /// Goes one deeper, unless it is too deep already.
    pub(super) fn deeper(&mut self, go: impl FnOnce(&mut Self)) {
        if self.depth < DEEPEST {
            self.depth += 1;
            go(self);
            self.depth -= 1;
        }
    }

    /// Reads something that is inside a condition, a loop or a handler.
    pub(super) fn inside(&mut self, around: Around, go: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.around, around);
        go(self);
        self.around = before;
    }

    pub(super) fn text_of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    pub(super) fn field(&self, node: Node<'_>, name: &str) -> Option<&'t str> {
        Some(self.text_of(node.child_by_field_name(name)?))
    }

    pub(super) fn line(&self, node: Node<'_>) -> u32 {
        u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Adds a component of a scope and returns its number. Its name is not bound yet.
    pub(super) fn add(&mut self, parent: usize, new: New<'_>) -> usize {
        let outer = &self.facts.components[parent];
        let name = match outer.parent {
            Some(_) => format!("{}.{}", outer.name, new.name),
            None => new.name,
        };
        let parent_id = outer.id.clone();
        let text = self.text_of(new.node);
        let until = new.body.map_or_else(|| new.node.end_byte(), |body| body.start_byte());
        let head = self.without_comments(new.node, until);
        let line_end = u32::try_from(new.node.end_position().row).unwrap_or(u32::MAX).saturating_add(1);
        let component = Component {
            id: String::new(),
            path: self.facts.path.clone(),
            name,
            kind: new.kind,
            language: self.facts.language,
            parent: Some(parent_id),
            signature: one_line(head.trim_end().trim_end_matches(['{', ':', '='])),
            parameters: Vec::new(),
            returns: None,
            decorators: Vec::new(),
            line_start: self.line(new.node),
            line_end,
            doc: new.doc,
            visibility: new.visibility,
            hash: blake3::hash(text.as_bytes()).to_hex().to_string(),
        };
        self.facts.components.push(component);
        self.facts.parents.push(Some(parent));
        self.facts.open_parameters.push(Vec::new());
        self.facts.components.len() - 1
    }

    /// The text of a node up to a place: on one line a comment would take in what follows it.
    fn without_comments(&self, node: Node<'_>, until: usize) -> String {
        let (mut open, mut comments) = (vec![node], Vec::new());
        while let Some(node) = open.pop() {
            if node.kind().contains("comment") {
                comments.push(node.byte_range());
                continue;
            }
            let children = node
                .children(&mut node.walk())
                .filter(|child| child.start_byte() < until)
                .collect::<Vec<_>>();
            open.extend(children);
        }
        comments.sort_by_key(|comment| comment.start);
        let (mut head, mut at) = (String::new(), node.start_byte());
        for comment in comments {
            head.push_str(self.text.get(at..comment.start).unwrap_or(""));
            at = comment.end.min(until).max(at);
        }
        head + self.text.get(at..until).unwrap_or("")
    }

    /// Gives a component its id, after its parameters and its final name are known.
    pub(super) fn seal(&mut self, at: usize) {
        let one = &self.facts.components[at];
        let mut id = format!("{}::{}", one.path, one.name);
        if self.ids.contains_key(&id) {
            let types = one.parameters.iter().map(|it| it.kind.as_deref().unwrap_or(&it.name));
            id = format!("{id}({})", types.collect::<Vec<_>>().join(","));
        }
        let count = self.ids.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            id = format!("{id}~{count}");
        }
        self.facts.components[at].id = id;
    }

    /// Binds a name. One that is bound to nothing known still hides the same name further out.
    pub(super) fn bind(&mut self, scope: usize, name: &str, expr: Expr, reads: usize) {
        if !name.is_empty() {
            self.facts.bindings.push(Binding { scope, name: name.to_owned(), expr, reads });
        }
    }

    /// Adds a parameter; one without a known type is open to what callers pass.
    pub(super) fn parameter(&mut self, function: usize, parameter: Parameter, value: Expr) {
        let name = parameter.name.clone();
        if value.is_unknown() {
            self.facts.open_parameters[function].push(name.clone());
        }
        self.facts.components[function].parameters.push(parameter);
        self.bind(function, &name, value, function);
    }

    pub(super) fn call(
        &mut self,
        scope: usize,
        node: Node<'_>,
        callee: Expr,
        args: Vec<(Option<String>, Expr)>,
    ) {
        let text = node.child(0).map_or("", |first| self.text_of(first));
        let (line, text) = (self.line(node), one_line(text));
        let (types, around) = (Vec::new(), self.around);
        self.facts.calls.push(Call { scope, callee, args, types, line, around, why: Why::Call, text });
    }

    pub(super) fn decorate(&mut self, scope: usize, node: Node<'_>, callee: Expr, decorated: usize) {
        let (line, text) = (self.line(node), one_line(self.text_of(node)));
        let args = vec![(None, Expr::Def(decorated))];
        self.facts.calls.push(Call {
            scope,
            callee,
            args,
            types: Vec::new(),
            line,
            around: self.around,
            why: Why::Decorator,
            text,
        });
    }

    /// The nearest type around a scope, itself included.
    pub(super) fn type_around(&self, mut scope: usize) -> Option<usize> {
        loop {
            if self.facts.components[scope].kind.is_type() {
                return Some(scope);
            }
            scope = self.facts.parents[scope]?;
        }
    }

    /// The comment right before a node, without its marks.
    pub(super) fn comment_before(&self, node: Node<'_>, only: &[&str]) -> String {
        let mut lines = Vec::new();
        let mut row = node.start_position().row;
        let mut before = node.prev_sibling();
        while let Some(comment) = before {
            let is_comment = comment.kind().contains("comment");
            let is_attribute = comment.kind() == "attribute_item";
            // A comment of this form belongs to what follows also across an empty line.
            let slack = if only == ["/**"] && lines.is_empty() { 2 } else { 1 };
            let last_row = comment.start_position().row + comment_rows(comment);
            if !(is_comment || is_attribute) || last_row + slack < row {
                break;
            }
            let text = self.text_of(comment);
            row = comment.start_position().row;
            before = comment.prev_sibling();
            if is_comment && (only.is_empty() || only.iter().any(|mark| text.starts_with(mark))) {
                lines.push(without_marks(text));
            } else if is_comment {
                break;
            }
        }
        lines.reverse();
        lines.join("\n").trim().to_owned()
    }
}

fn comment_rows(node: Node<'_>) -> usize {
    node.end_position().row - node.start_position().row
}

/// Named children, in order.
pub(super) fn children<'a>(node: Node<'a>) -> Vec<Node<'a>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// White space runs become one blank, and the end is cut off where it is very long.
pub(super) fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn without_marks(comment: &str) -> String {
    let inner = comment.trim().trim_start_matches("/**").trim_start_matches("/*").trim_end_matches("*/");
    let line = |line: &str| {
        let line = line.trim_start();
        let bare = ["///", "//!", "//", "* ", "*", "#"].iter().find_map(|mark| line.strip_prefix(mark));
        let bare = bare.unwrap_or(line);
        bare.strip_prefix(' ').unwrap_or(bare).trim_end().to_owned()
    };
    inner.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}
