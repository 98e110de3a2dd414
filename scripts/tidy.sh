#!/usr/bin/env bash
# clang-tidy over all sources, as build/test and build/clang compiled them. A file that passed is looked at
# again only when it, a header of it, the checks or clang-tidy changed: the folder of passes is ~/.cache/shijian-tidy.
# Usage: scripts/tidy.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export passes=${XDG_CACHE_HOME:-$HOME/.cache}/shijian-tidy
mkdir -p "$passes"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Lines "KEY FILE" of what PRESET compiles; KEY is a hash of the file, its headers and how it is checked.
keys() {
  local preset=$1 checks=$2
  ninja -C "build/$preset" -t deps | awk '/^ /{print $1}' | sort -u >"$scratch/files"
  (cd "build/$preset" && xargs sha256sum <"$scratch/files" 2>/dev/null || true) >"$scratch/hashes"
  local common
  common=$(cat .clang-tidy <(clang-tidy-14 --version) <(echo "$checks") | sha256sum)
  ninja -C "build/$preset" -t deps |
    awk -v common="$common" 'NR == FNR {hash[$2] = $1; next}
      /^[^ ]/ {if (file) print file, keys; file = ""; keys = common}
      /^ / {if (!file) file = $1; keys = keys hash[$1]}
      END {if (file) print file, keys}' "$scratch/hashes" - | sort -u -k 1,1 |
    while read -r file key; do echo "$(sha256sum <<<"$key" | cut -c1-64) $file"; done
}

# Checks the files of `keys` that PATTERN matches.
tidy() {
  local preset=$1 pattern=$2 checks=${3:-}
  keys "$preset" "$checks" | grep -P "$pattern" | while read -r key file; do
    [[ -e $passes/$key ]] || echo "$key" "$(realpath --relative-to=. "build/$preset/$file")"
  done | preset=$preset checks=$checks xargs -r -P "$(nproc)" -n 2 bash -c \
    'clang-tidy-14 --quiet -p "build/$preset" ${checks:+"$checks"} "$1" && touch "$passes/$0"'
}

failed=0
tidy test ' \.\./\.\./src/(?!.*_test\.cc)' || failed=1
# Tests, as many of a folder together as build/clang takes, read their headers once. What they do wrong the
# sanitisers see, and a copy in a test is no matter.
tidy clang '(_test\.dir|^[^ ]* tests/|/tests/)' --checks=-clang-analyzer-*,-performance-* || failed=1
exit $failed
