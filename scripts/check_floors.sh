#!/usr/bin/env bash
# Checks that each folder under src/ includes only from itself and from folders on lower floors
# (cmake/floors.txt).
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rnoE '#include "[a-z0-9_]+/' src --include='*.h' --include='*.cc' | awk -F '[/:"]' '
  BEGIN {
    while ((getline line < "cmake/floors.txt") > 0) {
      if (line ~ /^#/) continue
      n = split(line, words, " ")
      for (i = 2; i <= n; i++) floor[words[i]] = words[1]
    }
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
