//! Looks a key up in the layers, file and environment, and gathers faults. Knows no key by name: it learns the keys
//! from being asked, so that no list of them can be forgotten.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::fault::{Fault, Faults, Parsed, Wrong, wrong};
use super::values::structured;

/// What every variable begins with.
pub(super) const PREFIX: &str = "LANDFALL_";
/// The largest file that holds one secret, or a list of accounts.
const MOST_SECRET_BYTES: u64 = 256 * 1024;

pub(super) struct Reader {
    table: Table,
    vars: BTreeMap<String, String>,
    /// Every key that was asked for, in that order.
    pub(super) known: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

/// What a key was set to, and the variable that did it.
struct Found {
    value: Parsed<Value>,
    variable: Option<String>,
}

impl Reader {
    /// Layers of a file's text and of variables. An empty variable counts as none, as compose files write those.
    pub(super) fn new(name: &str, file: &str, vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let vars = vars.into_iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty()).collect();
        let mut reader = Self { table: Table::new(), vars, known: Vec::new(), faults: Vec::new() };
        match file.parse() {
            Ok(table) => reader.table = table,
            Err(error) => reader.fault(name, None, syntax(file, &error)),
        }
        reader
    }

    /// Lets `LANDFALL_<SECTION>` override a whole section, as JSON.
    pub(super) fn section(&mut self, name: &str) {
        let variable = variable(name);
        if let Some(text) = self.vars.remove(&variable) {
            match structured(&Value::String(text)) {
                Ok(Value::Table(section)) => {
                    let into = self.table.entry(name).or_insert_with(|| Value::Table(Table::new()));
                    if let Some(into) = into.as_table_mut() {
                        into.extend(section);
                    }
                }
                Ok(_) => self.fault(name, Some(variable), no_section()),
                Err(wrong) => self.fault(name, Some(variable), wrong),
            }
        }
        if self.table.get(name).is_some_and(|value| !value.is_table()) {
            self.table.remove(name);
            self.fault(name, None, no_section());
        }
    }

    /// Whether a section is written, be it empty, or a variable sets one of its keys.
    pub(super) fn has_section(&self, name: &str) -> bool {
        let variables = format!("{}__", variable(name));
        self.table.contains_key(name) || self.vars.keys().any(|variable| variable.starts_with(&variables))
    }

    /// The value of a key, or its default where it is unset or wrong.
    pub(super) fn read<T>(&mut self, key: &str, default: T, parse: impl Fn(&Value) -> Parsed<T>) -> T {
        self.optional(key, parse).unwrap_or(default)
    }

    /// The value of a key that need not be set.
    pub(super) fn optional<T>(&mut self, key: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        self.known.push(key.to_owned());
        let found = self.find(key);
        self.settle(key, found, parse)
    }

    /// The same, when it may also stand in a file of its own.
    pub(super) fn secret<T>(&mut self, key: &str, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        self.known.push(key.to_owned());
        let in_file = format!("{key}_file");
        let plain = self.find(key);
        let file = self.find(&in_file);
        let found = match (plain, file) {
            (Some(plain), Some(file)) if plain.variable.is_some() == file.variable.is_some() => {
                self.fault(key, plain.variable, both());
                return None;
            }
            // A variable overrides the file, whichever of the two ways each of them takes.
            (Some(plain), Some(file)) if plain.variable.is_none() => Some(opened(file)),
            (Some(plain), _) => Some(plain),
            (None, file) => file.map(opened),
        };
        self.settle(key, found, parse)
    }

    fn settle<T>(&mut self, key: &str, found: Option<Found>, parse: impl Fn(&Value) -> Parsed<T>) -> Option<T> {
        let Found { value, variable } = found?;
        match value.and_then(|value| parse(&value)) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.fault(key, variable, wrong);
                None
            }
        }
    }

    fn find(&mut self, key: &str) -> Option<Found> {
        let in_file = match key.split_once('.') {
            Some((section, name)) => self.table.get_mut(section).and_then(|it| it.as_table_mut()?.remove(name)),
            None => self.table.remove(key),
        };
        let variable = variable(key);
        match self.vars.remove(&variable) {
            Some(text) => Some(Found { value: Ok(Value::String(text)), variable: Some(variable) }),
            None => in_file.map(|value| Found { value: Ok(value), variable: None }),
        }
    }

    /// Notes that a key is wrong.
    pub(super) fn fault(&mut self, key: &str, variable: Option<String>, wrong: Wrong) {
        self.faults.push(Fault { key: key.to_owned(), variable, wrong });
    }

    /// Whether something about this key, or about a key under it, is wrong already.
    pub(super) fn is_faulty(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key.starts_with(key))
    }

    /// Names what nobody asked for, and tells whether all was well.
    pub(super) fn finish(&mut self) -> Result<(), Faults> {
        for (name, value) in std::mem::take(&mut self.table) {
            match value {
                Value::Table(section) => {
                    section.keys().for_each(|key| self.unknown(&format!("{name}.{key}")));
                    if section.is_empty() && !self.is_section(&name) {
                        self.unknown(&name);
                    }
                }
                _ => self.unknown(&name),
            }
        }
        for name in std::mem::take(&mut self.vars).into_keys() {
            self.stray(name);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(std::mem::take(&mut self.faults))) }
    }

    fn unknown(&mut self, key: &str) {
        let mend = match self.nearest(key, 3) {
            Some(meant) => format!("Correct the name: it looks like {meant}"),
            None => "Remove it; docs/configuration.md lists all keys".into(),
        };
        self.fault(key, None, Wrong { what: "is no known key".into(), mend });
    }

    /// A variable that no key took. Orchestrators and scripts have some of their own that begin like ours: only one
    /// that names a section or looks like a slip is a fault.
    fn stray(&mut self, name: String) {
        let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
        let ours = key.split_once('.').is_some_and(|(section, _)| self.is_section(section));
        let mend = match self.nearest(&key, 1 + key.len() / 8) {
            Some(meant) => format!("Correct the name: it looks like {}", variable(&meant)),
            None if ours => "Remove it; docs/configuration.md lists all variables".into(),
            None => return,
        };
        self.fault(&key, Some(name), Wrong { what: "is no known key".into(), mend });
    }

    fn is_section(&self, name: &str) -> bool {
        self.known.iter().any(|key| key.split_once('.').is_some_and(|(section, _)| section == name))
    }

    /// The known key that somebody who wrote `key` may have meant, within so many slips.
    fn nearest(&self, key: &str, slips: usize) -> Option<String> {
        let plain = |key: &str| key.replace('.', "_");
        let distance = |known: &&String| strsim::osa_distance(&plain(known), &plain(key));
        let near = self.known.iter().min_by_key(distance).filter(|known| distance(known) <= slips);
        near.cloned()
    }
}

/// The variable that overrides a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// What stands in the file that was named instead of a secret.
fn opened(file: Found) -> Found {
    let read = |value: Value| match value.as_str().map(Path::new) {
        Some(path) => content(path),
        None => wrong("names a file that is no text", "Write the path in quotes"),
    };
    Found { value: file.value.and_then(read), variable: file.variable }
}

/// The content of a secret's file, without the line end that editors add.
pub(super) fn content(path: &Path) -> Parsed<Value> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MOST_SECRET_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(Value::String(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => {
            wrong(format!("cannot be read from {}: {error}", path.display()), "Check the path and who may read it")
        }
    }
}

fn syntax(file: &str, error: &toml::de::Error) -> Wrong {
    // Not the error's own text: it shows the line, which may hold a secret.
    let before = error.span().and_then(|span| file.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    Wrong { what: format!("is no TOML (line {line}): {}", error.message()), mend: "Correct that line".into() }
}

fn no_section() -> Wrong {
    Wrong { what: "is no section".into(), mend: "Write keys under it, in a variable as a JSON object".into() }
}

fn both() -> Wrong {
    Wrong { what: "is set twice, by value and by file".into(), mend: "Keep one of the two".into() }
}
