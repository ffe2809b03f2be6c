#!/usr/bin/env bash
# Runs the groups of checks it is given, cheap ones first, and stops at the first that fails:
#   format  Rust code and shell scripts
#   web     the web client: types, tests (with both Reacts), build (before the server, which embeds it); the player as a
#           package: sizes, resolution, rendering on a server
#   dashboards  drift, rules and alerts of dashboards/; `make dashboards-check` proves more
#   compose drift from what must hold for compose/ and the image, and their linters
#   lint    clippy, and whether the documentation builds
#   deny    licences and origins of the dependencies, and their known vulnerabilities
#   rust    all tests of the workspace, those in the documentation included
#   e2e     the real server and the real simulator under Chromium and Firefox
#   topology  compose.yml's services as processes in namespaces, as root
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

if [ -n "${CI:-}" ]; then export NEXTEST_PROFILE=${NEXTEST_PROFILE:-ci}; fi

passed=()

# step NAME COMMAND…
step() {
    local name=$1 began=$SECONDS
    shift
    say "$name: $*"
    "$@" || fail "$name: \`$*\`"
    passed+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
}

format() {
    need_rust
    need_component rustfmt rustfmt
    step "Format" cargo fmt --all --check
    if have shellcheck; then step "Shell scripts" shellcheck -x -P SCRIPTDIR scripts/*.sh .ci/run; fi
}

lint() {
    need_rust
    need_component cargo-clippy clippy
    step "Clippy" cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" step "Documentation" cargo doc --workspace --no-deps --quiet
}

deny() { step "Dependencies" scripts/deny.sh --present; }

web() {
    need_web_packages
    step "Web client, types" npm --prefix web-client run typecheck
    step "Web client, tests" npm --prefix web-client run test
    step "Web client, build" scripts/web.sh
    step "Player, build" npm --prefix web-client run build:lib
    step "Player, sizes" npm --prefix web-client run size
    step "Player, as a package and on a server" npm --prefix web-client run package
}

dashboards() { step "Dashboards and alerts" scripts/dashboards.sh check; }

compose() { step "Compose files and image" scripts/compose.sh check; }

topology() { step "The topology of compose.yml" scripts/compose.sh topology; }

rust() {
    need_rust
    need_nextest
    # For the official SDKs that the tests ask whether signatures are good.
    need_python
    need_voices
    need_node
    need_postgres
    need_redis
    # A real proxy before the server, set up as the documentation says.
    need_nginx
    need_faketime
    if have cargo-nextest; then
        step "Tests" cargo nextest run --workspace
    else
        step "Tests" cargo test --workspace --lib --bins --tests
    fi
    step "Tests in the documentation" cargo test --workspace --doc
}

e2e() {
    need_rust
    need_web_packages
    need_chromium
    need_firefox
    # The server has the console in it.
    step "Console, build" scripts/web.sh
    step "Programs under test" cargo build --workspace --bins
    export LANDFALL_BIN="${LANDFALL_BIN:-$PWD/target/debug/landfall}"
    export TWILIO_SIM_BIN="${TWILIO_SIM_BIN:-$PWD/target/debug/twilio-sim}"
    step "Player, build" npm --prefix web-client run build:lib
    step "End to end" npm --prefix web-client run e2e
}

began=$SECONDS
for group in "$@"; do
    case $group in
    web | e2e) if [ -d web-client ]; then "$group"; else say "Web client: not there yet, $group skipped"; fi ;;
    format | dashboards | compose | lint | deny | rust | topology) "$group" ;;
    *) fail "no such group of checks: $group (format, web, dashboards, compose, lint, deny, rust, topology, e2e)" ;;
    esac
done

say "All passed in $((SECONDS - began)) s"
printf '%s\n' "${passed[@]}"
