//! The readers, one per language, and what they share.

mod builder;
mod go;
mod java;
mod java_types;
mod javascript;
mod python;
mod rust;
mod rust_types;

use tree_sitter::Parser;

use super::{
    components::Kind,
    facts::FileFacts,
    source::{Codebase, Language, SourceFile},
};
use builder::Builder;
pub(super) use go::HELD;

/// Reads one file. Whatever the text is, the module is there; what the grammar does not know is left out.
pub(super) fn read(codebase: &Codebase, file: &SourceFile) -> FileFacts {
    let grammar: tree_sitter::Language = match file.language {
        Language::Python => tree_sitter_python::LANGUAGE.into(),
        Language::Rust => tree_sitter_rust::LANGUAGE.into(),
        Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        Language::TypeScript if file.path.ends_with('x') => tree_sitter_typescript::LANGUAGE_TSX.into(),
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Language::Go => tree_sitter_go::LANGUAGE.into(),
        Language::Java => tree_sitter_java::LANGUAGE.into(),
    };
    let mut builder = Builder::new(file);
    let mut parser = Parser::new();
    let tree = parser.set_language(&grammar).ok().and_then(|()| parser.parse(&file.text, None));
    if let Some(tree) = &tree {
        builder.facts.has_errors = tree.root_node().has_error();
        let root = tree.root_node();
        match file.language {
            Language::Python => python::read(&mut builder, codebase, root),
            Language::Rust => rust::read(&mut builder, codebase, root),
            Language::JavaScript | Language::TypeScript => javascript::read(&mut builder, root),
            Language::Go => go::read(&mut builder, codebase, root),
            Language::Java => java::read(&mut builder, root),
        }
    }
    debug_assert!(builder.facts.components[0].kind == Kind::Module);
    builder.finish()
}
