//! tmp
fn main() {
    let p = std::env::args().nth(1).unwrap();
    let t = std::fs::read_to_string(&p).unwrap();
    let g: tree_sitter::Language = match p.rsplit('.').next().unwrap() { "rs" => tree_sitter_rust::LANGUAGE.into(), "go" => tree_sitter_go::LANGUAGE.into(), "java" => tree_sitter_java::LANGUAGE.into(), "ts" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), "py" => tree_sitter_python::LANGUAGE.into(), _ => tree_sitter_javascript::LANGUAGE.into() };
    let mut q = tree_sitter::Parser::new(); q.set_language(&g).unwrap();
    println!("{}", q.parse(&t, None).unwrap().root_node().to_sexp());
}
