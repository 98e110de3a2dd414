#!/usr/bin/env bash
# Configures (once) and builds a CMake preset; quiet unless there is something to do.
# Usage: scripts/build.sh PRESET [TARGET…]
set -euo pipefail
preset=$1
shift
cd "$(dirname "$0")/.."
# What one clone compiled, another one finds in the cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
if [[ ! -f build/$preset/build.ninja ]]; then
  echo "shijian: configuring build/$preset" >&2
  cmake --preset "$preset" >&2
fi
log=build/$preset/build.log
# On a terminal ninja shows its own progress line.
if [[ -t 2 ]]; then
  ninja -C "build/$preset" "$@" >&2
elif ! ninja -C "build/$preset" "$@" >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  exit 1
fi
