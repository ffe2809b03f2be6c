#!/usr/bin/env bash
# Fuzzes the targets of src/fuzzing.rs with libFuzzer, guided by coverage: `scripts/fuzz.sh [TARGET…] [SECONDS]`. Without
# names all of them, FUZZ_JOBS (1) at once, each for so many seconds (FUZZ_SECONDS, 600). Corpus, logs and findings are
# kept in target/fuzz/.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

out=target/fuzz
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
for target in "${targets[@]}"; do [ -d "fuzz/seeds/$target" ] || fail "no such target: $target"; done

need_rust
apt g++ g++ # builds libFuzzer
say "Building the targets"
RUSTC_WRAPPER=$PWD/fuzz/rustc.sh cargo build --manifest-path fuzz/Cargo.toml --target-dir target --locked --bins

# fuzz TARGET: runs one, and writes its row of the table.
fuzz() {
    local target=$1 log=$out/$1.log findings=0 scratch
    mkdir -p "$out/corpus/$target" "$out/findings"
    # The server under test writes here, and nothing of it is worth a disk's time.
    if [ -w /dev/shm ]; then scratch=/dev/shm; else scratch=/tmp; fi
    scratch=$(mktemp -d "$scratch/landfall-fuzz.XXXXXX")
    TMPDIR=$scratch "target/debug/fuzz-$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 \
        -max_len=4096 -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$out/findings/$target-" \
        "$out/corpus/$target" "fuzz/seeds/$target" >"$log" 2>&1 || findings=1
    rm -rf "$scratch"
    local executions edges
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-10s %6s s %12s executions %6s edges %s findings\n' \
        "$target" "$seconds" "${executions:-?}" "${edges:-?}" "$findings" | tee "$out/$target.row"
    return "$findings"
}

say "Fuzzing for $seconds s each"
failed=
running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "${FUZZ_JOBS:-1}" ]; then
        wait -n || failed=yes
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=yes
    running=$((running - 1))
done

say "Together"
for target in "${targets[@]}"; do cat "$out/$target.row"; done
if [ -n "$failed" ]; then fail "there are findings: see $out/findings/ and the end of $out/TARGET.log"; fi
