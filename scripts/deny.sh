#!/usr/bin/env bash
# Checks licences, duplicates and origins of all dependencies against deny.toml. Known vulnerabilities are another
# matter: `cargo deny check advisories` fetches their list from GitHub.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
have cargo-deny || fail "cargo-deny is missing: cargo install cargo-deny --locked"
cargo deny --workspace check bans licenses sources
