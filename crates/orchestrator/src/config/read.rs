//! Reads and checks `services.toml`.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use engine::{
    ids::Name,
    pipeline::duration,
    plan::{Rate, ServiceLimits},
};
use serde::Deserialize;
use toml::Spanned;

use super::{
    Config, OrchestratorConfig, ServiceConfig, TlsFiles, order,
    secrets::{CallerToken, RawToken, Role, SigningSecret, of_hash, of_token},
};
use crate::outbound::{Network, is_a_host};

/// Attempts at once where a service says nothing.
const DEFAULT_CAPACITY: u32 = 8;
/// Most attempts at once.
const MAX_CAPACITY: u32 = 1_000_000;
/// How long the lead is leased for where nothing is said, and may be.
const DEFAULT_LEASE: Duration = Duration::from_secs(6);
const LEASES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
/// How long ended jobs are kept where nothing is said.
const DEFAULT_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is wrong with a `services.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ConfigError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    orchestrator: RawOrchestrator,
    #[serde(default)]
    service: BTreeMap<Spanned<String>, Spanned<RawService>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawOrchestrator {
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    data: Option<String>,
    journal: Option<String>,
    own_url: Option<Spanned<String>>,
    lease: Option<Spanned<String>>,
    artifacts: Option<Spanned<String>>,
    #[serde(default)]
    tokens: Vec<Spanned<RawToken>>,
    caller_rate: Option<Spanned<String>>,
    tls: Option<RawTls>,
    ca: Option<PathBuf>,
    signing_secret: Option<Spanned<String>>,
    #[serde(default)]
    signed_callbacks: bool,
    keep_ended: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    url: Option<Spanned<String>>,
    #[serde(default)]
    urls: Vec<Spanned<String>>,
    run: Option<String>,
    capacity: Option<Spanned<u32>>,
    instance_capacity: Option<Spanned<u32>>,
    #[serde(default)]
    register: bool,
    #[serde(default)]
    resolve: bool,
    token_sha256: Option<Spanned<String>>,
    rate: Option<Spanned<String>>,
    #[serde(default)]
    networks: Vec<Spanned<String>>,
    version: Option<String>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    #[serde(default, rename = "for")]
    pipelines: std::collections::BTreeSet<String>,
    options: Option<toml::Table>,
}

/// Reads a configuration. `folder` is the file's: relative paths start there. `env` looks up the environment.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read(text: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let at = |span: std::ops::Range<usize>, message: String| error(text, span.start, message);
    let raw: RawConfig = toml::from_str(text)
        .map_err(|error| at(error.span().unwrap_or(0..0), error.message().replace('\n', " ")))?;
    let orchestrator = orchestrator(text, raw.orchestrator, folder, env)?;
    let (mut services, mut places) = (BTreeMap::new(), BTreeMap::new());
    for (name, service) in raw.service {
        let id = Name::new(name.get_ref()).map_err(|error| at(name.span(), error.to_string()))?;
        let span = service.span();
        places.insert(id.clone(), span.start);
        let read = read_service(text, &id, service.into_inner(), span, env)?;
        services.insert(id, read);
    }
    let needs =
        services.iter().map(|(name, service): (&Name, &ServiceConfig)| (name.clone(), service.needs.clone()));
    if let Some((name, message)) = order::fault(&needs.collect()) {
        return Err(error(text, places.get(&name).copied().unwrap_or(0), message));
    }
    Ok(Config { orchestrator, services })
}

fn orchestrator(
    text: &str,
    raw: RawOrchestrator,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<OrchestratorConfig, ConfigError> {
    let (listen, span) = match raw.listen {
        Some(listen) => (listen.get_ref().clone(), listen.span()),
        None => ("127.0.0.1:3456".to_owned(), 0..0),
    };
    let listen = env("SEGUE_LISTEN").unwrap_or(listen);
    let listen: SocketAddr = listen.parse().map_err(|_| {
        error(
            text,
            span.start,
            format!("'{listen}' is not an address: write ip:port, such as 127.0.0.1:3456"),
        )
    })?;
    let scheme = if raw.tls.is_some() { "https" } else { "http" };
    let written = raw.public_url.as_ref().map(|url| url.get_ref().clone());
    let public_url = env("ORCHESTRATOR_URL").or(written).unwrap_or_else(|| format!("{scheme}://{listen}"));
    let span = raw.public_url.as_ref().map_or(0, |url| url.span().start);
    let public_url = base_url(&public_url).map_err(|message| error(text, span, message))?;
    let own_url = match (env("SEGUE_OWN_URL"), &raw.own_url) {
        (Some(url), _) => Some(base_url(&url).map_err(|m| error(text, 0, format!("SEGUE_OWN_URL: {m}")))?),
        (None, Some(url)) => Some(base_url(url.get_ref()).map_err(|m| error(text, url.span().start, m))?),
        // Who listens everywhere has no address that others could be told.
        (None, None) if listen.ip().is_unspecified() => None,
        (None, None) => Some(format!("{scheme}://{listen}")),
    };
    let lease = read_lease(text, raw.lease.as_ref())?;
    let keep_ended = match &raw.keep_ended {
        Some(span) => duration::parse(span.get_ref()).map_err(|m| error(text, span.span().start, m))?,
        None => DEFAULT_KEEP,
    };
    let artifacts = read_artifacts(text, raw.artifacts.as_ref(), env)?;
    let tokens = read_tokens(text, &raw.tokens, env)?;
    let caller_rate = match &raw.caller_rate {
        Some(rate) => Some(Rate::parse(rate.get_ref()).map_err(|m| error(text, rate.span().start, m))?),
        None => None,
    };
    let signing_secret = read_secret(text, raw.signing_secret.as_ref(), env)?;
    if raw.signed_callbacks && signing_secret.is_none() {
        let message = "signed_callbacks needs a secret: set SEGUE_SIGNING_SECRET".to_owned();
        return Err(error(text, 0, message));
    }
    Ok(OrchestratorConfig {
        listen,
        public_url,
        data: folder.join(env("SEGUE_DATA").or(raw.data).unwrap_or_else(|| ".segue".to_owned())),
        journal: env("SEGUE_JOURNAL").or(raw.journal),
        own_url,
        lease,
        artifacts,
        tokens,
        ca: raw.ca.map(|path| folder.join(path)),
        tls: raw.tls.map(|tls| TlsFiles { cert: folder.join(tls.cert), key: folder.join(tls.key) }),
        caller_rate,
        signing_secret,
        signed_callbacks: raw.signed_callbacks,
        keep_ended,
    })
}

/// How long the lead is leased for: not so short that a slow answer of the database ends it.
fn read_lease(text: &str, raw: Option<&Spanned<String>>) -> Result<Duration, ConfigError> {
    let Some(raw) = raw else { return Ok(DEFAULT_LEASE) };
    let lease = duration::parse(raw.get_ref()).map_err(|m| error(text, raw.span().start, m))?;
    match LEASES.contains(&lease) {
        true => Ok(lease),
        false => {
            let message = "a lease is from 1s to 5m: so long nobody leads after one that led is gone";
            Err(error(text, raw.span().start, message.to_owned()))
        }
    }
}

/// Where artifacts are kept; an empty variable of the environment counts as none, as compose files have it.
fn read_artifacts(
    text: &str,
    raw: Option<&Spanned<String>>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    let told = env("SEGUE_ARTIFACTS").filter(|address| !address.is_empty());
    let at = raw.map_or(0, |raw| raw.span().start);
    let address = told.or_else(|| raw.map(|raw| raw.get_ref().clone()));
    match address {
        Some(address) if address.contains("://") && !address.starts_with("s3://") => {
            let message =
                format!("'{address}' is no place for artifacts: write s3://BUCKET/PREFIX, or a folder");
            Err(error(text, at, message))
        }
        address => Ok(address),
    }
}

/// The tokens of the file; one in the environment stands beside them, as that of an admin.
fn read_tokens(
    text: &str,
    raw: &[Spanned<RawToken>],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<CallerToken>, ConfigError> {
    let mut tokens = Vec::new();
    for token in raw {
        tokens.push(token.get_ref().read().map_err(|m| error(text, token.span().start, m))?);
    }
    if let Some(token) = env("SEGUE_TOKEN") {
        let read = of_token("SEGUE_TOKEN", Role::Admin, &token);
        tokens.push(read.map_err(|m| error(text, 0, format!("SEGUE_TOKEN: {m}")))?);
    }
    Ok(tokens)
}

fn read_secret(
    text: &str,
    raw: Option<&Spanned<String>>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<SigningSecret>, ConfigError> {
    let (secret, at) = match (env("SEGUE_SIGNING_SECRET"), raw) {
        (Some(secret), _) => (secret, 0),
        (None, Some(raw)) => (raw.get_ref().clone(), raw.span().start),
        (None, None) => return Ok(None),
    };
    SigningSecret::parse(&secret).map(Some).map_err(|message| error(text, at, message))
}

fn read_service(
    text: &str,
    name: &Name,
    raw: RawService,
    span: std::ops::Range<usize>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ServiceConfig, ConfigError> {
    let mut urls = Vec::new();
    match override_url(name.as_str(), env) {
        Some((variable, list)) => {
            for url in list.split(',') {
                let url = base_url(url.trim());
                urls.push(url.map_err(|m| error(text, span.start, format!("{variable}: {m}")))?);
            }
        }
        None => {
            for url in raw.url.iter().chain(&raw.urls) {
                urls.push(base_url(url.get_ref()).map_err(|m| error(text, url.span().start, m))?);
            }
        }
    }
    if urls.is_empty() && !raw.register {
        let message = format!("service '{name}' has no url: add url = \"http://127.0.0.1:PORT\"");
        return Err(error(text, span.start, message));
    }
    if raw.register && raw.networks.is_empty() {
        let message = format!("service '{name}' may register from anywhere: add networks = [\"10.0.0.0/8\"]");
        return Err(error(text, span.start, message));
    }
    let most = read_capacity(text, raw.capacity.as_ref(), "capacity")?;
    let instance_capacity = read_capacity(text, raw.instance_capacity.as_ref(), "instance_capacity")?;
    let capacity = most.or(instance_capacity).unwrap_or(DEFAULT_CAPACITY);
    let token = match &raw.token_sha256 {
        Some(hash) => Some(
            of_hash(name.as_str(), Role::Read, hash.get_ref())
                .map_err(|m| error(text, hash.span().start, m))?,
        ),
        None => None,
    };
    let rate = match &raw.rate {
        Some(rate) => Some(Rate::parse(rate.get_ref()).map_err(|m| error(text, rate.span().start, m))?),
        None => None,
    };
    let mut networks = Vec::new();
    for network in &raw.networks {
        let read = Network::parse(network.get_ref());
        networks.push(read.map_err(|m| error(text, network.span().start, m))?);
    }
    let mut needs = Vec::new();
    for needed in &raw.needs {
        let name = Name::new(needed.get_ref());
        needs.push(name.map_err(|m| error(text, needed.span().start, m.to_string()))?);
    }
    Ok(ServiceConfig {
        urls: urls.into_iter().map(Arc::from).collect(),
        instance_capacity,
        most,
        register: raw.register,
        resolve: raw.resolve,
        token,
        networks,
        run: raw.run,
        limits: ServiceLimits { capacity, rate },
        version: raw.version.unwrap_or_default(),
        needs,
        pipelines: raw.pipelines,
        options: raw.options.and_then(|table| serde_json::to_value(table).ok()).unwrap_or_default(),
    })
}

fn read_capacity(
    text: &str,
    capacity: Option<&Spanned<u32>>,
    name: &str,
) -> Result<Option<u32>, ConfigError> {
    match capacity {
        Some(capacity) if !(1..=MAX_CAPACITY).contains(capacity.get_ref()) => {
            let message = format!("{name} is a number from 1 to {MAX_CAPACITY}");
            Err(error(text, capacity.span().start, message))
        }
        Some(capacity) => Ok(Some(*capacity.get_ref())),
        None => Ok(None),
    }
}

/// `TRANSLATION_URL`, or the original's `PHASE1_URL`.
fn override_url(service: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let numbered = match service {
        "translation" => Some("PHASE1_URL"),
        "extraction" => Some("PHASE3_URL"),
        "baskets" => Some("PHASE5_URL"),
        "grammar" => Some("PHASE5_5_URL"),
        "introductions" => Some("PHASE6_URL"),
        "manifest" => Some("PHASE7_URL"),
        "tts" => Some("PHASE8_URL"),
        _ => None,
    };
    let own = format!("{}_URL", service.to_ascii_uppercase());
    let found = env(&own).map(|value| (own, value));
    found.or_else(|| numbered.and_then(|variable| Some((variable.to_owned(), env(variable)?))))
}

/// An http(s) URL without a slash at its end.
fn base_url(text: &str) -> Result<String, String> {
    let invalid = || format!("'{text}' is not an address of a service: write http://host:port");
    let parsed: hyper::Uri = text.parse().map_err(|_| invalid())?;
    let plain = matches!(parsed.scheme_str(), Some("http" | "https")) && parsed.host().is_some();
    if !plain || parsed.query().is_some() || text.contains('@') {
        return Err(invalid());
    }
    let address = parsed.host().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    if address.is_some_and(|address| !is_a_host(address)) {
        return Err(format!("'{text}' is an address that no service has"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn error(text: &str, offset: usize, message: String) -> ConfigError {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    ConfigError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_plain(text: &str) -> Result<Config, ConfigError> {
        read(text, Path::new("/tmp"), &|_| None)
    }

    #[test]
    fn the_environment_of_the_original_overrides_an_address() {
        let text = "[service.grammar]\nurl = \"http://127.0.0.1:3460\"\n";
        let env = |name: &str| (name == "PHASE5_5_URL").then(|| "http://grammar:9/".to_owned());
        let config = read(text, Path::new("/tmp"), &env).unwrap();
        assert_eq!(config.services[&Name::new("grammar").unwrap()].urls, [Arc::from("http://grammar:9")]);
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let cases = [
            ("[service.a]\nurl = \"ftp://x\"\n", 2, "not an address"),
            ("[service.a]\nurl = \"http://u:p@x\"\n", 2, "not an address"),
            ("[service.a]\nurl = \"http://x\"\ncapacity = 0\n", 3, "capacity"),
            ("[service.a]\nurl = \"http://x\"\nrate = \"fast\"\n", 3, "rate"),
            ("[service.a]\nurl = \"http://x\"\ncapcity = 1\n", 3, "capcity"),
            ("[service.A-b]\nurl = \"http://x\"\n", 1, "not a name"),
            ("[service.a]\n", 1, "no url"),
            ("[service.a]\nurl = \"http://169.254.169.254\"\n", 2, "no service has"),
            ("[service.a]\nurl = \"http://x\"\nnetworks = [\"home\"]\n", 3, "no network"),
            ("[service.a]\nregister = true\n", 1, "networks"),
            ("[service.a]\nurl = \"http://x\"\ntoken_sha256 = \"abc\"\n", 3, "64 hexadecimal"),
            ("[orchestrator]\ntokens = [\"short\"]\n", 2, "at least 16"),
            ("[orchestrator]\nsigning_secret = \"hunter2\"\n", 2, "base64"),
            ("[orchestrator]\nsigned_callbacks = true\n", 1, "SEGUE_SIGNING_SECRET"),
            ("[orchestrator]\nlisten = \"here\"\n", 2, "ip:port"),
            ("[orchestrator]\nlease = \"1h\"\n", 2, "from 1s to 5m"),
            ("[orchestrator]\nown_url = \"here\"\n", 2, "not an address"),
        ];
        for (text, line, word) in cases {
            let error = read_plain(text).unwrap_err();
            assert!(error.line == line && error.message.contains(word), "{text}: {error}");
        }
    }
}
