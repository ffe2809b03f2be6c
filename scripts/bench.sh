#!/usr/bin/env bash
# Measures Landfall on this machine, next to nginx on the same files. Arguments choose among the benchmarks.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

[ -d loadtest/src/bin/landfall-bench ] || fail "the benchmarks are not there yet"
need_rust
need_nginx
need_redis
need_postgres
case " $* " in *" versus-"*) need_peers ;; esac
cargo build --release --workspace --bins
if [ $# -eq 0 ]; then set -- push herd memory media start fleet jobs storm table; fi
for benchmark in "$@"; do
    say "Benchmark: $benchmark"
    # `versus-media` is the report of `versus media`.
    read -ra words <<<"${benchmark/#versus-/versus }"
    target/release/landfall-bench "${words[@]}"
done
