#!/usr/bin/env bash
# Fuzzes the targets of src/fuzzing.rs with libFuzzer, guided by coverage: `scripts/fuzz.sh [TARGET…] [SECONDS]`. Without
# names all of them, FUZZ_JOBS (1) at once, each for so many seconds (FUZZ_SECONDS, 600). Logs and the corpus are kept in
# fuzz/target/; what breaks a promise is kept in fuzz/findings/.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

targets=()
seconds=${FUZZ_SECONDS:-600}
for word in "$@"; do
    case $word in
    *[!0-9]*) targets+=("$word") ;;
    *) seconds=$word ;;
    esac
done
if [ ${#targets[@]} -eq 0 ]; then
    for seeds in fuzz/seeds/*/; do targets+=("$(basename "$seeds")"); done
fi

need_rust
apt g++ g++ # libFuzzer itself
host=$(rustc -vV | sed -n 's/^host: //p')
say "Building the targets"
# The counters that guide libFuzzer come from a pass of the compiler that stable Rust has, but does not promise to keep.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
bins=()
for target in "${targets[@]}"; do
    [ -d "fuzz/seeds/$target" ] || fail "no such target: $target (there are: $(ls fuzz/seeds | xargs))"
    bins+=(--bin "$target")
done
cargo build --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host" --locked "${bins[@]}"

# fuzz TARGET: runs one and writes its row.
fuzz() {
    local target=$1 log=fuzz/target/$1.log corpus=fuzz/target/corpus/$1 findings=0 scratch
    mkdir -p "$corpus" fuzz/findings
    # Servers under test write here, and nothing of it is worth a disk's time.
    scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/landfall-fuzz.XXXXXX")
    TMPDIR=$scratch "fuzz/target/$host/debug/$target" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 \
        -max_len=4096 -use_value_profile=1 -print_final_stats=1 -artifact_prefix="fuzz/findings/$target-" \
        "$corpus" "fuzz/seeds/$target" >"$log" 2>&1 || findings=1
    rm -rf "$scratch"
    local executions edges
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-10s %7s s %12s executions %7s edges %3s findings\n' \
        "$target" "$seconds" "${executions:-?}" "${edges:-?}" "$findings" | tee "fuzz/target/$target.row"
    return $findings
}

say "Fuzzing, $seconds s each"
failed=0
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "${FUZZ_JOBS:-1}" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done

say "Together"
for target in "${targets[@]}"; do cat "fuzz/target/$target.row"; done
[ "$failed" = 0 ] || fail "there are findings: fuzz/findings/, and the end of fuzz/target/TARGET.log"
