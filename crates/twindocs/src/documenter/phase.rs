//! The phases `document_a` and `document_b`: what the analysis found in, `STREAM/N/documented.json` out.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde_json::json;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{
    book::Book,
    callers,
    engine::{Desk, Engine},
    material::Material,
    purse::Purse,
    walk::{Done, Walk},
};
use crate::{
    comparison::gather::{Stored, optional},
    records::{
        Stream, VERSION,
        compared::{Feedback, Resolution},
        documented::{Batch, Documented, Entry, Spent, StreamFile},
        iteration, names,
        settings::Settings,
    },
};

/// Most components at the same time, whatever a job asks for.
const MOST_PARALLEL: usize = 256;
/// What a callee's summary has, as a dry run guesses.
const USUAL_SUMMARY: &str = "Does what its name says, and returns what came of it, or why nothing did.";

/// The phase of one stream.
#[derive(Debug)]
pub struct DocumentPhase {
    stream: Stream,
    engine: Engine,
    book_bytes: u64,
    book: OnceCell<Arc<Book>>,
}

/// The stream as the iteration before left it, and what it is told.
#[derive(Debug, Default)]
struct Before {
    entries: BTreeMap<String, Entry>,
    feedback: BTreeMap<String, Feedback>,
}

impl DocumentPhase {
    /// With an author and a bound for what is kept of his work, in bytes.
    #[must_use]
    pub fn new(stream: Stream, engine: Engine, book_bytes: u64) -> Self {
        Self { stream, engine, book_bytes, book: OnceCell::new() }
    }

    /// What would be asked, without asking.
    async fn dry_run(&self, ctx: &Context, material: &Material) -> Result<Success<Documented>, PhaseError> {
        let mut spent = Spent::default();
        if let Engine::Chat(author) = &self.engine {
            for id in material.levels().iter().flatten().flat_map(|unit| unit.iter()) {
                ctx.go_on()?;
                let Some(component) = material.component(id) else { continue };
                let task = material.assignment(component, self.engine.gives(), |_| Some(USUAL_SUMMARY));
                spent.add(author.estimate(&task));
            }
        }
        ctx.artifacts().put_json(&names::estimate(self.stream), &spent).await?;
        let (done, iteration) = (Done::default(), iteration(ctx));
        self.store(ctx, iteration, &done, Spent::default()).await?;
        let output = self.output(iteration, &done, Spent::default(), Vec::new());
        Ok(Success::new(output).stats(json!({ "dryRun": true, "estimate": spent })))
    }

    async fn store(
        &self,
        ctx: &Context,
        iteration: u32,
        done: &Done,
        spent: Spent,
    ) -> Result<(), PhaseError> {
        let file = StreamFile {
            version: VERSION.to_owned(),
            stream: self.stream,
            iteration,
            entries: done.entries.clone(),
            failed: done.failed.clone(),
        };
        ctx.artifacts().put_json(&names::spent(self.stream, iteration, "documenter"), &spent).await?;
        ctx.artifacts().put_json(&names::documented(self.stream, iteration), &file).await?;
        Ok(())
    }

    fn output(&self, iteration: u32, done: &Done, spent: Spent, batches: Vec<Batch>) -> Documented {
        let failed = done.failed.len();
        let all =
            done.entries.len() + done.failed.keys().filter(|id| !done.entries.contains_key(*id)).count();
        Documented {
            stream: self.stream,
            iteration,
            written: done.written,
            reused: all - failed - done.written,
            failed,
            tokens: spent.tokens,
            usd: spent.usd,
            batches,
        }
    }

    async fn before(&self, ctx: &Context, iteration: u32) -> Result<Before, PhaseError> {
        let Some(last) = iteration.checked_sub(1).filter(|last| *last > 0) else {
            return Ok(Before::default());
        };
        // Where nothing was resolved, what was documented is what there is.
        let file: Option<StreamFile> = match optional(ctx, &names::resolved(self.stream, last)).await? {
            Some(file) => Some(file),
            None => optional(ctx, &names::documented(self.stream, last)).await?,
        };
        let resolution: Option<Resolution> = optional(ctx, &names::resolution(last)).await?;
        let feedback = resolution.and_then(|mut all| all.feedback.remove(&self.stream)).unwrap_or_default();
        Ok(Before { entries: file.map(|file| file.entries).unwrap_or_default(), feedback })
    }
}

impl Phase for DocumentPhase {
    const NAME: &'static str = "document";
    type Input = Settings;
    type Output = Documented;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Documented>, PhaseError> {
        let iteration = iteration(&ctx);
        let Stored { components, graph, sources } = Stored::read(&ctx).await?;
        let material = Material::new(components, graph, sources);
        if settings.dry_run && matches!(self.engine, Engine::Chat(_)) {
            return self.dry_run(&ctx, &material).await;
        }
        let before = self.before(&ctx, iteration).await?;
        let folder = ctx.data_dir().map(|data| data.join("book"));
        let book = self.book.get_or_try_init(|| open_book(folder, self.book_bytes)).await?;
        if let Engine::Chat(author) = &self.engine {
            author.begin();
        }
        let by = format!("{}/{}", ctx.start().job_id, ctx.start().run);
        let mut earlier = spent_before(&ctx, self.stream, iteration, &settings).await?;
        earlier.add(book.spent_by(&by));
        let purse = Arc::new(Purse::share(&settings.budget, settings.streams.len(), earlier));
        let cancel = CancellationToken::new();
        // Questions that are on their way end with the run, however it ends.
        let _ended = cancel.clone().drop_guard();
        let walk = Walk {
            ctx: &ctx,
            stream: self.stream,
            iteration,
            material: &material,
            engine: &self.engine,
            desk: Desk { cancel, purse },
            book,
            by: by.clone(),
            before: &before.entries,
            feedback: &before.feedback,
            parallel: settings.parallel_components.clamp(1, MOST_PARALLEL),
            continue_on_error: settings.continue_on_error,
        };
        let walked = walk.run().await;
        let synced = Arc::clone(book);
        let synced = in_book(move || synced.sync()).await;
        let mut done = walked?;
        synced?;
        callers::set(&mut done.entries, &before.entries, &done.changed);
        let total = material.len() as u64;
        ctx.progress(total, total, "components", "storing what was written");
        let spent = book.spent_by(&by);
        self.store(&ctx, iteration, &done, spent).await?;
        let batches =
            if settings.skip_validation { Vec::new() } else { batches(self.stream, &done, &settings) };
        let output = self.output(iteration, &done, spent, batches);
        let stats = json!({
            "written": output.written, "reused": output.reused, "failed": output.failed,
            "calls": spent.calls, "tokens": spent.tokens, "usd": spent.usd,
        });
        Ok(Success::new(output).stats(stats))
    }
}

fn batches(stream: Stream, done: &Done, settings: &Settings) -> Vec<Batch> {
    let ids: Vec<&String> = done.entries.keys().collect();
    let chunks = ids.chunks(settings.validation_batch.max(1)).enumerate();
    let batch = |(number, ids): (usize, &[&String])| Batch {
        number,
        stream,
        components: ids.iter().map(|id| (*id).clone()).collect(),
    };
    chunks.map(batch).collect()
}

/// Opens the book in a folder.
pub(crate) async fn open_book(folder: Option<PathBuf>, most: u64) -> Result<Arc<Book>, PhaseError> {
    in_book(move || Book::open(folder.as_deref(), most)).await.map(Arc::new)
}

/// Does what waits for a disk where that holds nobody up.
pub(crate) async fn in_book<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, PhaseError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| of_book(&error)),
        Err(error) => Err(PhaseError::retry("book-failed", error.to_string())),
    }
}

pub(crate) fn of_book(error: &io::Error) -> PhaseError {
    PhaseError::retry("book-failed", format!("the book of what was written cannot be used: {error}"))
}

/// What a stream has spent before this iteration; not looked up where nothing limits it.
pub(crate) async fn spent_before(
    ctx: &Context,
    stream: Stream,
    iteration: u32,
    settings: &Settings,
) -> Result<Spent, PhaseError> {
    let mut sum = Spent::default();
    let is_limited = settings.budget.tokens.is_some() || settings.budget.usd.is_some();
    if !is_limited || iteration < 2 {
        return Ok(sum);
    }
    let folder = |earlier: u32| names::spent(stream, earlier, "");
    let is_earlier = |name: &str| {
        (1..iteration).any(|earlier| name.starts_with(folder(earlier).trim_end_matches(".json")))
    };
    for artifact in ctx.artifacts().list().await?.iter().filter(|one| is_earlier(&one.name)) {
        if let Some(spent) = optional::<Spent>(ctx, &artifact.name).await? {
            sum.add(spent);
        }
    }
    Ok(sum)
}
