#!/usr/bin/env bash
# Runs the benchmarks; nginx, on the same files and the same machine, is what they compare with.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_nginx
cargo bench --workspace --benches -- "$@"
