#!/usr/bin/env bash
# clang-tidy over everything that build/PRESET compiles, as it does: the files of a folder together, which
# reads their headers once.
# Usage: scripts/tidy.sh PRESET [PATTERN]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
units() {
  grep -oP '"file": "\K[^"]+' "build/$preset/compile_commands.json" | grep -v '\.S$\|/page_files' | grep -- "${1:-}"
}
tidy() {
  # What is included is looked into as the including file is.
  xargs -r -P "$(nproc)" -n 1 clang-tidy-14 -p "build/$preset" --quiet \
    --extra-arg=-Xclang --extra-arg=-analyzer-opt-analyze-headers "$@"
}
units "${2:-}" | { grep -v '_test\|/tests/' || true; } | tidy
# What a test does wrong the sanitisers see, and a copy in a test is no matter.
units "${2:-}" | { grep '_test\|/tests/' || true; } | tidy --checks=-clang-analyzer-*,-performance-*
