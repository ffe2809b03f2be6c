//! The official SDKs, asked through a small script each.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::requests::Request;
use crate::support::installed;

const NEED_NODE: &str = "Node.js with npm is missing: sudo apt-get install nodejs npm, or see https://nodejs.org";

/// What an SDK says of a request.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub accepts: bool,
    /// What it would have signed for the URL as it is spelled.
    pub signature: String,
}

/// PyPI's `twilio`.
pub fn python(requests: &[Request]) -> Vec<Answer> {
    let venv = installed::venv("python", "requirements.txt");
    let mut command = Command::new(venv.join("bin/python"));
    ask(command.env("PYTHONUTF8", "1").arg(installed::oracles().join("pypi.py")), requests)
}

/// npm's `twilio`.
pub fn node(requests: &[Request]) -> Vec<Answer> {
    let packages = installed::installed("node", &["package.json", "package-lock.json"], |to| {
        installed::run(
            Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(to),
            NEED_NODE,
        );
    });
    ask(Command::new("node").arg(installed::oracles().join("npm.mjs")).arg(packages), requests)
}

fn ask(command: &mut Command, requests: &[Request]) -> Vec<Answer> {
    let lines: String = requests.iter().map(|request| serde_json::to_string(request).expect("JSON") + "\n").collect();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Written beside the reading: neither pipe holds everything.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("the oracle ends");
    assert!(output.status.success(), "{command:?} failed: {}", output.status);
    writer.join().expect("no panic").expect("the oracle reads all");
    let answers = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<Answer> = answers.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), requests.len(), "one answer a request");
    answers
}
