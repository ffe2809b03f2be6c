//! libFuzzer's door to the target `socket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::socket(data));
