//! Tests are never ignored and never sleep.

use super::Finding;
use crate::repo::Repo;

const SLEEPS: [&str; 4] = ["thread::sleep(", "time::sleep(", "time::sleep_until(", " sleep(Duration"];

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for (file, rust) in repo.rust_files() {
        for (line, code) in rust.code_lines() {
            if code.trim_start().starts_with("#[ignore") {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    what: "an ignored test".to_owned(),
                    why: "a test that does not run says nothing, and its name says that it does",
                    remedy: "make it pass, or delete it and open an issue".to_owned(),
                });
            }
            let in_test = file.is_test() || line > rust.tests_from;
            if in_test && SLEEPS.iter().any(|sleep| code.contains(sleep)) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    what: "a test sleeps".to_owned(),
                    why: "too short on a busy machine, too long on every other: a sleep hides a race and costs time",
                    remedy: "wait for the event itself (a channel, a Notify, a state with a deadline), or pause tokio's time and \
                             advance it"
                        .to_owned(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn ignored_and_sleeping_tests_are_found() {
        let text = "fn f() { tokio::time::sleep(d).await }\n#[cfg(test)]\nmod tests {\n#[ignore = \"slow\"]\n\
                    fn g() { std::thread::sleep(d); \"time::sleep(\"; }\n}\n";
        let lines: Vec<usize> = found_in(check, &Repo::of(&[("crates/a/src/lib.rs", text)]))
            .iter()
            .map(|finding| finding.line)
            .collect();
        assert_eq!(lines, [4, 5]);
    }

    #[test]
    fn this_repository_has_neither() {
        assert_clean_here(check);
    }
}
