//! In which order services start and stop on one machine: what a service needs is there before it, and stays until it is gone.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::Name;

use super::Config;

impl Config {
    /// The services with all that they need, in rounds: each round needs only what is in earlier ones. Started from the front,
    /// stopped from the back. `None`: all services.
    #[must_use]
    pub fn rounds(&self, wanted: Option<&BTreeSet<Name>>) -> Vec<Vec<Name>> {
        let mut left = match wanted {
            None => self.services.keys().cloned().collect(),
            Some(wanted) => self.with_needs(wanted),
        };
        let mut rounds = Vec::new();
        while !left.is_empty() {
            let waits = |name: &Name| self.needs(name).iter().any(|needed| left.contains(needed));
            let mut round: Vec<Name> = left.iter().filter(|name| !waits(name)).cloned().collect();
            if round.is_empty() {
                // A circle; reading refuses those.
                round = left.iter().cloned().collect();
            }
            left.retain(|name| !round.contains(name));
            rounds.push(round);
        }
        rounds
    }

    /// The services that a pipeline wants although no phase of it names them.
    pub fn services_for<'a>(&'a self, pipeline: &'a str) -> impl Iterator<Item = &'a Name> {
        let wanting = self.services.iter().filter(move |(_, service)| service.pipelines.contains(pipeline));
        wanting.map(|(name, _)| name)
    }

    fn needs(&self, name: &Name) -> &[Name] {
        self.services.get(name).map_or(&[], |service| &service.needs)
    }

    fn with_needs(&self, wanted: &BTreeSet<Name>) -> BTreeSet<Name> {
        let (mut all, mut new) = (BTreeSet::new(), wanted.iter().cloned().collect::<Vec<_>>());
        while let Some(name) = new.pop() {
            new.extend(self.needs(&name).iter().cloned());
            all.insert(name.clone());
            new.retain(|name| !all.contains(name));
        }
        all
    }
}

/// The first service that needs what is not there, or itself by way of others, and why that cannot be.
pub(super) fn fault(needs: &BTreeMap<Name, Vec<Name>>) -> Option<(Name, String)> {
    for (name, needed) in needs {
        if let Some(missing) = needed.iter().find(|one| !needs.contains_key(*one)) {
            return Some((name.clone(), format!("'{name}' needs '{missing}', which is no service here")));
        }
    }
    needs.keys().find_map(|name| {
        let mut path = Vec::new();
        circle(needs, name, &mut path).then(|| {
            let path = path.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" needs ");
            (name.clone(), format!("{path} needs '{name}': none of them could start first"))
        })
    })
}

/// Whether a way leads from the end of `path` over `name` back to its beginning; then `path` is that way.
fn circle(needs: &BTreeMap<Name, Vec<Name>>, name: &Name, path: &mut Vec<Name>) -> bool {
    if path.first() == Some(name) {
        return true;
    }
    if path.contains(name) {
        return false;
    }
    path.push(name.clone());
    let found = needs.get(name).into_iter().flatten().any(|needed| circle(needs, needed, path));
    if !found {
        path.pop();
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::read;

    fn config(text: &str) -> Result<Config, crate::config::ConfigError> {
        let services = text.lines().map(|line| {
            let (name, needs) = line.split_once(':').unwrap_or((line, ""));
            let needs: Vec<&str> = needs.split_whitespace().collect();
            format!("[service.{name}]\nurl = \"http://x\"\nneeds = {needs:?}\n")
        });
        read(&services.collect::<String>(), Path::new("/tmp"), &|_| None)
    }

    fn names(rounds: &[Vec<Name>]) -> Vec<String> {
        let joined = |round: &Vec<Name>| round.iter().map(Name::as_str).collect::<Vec<_>>().join(" ");
        rounds.iter().map(joined).collect()
    }

    #[test]
    fn what_is_needed_is_in_an_earlier_round() {
        let config = config("asr: rules llm state\nrules: state\nllm: state\nstate\nalone").unwrap();
        assert_eq!(names(&config.rounds(None)), ["alone state", "llm rules", "asr"]);
        let wanted = BTreeSet::from([Name::new("rules").unwrap()]);
        assert_eq!(names(&config.rounds(Some(&wanted))), ["state", "rules"]);
    }

    #[test]
    fn what_can_not_start_is_refused_with_its_place() {
        for (text, line, word) in [
            ("a: b", 1, "'a' needs 'b', which is no service here"),
            ("a: a", 1, "'a' needs 'a': none"),
            ("z\na: b\nb: c\nc: b", 7, "'b' needs 'c' needs 'b': none"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.line == line && error.message.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_pipeline_is_wanted_by_name() {
        let text = "[service.a]\nurl = \"http://x\"\nfor = [\"theatre\"]\n[service.b]\nurl = \"http://x\"\n";
        let config = read(text, Path::new("/tmp"), &|_| None).unwrap();
        assert_eq!(config.services_for("theatre").map(Name::as_str).collect::<Vec<_>>(), ["a"]);
        assert_eq!(config.services_for("course").count(), 0);
    }
}
