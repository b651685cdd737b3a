//! The facts of all files, numbered through, with tables to look things up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::analysis::{
    components::Kind,
    facts::{Expr, FileFacts},
    source::Language,
};

/// An expression and the scope it is read in.
pub(super) type Bound<'f> = (&'f Expr, usize);

/// One component.
pub(super) struct Node {
    pub(super) file: usize,
    pub(super) parent: Option<usize>,
    pub(super) kind: Kind,
    pub(super) language: Language,
}

/// All files.
pub(super) struct World<'f> {
    pub(super) files: &'f [FileFacts],
    pub(super) nodes: Vec<Node>,
    /// Number of each file's first component.
    pub(super) offsets: Vec<usize>,
    pub(super) members: Vec<BTreeMap<&'f str, Vec<Bound<'f>>>>,
    pub(super) stars: HashMap<usize, Vec<Bound<'f>>>,
    pub(super) returns: HashMap<usize, Vec<&'f Expr>>,
    /// Modules by tagged name.
    pub(super) namespaces: HashMap<String, Vec<usize>>,
    /// Tagged names that modules' names begin with.
    pub(super) prefixes: BTreeSet<String>,
    /// Bases of each type, in order.
    pub(super) bases: HashMap<usize, Vec<usize>>,
    /// Types that have a base outside, with its name.
    pub(super) outside_bases: HashMap<usize, String>,
    /// Types by base.
    pub(super) heirs: HashMap<usize, Vec<usize>>,
    /// The type that a method of an extension belongs to.
    pub(super) owners: HashMap<usize, usize>,
}

/// What parts of a module's name are divided by.
pub(super) fn separator(language: Language) -> &'static str {
    match language {
        Language::Rust => "::",
        Language::Go | Language::JavaScript | Language::TypeScript => "/",
        Language::Python | Language::Java => ".",
    }
}

/// Modules of different languages have nothing to do with each other.
pub(super) fn tagged(language: Language, name: &str) -> String {
    let tag = match language {
        Language::Python => "py",
        Language::Rust => "rs",
        Language::JavaScript | Language::TypeScript => "js",
        Language::Go => "go",
        Language::Java => "java",
    };
    format!("{tag}:{name}")
}

impl<'f> World<'f> {
    pub(super) fn new(files: &'f [FileFacts]) -> Self {
        let mut world = Self {
            files,
            nodes: Vec::new(),
            offsets: Vec::new(),
            members: Vec::new(),
            stars: HashMap::new(),
            returns: HashMap::new(),
            namespaces: HashMap::new(),
            prefixes: BTreeSet::new(),
            bases: HashMap::new(),
            outside_bases: HashMap::new(),
            heirs: HashMap::new(),
            owners: HashMap::new(),
        };
        for (index, file) in files.iter().enumerate() {
            world.add(index, file);
        }
        world
    }

    fn add(&mut self, index: usize, file: &'f FileFacts) {
        let offset = self.nodes.len();
        self.offsets.push(offset);
        for (component, parent) in file.components.iter().zip(&file.parents) {
            let parent = parent.map(|parent| parent + offset);
            self.nodes.push(Node { file: index, parent, kind: component.kind, language: file.language });
            self.members.push(BTreeMap::new());
        }
        for binding in &file.bindings {
            let bound = (&binding.expr, binding.reads + offset);
            let all = self.members[binding.scope + offset].entry(&*binding.name).or_default();
            if !all.contains(&bound) {
                all.push(bound);
            }
        }
        for (scope, expr) in &file.stars {
            self.stars.entry(scope + offset).or_default().push((expr, scope + offset));
        }
        for (function, expr) in &file.returns {
            let all = self.returns.entry(function + offset).or_default();
            if !all.contains(&expr) {
                all.push(expr);
            }
        }
        for name in &file.namespaces {
            self.add_namespace(file.language, name, offset);
        }
        for (name, module) in &file.inner_namespaces {
            self.add_namespace(file.language, name, module + offset);
        }
    }

    fn add_namespace(&mut self, language: Language, name: &str, module: usize) {
        let tagged_name = tagged(language, name);
        let mut rest = tagged_name.as_str();
        while let Some((outer, _)) = rest.rsplit_once(separator(language)) {
            self.prefixes.insert(outer.to_owned());
            rest = outer;
        }
        let modules = self.namespaces.entry(tagged_name).or_default();
        if !modules.contains(&module) {
            modules.push(module);
        }
    }

    /// Whether a module or a folder of modules has this name.
    pub(super) fn knows(&self, tagged_name: &str) -> bool {
        self.namespaces.contains_key(tagged_name) || self.prefixes.contains(tagged_name)
    }

    /// The type that a scope is in or is.
    pub(super) fn type_around(&self, mut scope: usize) -> Option<usize> {
        loop {
            if let Some(owner) = self.owners.get(&scope) {
                return Some(*owner);
            }
            if self.nodes[scope].kind.is_type() {
                return Some(scope);
            }
            scope = self.nodes[scope].parent?;
        }
    }

    /// The modules that share a package with this module, without itself: in Go and Java their names are known here.
    pub(super) fn siblings(&self, module: usize) -> &[usize] {
        let file = &self.files[self.nodes[module].file];
        let shares = matches!(file.language, Language::Go | Language::Java);
        let name = file.namespaces.first().filter(|_| shares);
        name.and_then(|name| self.namespaces.get(&tagged(file.language, name))).map_or(&[], Vec::as_slice)
    }

    pub(super) fn id(&self, node: usize) -> &'f str {
        let file = self.nodes[node].file;
        &self.files[file].components[node - self.offsets[file]].id
    }

    /// Whether a function is written with so many parameters; a type without a constructor takes any.
    pub(super) fn takes(&self, node: usize, args: usize) -> bool {
        let of = &self.nodes[node];
        let component = &self.files[of.file].components[node - self.offsets[of.file]];
        !of.kind.is_callable() || component.parameters.len() == args
    }

    /// Adds a base to a type, once.
    pub(super) fn add_base(&mut self, heir: usize, base: usize) {
        let bases = self.bases.entry(heir).or_default();
        if heir != base && !bases.contains(&base) {
            bases.push(base);
            self.heirs.entry(base).or_default().push(heir);
        }
    }
}
