//! libFuzzer's door to the target `config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::config(data));
