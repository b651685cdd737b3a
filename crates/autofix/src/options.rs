//! What `[service.autofix.options]` says: the projects, who fixes, who tests, whom to tell.
//!
//! Only projects that are named here are ever touched: a job names a project, never a folder.

use std::{collections::BTreeMap, path::PathBuf};

use providers::ChatSettings;
use serde::{Deserialize, Serialize};

/// All options of the service `autofix`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutofixOptions {
    /// The projects by name: `a-z`, `0-9`, `_` and `-`.
    pub projects: BTreeMap<String, Project>,
    /// The language model behind the fixer `model`.
    pub model: Option<ChatSettings>,
    /// Where failures are told.
    pub escalation: Escalation,
}

/// A project that is looked after.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Its folder.
    pub path: PathBuf,
    /// Only files with these extensions; absent: those that some fixer is for.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// The command of its tests, words of one command line; absent: found by the files that are there.
    #[serde(default)]
    pub test: Vec<String>,
    /// Longest time of a run of the tests, in seconds.
    #[serde(default = "five_minutes")]
    pub test_seconds: u64,
    /// Fixers by name, in the order in which they are tried: `clippy`, `ruff`, `eslint`, `model`, or one of `commands`. Absent:
    /// found by the files that are there, and `model` last where there is one.
    #[serde(default)]
    pub fixers: Vec<String>,
    /// Fixers of one's own.
    #[serde(default)]
    pub commands: BTreeMap<String, CommandFixer>,
    /// Folders that are not copied into the scratch place but linked: what a package manager installed.
    #[serde(default = "installed")]
    pub link: Vec<String>,
}

/// A fixer that is a command line. `{file}` stands for the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandFixer {
    /// Words of the command that fixes.
    pub fix: Vec<String>,
    /// Words of a command that ends with 0 where the file has no fault; absent: nothing but the tests tells.
    #[serde(default)]
    pub check: Vec<String>,
    /// For files with these extensions; empty: for all.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Longest time of a run, in seconds.
    #[serde(default = "two_minutes")]
    pub seconds: u64,
}

/// Whom to tell of failures. What is absent is left out, and said to be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Escalation {
    /// Issues, from the fifth failure on.
    pub github: Option<Github>,
    /// A chat's webhook, from the tenth on.
    pub chat: Option<Webhook>,
    /// A mail webhook, from the tenth on.
    pub mail: Option<Webhook>,
}

/// Where issues are opened.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// `owner/name`.
    pub repo: String,
    /// The environment variable with the token.
    pub token_env: String,
    /// The API's address.
    #[serde(default = "github_api")]
    pub api: String,
}

/// A webhook. Its address is often the secret itself: then name the variable that holds it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Its address, where that is no secret.
    pub url: Option<String>,
    /// The environment variable with the address.
    pub url_env: Option<String>,
    /// The environment variable with a bearer token.
    pub token_env: Option<String>,
}

impl AutofixOptions {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check(&self) -> Result<(), String> {
        for (name, project) in &self.projects {
            let plain = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter)
            };
            if name.is_empty() || name.len() > 60 || !name.chars().all(plain) {
                return Err(format!("projects: {name:?} is no name: use 1 to 60 of a-z, 0-9, _ and -"));
            }
            for fixer in &project.fixers {
                let known = ["clippy", "ruff", "eslint", "model"].contains(&fixer.as_str());
                if !known && !project.commands.contains_key(fixer) {
                    return Err(format!("projects.{name}.fixers: there is no fixer {fixer:?}"));
                }
                if fixer == "model" && self.model.is_none() {
                    return Err(format!("projects.{name}.fixers: `model` needs the option `model`"));
                }
            }
            if let Some((fixer, _)) = project.commands.iter().find(|(_, command)| command.fix.is_empty()) {
                return Err(format!("projects.{name}.commands.{fixer}.fix has no words"));
            }
        }
        for (name, hook) in [("chat", &self.escalation.chat), ("mail", &self.escalation.mail)] {
            if hook.as_ref().is_some_and(|hook| hook.url.is_some() == hook.url_env.is_some()) {
                return Err(format!("escalation.{name}: give `url` or `url_env`, one of them"));
            }
        }
        Ok(())
    }

    /// Environment variables that no fixer and no test gets to see.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let Escalation { github, chat, mail } = &self.escalation;
        let hooks = [chat, mail].into_iter().flatten().flat_map(|hook| [&hook.url_env, &hook.token_env]);
        let ours = ["SEGUE_TOKEN", "SEGUE_SIGNING_SECRET"].map(str::to_owned);
        ours.into_iter()
            .chain(github.iter().map(|github| github.token_env.clone()))
            .chain(hooks.flatten().cloned())
            .chain(self.model.iter().filter_map(|model| model.key_env.clone()))
            .collect()
    }
}

fn five_minutes() -> u64 {
    300
}

fn two_minutes() -> u64 {
    120
}

fn installed() -> Vec<String> {
    ["node_modules", ".venv"].map(str::to_owned).into()
}

fn github_api() -> String {
    "https://api.github.com".to_owned()
}
