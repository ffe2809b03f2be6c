//! libFuzzer's door to the target `peaks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::peaks(data));
