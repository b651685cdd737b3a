//! What the desk answers: its projects, figures, failures and who was told of them, and taking a fix back.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::{Code, Problem, headers::PROBLEM_JSON};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Desk, chain};
use crate::{
    fixers,
    ledger::{FileOf, UndoRecord, UndoState},
    paths::{RelPath, content_hash},
    replace::{Replaced, Replacement},
    watcher::tell_written,
};

/// A project as the watcher needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedProject {
    /// Its name.
    pub name: String,
    /// Its real folder.
    pub path: PathBuf,
    /// The extensions of files that start a job.
    pub extensions: Vec<String>,
}

#[derive(Deserialize)]
struct OfFile {
    project: String,
    file: String,
}

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/projects", get(projects))
        .route("/statistics", get(|State(desk): State<Arc<Desk>>| async move { Json(desk.statistics()) }))
        .route("/failures", get(failures))
        .route("/escalations", get(escalations))
        .route("/undo/{id}", post(undo))
        .with_state(desk)
}

/// A refusal.
fn refused(code: Code, detail: impl Into<String>) -> Response {
    let problem = Problem::new(code, detail);
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, PROBLEM_JSON)], Json(problem)).into_response()
}

fn broken(error: &dyn std::error::Error) -> Response {
    refused(Code::Internal, chain(error))
}

async fn projects(State(desk): State<Arc<Desk>>) -> Json<Vec<WatchedProject>> {
    let projects = desk.options.projects.iter().filter_map(|(name, project)| {
        let path = project.path.canonicalize().ok()?;
        let mut extensions = project.extensions.clone();
        if extensions.is_empty() {
            let tools = fixers::every_extension();
            let commands = project.commands.values().flat_map(|command| command.extensions.clone());
            extensions = tools.map(ToOwned::to_owned).chain(commands).collect();
        }
        Some(WatchedProject { name: name.clone(), path, extensions })
    });
    Json(projects.collect())
}

async fn failures(State(desk): State<Arc<Desk>>, Query(of): Query<OfFile>) -> Response {
    let Ok(file) = RelPath::new(&of.file) else {
        return refused(Code::InvalidField, "`file` is no path in a project");
    };
    let Ok(opened) = desk.opened() else { return Json(json!([])).into_response() };
    match opened.ledger.failures(&FileOf { project: &of.project, file: &file }) {
        Ok(failures) => Json(failures).into_response(),
        Err(error) => broken(&error),
    }
}

async fn escalations(State(desk): State<Arc<Desk>>) -> Response {
    let Ok(opened) = desk.opened() else { return Json(json!([])).into_response() };
    match opened.ledger.escalations() {
        Ok(told) => {
            let one = |told: &crate::ledger::Told| {
                json!({ "project": told.project, "file": told.file, "level": told.level, "channel": told.channel.word(),
                    "state": told.state, "details": told.details, "tries": told.tries, "payload": told.payload })
            };
            Json(told.iter().map(one).collect::<Vec<Value>>()).into_response()
        }
        Err(error) => broken(&error),
    }
}

/// `POST /undo/{id}`: puts back what stood in the file before the fix of this job, if the fix still stands there.
async fn undo(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Response {
    let Ok(opened) = desk.opened() else {
        return refused(Code::ShuttingDown, "the service is not open yet");
    };
    let record = match opened.ledger.undo_record(&id) {
        Ok(Some(record)) if record.state != UndoState::Prepared => record,
        Ok(_) => return refused(Code::NotFound, format!("no fix of job {id} can be taken back")),
        Err(error) => return broken(&error),
    };
    let Ok((_, root)) = desk.project(&record.project) else {
        return refused(Code::NotFound, format!("the project {} is gone", record.project));
    };
    // The watcher must not take the old content for a new change, or the fix would come again.
    let hash = content_hash(&record.old_content);
    if let Err(error) =
        tell_written(&opened.client, desk.watcher.as_deref(), &record.project, &record.file, &hash).await
    {
        return refused(Code::ServiceUnreachable, format!("the watcher cannot be told: {error}"));
    }
    let UndoRecord { file, new_hash, old_content, project, .. } = record;
    let name = format!("undo {id}");
    let at = file.clone();
    let work = tokio::task::spawn_blocking(move || {
        Replacement { root: &root, file: &at, old_hash: &new_hash, new: &old_content, id: &name }.run()
    });
    let replaced = match work.await.map_err(std::io::Error::other) {
        Ok(Ok(replaced)) => replaced,
        Ok(Err(error)) | Err(error) => return broken(&error),
    };
    if replaced == Replaced::Changed {
        let detail = format!("{file} is no longer what the fix of job {id} made of it");
        return refused(Code::NotNow, detail);
    }
    if let Err(error) = opened.ledger.set_undo(&id, UndoState::Over) {
        return broken(&error);
    }
    tracing::info!(project, file = file.as_str(), job = id, "a fix was taken back");
    Json(json!({ "undone": true, "project": project, "file": file, "again": replaced == Replaced::Already }))
        .into_response()
}
