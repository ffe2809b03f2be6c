#!/usr/bin/env bash
# The compose files and the image:
#   check     what must hold for them, and their linters; nothing is run
#   topology  compose.yml's services as processes in namespaces: as root, and no engine is needed
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

compiled() {
    need_npm_packages compose/check
    (cd compose/check && npm run --silent build) || fail "the checks of compose/ do not compile"
}

case ${1:-} in
check)
    need_rust
    need_hadolint
    need_prometheus
    compiled
    (cd compose/check && npm run --silent lint && npm run --silent test) || fail "compose/ breaks a rule"
    "$HADOLINT" --config .hadolint.yaml Dockerfile || fail "the Dockerfile breaks a rule"
    # In the container the rules lie elsewhere.
    mkdir -p target
    sed "s|/etc/prometheus/|$PWD/dashboards/|" compose/prometheus/prometheus.yml >target/prometheus.yml
    promtool check config target/prometheus.yml || fail "prometheus.yml is not valid"
    ;;
topology)
    need_namespaces
    if [ "$(id -u)" -ne 0 ] || ! unshare --mount --net --pid --fork true 2>/dev/null; then
        say "Topology: skipped, this user may not make namespaces"
        exit 0
    fi
    need_rust
    need_postgres
    need_redis
    need_nginx
    compiled
    # Programs that are there already may be named.
    if [ -z "${LANDFALL_BIN:-}" ] || [ -z "${TWILIO_SIM_BIN:-}" ]; then
        cargo build --workspace --bins
        export LANDFALL_BIN=$PWD/target/debug/landfall TWILIO_SIM_BIN=$PWD/target/debug/twilio-sim
    fi
    # Everything lives in these namespaces, and ends with them.
    timeout 10m unshare --mount --net --pid --fork --kill-child --mount-proc bash -c \
        'mount -t tmpfs tmpfs /run && exec node --experimental-websocket --no-warnings compose/check/dist/topology/topology.test.js' ||
        fail "compose.yml does not do what it should"
    ;;
*) fail "which: check or topology?" ;;
esac
