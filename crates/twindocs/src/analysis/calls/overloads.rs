//! Which of several methods of one name Java calls: by how many arguments there are and what is evident of their types, as the
//! language does it (first without a variable number of arguments, then with it). What is not evident rules nothing out.

use super::world::World;

/// Primitive types that widen into each other, in this order.
const NUMBERS: [&str; 6] = ["byte", "short", "int", "long", "float", "double"];
const BOXES: [(&str, &str); 8] = [
    ("boolean", "Boolean"),
    ("char", "Character"),
    ("byte", "Byte"),
    ("short", "Short"),
    ("int", "Integer"),
    ("long", "Long"),
    ("float", "Float"),
    ("double", "Double"),
];
/// What a value of any final class of the language's library is, too.
const ABOVE_FINAL: [&str; 5] = ["Object", "Comparable", "Serializable", "CharSequence", "Number"];

/// Returns those of the candidates that fit best; all of them where none fits as far as it is evident.
pub(super) fn chosen(world: &World<'_>, candidates: &[usize], args: &[String]) -> Vec<usize> {
    let ranked: Vec<(usize, (bool, u32))> =
        candidates.iter().filter_map(|it| Some((*it, rank(&parameters(world, *it), args)?))).collect();
    match ranked.iter().map(|it| it.1).min() {
        Some(best) => ranked.into_iter().filter(|it| it.1 == best).map(|it| it.0).collect(),
        None => candidates.to_vec(),
    }
}

/// The types of a method's parameters, bare.
pub(super) fn parameters(world: &World<'_>, method: usize) -> Vec<String> {
    let file = world.nodes[method].file;
    let component = &world.files[file].components[method - world.offsets[file]];
    component.parameters.iter().map(|it| bare(it.kind.as_deref().unwrap_or(""))).collect()
}

/// A type's own name: without its package, its type arguments, annotations.
pub(in crate::analysis) fn bare(text: &str) -> String {
    let mut depth = 0_u32;
    let mut name = String::new();
    for char in text.chars() {
        match char {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => name.push(char),
            _ => {}
        }
    }
    let name =
        name.split_whitespace().filter(|it| *it != "final" && !it.starts_with('@')).collect::<String>();
    let dots = if name.ends_with("...") { "..." } else { "" };
    let name = name.trim_end_matches("...");
    format!("{}{dots}", name.rsplit('.').next().unwrap_or(name))
}

/// Whether it takes a variable number, and how far the arguments are from what it asks for; none where it cannot be meant.
fn rank(parameters: &[String], args: &[String]) -> Option<(bool, u32)> {
    let fixed: Vec<String> = parameters.iter().map(|it| it.replace("...", "[]")).collect();
    if fixed.len() == args.len() {
        let all: Option<u32> = args.iter().zip(&fixed).map(|(arg, parameter)| distance(arg, parameter)).sum();
        if let Some(all) = all {
            return Some((false, all));
        }
    }
    let (last, before) = parameters.split_last()?;
    let element = last.strip_suffix("...")?;
    if args.len() < before.len() {
        return None;
    }
    let wanted = before.iter().map(String::as_str).chain(std::iter::repeat(element));
    let all: Option<u32> = args.iter().zip(wanted).map(|(arg, parameter)| distance(arg, parameter)).sum();
    Some((true, all?))
}

/// How far a type is from another; none where it is certainly no such value.
fn distance(arg: &str, parameter: &str) -> Option<u32> {
    if arg == parameter {
        return Some(0);
    }
    let (is_variable, is_object) = (is_type_variable(parameter), parameter == "Object");
    let (takes_primitive, takes_array) = (is_primitive(parameter), parameter.ends_with("[]"));
    match arg {
        "" => return Some(1),
        "null" => return (!takes_primitive).then_some(if is_object { 3 } else { 1 }),
        "lambda" => return (!takes_primitive && !takes_array && parameter != "String").then_some(1),
        _ => {}
    }
    if let Some(element) = arg.strip_suffix("[]") {
        return match parameter.strip_suffix("[]") {
            Some(of) if is_primitive(element) || is_primitive(of) => None,
            Some(of) => distance(element, of),
            None => (is_object || is_variable).then_some(6),
        };
    }
    if takes_array {
        return None;
    }
    let boxed = BOXES.iter().find(|it| it.0 == arg).map(|it| it.1);
    match (boxed, takes_primitive) {
        (Some(_), true) => widening(arg, parameter),
        (Some(boxed), false) if boxed == parameter => Some(8),
        (Some(_), false) => (is_object || is_variable || ABOVE_FINAL.contains(&parameter)).then_some(10),
        (None, true) => {
            let unboxed = BOXES.iter().find(|it| it.1 == arg)?.0;
            if unboxed == parameter { Some(8) } else { Some(8 + widening(unboxed, parameter)?) }
        }
        (None, false) if is_object => Some(5),
        (None, false) if is_variable => Some(4),
        (None, false) if is_final(parameter) => None,
        (None, false) if is_final(arg) => ABOVE_FINAL.contains(&parameter).then_some(2),
        // `InputStreamReader` is a `Reader`: a guess that only orders what else would be equal.
        (None, false) if arg.ends_with(parameter) => Some(1),
        (None, false) => Some(3),
    }
}

fn widening(from: &str, to: &str) -> Option<u32> {
    let place = |it: &str| NUMBERS.iter().position(|one| *one == it);
    let from = if from == "char" { place("short") } else { place(from) };
    let (from, to) = (from?, place(to)?);
    (to > from).then(|| u32::try_from(to - from).unwrap_or(u32::MAX))
}

fn is_primitive(name: &str) -> bool {
    BOXES.iter().any(|it| it.0 == name)
}

/// A class of the library that nothing inherits from.
fn is_final(name: &str) -> bool {
    name == "String" || BOXES.iter().any(|it| it.1 == name)
}

/// `T`, `K`, `T1`: by a convention that hardly any code breaks.
fn is_type_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{bare, rank};

    fn best(candidates: &[&str], args: &[&str]) -> String {
        let args: Vec<String> = args.iter().map(|it| (*it).to_owned()).collect();
        let list = |text: &str| text.split(',').filter(|it| !it.is_empty()).map(bare).collect::<Vec<_>>();
        let ranked = candidates.iter().filter_map(|it| Some((rank(&list(it), &args)?, *it)));
        ranked.min().map_or_else(|| "none".to_owned(), |it| it.1.to_owned())
    }

    #[test]
    fn the_nearest_overload_is_chosen_as_java_does_it() {
        let arrays = ["int[],int", "long[],long", "T[],T", "Object[],Object"];
        assert_eq!(best(&arrays, &["long[]", "long"]), "long[],long");
        assert_eq!(best(&arrays, &["String[]", "String"]), "T[],T");
        assert_eq!(best(&["int", "long", "double", "Object"], &["short"]), "int");
        assert_eq!(best(&["String", "CharSequence", "Object"], &["null"]), "CharSequence");
        assert_eq!(best(&["String", "Object"], &["StringBuilder"]), "Object");
        assert_eq!(best(&["boolean...", "boolean[],int"], &["boolean", "boolean"]), "boolean...");
        assert_eq!(best(&["String,Object...", "String,String"], &["String", "String"]), "String,String");
        assert_eq!(best(&["char"], &["int"]), "none");
        assert_eq!(bare("final java.util.Map<String, List<T>>..."), "Map...");
    }
}
