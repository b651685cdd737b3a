//! The tool that is on every machine that builds this: clippy, on a workspace with planted faults.

use serde_json::json;

use crate::support::Shop;

const LIB: &str = "//! A crate.\n\n/// Adds.\npub fn add(a: u32, b: u32) -> u32 {\n    return a + b;\n}\n\n\
/// Whether there is none.\npub fn none(list: &[u32]) -> bool {\n    list.len() == 0\n}\n\n\
#[cfg(test)]\nmod tests {\n    #[test]\n    fn sums() {\n        assert_eq!(super::add(1, 2), 3);\n        assert!(super::none(&[]));\n    }\n}\n";

#[tokio::test]
async fn clippy_mends_planted_faults_and_the_tests_prove_it() {
    let manifest = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    let shop = Shop::new(
        &[("Cargo.toml", manifest), ("src/lib.rs", LIB), (".gitignore", "target\nCargo.lock\n")],
        json!({}),
    )
    .await;
    let mut job = shop.job("src/lib.rs");
    assert_eq!(shop.well(&mut job, "strategy").await["fixers"], json!(["clippy"]));
    let fixed = shop.well(&mut job, "fix").await;
    assert_eq!(fixed["faultsBefore"]["clippy"].as_array().map(Vec::len), Some(2), "{fixed}");
    assert_eq!(fixed["faultsAfter"], 0);
    assert_eq!(shop.well(&mut job, "verify").await["outcome"], "verified");
    assert_eq!(shop.well(&mut job, "apply").await["outcome"], "applied");
    let text = shop.read("src/lib.rs");
    assert!(text.contains("    a + b\n") && text.contains("list.is_empty()"), "{text}");
    assert!(!shop.root().join("target").exists(), "nothing is built in the live tree");
}
