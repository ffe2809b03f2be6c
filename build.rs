//! Lays the built console where `src/http/console.rs` compiles it in; without one, a page that says how to build it.

use std::path::Path;
use std::{env, fs, io};

const BUILT: &str = "web-client/dist";
const UNBUILT: &str = "src/http/console/unbuilt.html";
const MIGRATIONS: &str = "src/catalog/migrations";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={BUILT}");
    println!("cargo:rerun-if-changed={UNBUILT}");
    // They are compiled in; the compiler itself would not notice a new one.
    println!("cargo:rerun-if-changed={MIGRATIONS}");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let target = Path::new(&out).join("console");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;
    if Path::new(BUILT).join("index.html").exists() {
        copy(Path::new(BUILT), &target)
    } else {
        fs::copy(UNBUILT, target.join("index.html")).map(drop)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
