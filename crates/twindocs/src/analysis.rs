//! What a codebase is, read from the code itself: its components and who calls whom.
//!
//! [`source`] finds the files; a grammar and a reader per language turn each into [`facts`], which are the same for all
//! languages: definitions, names bound to expressions, calls. [`calls`] follows the names across files with one evaluator for
//! all of them; [`order`] puts callees before callers. Nothing is guessed: a call whose receiver is not evident is listed as
//! unresolved, with the reason.

pub mod calls;
pub mod components;
pub mod facts;
mod languages;
pub mod order;
pub mod phase;
pub mod source;
pub mod texts;

use serde::{Deserialize, Serialize};

use calls::CallGraph;
use components::Component;
use source::{Codebase, SkippedFile};

/// Everything that is known of a codebase.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Analysis {
    /// All components, by path and then by line.
    pub components: Vec<Component>,
    /// Who calls whom.
    pub graph: CallGraph,
    /// Files that were left out, and why.
    pub skipped: Vec<SkippedFile>,
    /// Files in which the grammar met text it does not know; what it did know of them is there.
    pub with_errors: Vec<String>,
}

/// Stack of the thread that reads: nesting of source text is bounded by [`facts::DEEPEST`], and this is room for it.
const STACK: usize = 512 * 1024 * 1024;

/// Analyses a codebase. The same text gives the same result, in the same order.
///
/// # Errors
/// Where no thread can be started for it, or it panicked (a fault of ours).
pub fn analyse(codebase: &Codebase) -> std::io::Result<Analysis> {
    std::thread::scope(|scope| {
        let reader =
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || analyse_here(codebase))?;
        reader.join().map_err(|_| std::io::Error::other("the analysis panicked"))
    })
}

fn analyse_here(codebase: &Codebase) -> Analysis {
    let files: Vec<_> = codebase.files.iter().map(|file| languages::read(codebase, file)).collect();
    let with_errors = files.iter().filter(|file| file.has_errors).map(|file| file.path.clone()).collect();
    let graph = calls::resolve(&files);
    let components = files.into_iter().flat_map(|file| file.components).collect();
    Analysis { components, graph, skipped: codebase.skipped.clone(), with_errors }
}
