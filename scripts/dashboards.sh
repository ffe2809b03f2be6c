#!/usr/bin/env bash
# The dashboards and alerts of dashboards/:
#   generate  writes the JSON anew
#   check     drift, what holds for every panel and alert, and promtool's tests; no process of ours is run
#   prove     every query against a real Prometheus that has scraped real processes under load and faults; draws the previews
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

# The generator, compiled: its types are checked on the way.
compiled() {
    need_npm_packages dashboards/generator
    (cd dashboards/generator && npm run --silent build) || fail "the generator of the dashboards does not compile"
}

in_generator() { (cd dashboards/generator && node --experimental-websocket --no-warnings "$@"); }

case ${1:-} in
generate)
    compiled
    in_generator dist/generate.js
    ;;
check)
    compiled
    need_prometheus
    in_generator dist/generate.js --check || fail "the dashboards are not what their generator makes"
    in_generator dist/rules.js || fail "the dashboards or alerts break a rule"
    promtool check rules dashboards/alerts.yml || fail "alerts.yml is not valid"
    promtool test rules dashboards/*.test.yml || fail "an alert does not do what its case says"
    ;;
prove)
    need_rust
    compiled
    need_prometheus
    need_redis
    need_chromium
    cargo build --workspace --bins
    in_generator dist/proof/main.js || fail "the dashboards are not proven"
    ;;
*) fail "which: generate, check or prove?" ;;
esac
