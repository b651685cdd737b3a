//! Reads Go.
use super::builder::Builder;
use tree_sitter::Node;
pub(super) fn read(_b: &mut Builder<'_>, _root: Node<'_>) {}
