//! What a call runs.

use super::{
    CallType, overloads,
    values::{Evaluator, Value, Values},
};
use crate::analysis::{
    components::Kind,
    facts::{Call, Expr, Why},
    source::Language,
};

/// What a call could run.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Components, with how they are reached and how sure that is.
    pub(super) ours: Vec<(usize, CallType, f64)>,
    /// Something outside.
    pub(super) external: Option<String>,
    /// It is resolved, and runs nothing that is a component: a function without a name, a tuple.
    pub(super) nothing: bool,
}

impl<'f> Evaluator<'_, 'f> {
    /// What a call could run.
    pub(super) fn targets(&mut self, call: &'f Call, scope: usize) -> Targets {
        let mut targets = Targets::default();
        let mut values = self.eval(&call.callee, scope);
        // `let place = place(x)`: what is no function cannot be what is called.
        if let (Language::Rust, Expr::Name(name)) = (self.language(scope), &call.callee)
            && !values.is_empty()
            && !values.iter().any(|it| matches!(it, Value::Def(_) | Value::Anonymous))
        {
            let items = self.item(name, scope);
            if items.iter().any(|it| matches!(it, Value::Def(_))) {
                values = items;
            }
        }
        let receivers = match &call.callee {
            Expr::Attr(of, name) => Some((self.eval(of, scope), &**name)),
            // A method's name alone is one of the receiver's, where it is a method.
            Expr::Name(name) if self.language(scope) == Language::Java => {
                let own = self.world.type_around(scope).map(|of| Value::Instance { of, exact: false });
                Some((own.into_iter().collect(), &**name))
            }
            _ => None,
        };
        let passed = self.is_passed(&call.callee, scope);
        let count = values.iter().filter(|it| matches!(it, Value::Def(_) | Value::Instance { .. })).count();
        for value in &values {
            let found = match value {
                Value::Def(at) => self.of_def(*at, receivers.is_some(), call, scope),
                Value::Instance { of, .. } => self.of_instance(*of),
                Value::Anonymous => None,
                Value::External(name) => {
                    targets.external.get_or_insert_with(|| name.clone());
                    continue;
                }
                Value::Gives(_) => {
                    targets.external.get_or_insert_with(|| "container".to_owned());
                    continue;
                }
                _ => continue,
            };
            targets.nothing = true;
            let Some((at, mut call_type, mut confidence)) = found else { continue };
            if passed {
                confidence = f64::min(confidence, 0.7);
                if matches!(call_type, CallType::Direct | CallType::Closure) {
                    call_type = CallType::Callback;
                }
            } else if count > 1 {
                confidence = f64::min(confidence, 0.8);
            }
            targets.ours.push((at, call_type, confidence));
        }
        if self.language(scope) == Language::Java && targets.ours.len() > 1 {
            self.choose(&mut targets, call, scope);
        }
        if let Some((receivers, name)) = receivers {
            self.add_overrides(&receivers, name, &mut targets);
        }
        if call.why == Why::Decorator {
            targets.ours.iter_mut().for_each(|it| it.1 = CallType::Decorator);
        }
        targets
    }

    fn of_def(
        &mut self,
        at: usize,
        through_member: bool,
        call: &'f Call,
        scope: usize,
    ) -> Option<(usize, CallType, f64)> {
        let node = &self.world.nodes[at];
        if node.kind.is_type() {
            return self.constructor(at, call, scope).map(|it| (it, CallType::Constructor, 1.0));
        }
        let parent = node.parent?;
        let in_function = self.world.nodes[parent].kind.is_callable();
        Some(match node.kind {
            Kind::Method => (at, CallType::Method, if through_member { 0.95 } else { 1.0 }),
            Kind::Function if in_function => (at, CallType::Closure, 1.0),
            Kind::Function => (at, CallType::Direct, 1.0),
            _ => return None,
        })
    }

    /// What making a value of a type runs: its constructor, or the type itself where it has none of its own.
    fn constructor(&mut self, of: usize, call: &'f Call, scope: usize) -> Option<usize> {
        let name = match self.language(scope) {
            Language::Python => "__init__",
            Language::JavaScript | Language::TypeScript => "constructor",
            Language::Java => "<init>",
            // No code runs.
            Language::Rust | Language::Go => return None,
        };
        let written = self.member(of, name);
        let all = written.iter().filter_map(|it| match it {
            Value::Def(at) if self.world.nodes[*at].kind.is_callable() => Some(*at),
            _ => None,
        });
        let all: Vec<usize> = all.collect();
        if self.language(scope) == Language::Java && all.len() > 1 {
            let types = self.types_of(call, scope);
            return overloads::chosen(self.world, &all, &types).first().copied();
        }
        let fitting = all.iter().find(|it| self.world.takes(**it, call.args.len()));
        Some(fitting.or_else(|| all.first()).copied().unwrap_or(of))
    }

    /// Of methods of one name, those that the arguments fit best.
    fn choose(&mut self, targets: &mut Targets, call: &'f Call, scope: usize) {
        let types = self.types_of(call, scope);
        let is_method = |at: usize| self.world.nodes[at].kind == Kind::Method;
        let methods: Vec<usize> = targets.ours.iter().map(|it| it.0).filter(|it| is_method(*it)).collect();
        let chosen = overloads::chosen(self.world, &methods, &types);
        targets.ours.retain(|it| !is_method(it.0) || chosen.contains(&it.0));
        if let [one] = targets.ours.as_mut_slice()
            && one.2 == 0.8
        {
            one.2 = 0.95;
        }
    }

    /// The types of what a call is given; where the text does not tell, what is known of the values.
    fn types_of(&mut self, call: &'f Call, scope: usize) -> Vec<String> {
        let mut types = call.types.clone();
        types.resize(call.args.len(), String::new());
        for (known, (_, expr)) in
            types.iter_mut().zip(&call.args).filter(|it| it.0.is_empty() || it.0.starts_with('?'))
        {
            let mut names: Vec<String> = match expr {
                Expr::Call(callee) => {
                    let given = self.eval(callee, scope);
                    given.iter().map(|it| self.returned_type(it)).collect()
                }
                other => self.eval(other, scope).iter().map(|it| self.name_of_type(it)).collect(),
            };
            names.dedup();
            match names.as_slice() {
                [one] if !one.is_empty() => one.clone_into(known),
                // What is ours is one of several: the library's method is not meant.
                [_, _, ..] => known.clear(),
                _ => *known = known.trim_start_matches('?').to_owned(),
            }
        }
        types
    }

    fn returned_type(&self, callee: &Value) -> String {
        let Value::Def(at) = callee else { return String::new() };
        let node = &self.world.nodes[*at];
        let component = &self.world.files[node.file].components[at - self.world.offsets[node.file]];
        match &component.returns {
            Some(text) => overloads::bare(text),
            None => self.name_of_type(&Value::Instance { of: *at, exact: true }),
        }
    }

    fn name_of_type(&self, value: &Value) -> String {
        let Value::Instance { of, .. } = value else { return String::new() };
        let node = &self.world.nodes[*of];
        let component = &self.world.files[node.file].components[of - self.world.offsets[node.file]];
        component.name.rsplit('.').next().unwrap_or("").to_owned()
    }

    fn of_instance(&mut self, of: usize) -> Option<(usize, CallType, f64)> {
        self.member(of, "__call__").iter().find_map(|it| match it {
            Value::Def(at) => Some((*at, CallType::Method, 0.95)),
            _ => None,
        })
    }

    /// What heirs of the receiver's type would run instead.
    fn add_overrides(&mut self, receivers: &Values, name: &'f str, targets: &mut Targets) {
        for receiver in receivers {
            let Value::Instance { of, exact: false } = receiver else { continue };
            for heir in self.heirs(*of).into_iter().skip(1) {
                let Some(own) = self.world.members[heir].get(name) else { continue };
                for (expr, reads) in own.clone() {
                    for value in self.eval(expr, reads) {
                        let Value::Def(at) = value else { continue };
                        let known = targets.ours.iter().any(|it| it.0 == at);
                        if !known && self.world.nodes[at].kind.is_callable() {
                            targets.ours.push((at, CallType::Dynamic, 0.6));
                            targets.nothing = true;
                        }
                    }
                }
            }
        }
    }

    /// Whether what is called, or its receiver, is a parameter whose values are known from callers.
    fn is_passed(&self, callee: &'f Expr, scope: usize) -> bool {
        let mut expr = callee;
        loop {
            match expr {
                Expr::Attr(of, _)
                | Expr::Call(of)
                | Expr::Element(of)
                | Expr::Instance(of)
                | Expr::Holding(of) => expr = of,
                Expr::Name(name) => {
                    let mut around = Some(scope);
                    while let Some(at) = around {
                        if self.world.members[at].contains_key(&**name) {
                            return self.flows.contains_key(&(at, &**name));
                        }
                        around = self.world.nodes[at].parent;
                    }
                    return false;
                }
                _ => return false,
            }
        }
    }
}
