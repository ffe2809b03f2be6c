//! libFuzzer's door to the target `range`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| landfall::fuzzing::range(data));
