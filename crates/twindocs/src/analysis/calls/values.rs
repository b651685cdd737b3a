//! What an expression could be.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::world::{Bound, World, tagged};
use crate::analysis::{components::Kind, facts::Expr, source::Language};

/// More possibilities than these say nothing any more.
const MOST: usize = 16;
/// Longest chain of expressions that is followed.
const LONGEST: usize = 80;
/// Most expressions that are followed for one: in a tangle of names that depend on each other there is no end.
const FUEL: usize = 4_000;
/// Longest name of something outside.
const LONGEST_NAME: usize = 80;

/// One possibility.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Value {
    /// A component itself.
    Def(usize),
    /// A value of a type; exactly of it, or of it or an heir.
    Instance {
        /// The type.
        of: usize,
        /// It was made here: no heir.
        exact: bool,
    },
    /// The receiver seen as its bases.
    BaseOf(usize),
    /// A module of ours.
    Namespace(String),
    /// Something outside.
    External(String),
    /// A container.
    Holding(Box<Value>),
    /// A method of a container that gives this.
    Gives(Box<Value>),
    /// A function without a name.
    Anonymous,
}

/// All possibilities.
pub(super) type Values = BTreeSet<Value>;

/// Follows expressions. It remembers what names are, and what functions are given.
pub(super) struct Evaluator<'w, 'f> {
    pub(super) world: &'w World<'f>,
    /// What callers pass to parameters without a type.
    pub(super) flows: HashMap<(usize, &'f str), Vec<Bound<'f>>>,
    known: HashMap<(usize, &'f str), Values>,
    open: HashSet<(usize, &'f str)>,
    returned: HashMap<usize, Values>,
    returning: HashSet<usize>,
    pub(super) known_members: HashMap<(usize, &'f str), Values>,
    pub(super) open_members: HashSet<(usize, &'f str)>,
    /// A circle was met: what was found on the way round it is not all, and is not remembered.
    pub(super) is_partial: bool,
    depth: usize,
    fuel: usize,
}

impl<'w, 'f> Evaluator<'w, 'f> {
    pub(super) fn new(world: &'w World<'f>) -> Self {
        Self {
            world,
            flows: HashMap::new(),
            known: HashMap::new(),
            open: HashSet::new(),
            returned: HashMap::new(),
            returning: HashSet::new(),
            known_members: HashMap::new(),
            open_members: HashSet::new(),
            is_partial: false,
            depth: 0,
            fuel: 0,
        }
    }

    /// Forgets what follows from what callers pass.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.returned.clear();
        self.known_members.clear();
    }

    /// Whether all are methods of one class: one of them is meant, and its arguments say which.
    fn are_overloads(&self, values: &Values) -> bool {
        let class = |it: &Value| match it {
            Value::Def(at) if self.world.nodes[*at].kind == Kind::Method => self.world.nodes[*at].parent,
            _ => None,
        };
        let mut all = values.iter().map(class);
        let first = all.next().flatten();
        first.is_some() && all.all(|it| it == first)
    }

    pub(super) fn language(&self, scope: usize) -> Language {
        self.world.nodes[scope].language
    }

    /// What an expression could be, read in a scope.
    pub(super) fn eval(&mut self, expr: &'f Expr, scope: usize) -> Values {
        if self.depth == 0 {
            self.fuel = FUEL;
            self.is_partial = false;
        }
        if self.depth > LONGEST || self.fuel == 0 {
            self.is_partial = true;
            return Values::new();
        }
        self.fuel -= 1;
        self.depth += 1;
        let mut values = self.eval_one(expr, scope);
        self.depth -= 1;
        if values.len() > MOST && !self.are_overloads(&values) {
            values.clear();
        }
        values
    }

    fn eval_one(&mut self, expr: &'f Expr, scope: usize) -> Values {
        let one = |value| Values::from([value]);
        match expr {
            Expr::Unknown => Values::new(),
            Expr::Literal => one(Value::External("literal".to_owned())),
            Expr::Anonymous => one(Value::Anonymous),
            Expr::Name(name) => self.lookup(name, scope),
            Expr::Item(name) => self.item(name, scope),
            Expr::Attr(of, name) => {
                let holders = self.eval(of, scope);
                holders.into_iter().flat_map(|it| self.attr(&it, name, scope)).collect()
            }
            Expr::Call(of) => {
                let called = self.eval(of, scope);
                called.into_iter().flat_map(|it| self.call(&it, scope)).collect()
            }
            Expr::Instance(of) => {
                self.eval(of, scope).into_iter().filter_map(|it| self.instance(it)).collect()
            }
            Expr::Holding(of) => {
                self.eval(of, scope).into_iter().map(|it| Value::Holding(Box::new(it))).collect()
            }
            Expr::Element(of) => {
                let holders = self.eval(of, scope);
                holders.into_iter().flat_map(|it| self.element(it, scope)).collect()
            }
            Expr::Any(all) => all.iter().flat_map(|it| self.eval(it, scope)).collect(),
            Expr::Def(local) => {
                let offset = self.world.offsets[self.world.nodes[scope].file];
                one(Value::Def(local + offset))
            }
            Expr::Namespace(name) => one(self.namespace(name, scope)),
            Expr::Receiver => {
                let of = self.world.type_around(scope);
                of.map(|of| Value::Instance { of, exact: false }).into_iter().collect()
            }
            Expr::OwnType => self.world.type_around(scope).map(Value::Def).into_iter().collect(),
            Expr::Base => self.world.type_around(scope).map(Value::BaseOf).into_iter().collect(),
        }
    }

    /// A name of the module around, or one of the function's own items where the module has none.
    pub(super) fn item(&mut self, name: &'f str, scope: usize) -> Values {
        let mut module = scope;
        while let (false, Some(parent)) =
            (self.world.nodes[module].kind == Kind::Module, self.world.nodes[module].parent)
        {
            module = parent;
        }
        let found = self.lookup(name, module);
        let is_known = found.iter().any(|it| !matches!(it, Value::External(_)));
        if is_known { found } else { self.lookup(name, scope) }
    }

    fn namespace(&self, name: &str, scope: usize) -> Value {
        let name_here = tagged(self.language(scope), name);
        if self.world.knows(&name_here) {
            Value::Namespace(name_here)
        } else {
            Value::External(name.to_owned())
        }
    }

    fn instance(&self, of: Value) -> Option<Value> {
        match of {
            Value::Def(of) if self.world.nodes[of].kind.is_type() => {
                Some(Value::Instance { of, exact: false })
            }
            Value::Def(_) | Value::Namespace(_) | Value::Anonymous | Value::Gives(_) => None,
            // A name for a type that is written out elsewhere.
            other => Some(other),
        }
    }

    /// What calling a value gives.
    pub(super) fn call(&mut self, called: &Value, scope: usize) -> Values {
        match called {
            Value::Def(at) if self.world.nodes[*at].kind.is_type() => {
                Values::from([Value::Instance { of: *at, exact: true }])
            }
            Value::Def(at) if self.world.nodes[*at].kind.is_callable() => self.returns(*at),
            Value::Instance { of, .. } => {
                let own = self.member(*of, "__call__");
                if own.is_empty() && self.language(scope) == Language::Rust {
                    return Values::from([called.clone()]);
                }
                own.into_iter().filter(|it| it != called).flat_map(|it| self.call_plain(&it)).collect()
            }
            Value::External(name) if name == "literal" => Values::new(),
            Value::External(name) => Values::from([external(name, "()")]),
            Value::Gives(value) => Values::from([(**value).clone()]),
            _ => Values::new(),
        }
    }

    fn call_plain(&mut self, called: &Value) -> Values {
        match called {
            Value::Def(at) if self.world.nodes[*at].kind.is_callable() => self.returns(*at),
            _ => Values::new(),
        }
    }

    /// What a function gives back.
    pub(super) fn returns(&mut self, function: usize) -> Values {
        if let Some(known) = self.returned.get(&function) {
            return known.clone();
        }
        if !self.returning.insert(function) {
            self.is_partial = true;
            return Values::new();
        }
        let world = self.world;
        let exprs = world.returns.get(&function).map_or(&[][..], Vec::as_slice);
        let mut all: Values = exprs.iter().flat_map(|it| self.eval(it, function)).collect();
        if all.len() > MOST {
            all.clear();
        }
        self.returning.remove(&function);
        if !self.is_partial || self.is_outermost() {
            self.returned.insert(function, all.clone());
        }
        all
    }

    /// What a name is in a scope.
    pub(super) fn lookup(&mut self, name: &'f str, scope: usize) -> Values {
        if let Some(known) = self.known.get(&(scope, name)) {
            return known.clone();
        }
        if !self.open.insert((scope, name)) {
            self.is_partial = true;
            // `let place = place(x)`: the second is the one further out.
            let outer = self.world.nodes[scope].parent.filter(|_| self.world.nodes[scope].kind.is_callable());
            return outer.map(|outer| self.lookup(name, outer)).unwrap_or_default();
        }
        let found = self.find(name, scope);
        self.open.remove(&(scope, name));
        if !self.is_partial || self.is_outermost() {
            self.known.insert((scope, name), found.clone());
        }
        found
    }

    /// Nothing else is being looked up: what was found is all there is.
    pub(super) fn is_outermost(&self) -> bool {
        self.open.is_empty() && self.open_members.is_empty() && self.returning.is_empty()
    }

    fn find(&mut self, name: &'f str, start: usize) -> Values {
        let world = self.world;
        let language = self.language(start);
        let mut scope = start;
        loop {
            let node = &world.nodes[scope];
            let is_visible = !node.kind.is_type() || scope == start || language == Language::Java;
            if is_visible && let Some(found) = self.in_scope(name, scope) {
                return found;
            }
            let is_closed = language == Language::Rust && node.kind == Kind::Module;
            match node.parent.filter(|_| !is_closed) {
                Some(parent) => scope = parent,
                None => break,
            }
        }
        for sibling in world.siblings(scope).iter().filter(|it| **it != scope) {
            let own = world.members[*sibling].get(name).map_or(&[][..], Vec::as_slice);
            let own: Vec<_> = own.iter().filter(|it| !is_import(it.0)).copied().collect();
            if !own.is_empty() {
                return own.into_iter().flat_map(|(expr, reads)| self.eval(expr, reads)).collect();
            }
        }
        let crate_name = tagged(Language::Rust, name);
        if language == Language::Rust && world.namespaces.contains_key(&crate_name) {
            return Values::from([Value::Namespace(crate_name)]);
        }
        Values::from([Value::External(name.to_owned())])
    }

    /// What a scope itself says of a name: nothing, or what it is, which may be unknown.
    fn in_scope(&mut self, name: &'f str, scope: usize) -> Option<Values> {
        let world = self.world;
        if world.nodes[scope].kind.is_type() && self.language(scope) == Language::Java {
            let found = self.member(scope, name);
            return Some(found).filter(|it| !it.is_empty());
        }
        let bound = world.members[scope].get(name);
        let flows = self.flows.get(&(scope, name)).cloned().unwrap_or_default();
        if let Some(bound) = bound {
            let all = bound.iter().chain(&flows);
            return Some(all.flat_map(|(expr, reads)| self.eval(expr, *reads)).collect());
        }
        for (expr, reads) in world.stars.get(&scope).map_or(&[][..], Vec::as_slice) {
            let from = self.eval(expr, *reads);
            let found: Values = from
                .into_iter()
                .filter(|it| matches!(it, Value::Namespace(_) | Value::Def(_)))
                .flat_map(|it| self.attr(&it, name, scope))
                .filter(|it| !matches!(it, Value::External(_)))
                .collect();
            if !found.is_empty() {
                return Some(found);
            }
        }
        None
    }
}

/// Whether a binding is an import's: those are known in their own file only.
fn is_import(expr: &Expr) -> bool {
    match expr {
        Expr::Namespace(_) => true,
        Expr::Attr(of, _) => is_import(of),
        _ => false,
    }
}

/// Something outside, and a part of it.
pub(super) fn external(of: &str, part: &str) -> Value {
    if of.len() + part.len() > LONGEST_NAME {
        return Value::External(of.to_owned());
    }
    Value::External(format!("{of}{part}"))
}
