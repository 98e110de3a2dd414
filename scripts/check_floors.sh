#!/usr/bin/env bash
# Checks that each folder under src/ includes only from itself and from the folders that
# docs/architecture.md lets it see (a lower floor, never its own).
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rnoE '#include "[a-z_]+/' src --include='*.h' --include='*.cc' | awk -F '[/:"]' '
  BEGIN {
    n = split("base=0 tensor=1 cache=1 http=1 jobs=1 kernels=2 checkpoint=3 text=3 model=4 video=4 " \
              "grounding=5 train=5 synth=5 engine=6 picture=6 server=7 agent=7 eval=7 app=8", folders, " ")
    for (i = 1; i <= n; i++) { split(folders[i], pair, "="); floor[pair[1]] = pair[2] }
  }
  {
    from = $2; to = $(NF - 1); file = $0; sub(/:.*/, "", file)
    if (from == to) next
    if (!(from in floor) || !(to in floor)) {
      print file ": folder " from " or " to " has no floor"; bad = 1
    } else if (floor[to] + 0 >= floor[from] + 0) {
      print file ": " from " (floor " floor[from] ") includes " to " (floor " floor[to] ")"; bad = 1
    }
  }
  END { exit bad }'
