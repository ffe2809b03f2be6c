#!/usr/bin/env bash
# Installs whatever `make demo` and `make test` need, so that both can then run without the network.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_component rustfmt rustfmt
need_component cargo-clippy clippy
need_nextest
need_postgres
need_redis
cargo fetch --locked
if [ -d web-client ]; then
    need_web_packages
    need_chromium
    need_firefox
fi
say "All is there"
