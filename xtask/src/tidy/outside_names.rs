//! Nothing of one machine, one network or one person is in the repository: no registry hosts, machine paths or secrets.

use super::Finding;
use crate::repo::{Repo, SourceFile};

/// Written in two halves, so that this file is not its own finding.
const REGISTRY_HOSTS: [&str; 9] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("repo.maven.apache", ".org"),
];

const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/h/")];

/// What a key or token begins with, and how many letters and digits must follow for it to be one.
const SECRETS: [(&str, usize); 9] = [
    (concat!("AK", "IA"), 16),
    (concat!("gh", "p_"), 20),
    (concat!("gh", "s_"), 20),
    (concat!("github_", "pat_"), 20),
    (concat!("sk", "-"), 24),
    (concat!("xox", "b-"), 10),
    (concat!("wh", "sec_"), 24),
    (concat!("AI", "za"), 30),
    (concat!("PRIVATE", " KEY-----"), 0),
];

/// Looks like a secret and is none: published with a standard, so that everybody can check his own implementation.
const PUBLISHED: [&str; 1] = [concat!("MfKQ9r8GKYqrTw", "jUPD8ILPZIo2LaLaSw")];

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    // The lock file names the registry by itself; cargo writes it.
    for file in repo.files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (index, line) in file.text.lines().enumerate() {
            check_line(file, index + 1, line, findings);
        }
    }
}

fn check_line(file: &SourceFile, line_number: usize, line: &str, findings: &mut Vec<Finding>) {
    let mut add = |what: String, why: &'static str, remedy: &str| {
        findings.push(Finding {
            path: file.path.clone(),
            line: line_number,
            what,
            why,
            remedy: remedy.to_owned(),
        });
    };
    for host in REGISTRY_HOSTS.iter().filter(|host| line.contains(**host)) {
        add(
            format!("the host of a package registry: {host}"),
            "where packages come from is the machine's setting; a mirror must work unchanged",
            "name the package and its ordinary client, not the host",
        );
    }
    for path in MACHINE_PATHS.iter().filter(|path| has_root_path(line, path)) {
        add(
            format!("a path of one machine: {path}"),
            "on every other machine it does not exist",
            "use a path from the repository's root, or a temporary folder made by the program",
        );
    }
    for (prefix, _) in SECRETS.iter().filter(|(prefix, letters)| has_secret(line, prefix, *letters)) {
        add(
            format!("what looks like a secret: {prefix}…"),
            "what is committed is public for ever, in every clone",
            "revoke it now; read it from the environment. In a test, make one at run time",
        );
    }
}

/// Whether the path stands at a beginning: `/x/work/` is another folder.
fn has_root_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}*)".contains(before))
    })
}

fn has_secret(line: &str, prefix: &str, letters: usize) -> bool {
    if PUBLISHED.iter().any(|published| line.contains(published)) {
        return false;
    }
    line.match_indices(prefix).any(|(at, _)| {
        let starts_word = !line[..at].ends_with(|before: char| before.is_alphanumeric());
        let rest = &line[at + prefix.len()..];
        let length = rest
            .chars()
            .take_while(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '-' | '+' | '/'))
            .count();
        let mixed = letters == 0 || rest.chars().take(length).any(|next| next.is_ascii_digit());
        (starts_word || letters == 0) && length >= letters && mixed
    })
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn hosts_machine_paths_and_secrets_are_found() {
        let host = super::REGISTRY_HOSTS[0];
        let path = super::MACHINE_PATHS[0];
        let key = format!("{}{}", super::SECRETS[4].0, "a1b2c3d4".repeat(4));
        let text = format!(
            "see https://{host}/x\nin {path}main\nbut crates{path}ok\nkey = \"{key}\"\nask-me sk-learn\n"
        );
        let lines: Vec<usize> =
            found_in(check, &Repo::of(&[("a.md", &text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    #[test]
    fn this_repository_has_none() {
        assert_clean_here(check);
    }
}
