//! What a fault has cost: whether all is whole afterwards, and a line of the table in docs/operations.md
//! (`scripts/faults.sh` prints it anew).

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use loadtest::twilio::Recording;

use super::Bench;

/// No waiter waits longer after a fault is over.
pub const TOLD_WITHIN: Duration = Duration::from_secs(30);
/// The file that lines are added to.
const TABLE: &str = "LANDFALL_FAULTS_TABLE";

/// What holds after every fault: each of these recordings lies in the volume once, whole, and is served; nothing else
/// is there, no part either; and whoever waited knew within [`TOLD_WITHIN`] of the fault's end.
pub async fn toll(bench: &Bench, fault: &str, recordings: &[&Recording], told: Duration) {
    let mut lost = Vec::new();
    for recording in recordings {
        let answer = bench.get(&format!("/api/recordings/file/{}", recording.call_sid)).await;
        let is_served = answer.status() == 200;
        if !is_served || answer.bytes().await.unwrap() != bench.bytes_of(recording) {
            lost.push(&recording.call_sid);
        }
    }
    note(fault, lost.len(), told);
    assert_eq!(lost, Vec::<&String>::new(), "lost");
    assert!(told < TOLD_WITHIN, "{told:?}");
    bench.no_parts().await;
    let names = std::fs::read_dir(bench.volume()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> =
        names.map(|name| name.into_string().unwrap()).filter(|name| name != ".landfall").collect();
    let wanted: BTreeSet<String> = recordings.iter().map(|recording| format!("{}.mp3", recording.call_sid)).collect();
    assert_eq!(names, wanted, "exactly one file for each");
}

fn note(fault: &str, lost: usize, told: Duration) {
    let line = format!("{fault} | {lost} | {:.1}\n", told.as_secs_f64());
    print!("{line}");
    if let Some(table) = std::env::var_os(TABLE) {
        let mut table = std::fs::File::options().create(true).append(true).open(table).expect("the table");
        table.write_all(line.as_bytes()).expect("the table");
    }
}
