#!/usr/bin/env bash
# The load test against a server of its own: `landfall-load` with what it is given; see docs/loadtest.md.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_redis
cargo build --release --workspace --bins
if [ $# -eq 0 ]; then set -- run mixed-day; fi
case $1 in
run | soak) exec target/release/landfall-load "$@" --spawn target/release/landfall ;;
*) exec target/release/landfall-load "$@" ;;
esac
