#!/bin/sh
# Builds the server and the benchmark program, runs every benchmark, and prints all findings as one table.
# Arguments go to each benchmark, e.g. --rounds 3. What is measured, and how: docs/benchmarks.md.
set -eu
cd "$(dirname "$0")/.."

if ! command -v nginx >/dev/null; then
    if [ "$(id -u)" != 0 ]; then
        echo "nginx is missing, and only root can install it: apt-get install nginx" >&2
        exit 1
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends nginx >/dev/null
    # Debian starts it where there is an init system; here, it would only be in the way.
    service nginx stop >/dev/null 2>&1 || true
fi

cargo build --release --workspace
for benchmark in push herd memory media start; do
    target/release/landfall-bench "$@" "$benchmark" >/dev/null
done
target/release/landfall-bench table
