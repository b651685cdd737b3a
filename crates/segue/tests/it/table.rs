//! The callback table of `docs/protocol.md`, run against the executable by plain curl: `scripts/callback-table`.

use std::process::Command;

use crate::support::repository;

#[test]
fn every_row_of_the_callback_table_is_as_the_document_says() {
    let mut script = Command::new(repository().join("scripts/callback-table"));
    let ran = script.arg(env!("CARGO_BIN_EXE_segue")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(" rows, 0 differ"), "{said}");
}
