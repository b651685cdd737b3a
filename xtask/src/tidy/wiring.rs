//! The files that wire the system agree: pipelines with services.toml, services.toml with docker-compose.yml.

use std::collections::BTreeMap;

use super::Finding;
use crate::{compose, repo::Repo};

const SERVICES: &str = "services.toml";
const COMPOSE: &str = "docker-compose.yml";
const WHY: &str = "what one file says and another contradicts shows only when somebody deploys it";

pub(super) fn check(repo: &Repo, findings: &mut Vec<Finding>) {
    let Some(services) = repo.file(SERVICES) else { return };
    let table = match services.text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            return findings.push(finding(SERVICES, 1, format!("not TOML: {}", error.message()), "mend it"));
        }
    };
    let empty = toml::Table::new();
    let declared = table.get("service").and_then(toml::Value::as_table).unwrap_or(&empty);
    let ports = ports(&services.text, &table, declared, findings);
    check_pipelines(repo, declared, findings);
    if let Some(file) = repo.file(COMPOSE) {
        match compose::read(&file.text) {
            Ok(containers) => check_containers(&file.text, &containers, declared, &ports, findings),
            Err(error) => findings.push(finding(COMPOSE, 1, error, "mend it")),
        }
    }
}

/// Port of each service, and of `orchestrator`. No two have the same.
fn ports(
    text: &str,
    table: &toml::Table,
    declared: &toml::Table,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, String> {
    let mut addresses = BTreeMap::new();
    let listen = table.get("orchestrator").and_then(|part| part.get("listen")).and_then(toml::Value::as_str);
    addresses.insert("orchestrator".to_owned(), listen.unwrap_or("").to_owned());
    for (name, service) in declared {
        if let Some(url) = service.get("url").and_then(toml::Value::as_str) {
            addresses.insert(name.clone(), url.to_owned());
        }
    }
    let mut ports: BTreeMap<String, String> = BTreeMap::new();
    for (name, address) in addresses {
        let port = address.rsplit(':').next().unwrap_or("").trim_end_matches('/').to_owned();
        if let Some((other, _)) = ports.iter().find(|(_, taken)| **taken == port) {
            let what = format!("`{name}` and `{other}` have the same port {port}");
            findings.push(finding(SERVICES, line_of(text, &address), what, "give each a port of its own"));
        }
        ports.insert(name, port);
    }
    ports
}

fn check_pipelines(repo: &Repo, declared: &toml::Table, findings: &mut Vec<Finding>) {
    for file in
        repo.files.iter().filter(|file| file.path.starts_with("pipelines/") && file.path.ends_with(".toml"))
    {
        let table = file.text.parse::<toml::Table>().unwrap_or_default();
        let phases = table.get("phase").and_then(toml::Value::as_array);
        for service in phases.into_iter().flatten().filter_map(|phase| phase.get("service")?.as_str()) {
            if !declared.contains_key(service) {
                let line = line_of(&file.text, &format!("\"{service}\""));
                let what = format!("the service `{service}` is not in {SERVICES}");
                findings.push(finding(
                    &file.path,
                    line,
                    what,
                    &format!("add [service.{service}] to {SERVICES}"),
                ));
            }
        }
    }
}

fn check_containers(
    text: &str,
    containers: &BTreeMap<String, compose::Container>,
    declared: &toml::Table,
    ports: &BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) {
    for (name, service) in declared {
        let Some(run) = service.get("run").and_then(toml::Value::as_str) else { continue };
        let Some(container) = containers.get(name) else {
            findings.push(finding(COMPOSE, 1, format!("no container for the service `{name}`"), "add one"));
            continue;
        };
        let expected: Vec<&str> = run.split_whitespace().skip(1).collect();
        if !container.command.iter().map(String::as_str).take(expected.len()).eq(expected.iter().copied()) {
            let what = format!("`{name}` runs `{}`, in {SERVICES} `{run}`", container.command.join(" "));
            findings.push(finding(
                COMPOSE,
                line_of(text, &format!("  {name}:")),
                what,
                "use the same command in both",
            ));
        }
    }
    for (name, container) in containers.iter().filter(|(_, container)| container.is_ours) {
        let line = line_of(text, &format!("  {name}:"));
        // Further orchestrators have a number.
        let base = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        let is_orchestrator = base == "orchestrator";
        let Some(port) = ports.get(if is_orchestrator { base } else { name }) else {
            findings.push(finding(
                COMPOSE,
                line,
                format!("the container `{name}` is not in {SERVICES}"),
                "declare it there",
            ));
            continue;
        };
        if !container.has_health_check {
            findings.push(finding(
                COMPOSE,
                line,
                format!("`{name}` has no health check"),
                "add one: segue health URL",
            ));
        }
        let variable = if is_orchestrator { "SEGUE_LISTEN" } else { "SEGUE_SERVE_LISTEN" };
        let own = container.environment.get(variable);
        if own.is_none_or(|own| own.rsplit(':').next() != Some(port)) {
            let what = format!("`{name}` does not listen on {port}, its port in {SERVICES}");
            findings.push(finding(COMPOSE, line, what, "set SEGUE_LISTEN (an orchestrator), SEGUE_SERVE_LISTEN (a service) to the port of services.toml"));
        }
        for (variable, url) in container
            .environment
            .iter()
            .filter(|(variable, _)| variable.ends_with("_URL") && !variable.starts_with("AWS_"))
        {
            let target = url.strip_prefix("http://").and_then(|rest| rest.split_once(':'));
            if target.is_none_or(|(host, port)| ports.get(host).map(String::as_str) != Some(port)) {
                let what = format!("{variable}={url} of `{name}` names no service and port of {SERVICES}");
                findings.push(finding(
                    COMPOSE,
                    line_of(text, url),
                    what,
                    "use the container's name and its port",
                ));
            }
        }
    }
}

fn finding(path: &str, line: usize, what: String, remedy: &str) -> Finding {
    Finding { path: path.to_owned(), line, what, why: WHY, remedy: remedy.to_owned() }
}

fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{super::assert_clean_here, super::found_in, check};
    use crate::repo::Repo;

    const SERVICES: &str = "[orchestrator]\nlisten = \"127.0.0.1:1\"\n[service.a]\nurl = \"http://127.0.0.1:2\"\nrun = \"segue serve a\"\n";

    fn findings(services: &str, compose: &str) -> Vec<String> {
        let pipeline = "[[phase]]\nid = \"x\"\nservice = \"a\"\n[[phase]]\nid = \"y\"\nservice = \"b\"\n";
        let repo = Repo::of(&[
            (super::SERVICES, services),
            ("pipelines/p.toml", pipeline),
            (super::COMPOSE, compose),
        ]);
        found_in(check, &repo).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn an_undeclared_service_and_a_port_taken_twice_are_found() {
        let services = format!("{SERVICES}[service.c]\nurl = \"http://127.0.0.1:2\"\n");
        let compose = "services:\n  a:\n    command: [serve, a]\n    healthcheck: {test: x}\n    environment: {SEGUE_SERVE_LISTEN: 2}\n";
        let found = findings(&services, compose);
        assert_eq!(found, ["`c` and `a` have the same port 2", "the service `b` is not in services.toml"]);
    }

    #[test]
    fn a_container_with_another_command_port_or_url_is_found() {
        let compose = "services:\n  a:\n    command: [serve, b]\n    environment: {SEGUE_SERVE_LISTEN: 3, ORCHESTRATOR_URL: \"http://a:9\"}\n  \
                       z:\n    command: [serve, z]\n";
        let found = findings(SERVICES, compose).join("\n");
        for part in [
            "`a` runs `serve b`",
            "no health check",
            "does not listen on 2",
            "ORCHESTRATOR_URL=http://a:9",
            "`z` is not in",
        ] {
            assert!(found.contains(part), "{part} in {found}");
        }
    }

    #[test]
    fn this_repository_is_wired_as_one() {
        assert_clean_here(check);
    }
}
