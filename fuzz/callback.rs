//! libFuzzer's door to the target `callback`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::callback(data));
