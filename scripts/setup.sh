#!/usr/bin/env bash
# Installs whatever `make demo` and `make test` need, so that both can then run without the network.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_component rustfmt rustfmt
need_component cargo-clippy clippy
need_nextest
need_postgres
need_redis
need_prometheus
need_npm_packages dashboards/generator
need_npm_packages compose/check
need_hadolint
need_nginx
need_namespaces
cargo fetch --locked
if [ -d web-client ]; then
    need_web_packages
    need_chromium
    need_firefox
fi
say "All is there"
