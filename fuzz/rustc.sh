#!/bin/sh
# Cargo's RUSTC_WRAPPER: builds Landfall itself with the counters that guide libFuzzer, and all else as it always is, so that
# what was built for the tests is used again. The flags are those of stable Rust.
rustc=$1
shift
case " $* " in
*" --crate-name landfall "*fuzzing*)
    set -- "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
esac
exec "$rustc" "$@"
