#!/usr/bin/env bash
# clang-tidy over all sources, as build/test and build/clang compile them.
# Usage: scripts/tidy.sh
set -euo pipefail
cd "$(dirname "$0")/.."
tidy() { xargs -r -P "$(nproc)" -n 1 clang-tidy-14 --quiet "$@"; }
git ls-files 'src/*/*.cc' ':!*_test.cc' | tidy -p build/test
# Tests, as many of a folder together as build/clang takes, read their headers once. What they do wrong the
# sanitisers see, and a copy in a test is no matter.
grep -oP '"file": "\K[^"]*(_test|/tests/)[^"]*' build/clang/compile_commands.json |
  tidy -p build/clang --checks=-clang-analyzer-*,-performance-*
