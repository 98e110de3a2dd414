#!/usr/bin/env bash
# Runs each libFuzzer target for a number of seconds on a copy of its corpus.
# Usage: scripts/fuzz.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
shift
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(cd build/fuzz/fuzz && ls -- *_fuzz)
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  echo "fuzzing $target for $seconds s"
  "build/fuzz/fuzz/$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -verbosity=0 \
    -print_final_stats=1 "$corpus" "fuzz/corpus/${target%_fuzz}"
done
