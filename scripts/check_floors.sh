#!/usr/bin/env bash
# Checks that each folder under src/ includes only from itself and from the folders that
# docs/architecture.md lets it see (a lower floor, never its own).
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A floor=([base]=0 [tensor]=1 [cache]=1 [http]=1 [jobs]=1 [kernels]=2 [checkpoint]=3 [text]=3
  [model]=4 [video]=4 [grounding]=5 [train]=5 [synth]=5 [engine]=6 [picture]=6 [server]=7 [agent]=7 [eval]=7 [app]=8)
bad=0
while IFS=: read -r file _ line; do
  from=${file#src/}; from=${from%%/*}
  to=$(sed -E 's/.*"([a-z_]+)\/.*/\1/' <<<"$line")
  [[ $from == "$to" ]] && continue
  if [[ -z ${floor[$from]:-} || -z ${floor[$to]:-} ]]; then
    echo "$file: folder $from or $to has no floor"; bad=1
  elif (( floor[$to] >= floor[$from] )); then
    echo "$file: $from (floor ${floor[$from]}) includes $to (floor ${floor[$to]})"; bad=1
  fi
done < <(grep -rnE '#include "[a-z_]+/' src --include='*.h' --include='*.cc')
exit $bad
