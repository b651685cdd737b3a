//! What docker-compose.yml says, read for the checks.
//!
//! There is no container engine on the machines that run our tests. What can be held without one: the file is YAML, its
//! services and ports are those of services.toml (`tidy/wiring.rs`), and our executable accepts each container's command.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use yaml_rust2::{Yaml, YamlLoader};

/// One container.
#[derive(Debug)]
pub(crate) struct Container {
    /// Arguments after the image's entry point, `["serve", "tts", …]`.
    pub(crate) command: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) has_health_check: bool,
    /// One of our images, not a product of others.
    pub(crate) is_ours: bool,
}

/// The containers of a compose file by name, merge keys (`<<: *service`) resolved.
///
/// # Errors
/// Not YAML, or not the shape of a compose file.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Container>, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
    let services = documents.first().map(|document| &document["services"]).and_then(Yaml::as_hash);
    let services = services.ok_or("no `services` in it")?;
    let mut containers = BTreeMap::new();
    for (name, body) in services {
        let name = name.as_str().ok_or("a service's name is not text")?;
        let mut environment = pairs(&body["<<"]["environment"]);
        environment.extend(pairs(&body["environment"]));
        let image = body["image"].as_str().or_else(|| body["<<"]["image"].as_str()).unwrap_or("segue");
        let container = Container {
            is_ours: ["segue", "segue-services"].contains(&image),
            command: words(if body["command"].is_badvalue() {
                &body["<<"]["command"]
            } else {
                &body["command"]
            }),
            environment,
            has_health_check: !body["healthcheck"].is_badvalue() || !body["<<"]["healthcheck"].is_badvalue(),
        };
        containers.insert(name.to_owned(), container);
    }
    Ok(containers)
}

/// Gives `segue` each container's command with `--help`: it must know the command and the service named in it.
///
/// # Errors
/// The commands that it does not accept, with what it said.
pub(crate) fn dry_run(root: &Path, segue: &str) -> Result<String, String> {
    let path = root.join("docker-compose.yml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut report, mut failures) = (String::new(), String::new());
    for (name, container) in read(&text)?.into_iter().filter(|(_, container)| container.is_ours) {
        let run = Command::new(segue).args(&container.command).arg("--help").stdin(Stdio::null()).output();
        let output = run.map_err(|error| format!("{segue}: {error}"))?;
        let line = format!("{name}: segue {}", container.command.join(" "));
        if output.status.success() {
            let _ = writeln!(report, "ok   {line}");
        } else {
            let _ = writeln!(failures, "FAIL {line}\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    if failures.is_empty() { Ok(report) } else { Err(failures) }
}

fn words(yaml: &Yaml) -> Vec<String> {
    match yaml {
        Yaml::Array(items) => items.iter().filter_map(scalar).collect(),
        Yaml::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn pairs(yaml: &Yaml) -> BTreeMap<String, String> {
    let entries = yaml.as_hash().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((scalar(key)?, scalar(value)?))).collect()
}

fn scalar(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn merged_keys_are_seen() {
        let text = "x-a: &a\n  environment: { A: \"1\", B: 2 }\n  healthcheck: { test: x }\nservices:\n  one:\n    <<: *a\n    \
                    command: [\"serve\", \"one\"]\n";
        let containers = read(text).unwrap();
        assert_eq!(containers["one"].command, ["serve", "one"]);
        assert_eq!(containers["one"].environment["B"], "2");
        assert!(containers["one"].has_health_check);
        assert!(read("- a").is_err() && read("services: [").is_err());
    }
}
