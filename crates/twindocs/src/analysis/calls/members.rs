//! What a member of a value is: of a module, a type with its bases, a container.

use super::{
    overloads,
    values::{Evaluator, Value, Values, external},
    world::separator,
};
use crate::analysis::{components::Kind, languages::HELD, source::Language};

/// Methods of containers that give one of what is held, outside Rust.
const GIVE_ONE: [&str; 22] = [
    "get",
    "pop",
    "popitem",
    "setdefault",
    "popleft",
    "shift",
    "at",
    "find",
    "remove",
    "poll",
    "peek",
    "first",
    "last",
    "getFirst",
    "getLast",
    "orElse",
    "orElseThrow",
    "next",
    "getOrDefault",
    "computeIfAbsent",
    "findFirst",
    "__getitem__",
];
/// Methods of containers that give a container of the same.
const GIVE_SAME: [&str; 19] = [
    "values", "items", "copy", "filter", "iter", "iterator", "stream", "slice", "reverse", "concat", "sort",
    "sorted", "toList", "subList", "entries", "elements", "entrySet", "then", "collect",
];
/// The same two lists for Rust, where an option or a result is a container too.
const RUST_GIVE_ONE: [&str; 11] = [
    "unwrap",
    "expect",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "borrow",
    "borrow_mut",
    "map_or",
    "unwrap_err",
    "or_insert",
    "or_insert_with",
];
const RUST_GIVE_SAME: [&str; 45] = [
    "iter",
    "iter_mut",
    "into_iter",
    "get",
    "get_mut",
    "first",
    "last",
    "next",
    "pop",
    "values",
    "values_mut",
    "cloned",
    "copied",
    "as_ref",
    "as_mut",
    "ok",
    "filter",
    "take",
    "skip",
    "rev",
    "peekable",
    "chain",
    "clone",
    "find",
    "remove",
    "insert",
    "as_deref",
    "map_err",
    "or_else",
    "or",
    "ok_or",
    "ok_or_else",
    "pop_front",
    "pop_back",
    "drain",
    "collect",
    "to_vec",
    "last_mut",
    "first_mut",
    "context",
    "with_context",
    "entry",
    "as_slice",
    "max_by_key",
    "min_by_key",
];

impl<'f> Evaluator<'_, 'f> {
    /// What a member of a value is.
    pub(super) fn attr(&mut self, holder: &Value, name: &'f str, scope: usize) -> Values {
        match holder {
            Value::Def(at) if self.world.nodes[*at].kind.is_type() => self.type_attr(*at, name),
            Value::Instance { of, .. } => self.type_attr(*of, name),
            Value::BaseOf(of) => self.base_attr(*of, name),
            Value::Namespace(module) => self.module_attr(module, name),
            Value::External(of) => Values::from([external(of, &format!(".{name}"))]),
            Value::Holding(held) => holding_attr(held, name, self.language(scope)),
            Value::Def(_) | Value::Gives(_) | Value::Anonymous => Values::new(),
        }
    }

    fn type_attr(&mut self, of: usize, name: &'f str) -> Values {
        let found = self.member(of, name);
        if !found.is_empty() || self.has_member(of, name) {
            return found;
        }
        self.outside_base(of).map(|base| external(base, &format!(".{name}"))).into_iter().collect()
    }

    fn base_attr(&mut self, of: usize, name: &'f str) -> Values {
        let world = self.world;
        for base in world.bases.get(&of).map_or(&[][..], Vec::as_slice) {
            let found = self.member(*base, name);
            if !found.is_empty() {
                return found;
            }
        }
        let base = self.outside_base(of).unwrap_or("object");
        Values::from([external(base, &format!(".{name}"))])
    }

    /// The name of a base outside, of a type or of one of its bases.
    fn outside_base(&self, of: usize) -> Option<&str> {
        self.lineage(of).into_iter().find_map(|it| self.world.outside_bases.get(&it)).map(String::as_str)
    }

    fn has_member(&self, of: usize, name: &str) -> bool {
        self.lineage(of).into_iter().any(|it| self.world.members[it].contains_key(name))
    }

    /// A type and its bases, depth first.
    pub(super) fn lineage(&self, of: usize) -> Vec<usize> {
        let mut all = Vec::new();
        let mut open = vec![of];
        while let Some(next) = open.pop() {
            if !all.contains(&next) {
                all.push(next);
                open.extend(self.world.bases.get(&next).into_iter().flatten().rev());
            }
        }
        all
    }

    /// A type and everything that inherits from it, in the order of the files.
    pub(super) fn heirs(&self, of: usize) -> Vec<usize> {
        let mut all = vec![of];
        let mut next = 0;
        while let Some(one) = all.get(next).copied() {
            next += 1;
            for heir in self.world.heirs.get(&one).into_iter().flatten() {
                if !all.contains(heir) {
                    all.push(*heir);
                }
            }
        }
        all
    }

    /// A member of a type: its own, or that of the nearest base.
    pub(super) fn member(&mut self, of: usize, name: &'f str) -> Values {
        if let Some(known) = self.known_members.get(&(of, name)) {
            return known.clone();
        }
        if !self.open_members.insert((of, name)) {
            self.is_partial = true;
            return Values::new();
        }
        let found = self.find_member(of, name);
        self.open_members.remove(&(of, name));
        if !self.is_partial || self.is_outermost() {
            self.known_members.insert((of, name), found.clone());
        }
        found
    }

    fn find_member(&mut self, of: usize, name: &'f str) -> Values {
        let world = self.world;
        let mut all = Values::new();
        for one in self.lineage(of) {
            let Some(bound) = world.members[one].get(name) else { continue };
            let flows = self.flows.get(&(one, name)).cloned().unwrap_or_default();
            let mut found = Values::new();
            for (expr, reads) in bound.iter().chain(&flows) {
                found.extend(self.eval(expr, *reads));
            }
            if self.language(of) == Language::Java && name != "<init>" {
                self.add_inherited(&mut all, found);
            } else if !found.is_empty() {
                return found;
            }
        }
        all
    }

    /// In Java a method hides of its bases' only those that take the same; anything else hides all.
    fn add_inherited(&self, all: &mut Values, found: Values) {
        let method = |it: &Value| match it {
            Value::Def(at) if self.world.nodes[*at].kind == Kind::Method => Some(*at),
            _ => None,
        };
        if all.iter().any(|it| method(it).is_none()) {
            return;
        }
        let known: Vec<Vec<String>> =
            all.iter().filter_map(method).map(|it| overloads::parameters(self.world, it)).collect();
        let is_first = all.is_empty();
        all.extend(found.into_iter().filter(|it| match method(it) {
            Some(at) => !known.contains(&overloads::parameters(self.world, at)),
            None => is_first,
        }));
    }

    /// A name of a module of ours: what it defines, imports, takes over from others, or a module inside it.
    fn module_attr(&mut self, module: &str, name: &'f str) -> Values {
        let world = self.world;
        for at in world.namespaces.get(module).map_or(&[][..], Vec::as_slice) {
            if let Some(found) = self.in_module(name, *at) {
                return found;
            }
        }
        let language = match module.split_once(':') {
            Some(("rs", _)) => Language::Rust,
            Some(("go" | "js", _)) => Language::Go,
            _ => Language::Python,
        };
        let inner = format!("{module}{}{name}", separator(language));
        if world.knows(&inner) { Values::from([Value::Namespace(inner)]) } else { Values::new() }
    }

    /// A name of one module, guarded against modules that take over each other.
    fn in_module(&mut self, name: &'f str, module: usize) -> Option<Values> {
        let world = self.world;
        let is_there = world.members[module].contains_key(name) || world.stars.contains_key(&module);
        let found = is_there.then(|| self.lookup_in_module(name, module))?;
        (!found.is_empty() || world.members[module].contains_key(name)).then_some(found)
    }

    fn lookup_in_module(&mut self, name: &'f str, module: usize) -> Values {
        let found = self.lookup(name, module);
        // What is not in the module itself is looked up outward, and is then none of its members.
        if self.world.members[module].contains_key(name) {
            return found;
        }
        found.into_iter().filter(|it| !matches!(it, Value::External(_) | Value::Namespace(_))).collect()
    }

    /// One of what a value holds.
    pub(super) fn element(&mut self, holder: Value, scope: usize) -> Values {
        match holder {
            Value::Holding(held) => Values::from([*held]),
            Value::External(name) if name == "literal" => Values::new(),
            Value::External(name) => Values::from([external(&name, "[]")]),
            Value::Instance { of, .. } if self.language(scope) == Language::Python => {
                let mut all: Values =
                    self.member(of, "__getitem__").iter().flat_map(|it| self.call(it, scope)).collect();
                let walked: Values =
                    self.member(of, "__iter__").iter().flat_map(|it| self.call(it, scope)).collect();
                for one in walked {
                    match one {
                        Value::Holding(held) => drop(all.insert(*held)),
                        Value::Instance { of, .. } => {
                            let next = self.member(of, "__next__");
                            all.extend(next.iter().flat_map(|it| self.call(it, scope)).collect::<Values>());
                        }
                        _ => {}
                    }
                }
                all
            }
            Value::Instance { of, .. } if self.language(scope) == Language::Go => self.member(of, HELD),
            // `?`, a reference, a box: the thing itself.
            other if self.language(scope) == Language::Rust => Values::from([other]),
            _ => Values::new(),
        }
    }
}

fn holding_attr(held: &Value, name: &str, language: Language) -> Values {
    let (one, same): (&[&str], &[&str]) = match language {
        Language::Rust => (&RUST_GIVE_ONE, &RUST_GIVE_SAME),
        _ => (&GIVE_ONE, &GIVE_SAME),
    };
    // A guard is what it guards; with the library's locks it is in a result first.
    if language == Language::Rust && matches!(name, "lock" | "read" | "write" | "load") {
        let guarded = Value::Holding(Box::new(held.clone()));
        return [held.clone(), guarded].into_iter().map(|it| Value::Gives(Box::new(it))).collect();
    }
    if one.contains(&name) {
        return Values::from([Value::Gives(Box::new(held.clone()))]);
    }
    if same.contains(&name) {
        return Values::from([Value::Gives(Box::new(Value::Holding(Box::new(held.clone()))))]);
    }
    Values::from([Value::External(format!("container.{name}"))])
}
