//! `PUT` and `DELETE /api/services/{name}/instances/{id}`: an instance says that it is there, still is, drains, or goes.
//!
//! Allowed to operators and to whoever has the service's own token, which is good for nothing else. What is declared decides where
//! starts may go; see [`crate::instances`]. First calls, changes and refusals are written down, renewals are not: there is one
//! every few seconds from each.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use engine::{ids::Name, pipeline::duration};
use protocol::{Code, Problem, RegisterInstance};

use super::{
    App, Failure, Shared, access,
    answers::{json as answer, read_body},
    audit,
    extract::Path,
    rates::Peer,
};
use crate::{
    config::Role,
    core::Member,
    instances::{LEASE, LONGEST_LEASE, Registration, SHORTEST_LEASE, ask_about, may_register},
};

/// Largest body, in bytes.
const LIMIT: usize = 4_096;
/// Longest name of an instance, in bytes.
const LONGEST_ID: usize = 100;

/// What a call came to: the answer, and whether it is worth a line in the audit log.
type Done = Result<(Response, bool), Failure>;

/// `PUT`: there, or still there.
pub(super) async fn put_instance(
    State(app): State<Shared>,
    peer: Option<Extension<Peer>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let peer = peer.map(|Extension(peer)| peer);
    let path = format!("PUT /api/services/{name}/instances/{id}");
    let (who, done) = match admit(&app, &headers, peer, &name) {
        Ok(who) => (who, register(&app, &name, &id, body).await),
        Err(failure) => ("stranger".to_owned(), Err(failure)),
    };
    write_down(&app, who, &headers, peer, path, done).await
}

/// `DELETE`: it goes at once. What it still has is asked about; to finish it, drain first.
pub(super) async fn delete_instance(
    State(app): State<Shared>,
    peer: Option<Extension<Peer>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let peer = peer.map(|Extension(peer)| peer);
    let path = format!("DELETE /api/services/{name}/instances/{id}");
    let (who, done) = match admit(&app, &headers, peer, &name) {
        Ok(who) => (who, remove(&app, &name, &id)),
        Err(failure) => ("stranger".to_owned(), Err(failure)),
    };
    write_down(&app, who, &headers, peer, path, done).await
}

async fn write_down(
    app: &App,
    who: String,
    headers: &HeaderMap,
    peer: Option<Peer>,
    what: String,
    done: Done,
) -> Result<Response, Failure> {
    let (status, worth) = match &done {
        Ok((response, worth)) => (response.status().as_u16(), *worth),
        Err(failure) => (failure.0.code.status(), true),
    };
    if worth {
        audit::stored(app, who, headers, peer, what, status).await;
    }
    done.map(|(response, _)| response)
}

/// Who calls: an operator, or the service itself.
fn admit(app: &App, headers: &HeaderMap, peer: Option<Peer>, service: &str) -> Result<String, Failure> {
    let of_service =
        Name::new(service).ok().and_then(|name| app.core.fleet().member(&name)).and_then(|member| {
            let token = member.config.token.clone()?;
            access::is_token(&token, headers).then_some(token.name)
        });
    let who = match of_service {
        Some(name) => name,
        None => {
            let caller = app.access.require(headers, Role::Operate);
            let caller = caller.map_err(|failure| app.rates.count_wrong(peer, failure))?;
            caller.name.unwrap_or_else(|| "anyone".to_owned())
        }
    };
    app.rates.take(Some(&who), peer)?;
    Ok(who)
}

fn member_of<'a>(app: &'a App, name: &str) -> Result<(Name, &'a Member), Failure> {
    let unknown = || Problem::new(Code::UnknownService, format!("there is no service '{name}'"));
    let service = Name::new(name).map_err(|_| unknown())?;
    let member = app.core.fleet().member(&service).ok_or_else(unknown)?;
    if !member.config.register {
        let detail = format!("the instances of '{name}' do not register themselves");
        let hint = "write register = true and networks = […] into its table in services.toml";
        return Err(Problem::new(Code::NotAllowed, detail).hint(hint).into());
    }
    Ok((service, member))
}

async fn register(app: &App, name: &str, id: &str, body: Body) -> Done {
    let (service, member) = member_of(app, name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(plain) {
        let detail = format!("an instance's name has 1 to {LONGEST_ID} letters, digits and any of - _ . :");
        return Err(Problem::field("/id", detail).into());
    }
    let said = RegisterInstance::parse(&read_body(body, LIMIT).await?)?;
    let before = member.instances(|instances| instances.registration(id).cloned());
    let registration = merge(id, said, before.as_ref(), member)?;
    let is_news = before.as_ref() != Some(&registration);
    let (url, lease, draining) = (registration.url.clone(), registration.lease, registration.draining);
    let now = app.core.world().now();
    app.core
        .fleet()
        .with_instances(&service, |instances| instances.register(registration, now))
        .transpose()
        .map_err(|full| Problem::new(Code::NotNow, full.to_string()))?;
    if is_news {
        tracing::info!(%service, instance = id, %url, draining, "an instance has registered");
        app.core.pump(&service);
    }
    let shown = member.instances(|instances| instances.list(now)).into_iter().find(|one| *one.url == *url);
    let body = serde_json::json!({ "instance": shown, "renewWithin": duration::render(lease / 3) });
    let status = if before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((answer(status, &body), is_news))
}

/// What is said now, and of the rest what was said before.
fn merge(
    id: &str,
    said: RegisterInstance,
    before: Option<&Registration>,
    member: &Member,
) -> Result<Registration, Failure> {
    let url: Arc<str> = match (said.url, before) {
        (Some(url), _) => {
            let read = may_register(&url, &member.config.networks);
            read.map_err(|why| Problem::field("/url", why))?.into()
        }
        (None, Some(before)) => before.url.clone(),
        (None, None) => {
            let detail = "`url` is missing: where the instance listens, http://IP:port";
            return Err(Problem::field("/url", detail).into());
        }
    };
    let lease = match said.lease {
        Some(lease) => read_lease(&lease)?,
        None => before.map_or(LEASE, |before| before.lease),
    };
    Ok(Registration {
        id: id.into(),
        url,
        capacity: said.capacity.or_else(|| before.and_then(|before| before.capacity)),
        version: said.version.map(Into::into).or_else(|| before.and_then(|before| before.version.clone())),
        lease,
        draining: said.draining.unwrap_or_else(|| before.is_some_and(|before| before.draining)),
    })
}

fn read_lease(text: &str) -> Result<Duration, Failure> {
    let lease = duration::parse(text).map_err(|why| Problem::field("/lease", why))?;
    if (SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease) {
        return Ok(lease);
    }
    let (from, to) = (SHORTEST_LEASE.as_secs(), LONGEST_LEASE.as_secs());
    Err(Problem::field("/lease", format!("a lease is from {from}s to {to}s")).into())
}

fn remove(app: &App, name: &str, id: &str) -> Done {
    let (service, _) = member_of(app, name)?;
    let removed = app.core.fleet().with_instances(&service, |instances| instances.remove(id)).flatten();
    let left = removed.ok_or_else(|| {
        Problem::new(Code::UnknownInstance, format!("'{name}' has no registered instance '{id}'"))
    })?;
    tracing::info!(%service, instance = id, attempts = left.len(), "an instance has gone");
    ask_about(&app.core, &service, left);
    Ok((StatusCode::NO_CONTENT.into_response(), true))
}
