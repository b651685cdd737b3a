//! The phase `fix`: one attempt tries one fixer, from the live content to a patch that holds in a scratch place.
//!
//! An attempt that fails is counted in the ledger and ends as one to try again, as long as another fixer is left or the model
//! can be asked once more; the engine pauses, and rests after three. A fixer that gives the same answer to the same content is
//! not asked twice in a job.

use std::{path::Path, sync::Arc};

use phase_kit::{Context, Phase, PhaseError, Success};
use providers::{CancellationToken, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Case, Change, Word,
    candidate::{self, Faults, NoFix, faults_of, sum},
    run_trouble,
    strategy::Strategy,
    tests_of::{Tests, no_tests},
    unless_cancelled,
};
use crate::{
    desk::{Desk, chain},
    fixers::{self, Bench, Fixer, FixerError, Kind, model},
    ledger::{Failure, Outcome},
    paths::content_hash,
    scratch::Taken,
};

/// The phase.
#[derive(Debug)]
pub struct FixPhase(pub Arc<Desk>);

/// What it gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fixed {
    /// Patched, clean or superseded.
    pub outcome: Option<Word>,
    /// Who did it.
    pub fixer: String,
    /// Hash of the new content.
    pub new_hash: String,
    /// The artifact with it.
    pub artifact: String,
    /// Faults before, by the fixers' own checks.
    pub faults_before: Faults,
    /// Faults that are left.
    pub faults_after: usize,
    /// State of the project on which all tests passed; empty: only those beside the file were run.
    pub tested_on: String,
}

impl Phase for FixPhase {
    const NAME: &'static str = "fix";
    type Input = Change;
    type Output = Fixed;

    async fn run(&self, ctx: Context, change: Change) -> Result<Success<Fixed>, PhaseError> {
        let case = Case::new(&self.0, &ctx, &change)?;
        let strategy: Strategy = ctx.upstream("strategy")?;
        if strategy.outcome != Word::Plan {
            return Ok(Success::new(Fixed { outcome: Some(strategy.outcome), ..Fixed::default() }));
        }
        Box::pin(unless_cancelled(&ctx, try_once(&case, &strategy))).await
    }
}

/// A fixer's try.
struct Try<'a> {
    case: &'a Case<'a>,
    place: &'a Taken,
    bench: Bench<'a>,
    fixers: &'a [Fixer],
    failures: &'a [Failure],
}

async fn try_once(case: &Case<'_>, strategy: &Strategy) -> Result<Success<Fixed>, PhaseError> {
    let Some(content) = case.content()? else {
        return ended(case, Word::Superseded, Outcome::Superseded);
    };
    let mut fixers = fixers::fitting(case.project, &case.root, &case.change.file, case.desk.model.is_some());
    let place_of =
        |fixer: &Fixer| strategy.fixers.iter().position(|name| *name == fixer.name).unwrap_or(usize::MAX);
    fixers.sort_by_key(place_of);
    let failures = case.failures()?;
    let (place, surroundings) = case.desk.place(&case.change.project, case.project, &case.root).await?;
    let folder = place.folder();
    let bench = Bench { folder: &folder, surroundings: &surroundings };
    let work = Try { case, place: &place, bench, fixers: &fixers, failures: &failures };
    let before = match faults_of(case, bench, &fixers).await {
        Ok(faults) => faults,
        Err(error) => return Err(counted(case, "", error)?),
    };
    if !before.is_empty() && sum(&before) == 0 {
        return ended(case, Word::Clean, Outcome::Clean);
    }
    let tests = Tests::all(case.project, &case.root, &case.change.file);
    let Some(all) = tests else { return Err(counted(case, "", no_tests())?) };
    let quick = Tests::beside(case.project, &case.root, &case.change.file);
    let Some(fixer) = work.next(&before, None) else {
        let message = format!("{} faults, and no fixer is left to try", sum(&before));
        return Err(PhaseError::permanent("no-fixer-left", message));
    };
    // Without a check of its own only failing tests say that there is something to mend.
    let mut red = None;
    if before.is_empty() && fixer.kind == Kind::Model {
        case.ctx.progress(0, 3, "steps", "running the tests");
        let tested = all.run(bench).await?;
        if tested.passed {
            return ended(case, Word::Clean, Outcome::Clean);
        }
        red = Some(tested.said);
    }
    case.ctx.progress(1, 3, "steps", &format!("{} works on it", fixer.name));
    let new = match work.make(fixer, &content, &before, red.as_deref()).await? {
        Ok(new) => new,
        Err(no_fix) if no_fix.code == "nothing-changed" && before.is_empty() => {
            return ended(case, Word::Clean, Outcome::Clean);
        }
        Err(no_fix) => return Err(work.no_fix(fixer, &before, &no_fix)?),
    };
    case.ctx.progress(2, 3, "steps", "running the tests");
    let tests = quick.as_ref().unwrap_or(&all);
    match work.judge(&new, &before, tests, red.is_some()).await? {
        Err(no_fix) => Err(work.no_fix(fixer, &before, &no_fix)?),
        Ok(left) => store(case, fixer, (&content, &new), before, left, &tested_on(&place, tests)).await,
    }
}

/// The project's state under all tests.
fn tested_on(place: &Taken, tests: &Tests) -> String {
    if tests.all { place.state() } else { String::new() }
}

fn ended(case: &Case<'_>, word: Word, outcome: Outcome) -> Result<Success<Fixed>, PhaseError> {
    case.ended(outcome)?;
    Ok(Success::new(Fixed { outcome: Some(word), ..Fixed::default() }))
}

/// An error of the surroundings counts against the file too: its breaker must rest.
fn counted(case: &Case<'_>, fixer: &str, error: PhaseError) -> Result<PhaseError, PhaseError> {
    if let PhaseError::Permanent { code, message } | PhaseError::Retry { code, message } = &error {
        case.count(fixer, code, message)?;
    }
    Ok(error)
}

/// Keeps the patch with the job, so that whoever is killed next finds it again.
async fn store(
    case: &Case<'_>,
    fixer: &Fixer,
    (old, new): (&[u8], &[u8]),
    before: Faults,
    left: usize,
    tested_on: &str,
) -> Result<Success<Fixed>, PhaseError> {
    let new_hash = content_hash(new);
    let artifact = format!("fixed/{}", &new_hash[..16]);
    let artifacts = case.ctx.artifacts();
    artifacts.put_bytes(&artifact, "application/octet-stream", new.to_vec().into()).await?;
    if let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) {
        let patch = diffy::create_patch(old, new).to_string();
        artifacts.put_bytes("patch.diff", "text/x-diff; charset=utf-8", patch.into_bytes().into()).await?;
    }
    let stats = json!({ "fixer": fixer.name, "faultsBefore": sum(&before), "faultsAfter": left });
    let fixed = Fixed {
        outcome: Some(Word::Patched),
        fixer: fixer.name.clone(),
        new_hash,
        artifact,
        faults_before: before,
        faults_after: left,
        tested_on: tested_on.to_owned(),
    };
    Ok(Success::new(fixed).stats(stats))
}

impl Try<'_> {
    /// The next fixer that has something to do and has not failed in this job.
    fn next(&self, before: &Faults, besides: Option<&Fixer>) -> Option<&Fixer> {
        let job = self.case.job();
        let failed = |fixer: &Fixer| {
            let blamed = |one: &&Failure| {
                !["tests-already-red", "check-failed", "scratch-failed"].contains(&one.code.as_str())
            };
            let mut of_job = self.failures.iter().filter(|one| one.job == job && one.fixer == fixer.name);
            of_job.any(|one| blamed(&one)) || besides.is_some_and(|other| other.name == fixer.name)
        };
        self.fixers.iter().find(|fixer| match fixer.kind {
            Kind::Model => self.case.desk.may_ask(),
            _ => !failed(fixer) && before.get(&fixer.name).is_none_or(|faults| !faults.is_empty()),
        })
    }

    /// Counts a try, and says whether there is any use in another.
    fn no_fix(&self, fixer: &Fixer, before: &Faults, no_fix: &NoFix) -> Result<PhaseError, PhaseError> {
        let NoFix { code, message, blames_fixer } = no_fix;
        self.case.count(&fixer.name, code, message)?;
        let message = format!("{}: {message}", fixer.name);
        let again = !blames_fixer || self.next(before, Some(fixer)).is_some();
        Ok(if again { PhaseError::retry(*code, message) } else { PhaseError::permanent(*code, message) })
    }

    /// A new content, and the scratch place as the live tree is again.
    async fn make(
        &self,
        fixer: &Fixer,
        content: &[u8],
        before: &Faults,
        red: Option<&str>,
    ) -> Result<Result<Vec<u8>, NoFix>, PhaseError> {
        if fixer.kind == Kind::Model {
            return self.ask_model(fixer, content, before, red).await;
        }
        let file = &self.case.change.file;
        match fixer.fix(self.bench, file).await {
            Ok(()) => {}
            Err(FixerError::Run(error)) => return Err(counted(self.case, &fixer.name, run_trouble(&error))?),
            Err(error) => return Err(PhaseError::retry("fixer-failed", error.to_string())),
        }
        let path = file.under(self.bench.folder);
        let read = |path: &Path| std::fs::read(path).ok().filter(|new| !new.is_empty() || content.is_empty());
        let new = path.symlink_metadata().is_ok_and(|kind| kind.is_file()).then(|| read(&path)).flatten();
        // What it did to other files is no part of this fix.
        self.place.refresh().await.map_err(|error| PhaseError::retry("scratch-failed", chain(&error)))?;
        Ok(match new {
            None => Err(NoFix::new("file-gone", "it left nothing of the file")),
            Some(new) if new == content => {
                Err(NoFix::new("nothing-changed", format!("it changed nothing; {} faults stay", sum(before))))
            }
            Some(new) => Ok(new),
        })
    }

    async fn ask_model(
        &self,
        fixer: &Fixer,
        content: &[u8],
        before: &Faults,
        red: Option<&str>,
    ) -> Result<Result<Vec<u8>, NoFix>, PhaseError> {
        let Some(model) = &self.case.desk.model else {
            return Ok(Err(NoFix::new("no-model", "no model is set up")));
        };
        let Some(text) = std::str::from_utf8(content).ok().filter(|text| text.len() <= model::MOST_BYTES)
        else {
            return Err(counted(
                self.case,
                &fixer.name,
                PhaseError::permanent("not-for-a-model", "it is no text, or too large"),
            )?);
        };
        let faults: Vec<_> = before.values().flatten().cloned().collect();
        let file = &self.case.change.file;
        let question =
            model::Question { file, content: text, faults: &faults, tests: red, before: self.failures };
        // Dropped with this attempt, and then the call is, too.
        match model::ask(&**model, question, &CancellationToken::new()).await {
            Ok(new) => Ok(Ok(new.into_bytes())),
            Err(model::ModelError::Answer(message)) => Ok(Err(NoFix::new("answer-refused", message))),
            Err(model::ModelError::Provider(error)) => {
                let message = error.to_string();
                if matches!(error, ProviderError::Unauthorized { .. }) {
                    self.case.desk.lock_out();
                }
                let (retry, code) = (error.is_retryable() || error.is_about_this_text(), error.code());
                let error = if retry {
                    PhaseError::retry(code, message)
                } else {
                    PhaseError::permanent(code, message)
                };
                Err(counted(self.case, &fixer.name, error)?)
            }
        }
    }

    /// Whether the new content holds; how many faults are left then.
    async fn judge(
        &self,
        new: &[u8],
        before: &Faults,
        tests: &Tests,
        was_red: bool,
    ) -> Result<Result<usize, NoFix>, PhaseError> {
        candidate::put(self.case, self.place, new)?;
        let after = faults_of(self.case, self.bench, self.fixers).await?;
        if let Err(no_fix) = candidate::compare(before, &after) {
            return Ok(Err(no_fix));
        }
        if was_red {
            let tested = tests.run(self.bench).await?;
            let no_fix = || NoFix::new("tests-broken", format!("the tests fail still: {}", tested.said));
            return Ok(if tested.passed { Ok(0) } else { Err(no_fix()) });
        }
        Ok(candidate::test(self.case, self.place, self.bench, tests).await?.map(|()| sum(&after)))
    }
}
