//! The phases `validate_a` and `validate_b`: one batch of a stream in, `STREAM/N/validated/BATCH.json` out.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures::{StreamExt, stream};
use phase_kit::{Context, Phase, PhaseError, Success};
use serde_json::json;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{
    prose::{Opinion, Reader},
    rules,
};
use crate::{
    comparison::{
        gather::{Stored, optional},
        truth::Truth,
    },
    documenter::{
        book::Book,
        engine::{Desk, Unwritten},
        phase::{in_book, open_book, spent_before},
        purse::Purse,
    },
    records::{
        Stream, VERSION,
        documented::{Author, Batch, Documented, Entry, Failed, Spent, StreamFile, Validated, Verdict},
        iteration, names,
        settings::{Budget, Settings},
    },
};

/// What stands for a model where none was asked.
const MODEL: &str = "derived";

/// The phase of one stream.
#[derive(Debug)]
pub struct ValidatePhase {
    stream: Stream,
    reader: Option<Reader>,
    book_bytes: u64,
    book: OnceCell<Arc<Book>>,
}

/// What a run is about.
struct Run<'r> {
    ctx: &'r Context,
    stored: &'r Stored,
    book: &'r Arc<Book>,
    desk: Desk,
    by: String,
}

impl ValidatePhase {
    /// With a second model, or the rules alone.
    #[must_use]
    pub fn new(stream: Stream, reader: Option<Reader>, book_bytes: u64) -> Self {
        Self { stream, reader, book_bytes, book: OnceCell::new() }
    }

    fn author(&self, entry: &Entry) -> Author {
        Author {
            agent_id: format!("{}2", self.stream.letter().to_uppercase()),
            stream_id: self.stream,
            model: MODEL.to_owned(),
            confidence: 1.0,
            processing_order: entry.metadata.processing_order,
            token_count: None,
            usd: None,
        }
    }

    /// A batch's part of what its stream may still spend: what one does not use up, none of the others gets.
    async fn purse(&self, ctx: &Context, settings: &Settings, spent: Spent) -> Result<Purse, PhaseError> {
        let iteration = iteration(ctx);
        let mut before = spent_before(ctx, self.stream, iteration, settings).await?;
        let documenter = names::spent(self.stream, iteration, "documenter");
        before.add(optional(ctx, &documenter).await?.unwrap_or_default());
        let upstream = ctx.upstream::<Documented>(&format!("document_{}", self.stream));
        let batches = upstream.map_or(1, |output| output.batches.len().max(1));
        let streams = settings.streams.len().max(1);
        let left = Budget {
            tokens: settings
                .budget
                .tokens
                .map(|all| (all / streams as u64).saturating_sub(before.tokens) / batches as u64),
            usd: settings.budget.usd.map(|all| (all / streams as f64 - before.usd).max(0.0) / batches as f64),
        };
        Ok(Purse::share(&left, 1, spent))
    }

    /// What the second model says of an entry.
    async fn opinion(
        &self,
        run: &Run<'_>,
        reader: &Reader,
        entry: &Entry,
    ) -> Result<(Opinion, Spent), Unwritten> {
        let id = &entry.component_id;
        let source = run.stored.sources.get(id).map_or("", String::as_str);
        let key = reader.key(id, source, &entry.documentation);
        let unusable = |message: String| Unwritten::Component { code: "book-failed", message };
        let found = run.book.get::<Opinion>(&key).map_err(|error| unusable(error.to_string()))?;
        if let Some(found) = found {
            return Ok((found.value, found.spent));
        }
        let mut spent = Spent::default();
        let opinion = reader.read((id, source), &entry.documentation, &run.desk, &mut spent).await;
        if opinion.is_ok() || spent != Spent::default() {
            let (book, by, value) = (Arc::clone(run.book), run.by.clone(), opinion.as_ref().ok().cloned());
            in_book(move || book.put((&key, &by), spent, value.as_ref()))
                .await
                .map_err(|error| unusable(error.to_string()))?;
        }
        opinion.map(|opinion| (opinion, spent))
    }

    /// Adds opinions to what the rules have found; those that could not be had are listed.
    async fn with_opinions(
        &self,
        run: &Run<'_>,
        reader: &Reader,
        entries: &mut BTreeMap<String, Entry>,
        parallel: usize,
    ) -> Result<BTreeMap<String, Failed>, PhaseError> {
        let mut failed = BTreeMap::new();
        let all: Vec<Entry> = entries.values().cloned().collect();
        let total = all.len() as u64;
        let asked = all
            .iter()
            .map(|entry| async move { (entry.component_id.clone(), self.opinion(run, reader, entry).await) });
        let asked: Vec<_> = asked.collect();
        let mut asked = stream::iter(asked).buffer_unordered(parallel);
        let mut done = 0;
        loop {
            let next = tokio::select! {
                biased;
                () = run.ctx.cancelled() => return Err(PhaseError::Cancelled),
                next = asked.next() => next,
            };
            let Some((id, opinion)) = next else { return Ok(failed) };
            done += 1;
            run.ctx.progress(done, total, "components", "read by a second model");
            match opinion {
                Ok((opinion, spent)) => {
                    if let Some(entry) = entries.get_mut(&id) {
                        add(entry, opinion, spent);
                    }
                }
                Err(Unwritten::Component { code, message }) => {
                    let one = Failed { component_id: id.clone(), code: code.to_owned(), message };
                    failed.insert(id, one);
                }
                Err(Unwritten::Stream { code, message }) => return Err(PhaseError::permanent(code, message)),
                Err(Unwritten::Cancelled) => return Err(PhaseError::Cancelled),
            }
        }
    }
}

/// The worse of both results holds.
fn add(entry: &mut Entry, opinion: Opinion, spent: Spent) {
    let Some(validation) = &mut entry.validation else { return };
    validation.validation_result = validation.validation_result.max(opinion.result);
    for problem in opinion.problems {
        let text = format!("prose:{}: {}", problem.field, problem.problem);
        match problem.wrong {
            true => validation.completeness.extra_elements.push(text),
            false => validation.completeness.missing_elements.push(text),
        }
    }
    validation.author.model = opinion.model;
    validation.author.confidence = opinion.confidence;
    validation.author.token_count = Some(spent.tokens);
    validation.author.usd = (spent.usd > 0.0).then_some(spent.usd);
}

impl Phase for ValidatePhase {
    const NAME: &'static str = "validate";
    type Input = Settings;
    type Output = Validated;

    async fn run(&self, ctx: Context, settings: Settings) -> Result<Success<Validated>, PhaseError> {
        let batch: Batch = ctx.item()?;
        let iteration = iteration(&ctx);
        let stored = Stored::read(&ctx).await?;
        let documented: StreamFile =
            ctx.artifacts().get_json(&names::documented(self.stream, iteration)).await?;
        let truth = Truth::new(stored.code());
        let mut entries = BTreeMap::new();
        for id in &batch.components {
            if let Some(entry) = documented.entries.get(id) {
                entries.insert(id.clone(), rules::validate(&truth, entry, self.author(entry)));
            }
        }
        let total = entries.len() as u64;
        ctx.progress(total, total, "components", "held against the code");
        let (mut failed, mut spent) = (BTreeMap::new(), Spent::default());
        if let Some(reader) = &self.reader {
            let folder: Option<PathBuf> = ctx.data_dir().map(|data| data.join("book"));
            let book = self.book.get_or_try_init(|| open_book(folder, self.book_bytes)).await?;
            let by = format!("{}/{}", ctx.start().job_id, ctx.start().run);
            let purse = Arc::new(self.purse(&ctx, &settings, book.spent_by(&by)).await?);
            let cancel = CancellationToken::new();
            let _ended = cancel.clone().drop_guard();
            let run = Run { ctx: &ctx, stored: &stored, book, desk: Desk { cancel, purse }, by };
            let parallel = settings.parallel_components.clamp(1, 256);
            failed = self.with_opinions(&run, reader, &mut entries, parallel).await?;
            spent = book.spent_by(&run.by);
            let book = Arc::clone(book);
            in_book(move || book.sync()).await?;
        }
        ctx.go_on()?;
        let count = |verdict: Verdict| {
            let of = |entry: &&Entry| {
                entry.validation.as_ref().is_some_and(|one| one.validation_result == verdict)
            };
            entries.values().filter(of).count()
        };
        let output = Validated {
            number: batch.number,
            passed: count(Verdict::Pass),
            warned: count(Verdict::Warning),
            failed: count(Verdict::Fail),
            tokens: spent.tokens,
            usd: spent.usd,
        };
        let file =
            StreamFile { version: VERSION.to_owned(), stream: self.stream, iteration, entries, failed };
        let who = format!("validator-{}", batch.number);
        ctx.artifacts().put_json(&names::spent(self.stream, iteration, &who), &spent).await?;
        ctx.artifacts().put_json(&names::validated(self.stream, iteration, batch.number), &file).await?;
        let stats = json!(output);
        Ok(Success::new(output).stats(stats))
    }
}
