#!/usr/bin/env bash
# Runs each libFuzzer target for a number of seconds on a copy of its corpus, as many at once as there are
# processors.
# Usage: scripts/fuzz.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
export seconds=${1:?seconds for each target}
shift
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(cd build/fuzz/fuzz && ls -- *_fuzz)
fuzz() {
  local corpus=build/fuzz/corpus/$1
  mkdir -p "$corpus"
  echo "fuzzing $1 for $seconds s"
  "build/fuzz/fuzz/$1" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -verbosity=0 \
    -print_final_stats=1 "$corpus" "fuzz/corpus/${1%_fuzz}"
}
export -f fuzz
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
