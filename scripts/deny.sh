#!/usr/bin/env bash
# Checks the dependencies: licences, duplicates and origins against deny.toml; known vulnerabilities, of crates and of npm's
# packages, with those who list them. Fails on what is found. Who cannot be asked is named, and no reason to fail: a machine
# without the way to them could else test nothing. `--present` does without cargo-deny where it is not installed.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

unasked=()

crates() {
    need_rust
    if ! have cargo-deny; then
        if [ "${1:-}" = --present ]; then
            unasked+=("cargo-deny, which is not installed: make deny installs it")
            return
        fi
        need_deny
    fi
    for manifest in Cargo.toml fuzz/Cargo.toml; do
        say "Licences, duplicates and origins: $manifest"
        cargo deny --config deny.toml --manifest-path "$manifest" --workspace check --hide-inclusion-graph \
            bans licenses sources || fail "cargo deny, in $manifest"
    done
    say "Known vulnerabilities of crates"
    if ! timeout 60 cargo deny fetch db >/dev/null 2>&1; then
        unasked+=("RustSec's list (github.com/RustSec/advisory-db)")
        return
    fi
    cargo deny --workspace check advisories || fail "cargo deny check advisories"
}

# packages DIRECTORY: asks npm's registry about a lock file.
packages() {
    local report
    say "Known vulnerabilities of packages: $1"
    if report=$(npm --prefix "$1" audit --package-lock-only --json 2>/dev/null); then
        echo "None"
    elif grep -q '"auditReportVersion"' <<<"$report"; then
        npm --prefix "$1" audit --package-lock-only || true
        fail "npm audit, in $1"
    else
        unasked+=("npm's registry, about $1")
    fi
}

crates "$@"
need_node
packages web-client
packages dashboards/generator
packages compose/check
packages web-client/react-18
packages tests/oracles

if [ ${#unasked[@]} -gt 0 ]; then
    say "Could not ask"
    printf '%s\n' "${unasked[@]}"
fi
