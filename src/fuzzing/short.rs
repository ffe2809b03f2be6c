//! Each target for a moment, with every test run: its seeds, and some thousand changes of them. The same each time.

use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Longest input that is made here; fuzzers take what the targets take.
const MOST: usize = 2048;

/// The seeds of a target: what it is given by people, before it is given anything by chance.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {}", directory.display());
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn run(target: &str, fuzz: fn(&[u8]), count: usize) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| fuzz(seed));
    let mut random = StdRng::seed_from_u64(9110);
    for _ in 0..count {
        let mut input = seeds.choose(&mut random).unwrap().clone();
        for _ in 0..random.random_range(1..=4) {
            change(&mut input, &seeds, &mut random);
        }
        input.truncate(MOST);
        fuzz(&input);
    }
}

/// One change of the kinds that fuzzers make.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let end = (at + random.random_range(0..=16)).min(input.len());
    match random.random_range(0..6) {
        0 if at < input.len() => input[at] = random.random(),
        1 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        2 => _ = input.drain(at..end),
        3 => input.insert(at, *b"\0\n\r,:;=-\"{}[]%&*09\xff".choose(random).unwrap()),
        4 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        _ => {
            let other = seeds.choose(random).unwrap();
            let from = random.random_range(0..=other.len());
            let part = &other[from..(from + random.random_range(0..=32)).min(other.len())];
            input.splice(at..end, part.iter().copied());
        }
    }
}

#[test]
fn any_ranges_and_conditions_give_what_the_file_has() {
    run("range", super::range, 20_000);
}

#[test]
fn any_bytes_are_a_recording_or_none() {
    run("audio", super::audio, 20_000);
}

#[test]
fn any_bytes_have_a_waveform_or_none() {
    run("peaks", super::peaks, 1000);
}

#[test]
fn any_text_is_a_message_or_none() {
    run("frames", super::frames, 20_000);
}

#[test]
fn any_configuration_is_good_or_refused_without_a_secret() {
    run("config", super::config, 3000);
}

#[test]
fn no_link_that_was_not_signed_opens_a_recording() {
    run("link", super::link, 5000);
}

#[test]
fn no_token_that_was_not_signed_is_good() {
    run("token", super::token, 3000);
}

#[test]
fn no_callback_that_was_not_signed_is_kept() {
    run("callback", super::callback, 2000);
}

#[test]
fn both_ways_answer_any_request_alike() {
    run("express", super::express, 500);
}

#[test]
fn any_frames_are_answered_by_the_protocol() {
    run("socket", super::socket, 1000);
}
