#!/usr/bin/env bash
# clang-tidy over all sources, as many of a folder together as build/clang compiled: headers are read once. What
# passed is looked at again only when it, a header of it, the checks or clang-tidy changed: the folder of passes
# is ~/.cache/shijian-tidy.
# Usage: scripts/tidy.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/clang
export passes=${XDG_CACHE_HOME:-$HOME/.cache}/shijian-tidy
mkdir -p "$passes"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# The static analyzer takes what a file includes for code of its own where that file is named so.
unified() { sed -E 's#Unity/unity_([0-9]+)_cxx\.cxx#Unity/UnifiedSource_\1.cxx#g'; }
unified <$build/compile_commands.json >"$scratch/compile_commands.json"
find $build -path '*/Unity/unity_*_cxx.cxx' | while read -r file; do cp "$file" "$(unified <<<"$file")"; done

# Lines "KEY FILE" of what was compiled; KEY is a hash of the file, its headers and how it is checked.
keys() {
  local checks=$1
  ninja -C $build -t deps | awk '/^ /{print $1}' | sort -u >"$scratch/files"
  (cd $build && xargs sha256sum <"$scratch/files" 2>/dev/null || true) >"$scratch/hashes"
  local common
  common=$(cat .clang-tidy <(clang-tidy-14 --version) <(echo "$checks") | sha256sum)
  ninja -C $build -t deps |
    awk -v common="$common" 'NR == FNR {hash[$2] = $1; next}
      /^[^ ]/ {if (file) print file, keys; file = ""; keys = common}
      /^ / {if (!file) file = $1; keys = keys hash[$1]}
      END {if (file) print file, keys}' "$scratch/hashes" - | sort -u -k 1,1 |
    while read -r file key; do echo "$(sha256sum <<<"$key" | cut -c1-64) $file"; done
}

# Checks the files of `keys` that PATTERN matches.
tidy() {
  local pattern=$1 checks=${2:-}
  keys "$checks" | grep -P '\.(cc|cxx)$' | grep -P "$pattern" | while read -r key file; do
    [[ -e $passes/$key ]] || echo "$key" "$(realpath --relative-to=. "$build/$file" | unified)"
  done | database=$scratch checks=$checks xargs -r -P "$(nproc)" -n 2 bash -c \
    'clang-tidy-14 --quiet -p "$database" ${checks:+"$checks"} "$1" && touch "$passes/$0"'
}

tests='(_test\.dir|^[^ ]* tests/|/tests/)'
failed=0
tidy "^(?!.*$tests)" || failed=1
# What tests do wrong the sanitisers see, and a copy in a test is no matter.
tidy "$tests" --checks=-clang-analyzer-*,-performance-* || failed=1
exit $failed
