//! What a job of the twin documentation is started with, beyond the path.

use serde::{Deserialize, Serialize};

use super::{Stream, compared::BlockingType};

/// The settings in the job's input. Fields that are absent have the values of [`Settings::default`]. The input has more: what
/// [`crate::analysis::phase::Input`] reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// Which streams document; one alone has nobody to be compared with but the code.
    pub streams: Vec<Stream>,
    /// Iterations after which what is left is carried into the report: 1 to 20.
    pub max_iterations: u32,
    /// Components of one stream that are documented at the same time.
    pub parallel_components: usize,
    /// Components in one run of a validator.
    pub validation_batch: usize,
    /// When the streams agree.
    pub convergence: Convergence,
    /// Whether a component that cannot be documented is listed and the others go on; false: the run fails.
    pub continue_on_error: bool,
    /// Whether people are waited for where they must decide; false: their tickets are written and carried into the report.
    pub wait_for_tickets: bool,
    /// Most tickets at once; the rest is grouped into the last one.
    pub max_tickets: usize,
    /// Whether validators are left out.
    pub skip_validation: bool,
    /// Nothing is asked of any model: what would be done is counted, with tokens and cost.
    pub dry_run: bool,
    /// What may be spent, over both streams.
    pub budget: Budget,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: Stream::ALL.to_vec(),
            max_iterations: 5,
            parallel_components: 10,
            validation_batch: 50,
            convergence: Convergence::default(),
            continue_on_error: true,
            wait_for_tickets: true,
            max_tickets: 50,
            skip_validation: false,
            dry_run: false,
            budget: Budget::default(),
        }
    }
}

/// When the streams agree. All of it must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Convergence {
    /// Shared edges of all edges of both streams, 0 to 1.
    pub call_graph: f64,
    /// Mean similarity of the texts, 0 to 1.
    pub documentation: f64,
    /// Open discrepancies that do not block.
    pub max_open: usize,
    /// What blocks.
    pub blocking: Vec<BlockingType>,
    /// Whether edges must also agree with the code where it is evident, not only with each other.
    pub require_static_validation: bool,
    /// How much each field of a text counts in its similarity.
    pub weights: Weights,
}

impl Default for Convergence {
    fn default() -> Self {
        Self {
            call_graph: 0.98,
            documentation: 0.95,
            max_open: 2,
            blocking: vec![
                BlockingType::MissingCriticalCall,
                BlockingType::FalseCriticalCall,
                BlockingType::MissingPublicApiDoc,
                BlockingType::SecurityRelevantGap,
            ],
            require_static_validation: true,
            weights: Weights::default(),
        }
    }
}

/// How much each field of a text counts; they need not add up to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Weights {
    /// The one line.
    pub summary: f64,
    /// The text.
    pub description: f64,
    /// What goes in.
    pub parameters: f64,
    /// What comes out.
    pub returns: f64,
    /// What is raised.
    pub raises: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { summary: 0.3, description: 0.2, parameters: 0.25, returns: 0.15, raises: 0.1 }
    }
}

/// What may be spent. When it is used up, no further call is made and what is missing is listed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Tokens of questions and answers; none: no limit.
    pub tokens: Option<u64>,
    /// US dollars, where the services say what a token costs; none: no limit.
    pub usd: Option<f64>,
}
