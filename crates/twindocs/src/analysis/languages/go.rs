//! Reads Go.
use super::builder::Builder;
use crate::analysis::source::Codebase;
use tree_sitter::Node;
pub(super) fn read(_b: &mut Builder<'_>, _codebase: &Codebase, _root: Node<'_>) {}
