//! The rows of an import file, CSV or JSON lines, each with the number of its line. Knows no server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::recording::Sid;

const CALL_SID: &str = "call_sid";
/// What may be told of a call, as the API calls it.
const FIELDS: [&str; 9] =
    ["tenant", "account_sid", "recording_sid", "started_at", "duration_s", "from", "to", "direction", "title"];
/// The longest line of JSON.
const MOST_LINE_BYTES: u64 = 64 * 1024;
/// What spreadsheets put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A call to register.
pub(super) struct Row {
    pub(super) call_sid: Sid,
    /// The request's body.
    pub(super) fields: Map<String, Value>,
}

/// The rows of a file, from its first line to its last.
pub(super) struct Rows(Box<dyn Iterator<Item = (u64, Result<Row, String>)>>);

impl Iterator for Rows {
    type Item = (u64, Result<Row, String>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl Rows {
    /// Opens a file: JSON lines when it begins with a brace, else CSV, whose header must be good.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let mut file = BufReader::new(File::open(path).map_err(|error| error.to_string())?);
        let start = file.fill_buf().map_err(|error| error.to_string())?;
        if start.starts_with(BYTE_ORDER_MARK) {
            file.consume(BYTE_ORDER_MARK.len());
        }
        let start = file.fill_buf().map_err(|error| error.to_string())?;
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            Some(b'{') => Ok(json_lines(file)),
            Some(b'[') => Err("it is one JSON list; write one object a line (`jq -c '.[]'` does)".into()),
            _ => csv(file),
        }
    }
}

fn csv(file: impl Read + 'static) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let known = |name: &str| name == CALL_SID || FIELDS.contains(&name);
    if let Some(unknown) = header.iter().find(|name| !known(name)) {
        return Err(format!("line 1: there is no field {unknown:?}; the fields are {CALL_SID}, {}", FIELDS.join(", ")));
    }
    if !header.iter().any(|name| name == CALL_SID) {
        return Err(format!("line 1: the header has no {CALL_SID}"));
    }
    let rows = reader.into_records().map(move |record| match record {
        Ok(record) => {
            let line = record.position().map_or(0, csv::Position::line);
            let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
            (line, row(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect()))
        }
        Err(error) => (error.position().map_or(0, csv::Position::line), Err(unreadable(&error))),
    });
    Ok(Rows(Box::new(rows)))
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells, and the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".into(),
        _ => error.to_string(),
    }
}

fn json_lines(mut file: impl BufRead + 'static) -> Rows {
    let (mut number, mut broken) = (0, false);
    let rows = std::iter::from_fn(move || {
        while !broken {
            let mut line = Vec::new();
            number += 1;
            match file.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) if line.len() as u64 == MOST_LINE_BYTES && line.last() != Some(&b'\n') => {
                    // The rest of it would be read as lines of their own.
                    let rest = file.skip_until(b'\n').err().map(|error| error.to_string());
                    return Some((number, Err(rest.unwrap_or_else(|| "it is longer than 64 KiB".into()))));
                }
                Ok(_) => return Some((number, object(&line).and_then(row))),
                Err(error) => {
                    broken = true;
                    return Some((number, Err(error.to_string())));
                }
            }
        }
        None
    });
    Rows(Box::new(rows))
}

fn object(line: &[u8]) -> Result<Map<String, Value>, String> {
    let fields: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON object: {error}"))?;
    match fields.keys().find(|name| *name != CALL_SID && !FIELDS.contains(&name.as_str())) {
        Some(unknown) => Err(format!("there is no field {unknown:?}")),
        None => Ok(fields),
    }
}

/// What the API wants: a SID in the path, a number where numbers belong, and text everywhere else.
fn row(mut fields: Map<String, Value>) -> Result<Row, String> {
    fields.retain(|_, value| !value.is_null());
    let sid = fields.remove(CALL_SID).ok_or_else(|| format!("{CALL_SID} is missing"))?;
    let call_sid: Sid = match sid.as_str().unwrap_or_default().parse() {
        Ok(sid) => sid,
        Err(error) => return Err(format!("{CALL_SID}: {error}")),
    };
    for (name, value) in &mut fields {
        match value {
            Value::String(text) if name == "duration_s" => {
                let number: u32 = text.parse().map_err(|_| format!("duration_s: {text:?} is no whole number"))?;
                *value = number.into();
            }
            // Tenants and telephone numbers that somebody's export wrote as numbers.
            Value::Number(number) if name != "duration_s" => *value = number.to_string().into(),
            _ => {}
        }
    }
    Ok(Row { call_sid, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "CA00000000000000000000000000000001";

    type Read = (u64, Result<Value, String>);

    fn rows(content: &[u8]) -> Result<Vec<Read>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let plain = |row: Row| Value::Object(row.fields);
        Rows::open(file.path()).map(|rows| rows.map(|(line, row)| (line, row.map(plain))).collect())
    }

    #[test]
    fn csv_is_read_by_its_header_and_empty_cells_are_left_out() {
        let text = format!("\u{feff}call_sid, tenant,duration_s,title\n{SID},7,61,\"a, \"\"b\"\"\nc\"\n{SID},8,,\n");
        let rows = rows(text.as_bytes()).unwrap();
        assert_eq!(rows[0], (2, Ok(serde_json::json!({"tenant": "7", "duration_s": 61, "title": "a, \"b\"\nc"}))));
        assert_eq!(rows[1], (4, Ok(serde_json::json!({"tenant": "8"}))));
    }

    #[test]
    fn json_lines_are_read_and_numbers_become_text_where_text_belongs() {
        let text =
            format!("\n{{\"call_sid\":\"{SID}\",\"tenant\":7,\"duration_s\":61,\"title\":null}}\n\n[]\n{{\"x\":1}}");
        let rows = rows(text.as_bytes()).unwrap();
        assert_eq!(rows[0], (2, Ok(serde_json::json!({"tenant": "7", "duration_s": 61}))));
        assert_eq!((rows[1].0, rows[2].0, rows.len()), (4, 5, 3));
        assert_eq!(rows[2].1, Err("there is no field \"x\"".into()));
    }

    #[test]
    fn a_bad_header_is_told_before_anything_is_registered() {
        assert!(rows(b"call_sid,tennant\n").unwrap_err().contains("tennant"));
        assert!(rows(b"tenant,title\n").unwrap_err().contains("call_sid"));
        assert!(rows(b"[{}]").unwrap_err().contains("jq"));
        assert!(rows(b"").is_err());
    }

    #[test]
    fn bad_lines_are_told_and_the_next_is_read() {
        let text = format!("call_sid,duration_s\nCA1,1\n{SID},1,2\n{SID},1 min\n,5\n{SID},5\n");
        let rows = rows(text.as_bytes()).unwrap();
        let (lines, good): (Vec<u64>, Vec<bool>) = rows.iter().map(|(line, row)| (*line, row.is_ok())).unzip();
        assert_eq!((lines, good), (vec![2, 3, 4, 5, 6], vec![false, false, false, false, true]));
    }

    #[test]
    fn an_endless_line_is_one_failure() {
        let mut text = format!("{{\"title\":\"{}\"}}\n", "x".repeat(200_000)).into_bytes();
        text.extend(format!("{{\"call_sid\":\"{SID}\"}}").bytes());
        let rows = rows(&text).unwrap();
        assert_eq!(rows[0], (1, Err("it is longer than 64 KiB".into())));
        assert!(rows[1].1.is_ok() && rows.len() == 2);
    }
}
