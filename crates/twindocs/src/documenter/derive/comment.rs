//! A documentation comment taken apart: the sentences, and what its sections say of parameters, results and errors.
//!
//! Read are the forms in use: `Args:` as Google writes it, `:param x:` as Sphinx does, `@param` of Javadoc and JSDoc, headings as of
//! rustdoc and numpy.

use std::collections::BTreeMap;

/// What a comment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Comment {
    /// The text outside all sections, a line for each of its lines.
    pub(super) text: String,
    /// By parameter.
    pub(super) parameters: BTreeMap<String, String>,
    /// Of the result.
    pub(super) returns: String,
    /// Type (empty where none is named) and condition.
    pub(super) raises: Vec<(String, String)>,
    /// Code.
    pub(super) examples: Vec<String>,
    /// What else there is to know.
    pub(super) notes: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Text,
    Parameters,
    Returns,
    Raises,
    Panics,
    Examples,
    Notes,
}

/// Takes a comment apart.
pub(super) fn read(doc: &str) -> Comment {
    let mut reader = Reader { comment: Comment::default(), section: Section::Text, last: None, code: None };
    let lines: Vec<&str> = doc.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).map_or("", |line| line.trim());
        reader.line(line.trim(), next);
    }
    let mut comment = reader.comment;
    comment.text = comment.text.trim().to_owned();
    comment.examples.iter_mut().for_each(|one| *one = one.trim_end().to_owned());
    comment.examples.retain(|one| !one.is_empty());
    comment
}

struct Reader {
    comment: Comment,
    section: Section,
    /// The parameter that the next line may go on with.
    last: Option<String>,
    /// Inside a fence.
    code: Option<String>,
}

impl Reader {
    fn line(&mut self, line: &str, next: &str) {
        if line.starts_with("```") {
            match self.code.take() {
                Some(code) => self.comment.examples.push(code),
                None => self.code = Some(String::new()),
            }
            return;
        }
        if let Some(code) = &mut self.code {
            code.push_str(line);
            code.push('\n');
        } else if line.starts_with(">>>") {
            self.comment.examples.push(line.trim_start_matches(['>', ' ']).to_owned());
        } else if is_rule(line) && self.section != Section::Text {
            // The line below a heading.
        } else if let Some(section) = heading(line, next) {
            (self.section, self.last) = (section, None);
        } else if !self.tag(line) {
            self.plain(line);
        }
    }

    /// `:param x: …`, `@param x …`.
    fn tag(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix('@').or_else(|| line.strip_prefix(':')) else { return false };
        let (tag, rest) = rest.split_once([' ', ':']).unwrap_or((rest, ""));
        let rest = rest.trim();
        self.last = None;
        match tag {
            "param" | "arg" | "argument" | "parameter" => {
                self.section = Section::Parameters;
                let rest = without_braces(rest);
                let (name, text) = match (line.starts_with(':'), rest.split_once(':')) {
                    // `:param int count: how many`
                    (true, Some((names, text))) => (names.rsplit(' ').next().unwrap_or(names), text),
                    _ => rest.split_once(' ').unwrap_or((rest, "")),
                };
                self.parameter(name, text.trim_start_matches([' ', '-']));
            }
            "return" | "returns" => {
                self.section = Section::Returns;
                add(&mut self.comment.returns, without_braces(rest.trim_start_matches(':').trim()));
            }
            "raise" | "raises" | "throws" | "exception" => {
                self.section = Section::Raises;
                let rest =
                    rest.strip_prefix('{').map_or_else(|| rest.to_owned(), |rest| rest.replacen('}', "", 1));
                let (kind, text) = rest.split_once([':', ' ']).unwrap_or((&rest, ""));
                self.comment.raises.push((kind.to_owned(), text.trim().to_owned()));
            }
            "example" => self.section = Section::Examples,
            "deprecated" | "note" => {
                self.section = Section::Notes;
                add(&mut self.comment.notes, if rest.is_empty() { tag } else { rest });
            }
            _ => return line.starts_with('@') && !rest.is_empty(),
        }
        true
    }

    fn plain(&mut self, line: &str) {
        let item = item(line);
        match self.section {
            Section::Text => {
                self.comment.text.push_str(line);
                self.comment.text.push('\n');
            }
            Section::Parameters => match (item, self.last.clone()) {
                (Some((name, text)), _) => self.parameter(name, text),
                (None, Some(name)) if !line.is_empty() => {
                    add(self.comment.parameters.entry(name).or_default(), line);
                }
                (None, _) => {
                    self.section = if line.is_empty() { self.section } else { self.back_to_text(line) }
                }
            },
            Section::Returns => add(&mut self.comment.returns, line),
            Section::Raises => match item {
                Some((kind, text)) => self.comment.raises.push((kind.to_owned(), text.to_owned())),
                None if line.is_empty() => {}
                None => match self.comment.raises.last_mut() {
                    Some((_, condition)) => add(condition, line),
                    None => self.comment.raises.push((String::new(), line.to_owned())),
                },
            },
            Section::Panics if line.is_empty() => {}
            Section::Panics => match self.comment.raises.last_mut().filter(|(kind, _)| kind == "panic") {
                Some((_, condition)) => add(condition, line),
                None => self.comment.raises.push(("panic".to_owned(), line.to_owned())),
            },
            Section::Examples => {}
            Section::Notes => add(&mut self.comment.notes, line),
        }
    }

    fn parameter(&mut self, name: &str, text: &str) {
        let name = name.trim_matches(['`', '*', '[', ']', ',']).to_owned();
        self.comment.parameters.insert(name.clone(), text.trim().to_owned());
        self.last = Some(name);
    }

    fn back_to_text(&mut self, line: &str) -> Section {
        self.comment.text.push_str(line);
        self.comment.text.push('\n');
        Section::Text
    }
}

fn add(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn is_rule(line: &str) -> bool {
    line.len() > 2 && line.chars().all(|letter| matches!(letter, '-' | '='))
}

/// A heading: `# Errors`, `Raises:`, or a word with a rule below.
fn heading(line: &str, next: &str) -> Option<Section> {
    let marked = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#'));
    let name = marked.or_else(|| line.strip_suffix(':')).or_else(|| is_rule(next).then_some(line))?;
    Some(match name.trim().to_lowercase().as_str() {
        "args" | "arguments" | "parameters" | "params" | "other parameters" => Section::Parameters,
        "returns" | "return" | "yields" => Section::Returns,
        "raises" | "errors" | "throws" | "exceptions" => Section::Raises,
        "panics" => Section::Panics,
        "example" | "examples" | "usage" => Section::Examples,
        "note" | "notes" | "safety" | "warning" | "warnings" => Section::Notes,
        _ if marked.is_some() => Section::Text,
        _ => return None,
    })
}

/// `name (int): text`, ``* `name` - text``, `name : int`.
fn item(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches(['*', '-', ' ']);
    let (name, text) = line.split_once(" - ").or_else(|| line.split_once(':'))?;
    let name = name.split(" (").next().unwrap_or(name).trim().trim_matches(['`', '*', '[', ']']);
    let is_name = !name.is_empty()
        && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | ':'));
    is_name.then_some((name, text.trim()))
}

/// Without the `{type}` of JSDoc.
fn without_braces(text: &str) -> &str {
    match text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((_, rest)) => rest.trim(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_forms_in_use_are_read() {
        let forms = [
            "Adds.\n\nArgs:\n    left (int): one\n        of two\n    right: other\n\nReturns:\n    The sum.\n\nRaises:\n    ValueError: if odd\n",
            "Adds.\n\n:param int left: one of two\n:param right: other\n:returns: The sum.\n:raises ValueError: if odd",
            "Adds.\n\n@param {number} left - one of two\n@param right other\n@returns {number} The sum.\n@throws {ValueError} if odd",
            "Adds.\n\n# Arguments\n* `left` - one of two\n* `right` - other\n\n# Returns\nThe sum.\n\n# Errors\nValueError: if odd\n",
            "Adds.\n\nParameters\n----------\nleft: one of two\nright: other\n\nReturns\n-------\nThe sum.\n\nRaises\n------\nValueError: if odd\n",
        ];
        for form in forms {
            let comment = read(form);
            assert_eq!(comment.text, "Adds.", "{form}");
            assert_eq!(comment.parameters["left"], "one of two", "{form}");
            assert_eq!(comment.parameters["right"], "other", "{form}");
            assert_eq!(comment.returns, "The sum.", "{form}");
            assert_eq!(comment.raises, [("ValueError".to_owned(), "if odd".to_owned())], "{form}");
        }
    }

    #[test]
    fn code_is_an_example_and_no_text() {
        let comment =
            read("Adds.\n\n# Examples\n```\nadd(1, 2);\n```\n\n# Panics\nOn\noverflow.\n>>> add(3)");
        assert_eq!(comment.examples, ["add(1, 2);", "add(3)"]);
        assert_eq!(comment.raises, [("panic".to_owned(), "On overflow.".to_owned())]);
        assert_eq!(comment.text, "Adds.");
    }
}
