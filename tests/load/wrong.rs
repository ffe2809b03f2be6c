//! What a server does wrong is caught, named and fails the run; and a generator that is late says that it is.

use std::path::Path;
use std::process::ExitCode;

use loadtest::server::{Server, Setup};
use loadtest::twilio::{Options, Simulator};
use serde_json::json;

use super::faulty::{Fault, before};
use super::support::{LANDFALL, Ran, command, run, run_spawned};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INVALID: u8 = 3;

/// Listeners against a server that runs already, through the faulty proxy.
fn against(fault: Fault, more: &[&str]) -> Ran {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let simulator = runtime.block_on(Simulator::start(Options::default())).expect("a simulator");
    let home = tempfile::tempdir().expect("a directory");
    let account = simulator.account();
    let accounts = json!([{"account_sid": account.sid, "auth_token": account.auth_token}]).to_string();
    let server = Server::start(&Setup {
        binary: Path::new(LANDFALL),
        home: home.path(),
        api_base: simulator.base_url(),
        account,
        core: None,
        settings: &[("LANDFALL_TWILIO__ACCOUNTS", &accounts)],
    })
    .expect("a server");
    let url = format!("http://{}", runtime.block_on(before(server.address(), fault)));
    let volume = server.volume().display().to_string();
    let target =
        ["--url", &url, "--secret", Server::secret(), "--simulator", simulator.base_url(), "--volume", &volume];
    run("listeners", &[&target, more].concat())
}

/// That the run failed for this and nothing worse, and shows an example of it.
fn caught(ran: &Ran, violation: &str) {
    assert_eq!(ran.status, ExitCode::from(FAILED), "{:#}", ran.report["reasons"]);
    assert!(ran.count("violations", violation) > 0, "{:#}", ran.report["violations"]);
    let examples = ran.report["examples"].as_array().expect("a list");
    assert!(examples.iter().any(|example| example.as_str().is_some_and(|text| text.starts_with(violation))));
}

#[test]
fn a_proxy_that_changes_nothing_finds_nothing() {
    let ran = against(Fault::None, &[]).passed();
    assert!(ran.latencies("ready") > 0);
}

#[test]
fn a_wrong_bit_is_caught() {
    caught(&against(Fault::Corrupts, &[]), "corrupt");
}

#[test]
fn a_push_that_never_comes_is_caught() {
    caught(&against(Fault::Misses, &["--patience", "2s", "--fresh", "0.5"]), "missed");
}

#[test]
fn a_push_that_comes_twice_is_caught() {
    caught(&against(Fault::Doubles, &[]), "doubled");
}

#[test]
fn what_another_tenant_can_see_is_caught() {
    caught(&against(Fault::Leaks, &[]), "leaked");
}

#[test]
fn ready_without_bytes_is_caught() {
    caught(&against(Fault::Forgets, &[]), "unready");
}

#[test]
fn a_threshold_that_does_not_hold_fails_the_run() {
    let ran = run_spawned("seeking-storm", &["--assert", "seek.p50<1us", "--assert", "errors<1"]);
    assert_eq!((ran.status, &ran.report["verdict"]), (ExitCode::from(FAILED), &json!("fail")));
    let passed: Vec<_> = ran.report["thresholds"].as_array().unwrap().iter().map(|judged| &judged["passed"]).collect();
    assert_eq!(passed, [false, true]);
}

#[test]
fn a_generator_that_is_late_makes_the_run_invalid() {
    // No timer is that exact.
    let ran = run_spawned("seeking-storm", &["--max-lag", "1us"]);
    assert_eq!((ran.status, &ran.report["verdict"]), (ExitCode::from(INVALID), &json!("invalid")));
}

#[test]
fn arrivals_that_find_no_place_make_the_run_invalid() {
    let ran = run_spawned("listeners", &["--max-in-flight", "1"]);
    assert_eq!(ran.status, ExitCode::from(INVALID));
    assert!(ran.report["generator"]["dropped"].as_u64().unwrap() > 0);
}

#[test]
fn other_machines_are_not_aimed_at_unless_asked_to() {
    // An address for documentation (RFC 5737): refused before anything is sent.
    let ran = run("listeners", &["--url", "http://192.0.2.1", "--secret", "x"]);
    assert_eq!((ran.status, ran.report.is_null()), (ExitCode::from(FAILED), true));
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    assert_eq!(command(&["run", "listeners"]), ExitCode::from(USAGE));
    assert_eq!(command(&["run", "listeners", "--spawn", LANDFALL, "--assert", "redy.p99<1ms"]), ExitCode::from(USAGE));
    assert_eq!(command(&["--help"]), ExitCode::SUCCESS);
}
