//! A link in a document to another file of the repository leads somewhere.

use super::Finding;
use crate::repo::{Repo, root};

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    for file in repo.files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in file.text.lines().enumerate() {
            for target in targets(line) {
                let path = resolve(folder, target);
                if repo.file(&path).is_none() && !root().join(&path).exists() {
                    findings.push(Finding {
                        path: file.path.clone(),
                        line: index + 1,
                        what: format!("the link to `{target}` leads nowhere"),
                        why: "a reader who follows a dead link trusts the rest less",
                        remedy: format!("no `{path}` here: mend the path, or remove the link"),
                    });
                }
            }
        }
    }
}

/// The relative targets of `[text](target)` in a line, without their `#part`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        let target = rest[..rest.find(')')?].split('#').next()?;
        let outside = target.contains("://") || target.starts_with("mailto:") || target.starts_with('/');
        (!target.is_empty() && !outside && !target.contains(' ')).then_some(target)
    })
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    #[test]
    fn a_dead_link_is_found() {
        let text = "[a](../b.md#part) [b](gone.md)\n[c](https://example.org/x) [d](#part)\n";
        let found = found_in(check, &Repo::of(&[("docs/a.md", text), ("b.md", "")]));
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("gone.md"));
    }

    #[test]
    fn this_repository_has_no_dead_link() {
        assert_clean_here(check);
    }
}
