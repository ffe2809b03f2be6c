//! What the workers' function is called with: a template of arguments, filled in for one recording. Knows no Redis.

use serde_json::Value;

use crate::recording::{Sid, Tenant};

/// What a job's function can be told of its recording.
#[derive(Clone, Debug)]
pub struct Told {
    /// The name it is stored under: that of the file, without its extension.
    pub sid: Sid,
    /// The call it belongs to.
    pub call_sid: Sid,
    /// The provider's name for it, where it is known.
    pub recording_sid: Option<Sid>,
    /// Where the provider has it; known with its name.
    pub recording_url: Option<String>,
    /// The provider's account.
    pub account_sid: String,
    /// Whose it is.
    pub tenant: Tenant,
}

/// The names that a template may have in braces.
const NAMES: [&str; 7] = ["sid", "call_sid", "recording_sid", "recording_url", "account_sid", "tenant", "tenant:int"];

/// A function of the workers' and its arguments, with names in braces for what differs from job to job.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The dotted name by which Python imports it.
    pub function: String,
    /// By place.
    pub args: Vec<Value>,
    /// By name.
    pub kwargs: Vec<(String, Value)>,
}

/// How the workers read a job's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serializer {
    /// RQ's own default.
    Pickle,
    /// RQ's `JSONSerializer`.
    Json,
}

impl Call {
    /// Whether it needs the provider's name for the recording.
    pub(super) fn names_recording(&self) -> bool {
        let named = |value: &Value| value.to_string().contains("{recording_");
        self.args.iter().chain(self.kwargs.iter().map(|(_, value)| value)).any(named)
    }

    /// What RQ keeps as the job's data, before it is packed.
    pub(super) fn data(&self, told: &Told, serializer: Serializer) -> Vec<u8> {
        let args: Vec<Value> = self.args.iter().map(|value| filled(value, told)).collect();
        let kwargs: Vec<(String, Value)> =
            self.kwargs.iter().map(|(name, value)| (name.clone(), filled(value, told))).collect();
        match serializer {
            Serializer::Pickle => super::pickle::call(&self.function, &args, &kwargs),
            Serializer::Json => {
                let kwargs = kwargs.into_iter().collect::<serde_json::Map<_, _>>();
                serde_json::json!([self.function, null, args, kwargs]).to_string().into_bytes()
            }
        }
    }
}

/// The name in braces that no recording can fill, if the value has one.
pub fn unknown_name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => pieces(text).find_map(|piece| match piece {
            Piece::Name(name) => (!NAMES.contains(&name)).then(|| name.to_owned()),
            Piece::Text(text) => text.contains(['{', '}']).then(|| text.to_owned()),
        }),
        Value::Array(items) => items.iter().find_map(unknown_name),
        Value::Object(members) => members.values().find_map(unknown_name),
        _ => None,
    }
}

/// The names that [`unknown_name`] knows, for people.
pub fn known_names() -> String {
    NAMES.map(|name| format!("{{{name}}}")).join(", ")
}

fn filled(value: &Value, told: &Told) -> Value {
    match value {
        Value::String(text) => fill(text, told),
        Value::Array(items) => items.iter().map(|item| filled(item, told)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), filled(value, told))).collect(),
        other => other.clone(),
    }
}

/// A name that stands alone becomes what it stands for, which may be nothing; within a text, nothing is no text.
fn fill(text: &str, told: &Told) -> Value {
    let mut pieces = pieces(text).peekable();
    if let (Some(Piece::Name(name)), None) = (pieces.next(), pieces.peek()) {
        return named(name, told);
    }
    let text = self::pieces(text).map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => match named(name, told) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        },
    });
    Value::String(text.collect())
}

fn named(name: &str, told: &Told) -> Value {
    let tenant = told.tenant.as_str();
    match name {
        "sid" => told.sid.as_str().into(),
        "call_sid" => told.call_sid.as_str().into(),
        "recording_sid" => told.recording_sid.as_ref().map(Sid::as_str).into(),
        "recording_url" => told.recording_url.clone().into(),
        "account_sid" => told.account_sid.as_str().into(),
        "tenant:int" => tenant.parse::<i64>().map_or_else(|_| tenant.into(), Value::from),
        _ => tenant.into(),
    }
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let name = rest.strip_prefix('{').and_then(|after| after.split_once('}'));
        if let Some((name, after)) = name {
            rest = after;
            return Some(Piece::Name(name));
        }
        // A brace that is never closed is text.
        let end = rest.get(1..).and_then(|tail| tail.find('{')).map_or(rest.len(), |at| at + 1);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(tenant: &str, recording: Option<&str>) -> Told {
        Told {
            sid: "CA00000000000000000000000000000001".parse().unwrap(),
            call_sid: "CA00000000000000000000000000000001".parse().unwrap(),
            recording_sid: recording.map(|name| name.parse().unwrap()),
            recording_url: recording.map(|name| format!("https://api.example/Recordings/{name}")),
            account_sid: "AC1".into(),
            tenant: Tenant::new(tenant).unwrap(),
        }
    }

    #[test]
    fn a_name_alone_keeps_its_kind_and_within_a_text_it_is_text() {
        let told = told("7", Some("RE00000000000000000000000000000002"));
        assert_eq!(filled(&json!("{call_sid}"), &told), json!("CA00000000000000000000000000000001"));
        assert_eq!(filled(&json!("{tenant}"), &told), json!("7"));
        assert_eq!(filled(&json!("{tenant:int}"), &told), json!(7));
        assert_eq!(filled(&json!("t{tenant:int}/{account_sid}!"), &told), json!("t7/AC1!"));
        assert_eq!(
            filled(&json!(["{tenant}", {"deep": ["{tenant:int}", true, 1.5]}]), &told),
            json!(["7", {"deep": [7, true, 1.5]}])
        );
    }

    #[test]
    fn what_is_not_known_is_none() {
        let told = told("t", None);
        assert_eq!(filled(&json!("{recording_url}"), &told), Value::Null);
        assert_eq!(filled(&json!("<{recording_sid}>"), &told), json!("<>"));
        assert_eq!(filled(&json!("{tenant:int}"), &told), json!("t"), "a tenant that is no number stays a text");
    }

    #[test]
    fn a_name_that_nothing_fills_is_found_wherever_it_stands() {
        for bad in [json!("{calsid}"), json!("a{"), json!("}"), json!(["x", {"y": "{}"}]), json!("é{é}")] {
            assert!(unknown_name(&bad).is_some(), "{bad}");
        }
        for good in [json!("{sid}{sid}"), json!("plain"), json!(""), json!(7), json!(["{tenant:int}"])] {
            assert_eq!(unknown_name(&good), None, "{good}");
        }
    }
}
