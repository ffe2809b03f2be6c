//! Reports: as their schema says, comparable, and as a page of their own.

use std::process::ExitCode;

use serde_json::Value;

use super::support::{command, run_spawned};

/// The schema that is committed.
fn schema() -> Value {
    serde_json::from_str(include_str!("../../loadtest/report.schema.json")).expect("JSON")
}

#[test]
fn a_report_is_what_its_schema_says_and_can_be_compared_and_shown() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let page = tempfile::tempdir().unwrap();
    let html = page.path().join("report.html");
    let ran = run_spawned(
        "mixed-day",
        &["--assert", "connect.p50<20s", "--label", "a <b>", "--html", html.to_str().unwrap()],
    )
    .passed();
    let faults: Vec<String> =
        validator.iter_errors(&ran.report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let mut wrong = ran.report.clone();
    wrong["more"] = Value::Bool(true);
    assert!(!validator.is_valid(&wrong), "the schema allows anything");

    let text = std::fs::read_to_string(&html).unwrap();
    assert!(text.contains("<svg") && text.contains("a &lt;b&gt;") && !text.contains("<script"));
    assert!(ran.report["series"].as_array().is_some_and(|series| series.len() >= 2));

    let path = ran.file("report.json").display().to_string();
    assert_eq!(command(&["compare", &path, &path]), ExitCode::SUCCESS);
    let other = ran.file("other.html").display().to_string();
    assert_eq!(command(&["html", &path, &other]), ExitCode::SUCCESS);
    assert_eq!(std::fs::read_to_string(other).unwrap(), text);
    std::fs::write(ran.file("report.json"), "{}").unwrap();
    assert_eq!(command(&["compare", &path, &path]), ExitCode::from(1), "anything is taken for a report");
}
