//! The volume is full, and those who write to it are workers elsewhere.

use std::time::Duration;

use loadtest::twilio::{Faults, NewRecording};
use tokio::time::Instant;

use super::bench;
use crate::support::{Crowd, Mount, Process, TOLD_WITHIN, toll};

const MIB: usize = 8;

fn long(faults: Faults) -> NewRecording {
    NewRecording { seconds: 600.0, faults: Some(faults), ..Default::default() }
}

#[tokio::test]
async fn a_full_volume_fails_what_workers_are_to_land_leaves_no_part_and_all_lands_when_there_is_room() {
    let mut bench = bench().await;
    bench.stop().await;
    let Some(mount) = Mount::over(&bench.volume(), MIB as u32) else { return };
    let server = Process::start(&mut bench).await;
    let worker = Process::worker_with(&bench, &[("LANDFALL_WORKER__GIVE_UP_AFTER", "3s".into())]).await;
    let landed = bench.landed(Default::default()).await;
    let filler = mount.0.join(".landfall/filler");
    let room = 1_500_000;
    std::fs::write(&filler, vec![0; MIB * 1024 * 1024 - bench.bytes_of(&landed).len() - room]).unwrap();
    // The one is known to be too long before its first byte; the other when the disk is full.
    let known = bench.registered("t", long(Faults::default())).await;
    let unknown = bench.registered("t", long(Faults { no_content_length: true, ..Default::default() })).await;
    assert!(bench.bytes_of(&known).len() > room);
    let begun = Instant::now();
    for recording in [&known, &unknown] {
        let mut socket = bench.socket().await;
        socket.subscribe(&recording.call_sid, "play").await;
        let failed = socket.until("failed").await;
        assert_eq!((&failed["code"], &failed["temporary"]), (&"disk_full".into(), &true.into()));
    }
    assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", begun.elapsed());
    bench.no_parts().await;
    let served = bench.get(&format!("/api/recordings/file/{}", landed.call_sid)).await;
    assert!(served.bytes().await.unwrap() == bench.bytes_of(&landed));

    // Those play again and again.
    let mut crowd = Crowd::of(&[&bench.url], [&known.call_sid, &unknown.call_sid]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(crowd.waiting(), 2);
    std::fs::remove_file(&filler).unwrap();
    let healed = Instant::now();
    let told = crowd.told(TOLD_WITHIN).await - healed;
    toll(&bench, "volume full", &[&known, &unknown, &landed], told).await;
    assert!(worker.terminate().await.success());
    assert!(server.terminate().await.success());
}
