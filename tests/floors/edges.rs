//! Finds the paths in a source text that begin at the crate's root or above the module; knows no rules.

use std::iter::Peekable;
use std::vec::IntoIter;

/// A module uses something of the crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Edge {
    /// The line the path begins in, from 1.
    pub line: usize,
    /// The path from the crate's root; a glob or an item is its last part.
    pub to: Vec<String>,
}

/// Every path in `text` that starts with `crate`, `super` or the crate's own name, groups taken apart. `module` is
/// the file's own path. Inline modules count, test modules too.
pub fn edges(module: &[String], text: &str) -> Vec<Edge> {
    let mut tokens = tokens(text).into_iter().peekable();
    let mut found = Vec::new();
    // The inline modules we are in, each with the depth of braces it was opened at.
    let mut inline: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    let mut after_path = false;
    while let Some((line, token)) = tokens.next() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(at, _)| *at == depth);
            }
            "mod" => {
                if let Some((_, name)) = tokens.next()
                    && tokens.peek().is_some_and(|(_, next)| next == "{")
                {
                    inline.push((depth, name));
                }
            }
            "crate" | "super" | "landfall" if !after_path && tokens.peek().is_some_and(|(_, next)| next == "::") => {
                let mut base: Vec<String> = Vec::new();
                if token == "super" {
                    base.extend(module.iter().cloned());
                    base.extend(inline.iter().map(|(_, name)| name.clone()));
                    base.pop();
                }
                tokens.next();
                let mut paths = Vec::new();
                read_tree(&mut tokens, base, &mut paths);
                found.extend(paths.into_iter().map(|to| Edge { line, to }));
            }
            _ => {}
        }
        after_path = token == "::";
    }
    found
}

/// Reads what follows a `::`: names, a group, or `super` once more.
fn read_tree(tokens: &mut Peekable<IntoIter<(usize, String)>>, mut base: Vec<String>, paths: &mut Vec<Vec<String>>) {
    loop {
        let Some((_, token)) = tokens.next() else { return };
        match token.as_str() {
            "{" => loop {
                match tokens.peek().map(|(_, next)| next.as_str()) {
                    Some("}") => {
                        tokens.next();
                        return;
                    }
                    Some(",") => _ = tokens.next(),
                    Some(_) => read_tree(tokens, base.clone(), paths),
                    None => return,
                }
            },
            "super" => _ = base.pop(),
            "self" => {}
            _ => base.push(token),
        }
        if tokens.peek().is_none_or(|(_, next)| next != "::") {
            paths.push(base);
            // `as name` is no part of the path.
            if tokens.next_if(|(_, next)| next == "as").is_some() {
                tokens.next();
            }
            return;
        }
        tokens.next();
    }
}

/// Words, `::` and single signs with their lines; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = skipped(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
            tokens.push((line, rest[..end].to_owned()));
            end
        } else if rest.starts_with("::") {
            tokens.push((line, "::".to_owned()));
            2
        } else {
            if !first.is_whitespace() {
                tokens.push((line, first.to_string()));
            }
            first.len_utf8()
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the comment or literal that `text` begins with.
fn skipped(text: &str) -> Option<usize> {
    let to = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return Some(to("\n", 2));
    }
    if text.starts_with("/*") {
        return Some(to("*/", 2));
    }
    if let Some(raw) = text.strip_prefix("r#").or_else(|| text.strip_prefix("r\"").map(|_| &text[1..])) {
        let hashes = text[1..].chars().take_while(|sign| *sign == '#').count();
        if raw.trim_start_matches('#').starts_with('"') {
            return Some(to(&format!("\"{}", "#".repeat(hashes)), hashes + 2));
        }
    }
    let quote = text.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    // A lifetime is no character: `'a` without a closing quote right behind one (possibly escaped) sign.
    let mut signs = text.char_indices().skip(1);
    let mut inside = 0;
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => _ = signs.next(),
            _ if sign == quote => return Some(at + 1),
            _ if quote == '\'' && inside > 0 && !text.starts_with("'\\") => return Some(1),
            _ => {}
        }
        inside += 1;
    }
    Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let module = ["volume".to_owned(), "part".to_owned()];
        edges(&module, text).into_iter().map(|edge| edge.to.join("::")).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        let text = "use crate::{\n    audio::{self, NotAudio as Not},\n    recording::Sid,\n};\nuse std::fmt;";
        assert_eq!(found(text), ["audio", "audio::NotAudio", "recording::Sid"]);
    }

    #[test]
    fn paths_in_code_count() {
        assert_eq!(found("fn f() -> crate::http::Answer { landfall::serve::run() }"), ["http::Answer", "serve::run"]);
    }

    #[test]
    fn super_climbs_from_where_it_stands() {
        assert_eq!(found("use super::{Part, super::audio};"), ["volume::Part", "audio"]);
        assert_eq!(found("mod tests { use super::*; }\nuse super::x;"), ["volume::part::*", "volume::x"]);
    }

    #[test]
    fn comments_and_literals_do_not_count() {
        assert_eq!(
            found("// crate::a\n/* crate::b */ \"crate::c \\\" crate::d\" r#\"crate::e \" \"# 'x' '\\'' \"\""),
            [""; 0]
        );
        assert_eq!(
            found("fn f<'a>(x: &'a str) -> crate::recording::Sid { '\"'; crate::audio::x }"),
            ["recording::Sid", "audio::x"]
        );
    }

    #[test]
    fn the_line_is_that_of_the_path() {
        let lines: Vec<usize> =
            edges(&[], "\n// one\nuse crate::a;\n\"\n\"; crate::b;").iter().map(|e| e.line).collect();
        assert_eq!(lines, [3, 5]);
    }
}
