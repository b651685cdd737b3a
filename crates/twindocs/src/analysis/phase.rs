//! The phase `analysis`: a path in, `components.json`, `call_graph.json` and `sources.json` out.

use std::path::{Path, PathBuf};

use phase_kit::{Context, Phase, PhaseError, Success};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Analysis, analyse,
    order::{Order, order},
    source::{self, Language, Limits, Selection, SourceError},
    texts::texts,
};
use crate::records::{documented::Sources, names::SOURCES};

/// The artifact with all components and the order to document them in.
pub const COMPONENTS: &str = "components.json";
/// The artifact with the call graph.
pub const CALL_GRAPH: &str = "call_graph.json";

/// The service's options.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalysisOptions {
    /// Folders that may be analysed, with what is in them; none named: any path that the service may read.
    pub allowed_roots: Vec<PathBuf>,
}

/// The phase.
#[derive(Debug, Default)]
pub struct AnalysisPhase {
    options: AnalysisOptions,
}

impl AnalysisPhase {
    /// With options.
    #[must_use]
    pub fn new(options: AnalysisOptions) -> Self {
        Self { options }
    }
}

/// What it is given. The job's input may have more, for other phases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// The folder or file.
    pub path: PathBuf,
    /// Only these languages.
    pub languages: Vec<Language>,
    /// Only paths that one of these patterns fits.
    pub include: Vec<String>,
    /// No path that one of these fits.
    pub exclude: Vec<String>,
    /// How much is read.
    pub limits: Limits,
}

/// The artifact [`COMPONENTS`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ComponentsFile {
    /// The format's version.
    pub version: String,
    /// All components.
    pub components: Vec<super::components::Component>,
    /// Callees before callers.
    pub order: Order,
    /// Files that were left out.
    pub skipped: Vec<source::SkippedFile>,
    /// Files that could be read in part only.
    pub with_errors: Vec<String>,
}

/// What the phase gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Components.
    pub components: usize,
    /// Calls between them.
    pub edges: usize,
    /// Calls of what is outside.
    pub external: usize,
    /// Calls that are listed as unresolved.
    pub unresolved: usize,
    /// Groups of components that call each other in a circle.
    pub cycles: usize,
    /// Files that were read.
    pub files: usize,
    /// Files that were left out for their size or form.
    pub skipped: usize,
}

impl Phase for AnalysisPhase {
    const NAME: &'static str = "analysis";
    type Input = Input;
    type Output = Output;

    async fn run(&self, ctx: Context, input: Input) -> Result<Success<Output>, PhaseError> {
        let root = allowed(&input.path, &self.options.allowed_roots)?;
        ctx.progress(0, 3, "parts", "reading the files");
        let selection = Selection {
            languages: input.languages,
            include: input.include,
            exclude: input.exclude,
            limits: input.limits,
        };
        let shown = input.path.display().to_string();
        let work = move || -> Result<(usize, Analysis, Sources), PhaseError> {
            let codebase = source::read(&root, &selection).map_err(refused)?;
            if codebase.files.is_empty() {
                let message =
                    format!("{shown} has no file in a language that is analysed, after include and exclude");
                return Err(PhaseError::permanent("nothing-to-analyse", message));
            }
            let analysis = analyse(&codebase)
                .map_err(|error| PhaseError::retry("analysis-failed", error.to_string()))?;
            let sources = texts(&codebase, &analysis.components);
            Ok((codebase.files.len(), analysis, sources))
        };
        let done = tokio::task::spawn_blocking(work).await;
        let (files, analysis, sources) =
            done.map_err(|error| PhaseError::retry("analysis-failed", error.to_string()))??;
        ctx.go_on()?;
        ctx.progress(2, 3, "parts", "storing what was found");
        let order = order(&analysis.components, &analysis.graph);
        let output = Output {
            components: analysis.components.len(),
            edges: analysis.graph.edges.len(),
            external: analysis.graph.external.len(),
            unresolved: analysis.graph.unresolved.len(),
            cycles: order.cycles.len(),
            files,
            skipped: analysis.skipped.len(),
        };
        let file = ComponentsFile {
            version: "1.0".to_owned(),
            components: analysis.components,
            order,
            skipped: analysis.skipped,
            with_errors: analysis.with_errors,
        };
        ctx.artifacts().put_json(COMPONENTS, &file).await?;
        ctx.artifacts().put_json(CALL_GRAPH, &analysis.graph).await?;
        ctx.artifacts().put_json(SOURCES, &sources).await?;
        let stats = json!(output);
        Ok(Success::new(output).stats(stats))
    }
}

/// The path with nothing symbolic left in it, where it may be read.
fn allowed(path: &Path, roots: &[PathBuf]) -> Result<PathBuf, PhaseError> {
    if path.as_os_str().is_empty() {
        return Err(PhaseError::permanent("invalid-input", "the input has no path"));
    }
    // What is not allowed is not said to exist or not.
    let outside = || {
        let message = format!("{} is not in a folder that this service may analyse", path.display());
        PhaseError::permanent("path-not-allowed", message)
    };
    match path.canonicalize() {
        Ok(real) => {
            let is_in = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
            if roots.is_empty() || roots.iter().any(is_in) { Ok(real) } else { Err(outside()) }
        }
        Err(_) if !roots.is_empty() => Err(outside()),
        Err(_) => Err(refused(SourceError::NoSuchPath { path: path.to_owned() })),
    }
}

fn refused(error: SourceError) -> PhaseError {
    let code = match &error {
        SourceError::NoSuchPath { .. } => "no-such-path",
        SourceError::Pattern { .. } => "invalid-pattern",
        SourceError::TooMuch { .. } => "codebase-too-large",
        SourceError::Walk { .. } => return PhaseError::retry("walk-failed", error.to_string()),
    };
    PhaseError::permanent(code, error.to_string())
}
