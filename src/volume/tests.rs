//! Landing and finding as a specification, on a real directory.

use super::*;
use crate::audio::NotAudio;

fn sid() -> Sid {
    "CA00000000000000000000000000000001".parse().unwrap()
}

/// 36 ms a frame, 144 bytes.
pub(crate) fn mp3(frames: usize) -> Vec<u8> {
    let mut one = vec![0xff, 0xf3, 0x48, 0xc0];
    one.resize(144, 0);
    one.repeat(frames)
}

fn volume() -> (tempfile::TempDir, Volume) {
    let directory = tempfile::tempdir().unwrap();
    let volume = Volume::open(directory.path()).unwrap();
    (directory, volume)
}

fn parts(volume: &Volume) -> usize {
    std::fs::read_dir(volume.root().join(PARTS)).unwrap().count()
}

#[test]
fn what_is_committed_is_found_whole_and_leaves_no_part() {
    let (_directory, volume) = volume();
    let bytes = mp3(100);
    let mut landing = volume.begin(sid(), Some(bytes.len() as u64)).unwrap();
    for chunk in bytes.chunks(1000) {
        landing.write(chunk).unwrap();
        assert!(volume.find(sid()).unwrap().is_none(), "nothing partial is visible");
    }
    let media = landing.commit().unwrap();
    let found = volume.find(sid()).unwrap().unwrap();
    assert_eq!(found.media, media);
    assert_eq!(std::fs::read(found.path).unwrap(), bytes);
    assert_eq!(parts(&volume), 0);
}

#[test]
fn a_wrong_length_or_a_foreign_body_never_lands() {
    let (_directory, volume) = volume();
    let mut short = volume.begin(sid(), Some(1000)).unwrap();
    short.write(&mp3(2)).unwrap();
    assert!(matches!(short.commit(), Err(LandingError::WrongLength { announced: 1000, came: 288 })));
    let mut page = volume.begin(sid(), None).unwrap();
    page.write(b"<html>please sign in</html>").unwrap();
    assert!(matches!(page.commit(), Err(LandingError::NotAudio(NotAudio::Unrecognised))));
    let empty = volume.begin(sid(), None).unwrap();
    assert!(matches!(empty.commit(), Err(LandingError::NotAudio(NotAudio::Empty))));
    let mut long = volume.begin(sid(), Some(100)).unwrap();
    assert!(matches!(long.write(&mp3(2)), Err(LandingError::WrongLength { .. })));
    drop(long);
    assert!(volume.find(sid()).unwrap().is_none());
    assert_eq!(parts(&volume), 0);
}

#[test]
fn what_has_come_of_a_landing_is_read_and_not_a_byte_more() {
    let (_directory, volume) = volume();
    let bytes = mp3(1000);
    let total = bytes.len() as u64;
    let mut landing = volume.begin(sid(), Some(total)).unwrap();
    assert!(volume.growing(sid()).unwrap().is_none());
    landing.write(&bytes[..100_000]).unwrap();
    landing.show().unwrap();
    let growing = volume.growing(sid()).unwrap().unwrap();
    assert_eq!((growing.media.size, growing.landed()), (total, 100_000));
    assert_eq!(growing.read(99_990, 100).unwrap(), bytes[99_990..100_000]);
    assert!(growing.read(100_000, 100).unwrap().is_empty());
    landing.write(&bytes[100_000..]).unwrap();
    let media = landing.commit().unwrap();
    assert_eq!(media, growing.media, "it can be told before");
    assert!(volume.growing(sid()).unwrap().is_none());
    assert_eq!(growing.read(0, 10).unwrap(), bytes[..10], "who has it open keeps it");
}

#[test]
fn what_no_one_writes_any_more_has_no_length_or_no_header_yet_is_not_growing() {
    let (_directory, volume) = volume();
    let bytes = mp3(1000);
    let mut unknown = volume.begin(sid(), None).unwrap();
    unknown.write(&bytes).unwrap();
    unknown.show().unwrap();
    let mut short = volume.begin(sid(), Some(bytes.len() as u64)).unwrap();
    short.write(&bytes[..1000]).unwrap();
    short.show().unwrap();
    let part = volume.root().join(PARTS).join(format!("{}.dead", sid()));
    std::fs::write(&part, &bytes).unwrap();
    let note = format!(r#"{{"total":{},"landed":[[0,100000]],"at":"2026-01-01T00:00:00Z"}}"#, bytes.len());
    std::fs::write(part.with_added_extension("progress"), note).unwrap();
    assert!(volume.growing(sid()).unwrap().is_none());
    let living = File::open(&part).unwrap();
    rustix::fs::flock(&living, rustix::fs::FlockOperation::LockShared).unwrap();
    assert_eq!(volume.growing(sid()).unwrap().unwrap().landed(), 100_000);
}

#[test]
fn parts_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    let (_directory, volume) = volume();
    let living = volume.begin(sid(), None).unwrap();
    let dead = volume.root().join(PARTS).join("CA00000000000000000000000000000002.dead");
    std::fs::write(&dead, b"half").unwrap();
    std::fs::write(dead.with_added_extension("progress"), b"{}").unwrap();
    std::fs::write(volume.root().join(PARTS).join("orphan.progress"), b"{}").unwrap();
    Volume::open(volume.root()).unwrap();
    assert_eq!(parts(&volume), 1);
    drop(living);
    assert_eq!(parts(&volume), 0);
}

#[test]
fn the_container_is_read_and_not_the_name() {
    let (_directory, volume) = volume();
    let mut wav =
        b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x10\0\0\0".to_vec();
    wav.resize(60, 0);
    std::fs::write(volume.root().join(format!("{}.mp3", sid())), &wav).unwrap();
    assert_eq!(volume.find(sid()).unwrap().unwrap().media.container, Container::Wav);
}

#[test]
fn empty_and_foreign_files_links_and_directories_have_not_landed() {
    let (directory, volume) = volume();
    let name = volume.root().join(format!("{}.mp3", sid()));
    for content in ["", "not ready", "{\"status\":\"processing\"}"] {
        std::fs::write(&name, content).unwrap();
        assert!(volume.find(sid()).unwrap().is_none(), "{content:?}");
    }
    std::fs::remove_file(&name).unwrap();
    std::fs::create_dir(&name).unwrap();
    assert!(volume.find(sid()).unwrap().is_none());
    std::fs::remove_dir(&name).unwrap();
    std::fs::write(directory.path().join("elsewhere"), mp3(9)).unwrap();
    std::os::unix::fs::symlink(directory.path().join("elsewhere"), &name).unwrap();
    assert!(volume.find(sid()).unwrap().is_none());
}

#[test]
fn a_vanished_or_exchanged_volume_is_not_an_empty_one() {
    let (directory, volume) = volume();
    let aside = directory.path().with_extension("aside");
    std::fs::rename(directory.path(), &aside).unwrap();
    assert!(matches!(volume.find(sid()), Err(VolumeError::Unavailable(_))));
    assert!(matches!(volume.begin(sid(), None), Err(LandingError::Volume(_))));
    Volume::open(directory.path()).unwrap();
    assert!(matches!(volume.find(sid()), Err(VolumeError::Unavailable(why)) if why.contains("another volume")));
    std::fs::remove_dir_all(directory.path()).unwrap();
    std::fs::rename(&aside, directory.path()).unwrap();
    assert!(volume.find(sid()).unwrap().is_none(), "and it heals without a restart");
}

#[test]
fn a_look_at_a_file_leaves_no_trace_in_it() {
    let (_directory, volume) = volume();
    let mut landing = volume.begin(sid(), None).unwrap();
    landing.write(&mp3(40_000)).unwrap();
    landing.commit().unwrap();
    let accessed = |file: &File| file.metadata().unwrap().accessed().unwrap();
    let file = volume.find(sid()).unwrap().unwrap().file;
    // Before it was written: the next read of it would be noted, even where few are.
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    file.set_times(std::fs::FileTimes::new().set_accessed(long_ago)).unwrap();
    assert_eq!(accessed(&volume.find(sid()).unwrap().unwrap().file), long_ago);
}

#[test]
fn mapped_bytes_are_those_of_the_file_and_outlive_its_name() {
    let (_directory, volume) = volume();
    let bytes = mp3(40_000);
    let mut landing = volume.begin(sid(), None).unwrap();
    landing.write(&bytes).unwrap();
    landing.commit().unwrap();
    let found = volume.find(sid()).unwrap().unwrap();
    let mapped = Mapped::new(found.file, found.media.size).unwrap();
    std::fs::remove_file(found.path).unwrap();
    mapped.warm(&(0..WINDOW)).unwrap();
    assert!(mapped.is_warm(&(5000..WINDOW)));
    assert_eq!(mapped.slice(5000..9000), bytes[5000..9000]);
    let part = mapped.part(&(5000..9000)).after(1000);
    assert_eq!((part.bytes, part.offset), (&bytes[6000..9000], 6000));
}

#[test]
fn a_slice_of_a_mapping_knows_its_file_and_place_and_other_memory_knows_none() {
    let (_directory, volume) = volume();
    let mut landing = volume.begin(sid(), None).unwrap();
    landing.write(&mp3(40_000)).unwrap();
    landing.commit().unwrap();
    let found = volume.find(sid()).unwrap().unwrap();
    let mapped = Mapped::new(found.file, found.media.size).unwrap();
    let slice = mapped.slice(5000..9000);
    assert_eq!(backing(&slice).unwrap().offset, 5000);
    assert_eq!(backing(&slice[100..200]).unwrap().offset, 5100);
    assert!(backing(&bytes::Bytes::from(vec![0; 4000])).is_none());
    drop(mapped);
    assert!(backing(&slice).is_some(), "the slice keeps it");
    let start = slice.as_ptr().addr();
    drop(slice);
    assert!(!mapped::tests::is_mapped(start));
}
