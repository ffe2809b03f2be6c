//! A volume that another system has filled for years, taken over as it is.

use std::os::unix::fs::{PermissionsExt as _, chown};

use loadtest::twilio::NewRecording;

use crate::doctor::{Doctor, stopped};
use crate::support::{Bench, wav};

/// An id that owns nothing.
const NOBODY: u32 = 65_534;

#[tokio::test]
async fn wav_under_the_other_name_is_served_as_wav_and_leftovers_are_no_recordings() {
    let bench = Bench::start().await;
    let recording = bench.registered("t", NewRecording::default()).await;
    let bytes = wav(20_000);
    let name = |rest: &str| bench.volume().join(format!("{}{rest}", recording.call_sid));
    std::fs::write(name(".mp3"), &bytes).unwrap();
    for leftover in [".lock", ".mp3.lock", ".mp3.tmp", ".mp3.part"] {
        std::fs::write(name(leftover), b"12345").unwrap();
    }
    let answer = bench.get(&format!("/api/calls/{}/download", recording.call_sid)).await;
    assert_eq!(answer.headers()["content-type"], "audio/wav");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.contains(&format!("recording_{}.wav", recording.call_sid)), "{disposition}");
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    assert!(name(".lock").exists(), "what is not ours is left alone");
    assert_eq!(bench.simulator.stats(&recording.recording_sid).media_requests, 0);
}

#[tokio::test]
async fn doctor_names_files_that_only_root_can_read_and_the_line_that_opens_them() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = stopped().await;
    let file = bench.volume().join(format!("CA{:032x}.mp3", 77));
    std::fs::write(&file, wav(1000)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    for directory in [bench.volume(), bench.volume().join(".landfall")] {
        chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let as_nobody = Doctor::of(&bench).run_by_nobody(bench.directory.path());
    as_nobody.json().await.holds("files", "fail", &["chmod"]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(as_nobody.json().await.check("files")["status"], "ok");
}
