//! The API's description is written by hand: it is held against the router's source and the table of problem codes, so that
//! neither can go on without it.

#![expect(clippy::unwrap_used, reason = "where the description can't be read, the test fails")]

use std::collections::{BTreeMap, BTreeSet};

use protocol::Code;
use serde_json::Value;

/// What a path can have besides methods.
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn description() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// The operations of the description: method and path, with what is said of them.
fn operations(description: &Value) -> BTreeMap<(String, String), &Value> {
    let paths = description["paths"].as_object().unwrap();
    let mut all = BTreeMap::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path} has '{method}', which is no method");
            all.insert((method.clone(), path.clone()), operation);
        }
    }
    all
}

/// The routes as the router's source names them: `.route("/path", get(handler).put(handler))`.
fn routes() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/http.rs");
    let mut all = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let (path, handlers) = route.trim_start().strip_prefix('"').unwrap().split_once('"').unwrap();
        for method in METHODS {
            if handlers.contains(&format!(" {method}(")) || handlers.contains(&format!(".{method}(")) {
                all.insert((method.to_owned(), path.replace("{*", "{")));
            }
        }
    }
    all
}

/// The problem codes of an operation, each with the status under which it is named.
fn problems(operation: &Value) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        let schema = &response["content"]["application/problem+json"]["schema"];
        let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
        for code in codes.into_iter().flatten() {
            all.push((status.as_str(), code.as_str().unwrap()));
        }
    }
    all
}

/// Every `$ref` in a value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(target) if name == "$ref" => _ = found.insert(target),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let description = description();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    let described: BTreeSet<(String, String)> = operations(&description).into_keys().collect();
    let routes = routes();
    assert!(routes.len() > 20, "the router's source is read wrongly: {routes:?}");
    assert_eq!(described, routes);
}

#[test]
fn every_problem_code_named_exists_and_stands_under_its_status() {
    let description = description();
    let operations = operations(&description);
    let mut named = BTreeSet::new();
    for ((method, path), operation) in &operations {
        for (status, name) in problems(operation) {
            let code = Code::from_name(name);
            let code = code.unwrap_or_else(|| panic!("{method} {path}: there is no code '{name}'"));
            assert_eq!(code.status().to_string(), status, "{method} {path}: {name}");
            named.insert(name);
        }
    }
    assert!(named.len() > 15, "the codes are read wrongly: {named:?}");
}

/// Codes that no operation names, and why.
const OF_NO_OPERATION: [(&str, &str); 13] = [
    ("invalid-pipeline", "a page for what `segue validate` says"),
    ("invalid-config", "a page for what `segue validate` says"),
    ("service-unreachable", "in a job's events: no call waits for a service"),
    ("method-not-allowed", "of every address: said once, at the top"),
    ("unknown-machine", "of the theatre's own calls, which the service `state` answers"),
    ("unknown-action", "of the theatre's own calls"),
    ("empty-text", "of the theatre's own calls"),
    ("unknown-surgery", "of the theatre's own calls"),
    ("override-too-long", "of the theatre's own calls"),
    ("unknown-theatre", "of the theatre's own calls"),
    ("unknown-pending", "of the theatre's own calls"),
    ("invalid-audio", "of the theatre's recogniser"),
    ("unsupported-media-type", "of none at present: bodies are read whatever their type"),
];

#[test]
fn every_problem_code_is_in_the_description_and_belongs_to_an_operation() {
    let description = description();
    let listed = &description["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let all: Vec<&str> = Code::all().map(Code::as_str).collect();
    assert_eq!(listed.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect::<Vec<_>>(), all);
    let operations = operations(&description);
    let named: BTreeSet<&str> =
        operations.values().flat_map(|operation| problems(operation)).map(|(_, code)| code).collect();
    let apart: BTreeSet<&str> = OF_NO_OPERATION.iter().map(|(code, _)| *code).collect();
    assert_eq!(named.intersection(&apart).count(), 0, "what is named needs no reason for not being so");
    for code in all {
        assert!(named.contains(code) || apart.contains(code), "no operation says that it may answer {code}");
    }
}

#[test]
fn every_parameter_of_a_path_is_described_and_every_reference_leads_somewhere() {
    let description = description();
    let mut ids = BTreeSet::new();
    for ((method, path), operation) in operations(&description) {
        let names = path.split('{').skip(1).map(|part| part.split('}').next().unwrap());
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described = parameters.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
        assert_eq!(described.collect::<BTreeSet<_>>(), names.collect::<BTreeSet<_>>(), "{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: its id is taken");
    }
    let mut found = BTreeSet::new();
    references(&description, &mut found);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{target} leads nowhere");
    }
}
