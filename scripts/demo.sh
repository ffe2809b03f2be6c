#!/usr/bin/env bash
# Builds what the demo needs and runs it; arguments go to `landfall demo`.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
scripts/web.sh
say "Building the server (the first time takes some minutes)"
cargo build --release
exec "${CARGO_TARGET_DIR:-target}/release/landfall" demo "$@"
