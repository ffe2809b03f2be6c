//! libFuzzer's door to the target `audio`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::audio(data));
