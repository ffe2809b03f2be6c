#!/usr/bin/env bash
# Measures Landfall beside what would be used instead of it, and writes docs/benchmarks.md with its charts. Arguments choose among the
# contests; without any, all of them.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

need_rust
need_node
need_nginx
need_peers
need_eatmydata
cargo build --release --workspace --bins
if [ $# -eq 0 ]; then
    set -- media cold push sockets sound growth
    # A network of its own takes root.
    if [ "$(id -u)" -eq 0 ]; then set -- "$@" media-unpaced; fi
fi
for contest in "$@"; do
    say "Contest: $contest"
    # As many rounds as it takes for two runs to say much the same, and as an hour has room for.
    case $contest in
    growth) target/release/landfall-bench growth --rounds 9 ;;
    media-unpaced) target/release/landfall-bench versus media --unpaced --rounds 9 ;;
    media) target/release/landfall-bench versus media --rounds 15 ;;
    sockets | sound) target/release/landfall-bench versus "$contest" --rounds 2 ;;
    *) target/release/landfall-bench versus "$contest" ;;
    esac
done
target/release/landfall-bench versus write
