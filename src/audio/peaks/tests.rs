//! Tones whose loudness is known give the pixels that are expected, in each codec; what is broken costs no more than itself.

use std::io::Cursor;

use super::pixels::MOST;
use super::*;

const RATE: u32 = 8000;

fn draw_bytes(bytes: &[u8], container: Container) -> Result<Peaks, PeaksError> {
    draw(&mut Cursor::new(bytes), container, &mut || true)
}

/// A WAV file with that format, and sizes that say what they should.
fn wav(tag: u16, channels: u16, bits: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    let align = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    for word in [tag, channels] {
        file.extend(word.to_le_bytes());
    }
    for word in [rate, rate * u32::from(align)] {
        file.extend(word.to_le_bytes());
    }
    for word in [align, bits] {
        file.extend(word.to_le_bytes());
    }
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A square wave of 400 Hz in 16 bits: its peaks are known without a calculation.
fn square(seconds: f64, loudness: i16) -> Vec<u8> {
    let sample = |n: u32| if (n / 10).is_multiple_of(2) { loudness } else { -loudness };
    (0..(seconds * f64::from(RATE)) as u32).flat_map(|n| sample(n).to_le_bytes()).collect()
}

/// Lowest and highest.
type Pixel = (i8, i8);

/// The pixels of one channel.
fn lane(peaks: &Peaks, channel: usize) -> Vec<Pixel> {
    let pixels = peaks.data.chunks_exact(2 * usize::from(peaks.channels));
    pixels.map(|pixel| (pixel[2 * channel], pixel[2 * channel + 1])).collect()
}

fn is_all(lane: &[Pixel], pair: Pixel) {
    assert!(lane.iter().all(|pixel| *pixel == pair), "{:?} and not {pair:?}", &lane[..lane.len().min(8)]);
}

#[test]
fn a_second_has_a_hundred_pixels_and_each_its_lowest_and_highest_sample() {
    let peaks = draw_bytes(&wav(1, 1, 16, RATE, &square(2.0, 64 * 256)), Container::Wav).unwrap();
    assert_eq!((peaks.samples_per_pixel, peaks.samples, peaks.duration_ms()), (80, 16_000, 2000));
    let lane = lane(&peaks, 0);
    assert_eq!(lane.len(), 200);
    is_all(&lane, (-64, 64));
}

#[test]
fn the_sides_of_a_call_have_a_lane_each() {
    let (agent, customer) = (square(1.0, 100 * 256), square(1.0, 3 * 256));
    let both = agent.chunks(2).zip(customer.chunks(2)).flat_map(|(a, b)| [a[0], a[1], b[0], b[1]]);
    let peaks = draw_bytes(&wav(1, 2, 16, RATE, &both.collect::<Vec<_>>()), Container::Wav).unwrap();
    assert_eq!((peaks.channels, peaks.duration_ms()), (2, 1000));
    is_all(&lane(&peaks, 0), (-100, 100));
    is_all(&lane(&peaks, 1), (-3, 3));
}

#[test]
fn each_coding_of_telephone_systems_is_read() {
    // The loudest values of G.711 are 32124 (µ-law) and 32256 (A-law); both of them are 125 or 126 in eight bits.
    let cases: [(u16, u16, &[u8], Pixel); 8] = [
        (1, 8, &[128 + 50, 128 - 50], (-50, 50)),
        (1, 16, &[0, 50, 0, 206], (-50, 50)),
        (1, 24, &[0, 0, 50, 0, 0, 206], (-50, 50)),
        (1, 32, &[0, 0, 0, 50, 0, 0, 0, 206], (-50, 50)),
        (3, 32, &[0, 0, 0, 0x3f, 0, 0, 0, 0xbf], (-64, 64)),
        (6, 8, &[0xaa, 0x2a], (-126, 126)),
        (7, 8, &[0x80, 0x00], (-125, 125)),
        (7, 8, &[0xff, 0x7f], (0, 0)),
    ];
    for (tag, bits, sample, pair) in cases {
        let file = wav(tag, 1, bits, RATE, &sample.repeat(400));
        is_all(&lane(&draw_bytes(&file, Container::Wav).unwrap(), 0), pair);
    }
}

#[test]
fn a_header_that_lies_about_its_length_is_not_believed() {
    let whole = wav(1, 1, 16, RATE, &square(2.0, 64 * 256));
    for said in [0, 1, u32::MAX, u32::MAX - 1, 1 << 30] {
        let mut file = whole.clone();
        file[4..8].copy_from_slice(&said.to_le_bytes());
        if said != 1 {
            file[40..44].copy_from_slice(&said.to_le_bytes());
        }
        assert_eq!(draw_bytes(&file, Container::Wav).unwrap().duration_ms(), 2000, "{said}");
    }
    let cut = draw_bytes(&whole[..44 + 16_001], Container::Wav).unwrap();
    assert_eq!((cut.samples, lane(&cut, 0).len()), (8000, 100), "a file cut short is drawn as far as it goes");
}

#[test]
fn what_cannot_be_decoded_is_told_from_silence() {
    let fails = |bytes: &[u8], container| matches!(draw_bytes(bytes, container), Err(PeaksError::Undecodable));
    assert!(fails(b"", Container::Wav) && fails(b"", Container::Mp3));
    assert!(fails(&wav(1, 1, 16, RATE, b""), Container::Wav), "no samples");
    assert!(fails(&wav(0x11, 1, 4, RATE, &[7; 800]), Container::Wav), "ADPCM");
    assert!(fails(&wav(1, 1, 16, 0, &[7; 800]), Container::Wav), "no rate");
    assert!(fails(&wav(1, 0, 16, RATE, &[7; 800]), Container::Wav), "no channels");
    assert!(fails(b"<!DOCTYPE html>", Container::Mp3));
    assert!(fails(&[0xff; 5000], Container::Mp3));
    is_all(&lane(&draw_bytes(&wav(1, 1, 16, RATE, &[0; 800]), Container::Wav).unwrap(), 0), (0, 0));
}

#[test]
fn a_drawing_that_nobody_wants_any_more_stops() {
    let file = wav(1, 1, 16, RATE, &square(5.0, 1000));
    let mut asked = 0;
    let stopped = draw(&mut Cursor::new(file), Container::Wav, &mut || {
        asked += 1;
        asked < 3
    });
    assert!(matches!(stopped, Err(PeaksError::Stopped)));
    assert_eq!(asked, 3);
}

/// Sound of that many samples a second, of which nothing is held.
struct Endless {
    header: Cursor<Vec<u8>>,
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.header.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        let most = self.left.min(buffer.len() as u64) as usize;
        buffer[..most].fill(0x80);
        self.left -= most as u64;
        Ok(most)
    }
}

fn draw_endless(rate: u32, seconds: u64) -> Peaks {
    let header = Cursor::new(wav(7, 1, 8, rate, &[]));
    let mut source = Endless { header, left: seconds * u64::from(rate) };
    draw(&mut source, Container::Wav, &mut || true).unwrap()
}

#[test]
fn an_hour_fits_into_two_hundred_kilobytes_and_a_day_is_the_most() {
    // Rates are low, so that the test is quick: the number of pixels depends on time alone.
    let hour = draw_endless(200, 3600);
    assert_eq!((hour.samples_per_pixel, hour.duration_ms()), (2 * 4, 3_600_000));
    assert_eq!(hour.data.len(), 2 * 90_000, "25 a second");
    assert!(hour.encode().len() < 200_000);
    let endless = draw_endless(10, 3 * 24 * 3600);
    assert!((0..1000).contains(&(endless.samples / 10 - 24 * 3600)), "{}", endless.samples);
    assert!(endless.data.len() <= 2 * MOST && endless.data.capacity() <= 8 * MOST);
}

#[test]
fn pixels_that_become_coarser_keep_what_was_loud() {
    let rate = 200;
    let loud = 2 * rate * 700;
    let mut data = vec![0; 2 * rate * 1500];
    data[loud + 1] = 0x50;
    data[loud + 3] = 0xb0;
    let peaks = draw_bytes(&wav(1, 1, 16, rate as u32, &data), Container::Wav).unwrap();
    let lane = lane(&peaks, 0);
    assert_eq!((peaks.samples_per_pixel, lane.len()), (4, 75_000));
    assert_eq!((lane[700 * 50], lane[700 * 50 + 1], lane[700 * 50 - 1]), ((-0x50, 0x50), (0, 0), (0, 0)));
}

/// A second of 440 Hz at half of full scale, by LAME; of the two sides, the second is silent.
const MONO: &[u8] = include_bytes!("../../../fuzz/seeds/peaks/mp3-mono");
const STEREO: &[u8] = include_bytes!("../../../fuzz/seeds/peaks/mp3-stereo");
const WITH_NOTES: &[u8] = include_bytes!("../../../fuzz/seeds/peaks/mp3-vbr-xing");
/// Bytes of a frame of the mono one (32 kbit/s at 16 kHz), which lasts 36 ms.
const FRAME: usize = 144;

/// Whether it is the tone, as well as a lossy codec keeps it.
fn is_tone(lane: &[Pixel]) -> bool {
    lane.iter().all(|(low, high)| (-72..=-56).contains(low) && (56..=72).contains(high))
}

#[test]
fn an_mp3_has_its_tone_and_its_lanes() {
    for (file, channels) in [(MONO, 1), (STEREO, 2), (WITH_NOTES, 1)] {
        let peaks = draw_bytes(file, Container::Mp3).unwrap();
        assert_eq!((peaks.channels, peaks.sample_rate, peaks.samples_per_pixel), (channels, 16_000, 160));
        assert!((1000..1150).contains(&peaks.duration_ms()), "{}", peaks.duration_ms());
        assert!(is_tone(&lane(&peaks, 0)[20..90]), "{:?}", lane(&peaks, 0));
        if channels == 2 {
            is_all(&lane(&peaks, 1), (0, 0));
        }
    }
    let first = super::frames::Frames::begin(&mut &*WITH_NOTES).unwrap().next().unwrap().unwrap();
    assert!(first.xing(WITH_NOTES).is_some(), "else the test shows nothing");
}

#[test]
fn a_broken_stretch_of_an_mp3_costs_its_own_time_and_no_more() {
    let whole = draw_bytes(MONO, Container::Mp3).unwrap();
    let mut file = MONO.to_vec();
    // The fifteenth frame keeps its header, and the twentieth has none left. What others had put into them is lost too.
    file[14 * FRAME + 4..15 * FRAME].fill(0xff);
    file[19 * FRAME..20 * FRAME].fill(0);
    let peaks = draw_bytes(&file, Container::Mp3).unwrap();
    assert_eq!(whole.duration_ms() - peaks.duration_ms(), 36);
    let lane = lane(&peaks, 0);
    assert!(is_tone(&lane[20..50]) && is_tone(&lane[88..100]), "{lane:?}");
    // What stands before the first frame, and a cut within the last.
    let mut file = b"ID3\x04\0\0\0\0\x01\x7f".to_vec();
    file.resize(10 + 255, 0xff);
    file.extend(&MONO[..MONO.len() - 100]);
    let peaks = draw_bytes(&file, Container::Mp3).unwrap();
    assert_eq!(whole.duration_ms() - peaks.duration_ms(), 36);
}

#[test]
fn a_dat_is_laid_out_as_audiowaveform_says_and_reads_back_as_its_json() {
    let peaks = Peaks { sample_rate: 8000, samples_per_pixel: 80, channels: 2, samples: 160, data: (-4..4).collect() };
    let dat = peaks.encode();
    let words: Vec<u32> = dat[..24].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    assert_eq!(words, [2, 1, 8000, 80, 2, 2]);
    assert_eq!(dat[24..], [252, 253, 254, 255, 0, 1, 2, 3]);
    let json: serde_json::Value = serde_json::from_str(&Dat::read(&dat).unwrap().json()).unwrap();
    let expected = serde_json::json!({"version": 2, "channels": 2, "sample_rate": 8000, "samples_per_pixel": 80, "bits": 8,
        "length": 2, "data": [-4, -3, -2, -1, 0, 1, 2, 3]});
    assert_eq!(json, expected);
    assert!(Dat::read(&dat[..31]).is_none() && Dat::read(&[]).is_none() && Dat::read(&[0; 24]).is_none());
    assert!(Dat::read(&UNDECODABLE).unwrap().is_blank());
    let mut huge = UNDECODABLE;
    huge[16..].fill(0xff);
    assert!(Dat::read(&huge).is_none(), "more than a number of 64 bits counts");
}
