//! One drawing for all who ask, and what becomes of it when the recording goes, or is broken.

use super::*;

fn sid(n: u32) -> Sid {
    format!("CA{n:032x}").parse().unwrap()
}

/// Half a second of 16 bits at 8 kHz.
fn wav() -> Vec<u8> {
    let mut file =
        b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x40\x1f\0\0".to_vec();
    file.resize(44 + 8000, 0x20);
    file
}

struct Bench {
    directory: tempfile::TempDir,
    volume: Volume,
    waveforms: Waveforms,
    drawer: Drawer,
}

fn bench() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let volume = Volume::open(directory.path()).unwrap();
    let (waveforms, drawer) = Waveforms::new(volume.clone());
    Bench { directory, volume, waveforms, drawer }
}

impl Bench {
    fn place(&self, n: u32, bytes: &[u8]) -> i64 {
        let part = self.directory.path().join("part");
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(part, self.directory.path().join(format!("{}.wav", sid(n)))).unwrap();
        self.volume.find(sid(n)).unwrap().unwrap().modified
    }

    fn peaks(&self) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(self.directory.path().join(".landfall/peaks"));
        entries.map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect()).unwrap_or_default()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn however_many_ask_it_is_drawn_once_and_what_has_landed_waits_for_them() {
    let bench = bench();
    let modified: Vec<i64> = (1..=2).map(|n| bench.place(n, &wav())).collect();
    bench.waveforms.landings().try_send(sid(1)).unwrap();
    let asked: Vec<Drawing> = (0..3).map(|_| bench.waveforms.want(sid(2)).unwrap()).collect();
    let (waveforms, landed) = (bench.waveforms.clone(), bench.waveforms.want(sid(2)).unwrap());
    let drawing = async {
        for drawing in asked {
            assert_eq!(drawing.within(PATIENCE).await.unwrap().unwrap(), Drawn::Done);
        }
        let found = waveforms.find(sid(2), modified[1]).await.unwrap();
        assert!(matches!(found, Some(Waveform::Drawn(_, 124))));
        assert!(waveforms.find(sid(2), modified[1] + 1).await.unwrap().is_none(), "of another file of that name");
        assert_eq!(landed.within(PATIENCE).await.unwrap().unwrap(), Drawn::Done);
        // The one that only landed had been told of first, and comes last; by now it may be there.
        let drawn = waveforms.want(sid(1)).unwrap().within(PATIENCE).await.unwrap().unwrap();
        assert!(matches!(drawn, Drawn::Done | Drawn::Before));
    };
    tokio::select! {
        () = bench.drawer.run() => unreachable!("it draws until it is dropped"),
        () = drawing => {}
    }
}

#[tokio::test]
async fn beyond_the_bound_nobody_waits() {
    let bench = bench();
    for n in 0..MOST_WANTED as u32 {
        assert!(bench.waveforms.want(sid(n)).is_ok());
    }
    assert!(bench.waveforms.want(sid(0)).is_ok(), "it is in line already");
    assert!(bench.waveforms.want(sid(9999)).is_err());
}

#[tokio::test]
async fn patience_ends_and_so_does_the_wait_for_a_drawer_that_is_gone() {
    let bench = bench();
    let drawing = bench.waveforms.want(sid(1)).unwrap();
    assert!(drawing.within(Duration::ZERO).await.is_none());
    let drawing = bench.waveforms.want(sid(1)).unwrap();
    drop((bench.drawer, bench.waveforms));
    assert!(matches!(drawing.within(PATIENCE).await, Some(Err(DrawError::Stopped))));
}

#[test]
fn what_cannot_be_decoded_is_remembered_until_another_file_takes_its_place() {
    let bench = bench();
    let mut adpcm = wav();
    adpcm[20] = 0x11;
    let modified = bench.place(1, &adpcm);
    assert_eq!(bench.volume.draw(sid(1), &mut || true).unwrap(), Drawn::Undecodable);
    assert!(matches!(bench.volume.waveform(sid(1), modified).unwrap(), Some(Waveform::Undecodable)));
    assert_eq!(bench.volume.draw(sid(1), &mut || panic!("again")).unwrap(), Drawn::Before);
    bench.place(1, &wav());
    let file = std::fs::File::open(bench.directory.path().join(format!("{}.wav", sid(1)))).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(bench.volume.draw(sid(1), &mut || true).unwrap(), Drawn::Done);
}

#[test]
fn a_recording_that_is_removed_while_it_is_drawn_leaves_no_waveform() {
    let bench = bench();
    bench.place(1, &wav());
    // The pause point: the drawing asks whether to go on.
    let drawn = bench.volume.draw(sid(1), &mut || {
        bench.volume.remove(sid(1)).unwrap();
        true
    });
    assert_eq!(drawn.unwrap(), Drawn::Absent);
    assert!(bench.peaks().is_empty());
    assert_eq!(bench.volume.draw(sid(1), &mut || true).unwrap(), Drawn::Absent);
}

#[test]
fn a_waveform_goes_with_its_recording_and_strays_are_removed() {
    let bench = bench();
    for n in 1..=3 {
        bench.place(n, &wav());
        bench.volume.draw(sid(n), &mut || true).unwrap();
    }
    bench.volume.remove(sid(1)).unwrap();
    std::fs::remove_file(bench.directory.path().join(format!("{}.wav", sid(2)))).unwrap();
    assert_eq!(bench.peaks().len(), 2);
    bench.volume.remove_stray_waveforms().unwrap();
    assert_eq!(bench.peaks(), [format!("{}.dat", sid(3)).as_str()]);
}

#[test]
fn a_drawing_that_was_stopped_leaves_nothing_and_one_that_a_power_cut_spoilt_is_made_anew() {
    let bench = bench();
    let modified = bench.place(1, &wav());
    assert!(matches!(bench.volume.draw(sid(1), &mut || false), Err(DrawError::Stopped)));
    assert!(bench.peaks().is_empty());
    bench.volume.draw(sid(1), &mut || true).unwrap();
    let path = bench.directory.path().join(format!(".landfall/peaks/{}.dat", sid(1)));
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(modified.unsigned_abs())).unwrap();
    assert!(bench.volume.waveform(sid(1), modified).unwrap().is_none());
    assert_eq!(bench.volume.draw(sid(1), &mut || true).unwrap(), Drawn::Done);
    assert!(bench.volume.waveform(sid(1), modified).unwrap().is_some());
}
