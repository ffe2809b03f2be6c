//! libFuzzer's door to the target `express`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::express(data));
