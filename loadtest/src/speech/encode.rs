//! Makes a pack from directories of WAV phrases with the `lame` program; the only part that needs an encoder, and never at run time.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pack::{MAGIC, Side};
use super::{FRAME_MS, MP3_FRAME_BYTES, WAV_FRAME_SAMPLES, mulaw, wav};

/// Samples at 8 kHz by which MP3 comes out late: 1 105 at 16 kHz for encoder and decoder. The WAV is shifted by as much, so that both line up.
const DELAY: usize = 552;
/// Below this the ear calls a phrase silent; directories of sounds hold silences too.
const AUDIBLE_RMS: f64 = 100.0;

/// What goes into a pack.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Searched recursively for mono 16-bit WAV at 8 kHz, spoken by the agent.
    pub agent: PathBuf,
    /// The same for the customer.
    pub customer: PathBuf,
    /// If not empty: only files with these names (without directory).
    pub only: BTreeSet<String>,
    /// Shorter phrases are left out: single digits and beeps make no conversation.
    pub min_seconds: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildReport {
    /// Phrases per side, agent first.
    pub phrases: [usize; 2],
    /// Seconds per side, agent first.
    pub seconds: [f64; 2],
    /// Size of the pack.
    pub bytes: usize,
}

/// The bytes of a pack. Runs `lame` twice for each phrase, one after the other.
///
/// # Errors
/// When a directory or file cannot be read, or when `lame` is missing or fails.
pub fn build_pack(options: &BuildOptions) -> io::Result<(Vec<u8>, BuildReport)> {
    let mut table = Vec::new();
    let mut bodies = Vec::new();
    let mut report = BuildReport::default();
    for (index, (side, directory)) in
        [(Side::Agent, &options.agent), (Side::Customer, &options.customer)].into_iter().enumerate()
    {
        for path in phrases(directory, &options.only)? {
            let Some(samples) = wav::samples(&std::fs::read(&path)?) else {
                continue;
            };
            if (samples.len() as f64) < options.min_seconds * 8e3 || rms(&samples) < AUDIBLE_RMS {
                continue;
            }
            let frames = (samples.len() + DELAY).div_ceil(WAV_FRAME_SAMPLES);
            table.extend((frames as u32).to_le_bytes());
            table.extend((index as u32).to_le_bytes());
            let mut companded = vec![mulaw::SILENCE; DELAY];
            companded.extend(samples.iter().copied().map(mulaw::encode));
            companded.resize(frames * WAV_FRAME_SAMPLES, mulaw::SILENCE);
            bodies.extend(companded);
            bodies.extend(mp3(&samples, None, frames)?);
            bodies.extend(mp3(&samples, Some(side), frames)?);
            report.phrases[index] += 1;
            report.seconds[index] += frames as f64 * f64::from(FRAME_MS) / 1e3;
        }
    }
    let mut pack = MAGIC.to_vec();
    pack.extend((report.phrases.iter().sum::<usize>() as u32).to_le_bytes());
    for side in [None, Some(Side::Agent)] {
        // The first frames carry the encoder's start: one from the middle is plain silence.
        let silence = mp3(&[0; 20 * WAV_FRAME_SAMPLES], side, 20)?;
        pack.extend(&silence[10 * MP3_FRAME_BYTES..11 * MP3_FRAME_BYTES]);
    }
    pack.extend(table);
    pack.extend(bodies);
    report.bytes = pack.len();
    Ok((pack, report))
}

/// WAV files below a directory, sorted by path so that the same directory gives the same pack.
fn phrases(directory: &Path, only: &BTreeSet<String>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                pending.push(path);
            } else if name.ends_with(".wav") && (only.is_empty() || only.contains(&name)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `frames` MP3 frames: mono, or stereo with speech on one side alone.
fn mp3(samples: &[i16], side: Option<Side>, frames: usize) -> io::Result<Vec<u8>> {
    let mut pcm = Vec::new();
    // Two frames more, so that the encoder's delay never costs the last syllable.
    for sample in
        samples.iter().copied().chain(std::iter::repeat_n(0, (frames + 2) * WAV_FRAME_SAMPLES - samples.len()))
    {
        match side {
            None => pcm.extend(sample.to_le_bytes()),
            Some(Side::Agent) => pcm.extend([sample.to_le_bytes(), [0; 2]].as_flattened()),
            Some(Side::Customer) => pcm.extend([[0; 2], sample.to_le_bytes()].as_flattened()),
        }
    }
    // No reservoir and no Xing frame: each frame stands alone, so that frames of different phrases can follow each other.
    // Plain stereo (-m s): with joint stereo the silent side would hear a little of the other.
    let mut arguments = vec!["--quiet", "-r", "-s", "8", "--bitwidth", "16", "--signed", "--little-endian"];
    arguments.extend(["-b", "32", "--cbr", "--nores", "-t", "--noreplaygain", "--resample", "16"]);
    arguments.extend(["-m", if side.is_some() { "s" } else { "m" }, "-", "-"]);
    let mut lame = Command::new("lame")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = lame.stdin.take().expect("piped above");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&pcm));
        lame.wait_with_output()
    })?;
    let broken = |what: &str| io::Error::other(format!("lame {what}"));
    if !output.status.success() {
        return Err(broken(&format!("failed: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())));
    }
    let encoded = output
        .stdout
        .get(..frames * MP3_FRAME_BYTES)
        .ok_or_else(|| broken("gave fewer frames than it was asked for"))?;
    // MPEG-2 Layer III, 32 kbit/s, 16 kHz, no padding; and main_data_begin is 0.
    let alone = |frame: &[u8]| frame[0] == 0xff && frame[1] & 0xfe == 0xf2 && frame[2] == 0x48 && frame[4] == 0;
    if !encoded.chunks(MP3_FRAME_BYTES).all(alone) {
        return Err(broken("gave frames that depend on each other"));
    }
    Ok(encoded.to_vec())
}

fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}
