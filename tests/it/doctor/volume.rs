//! What can be wrong with the volume.

use std::os::unix::fs::PermissionsExt;

use super::{Doctor, running, stopped};

#[tokio::test]
async fn a_volume_that_went_missing_fails_and_is_told_from_one_that_was_never_there() {
    let bench = stopped().await;
    std::fs::rename(bench.volume(), bench.directory.path().join("moved")).unwrap();
    let said = Doctor::of(&bench).json().await;
    assert_eq!(said.status, 1);
    said.holds("volume", "fail", &["is missing, although the catalog", "findmnt"]);
    // Its mount point is left, and is empty.
    std::fs::create_dir(bench.volume()).unwrap();
    let said = Doctor::of(&bench).json().await;
    said.holds("volume", "fail", &["an empty mount point?"]);
    assert_eq!(std::fs::read_dir(bench.volume()).unwrap().count(), 0, "it makes no volume of it");
}

#[tokio::test]
async fn a_server_that_lost_its_volume_is_named_as_not_ready() {
    let (bench, process) = running().await;
    std::fs::rename(bench.volume(), bench.directory.path().join("moved")).unwrap();
    let said = Doctor::of(&bench).json().await;
    said.holds("server", "fail", &["volume_unavailable"]);
    process.kill().await;
}

#[tokio::test]
async fn a_volume_that_takes_no_files_fails_with_the_line_to_type() {
    let bench = stopped().await;
    for directory in [bench.volume(), bench.volume().join(".landfall"), bench.volume().join(".landfall/parts")] {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o555)).unwrap();
    }
    let said = Doctor::of(&bench).run_by_nobody(bench.directory.path()).json().await;
    assert_eq!(said.status, 1);
    said.holds("volume", "fail", &["cannot make a file", "Permission denied", "chown -R"]);
}

#[tokio::test]
async fn a_file_of_another_user_that_cannot_be_read_is_named() {
    let bench = stopped().await;
    let file =
        std::fs::read_dir(bench.volume()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file());
    let file = file.expect("a landed recording");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    let said = Doctor::of(&bench).run_by_nobody(bench.directory.path()).json().await;
    said.holds("files", "fail", &["1 of 1 recordings", file.file_name().unwrap().to_str().unwrap(), "chmod -R a+rX"]);
}

#[tokio::test]
async fn a_volume_that_is_a_file_fails() {
    let bench = stopped().await;
    let file = bench.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let said = Doctor::of(&bench).with("VOLUME", file.to_str().unwrap()).json().await;
    said.holds("volume", "fail", &["is no directory"]);
}

#[tokio::test]
async fn nothing_is_left_in_the_volume() {
    let bench = stopped().await;
    let list = || {
        let names = |path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        let mut all: Vec<_> = names(bench.volume()).chain(names(bench.volume().join(".landfall/parts"))).collect();
        all.sort();
        all
    };
    let before = list();
    Doctor::of(&bench).json().await;
    assert_eq!(list(), before);
}
