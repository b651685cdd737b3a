//! The description of the API agrees with the router and with the table of problem codes.

use std::collections::BTreeSet;

use protocol::Code;
use serde_json::Value;

#[test]
fn every_address_is_described_and_every_description_has_an_address() {
    let router = include_str!("../../src/http.rs");
    let routes: BTreeSet<String> = router
        .split("\"/")
        .skip(1)
        .filter_map(|rest| Some(format!("/{}", rest.split_once('"')?.0).replace("{*", "{")))
        .collect();
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(routes, described);
}

#[test]
fn every_problem_code_that_is_described_exists_with_its_status() {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let mut named = 0;
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
            if answer["content"]["application/problem+json"].is_null() {
                continue;
            }
            for name in answer["description"].as_str().unwrap().split(", ") {
                let code = Code::from_name(name.trim_matches('`')).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(code.status().to_string(), *status, "{name}");
                named += 1;
            }
        }
    }
    assert!(named > 100, "{named}");
}
