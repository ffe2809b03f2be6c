//! `rq.*`: how downloads are handed to the workers of an existing RQ. Knows no Redis.

use std::time::Duration;

use serde_json::Value as Json;
use toml::Value;

use super::fault::{Parsed, wrong};
use super::reader::Reader;
use super::values::{choice, duration, structured, text};
use crate::jobs::RqOptions;
use crate::jobs::rq::{Call, Serializer, known_names, unknown_name};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// `rq.*`
#[derive(Clone, Debug)]
pub struct RqConfig {
    /// The queue.
    pub queue: String,
    /// The dotted name of the function to be called.
    pub function: Option<String>,
    /// Its arguments by place, with names in braces for what differs from job to job.
    pub args: Vec<Json>,
    /// Its arguments by name.
    pub kwargs: Vec<(String, Json)>,
    /// How the workers read a job.
    pub serializer: Serializer,
    /// How long a worker may be at one job.
    pub job_timeout: Duration,
    /// How long a job that is done is remembered.
    pub result_ttl: Duration,
    /// How long one that failed is.
    pub failure_ttl: Duration,
}

impl RqConfig {
    /// The options of the queue; none where no function is named.
    pub(super) fn options(&self) -> Option<RqOptions> {
        let call = Call { function: self.function.clone()?, args: self.args.clone(), kwargs: self.kwargs.clone() };
        Some(RqOptions {
            queue: self.queue.clone(),
            call,
            serializer: self.serializer,
            job_timeout: self.job_timeout,
            result_ttl: self.result_ttl,
            failure_ttl: self.failure_ttl,
        })
    }
}

pub(super) fn read(from: &mut Reader) -> RqConfig {
    let args = || ["{call_sid}", "{recording_url}"].map(Json::from).to_vec();
    RqConfig {
        queue: from.read("rq.queue", "recordings".into(), queue),
        function: from.optional("rq.function", function),
        args: from.optional("rq.args", arguments).unwrap_or_else(args),
        kwargs: from.optional("rq.kwargs", named_arguments).unwrap_or_default(),
        serializer: {
            let words = [("pickle", Serializer::Pickle), ("json", Serializer::Json)];
            from.read("rq.serializer", Serializer::Pickle, choice(words))
        },
        job_timeout: from.read("rq.job_timeout", 3 * MINUTE, duration(SECOND, DAY)),
        // What is forgotten sooner cannot be told from what was never there.
        result_ttl: from.read("rq.result_ttl", 10 * MINUTE, duration(MINUTE, 365 * DAY)),
        failure_ttl: from.read("rq.failure_ttl", 7 * DAY, duration(MINUTE, 365 * DAY)),
    }
}

fn queue(value: &Value) -> Parsed<String> {
    let text = text(value)?;
    let fits = text.len() <= 128 && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(text) } else { wrong("is no name of a queue", "Write the name that `rq worker` is given") }
}

fn function(value: &Value) -> Parsed<String> {
    let text = text(value)?;
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    match text.contains('.') && text.split('.').all(is_name) {
        true => Ok(text),
        false => wrong("is no dotted name of a function", "Write one like app.tasks.download_recording"),
    }
}

fn arguments(value: &Value) -> Parsed<Vec<Json>> {
    match structured(value)? {
        Value::Array(items) => items.iter().map(argument).collect(),
        _ => wrong("is no list", "Write a list like [\"{call_sid}\"]; in a variable, as JSON"),
    }
}

fn named_arguments(value: &Value) -> Parsed<Vec<(String, Json)>> {
    match structured(value)? {
        Value::Table(members) => {
            members.iter().map(|(name, value)| argument(value).map(|value| (name.clone(), value))).collect()
        }
        _ => wrong("is no table", "Write one like { tenant = \"{tenant}\" }; in a variable, a JSON object"),
    }
}

fn argument(value: &Value) -> Parsed<Json> {
    let Ok(json) = serde_json::to_value(value) else {
        return wrong("has a value that cannot be handed on", "Use texts, whole numbers, lists and tables");
    };
    match unknown_name(&json) {
        Some(name) => wrong(format!("has {name:?}, which no recording has"), format!("Use {}", known_names())),
        None => Ok(json),
    }
}
