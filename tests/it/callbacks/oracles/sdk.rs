//! The official SDKs: installed once under `target/oracles`, in the versions that `tests/oracles` names, and asked through
//! a small script each.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::requests::Request;

const NEED_PYTHON: &str = "Python 3 with venv is missing: sudo apt-get install python3 python3-venv";
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
    let venv = installed("python", &["requirements.txt"], |to| {
        run(Command::new("python3").args(["-m", "venv", "."]).current_dir(to), NEED_PYTHON);
        let mut pip = Command::new("bin/pip");
        run(pip.args(["install", "--quiet", "--requirement", "requirements.txt"]).current_dir(to), NEED_PYTHON);
    });
    let mut command = Command::new(venv.join("bin/python"));
    ask(command.env("PYTHONUTF8", "1").arg(scripts().join("pypi.py")), requests)
}

/// npm's `twilio`.
pub fn node(requests: &[Request]) -> Vec<Answer> {
    let packages = installed("node", &["package.json", "package-lock.json"], |to| {
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(to), NEED_NODE);
    });
    ask(Command::new("node").arg(scripts().join("npm.mjs")).arg(packages), requests)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

/// The directory of that name, made anew where the files that say what to install have changed.
fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracles").join(name);
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let wanted: String = files.iter().map(|file| read(scripts().join(file))).collect();
    let done = to.join(".installed");
    if read(done.clone()) != wanted {
        let _ = fs::remove_dir_all(&to);
        fs::create_dir_all(&to).expect("target can be written");
        for file in files {
            fs::copy(scripts().join(file), to.join(file)).expect("target can be written");
        }
        install(&to);
        fs::write(done, wanted).expect("target can be written");
    }
    to
}

fn run(command: &mut Command, need: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{need} ({command:?}: {error})"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed. Is the network there? {need}\n{said}");
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
