#!/usr/bin/env bash
# Runs the tests that break processes and the ways between them, and prints what each fault has cost.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_nextest
need_postgres
need_redis
need_faketime
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
LANDFALL_FAULTS_TABLE=$lines cargo nextest run -p landfall --no-fail-fast -E 'test(/^(fleet|postgres)::/)' ||
    fail "a fault cost more than it may"
printf '\n| Fault | Recordings lost | Seconds until every waiter knew |\n|---|---|---|\n'
sort "$lines" | sed 's/.*/| & |/'
