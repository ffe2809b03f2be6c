//! The house as a specification: who may use whom, and how files begin. Reads the source text; knows no compiler.

mod edges;

use std::fs;
use std::path::{Path, PathBuf};

use edges::{Edge, edges};

/// The floors from the ground up. A room uses lower floors only; rooms of one floor do not know each other.
const FLOORS: [(&str, &[&str]); 7] = [
    ("words", &["recording", "secret"]),
    ("0", &["audio", "broker", "range", "telemetry"]),
    ("1", &["catalog", "jobs", "peers", "registry", "signals", "source", "volume"]),
    ("2", &["audit", "auth", "delivery", "fetch", "retention", "sharing", "waveforms"]),
    ("3", &["http"]),
    ("4", &["serve", "work"]),
    (ROOF, &["cli", "config", "fuzzing", "main"]),
];

/// The one floor whose rooms may use each other: commands read the configuration, `main` runs the commands.
const ROOF: &str = "5";

/// What the handlers in `http/` have in common, beside what `http.rs` itself holds: the words of the wire, and what is
/// known of a caller and its bounds. A handler uses these and no other handler; these use no handler.
const SHARED_BY_HANDLERS: &[&str] =
    &["app", "caller", "cors", "deeds", "fields", "limits", "problem", "protocol", "request_id", "watching"];

/// What lies around the handlers: it may use them, and none of them knows it.
const AROUND_HANDLERS: &[&str] = &["connection", "lanes", "layer", "openapi", "operators"];

/// Lines a file may have before it must say why.
const LONG: usize = 400;

#[test]
fn rooms_use_lower_floors_only() {
    let files = rust_files("src");
    assert!(files.len() > 10, "src/ was not found");
    let faults: Vec<String> = files.iter().flat_map(|file| faults_of(file)).collect();
    assert!(faults.is_empty(), "\n{}\n\nThe floors are in tests/floors/main.rs.\n", faults.join("\n"));
}

#[test]
fn files_say_in_their_first_line_what_they_are() {
    let silent: Vec<String> = all_rust_files()
        .filter(|path| !fs::read_to_string(path).expect("a readable file").starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "begin with a line `//! …`, what this is and what it does not know: {silent:#?}");
}

#[test]
fn long_files_say_why() {
    let unexcused: Vec<String> = all_rust_files()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("a readable file");
            let excused = text.lines().take(30).any(|line| line.starts_with("// Long because: "));
            text.lines().count() > LONG && !excused
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(
        unexcused.is_empty(),
        "split these files of more than {LONG} lines, or say `// Long because: …` near the top: {unexcused:#?}"
    );
}

#[test]
fn an_upward_edge_is_a_fault() {
    let told = fault("volume", "http::problem").expect("a fault");
    assert!(told.contains("volume (floor 1) uses http (floor 3)"), "{told}");
}

#[test]
fn an_edge_between_siblings_is_a_fault() {
    assert!(fault("volume::landing", "catalog::Row").is_some());
    assert!(fault("delivery", "fetch::run").is_some());
    assert!(fault("audio", "telemetry::webhook").is_some());
}

#[test]
fn an_edge_downwards_or_inside_a_room_is_none() {
    assert_eq!(fault("delivery", "volume::Volume"), None);
    assert_eq!(fault("volume::landing", "volume::part::Part"), None);
    assert_eq!(fault("telemetry", "recording::Sid"), None);
}

#[test]
fn only_on_the_roof_do_rooms_use_each_other() {
    assert_eq!(fault("cli::serve", "config::Config"), None);
    assert_eq!(fault("main", "cli::run"), None);
    assert!(fault("serve", "work::run").is_some());
    assert!(fault("serve", "config::Config").is_some());
}

#[test]
fn handlers_meet_only_in_what_they_share() {
    assert_eq!(fault("http::media", "http::problem::Problem"), None);
    assert_eq!(fault("http::media", "http::Shared"), None);
    assert_eq!(fault("http", "http::media::file"), None);
    assert_eq!(fault("http::problem", "http::protocol::Message"), None);
    assert_eq!(fault("http::layer", "http::media::answer"), None);
    assert!(fault("http::media", "http::layer::Layer").is_some());
    assert!(fault("http::media", "http::recordings::state").is_some());
    assert!(fault("http::problem", "http::media::file").is_some());
}

#[test]
fn an_unknown_room_is_a_fault() {
    assert!(fault("volume", "attic::Box").is_some());
    assert!(fault("attic", "recording::Sid").is_some());
}

/// What is wrong with the edges of one file.
fn faults_of(path: &Path) -> Vec<String> {
    let module = module_of(path);
    if module.is_empty() {
        return Vec::new(); // lib.rs names every room and uses none
    }
    let text = fs::read_to_string(path).expect("a readable file");
    edges(&module, &text)
        .into_iter()
        .filter_map(|Edge { line, to }| {
            let why = judge(&module, &to)?;
            Some(format!("src/{}:{line}: {why}", path.strip_prefix(root().join("src")).expect("in src").display()))
        })
        .collect()
}

/// Why `from` must not use `to`, both as paths from the crate's root.
fn judge(from: &[String], to: &[String]) -> Option<String> {
    let [room, target] = [from.first()?, to.first()?];
    let Some(height) = height(room) else {
        return Some(format!("{room} has no floor yet: give it one in tests/floors/main.rs"));
    };
    let Some(target_height) = self::height(target) else {
        return Some(format!("{target} has no floor: it is no room, or needs a line in tests/floors/main.rs"));
    };
    if room == target {
        return if room == "http" { judge_handlers(from, to) } else { None };
    }
    let [(floor, _), (target_floor, _)] = [FLOORS[height], FLOORS[target_height]];
    let edge = format!("{room} (floor {floor}) uses {target} (floor {target_floor})");
    if target_height > height {
        return Some(format!("{edge}, which is above it: hand down what is needed as an argument or a port"));
    }
    (target_height == height && floor != ROOF)
        .then(|| format!("{edge}, its sibling: let the floor above bring the two together"))
}

/// Inside `http`: the root uses all, all use the root and what is shared, nobody uses a handler.
fn judge_handlers(from: &[String], to: &[String]) -> Option<String> {
    let [handler, target] = [from.get(1)?, to.get(1)?];
    let is_module = target.starts_with(char::is_lowercase) && !is_function_of_root(target);
    let around = AROUND_HANDLERS.contains(&handler.as_str());
    let fine = handler == target || !is_module || around || SHARED_BY_HANDLERS.contains(&target.as_str());
    (!fine).then(|| {
        format!(
            "http::{handler} uses http::{target}: handlers know each other only through {} and http.rs itself",
            SHARED_BY_HANDLERS.join(", ")
        )
    })
}

/// `http.rs` may hold functions for all handlers; a submodule has a file of its own.
fn is_function_of_root(name: &str) -> bool {
    let http = root().join("src/http");
    http.is_dir() && !http.join(format!("{name}.rs")).exists() && !http.join(name).is_dir()
}

fn height(room: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, rooms)| rooms.contains(&room))
}

/// The verdict on an edge, for the tests of the rules.
fn fault(from: &str, to: &str) -> Option<String> {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    judge(&path(from), &path(to))
}

/// `src/volume/part.rs` → `volume::part`; empty for `lib.rs`.
fn module_of(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix(root().join("src")).expect("a file in src").with_extension("");
    let mut module: Vec<String> =
        inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "lib" || last == "mod") {
        module.pop();
    }
    module
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all_rust_files() -> impl Iterator<Item = PathBuf> {
    ["src", "tests", "benches", "fuzz", "loadtest/src", "loadtest/tests"].into_iter().flat_map(rust_files)
}

/// Every Rust file below a directory; none where it does not exist.
fn rust_files(below: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
