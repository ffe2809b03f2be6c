//! Calls are speech: right length, right containers, agent left and customer right.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use loadtest::speech::{Audio, BuildOptions, FRAME_MS, Format, MP3_FRAME_BYTES, Pack, Side, Speech, build_pack};

fn samples(wav: &[u8]) -> Vec<i16> {
    wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn rms(samples: impl Iterator<Item = i16>) -> f64 {
    let (sum, count) = samples.fold((0.0, 0), |(sum, count), sample| (sum + f64::from(sample).powi(2), count + 1));
    (sum / f64::from(count.max(1))).sqrt()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn the_shipped_pack_holds_a_minute_of_each_side() {
    let speech = Speech::shipped();
    for side in [Side::Agent, Side::Customer] {
        assert!(speech.pack().seconds(side) > 60.0);
        assert!(speech.pack().phrases(side) >= 20);
    }
}

/// Without the voices' packages there is nothing to compare with; `make test` installs them.
#[test]
fn the_shipped_pack_is_what_debians_voices_give() {
    let voice = |name: &str| PathBuf::from("/usr/share/asterisk/sounds").join(name);
    let (agent, customer) = (voice("en_US_f_Allison"), voice("it_IT_m_Carlo"));
    if !agent.is_dir() || !customer.is_dir() {
        eprintln!("not compared: apt-get install lame asterisk-core-sounds-en-wav asterisk-core-sounds-it-wav");
        return;
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let names = std::fs::read_to_string(assets.join("phrases.txt")).expect("the list of phrases");
    let only: BTreeSet<String> = names.split_whitespace().map(str::to_owned).collect();
    let (pack, report) = build_pack(&BuildOptions { agent, customer, only, min_seconds: 1.5 }).expect("a pack");
    assert!(report.seconds.iter().all(|seconds| *seconds > 60.0), "{report:?}");
    let shipped = std::fs::read(assets.join("speech.pack")).expect("the shipped pack");
    assert!(pack == shipped, "made anew it has {} bytes, shipped {}", pack.len(), shipped.len());
}

#[test]
fn a_call_is_as_long_as_it_was_asked_to_be_in_both_formats() {
    for seconds in [0.01, 1.0, 30.0, 61.3, 600.0, 3600.0] {
        let call = Speech::shipped().call(7, seconds);
        let (mp3, wav) = (call.mp3(2), call.wav(2));
        let by_mp3 = (mp3.len() / MP3_FRAME_BYTES) as f64 * f64::from(FRAME_MS) / 1e3;
        let by_wav = (wav.len() - 44) as f64 / 32_000.0;
        assert!((by_mp3 - by_wav).abs() < 1e-6, "{by_mp3} s of MP3, {by_wav} s of WAV");
        assert!((by_mp3 - seconds).abs() <= f64::from(FRAME_MS) / 1e3, "{by_mp3} s instead of {seconds}");
        assert!((call.duration().as_secs_f64() - by_mp3).abs() < 1e-6);
    }
}

#[test]
fn every_mp3_frame_stands_alone() {
    let call = Speech::shipped().call(1, 120.0);
    for (channels, mode) in [(1, 3), (2, 0)] {
        let mp3 = call.mp3(channels);
        assert_eq!(mp3.len() % MP3_FRAME_BYTES, 0);
        for frame in mp3.chunks(MP3_FRAME_BYTES) {
            assert_eq!(frame[0], 0xff, "sync");
            assert_eq!(frame[1] & 0xfe, 0xf2, "MPEG-2 Layer III");
            assert_eq!(frame[2], 0x48, "32 kbit/s, 16 kHz, no padding: 144 bytes");
            assert_eq!(frame[3] >> 6, mode, "channel mode");
            assert_eq!(frame[4], 0, "main data begins in the frame itself");
        }
    }
}

#[test]
fn the_wav_header_says_what_follows() {
    let call = Speech::shipped().call(1, 10.0);
    for channels in [1u16, 2] {
        let wav = call.wav(channels as u8);
        assert_eq!((&wav[0..4], &wav[8..16], &wav[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
        assert_eq!(u32_at(&wav, 4) as usize, wav.len() - 8);
        assert_eq!(u32_at(&wav, 40) as usize, wav.len() - 44);
        assert_eq!((wav[20], u16::from(wav[22]), wav[34]), (1, channels, 16));
        assert_eq!((u32_at(&wav, 24), u32_at(&wav, 28)), (8_000, 16_000 * u32::from(channels)));
        assert_eq!(u16::from(wav[32]), 2 * channels);
    }
}

#[test]
fn the_agent_is_left_and_the_customer_right_and_one_listens_while_the_other_speaks() {
    let stereo = samples(&Speech::shipped().call(3, 120.0).wav(2));
    let (left, right) = (stereo.iter().step_by(2), stereo.iter().skip(1).step_by(2));
    assert!(rms(left.clone().copied()) > 500.0 && rms(right.clone().copied()) > 500.0);
    assert!(left.zip(right).all(|(left, right)| *left == 0 || *right == 0));
}

#[test]
fn mono_is_the_mix_of_both_sides() {
    let call = Speech::shipped().call(3, 60.0);
    let (mono, stereo) = (samples(&call.wav(1)), samples(&call.wav(2)));
    assert!(mono.iter().zip(stereo.chunks_exact(2)).all(|(mono, sides)| *mono == sides[0] + sides[1]));
}

#[test]
fn nobody_is_silent_for_long() {
    let mono = samples(&Speech::shipped().call(11, 300.0).wav(1));
    let quiet = mono.chunks(800).map(|tenth| rms(tenth.iter().copied()) < 20.0);
    let (longest, _) =
        quiet.fold((0, 0), |(longest, run), quiet| if quiet { (longest.max(run + 1), run + 1) } else { (longest, 0) });
    // 1.5 s between turns, and what a phrase has of its own at both ends.
    assert!(longest <= 30, "{longest} tenths of a second");
}

#[test]
fn the_same_seed_gives_the_same_call_and_another_seed_another() {
    let speech = Speech::shipped();
    assert_eq!(speech.call(5, 60.0).mp3(2), speech.call(5, 60.0).mp3(2));
    assert_ne!(speech.call(5, 60.0).mp3(2), speech.call(6, 60.0).mp3(2));
}

#[test]
fn parts_read_anywhere_are_parts_of_the_whole() {
    let call: std::sync::Arc<Audio> = Speech::shipped().call(9, 20.0);
    for (format, channels) in [(Format::Mp3, 1), (Format::Mp3, 2), (Format::Wav, 1), (Format::Wav, 2)] {
        let whole = call.read(format, channels, 0, usize::MAX);
        assert_eq!(whole.len() as u64, call.size(format, channels));
        for (offset, limit) in [(0, 1), (10, 60), (43, 2), (44, 1_000), (12_345, 6_789), (whole.len() - 1, 100)] {
            let part = call.read(format, channels, offset as u64, limit);
            assert_eq!(
                part,
                whole.slice(offset..(offset + limit).min(whole.len())),
                "{format:?} {channels} {offset}+{limit}"
            );
        }
        assert!(call.read(format, channels, whole.len() as u64, 1).is_empty());
    }
}

#[test]
fn an_hour_is_composed_at_once_and_rendered_piecemeal() {
    let call = Speech::shipped().call(1, 3_600.0);
    assert_eq!(call.size(Format::Mp3, 2), 14_400_000);
    assert_eq!(call.size(Format::Wav, 2), 115_200_044);
    assert_eq!(call.read(Format::Wav, 2, 115_200_000, 1_000).len(), 44);
}

#[test]
fn a_file_that_is_no_pack_is_refused() {
    for bytes in [&b""[..], b"LFSPEAK1", b"LFSPEAK1\xff\xff\xff\xff", b"RIFF----WAVE"] {
        assert!(Pack::parse(bytes::Bytes::from_static(bytes)).is_err());
    }
}

/// Needs the `lame` program: skipped where it is missing.
#[test]
fn lame_decodes_a_composed_call() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let call = Speech::shipped().call(3, 30.0);
    let started = Command::new("lame")
        .args(["--quiet", "--decode", "--mp3input", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut lame) = started else { return };
    let (mut stdin, mp3) = (lame.stdin.take().expect("piped"), call.mp3(2));
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&mp3));
        lame.wait_with_output().expect("lame ends")
    });
    let decoded = samples(&output.stdout);
    let wav = samples(&call.wav(2));
    // 16 kHz against 8 kHz.
    let difference = decoded.len().abs_diff(wav.len() * 2);
    assert!(difference <= 4 * 576, "{difference} samples");
    for side in 0..2 {
        let (mp3, wav) =
            (rms(decoded.iter().skip(side).step_by(2).copied()), rms(wav.iter().skip(side).step_by(2).copied()));
        assert!((mp3 / wav - 1.0).abs() < 0.15, "channel {side}: {mp3} in MP3, {wav} in WAV");
    }
}
