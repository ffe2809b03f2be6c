//! libFuzzer's door to the target `token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::token(data));
