#!/usr/bin/env bash
# Makes held-out files of an hour on the spot, asks the default model some 20 questions about each, and says how
# much is found and what closer looks cost beside the pass through all windows. Ten files, the default, take
# an hour to make and longer to ask about on two cores.
# Usage: scripts/evaluate_hours.sh [FILES [SECONDS [OPTION of eval…]]]
set -euo pipefail
cd "$(dirname "$0")/.."
files=${1:-10} seconds=${2:-3600}
out=build/evaluation
set=$out/hours-$files-$seconds
scripts/build.sh release shijian
if [[ ! -f $set/annotations.jsonl ]]; then
  rm -rf "${set:?}"
  build/release/shijian synth --out "$set" --count "$files" --seed 20261203 --seconds "$seconds" \
    --split heldout --questions 20
fi
rm -f "$set.json" "$set.json.rows.jsonl"
build/release/shijian eval --dataset synth "$set" --model models/nano --json "$set.json" "${@:3}"

node - "$set.json" <<'COMPARE'
const fs = require('fs');
const { overall } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const percent = (value) => `${(100 * value).toFixed(1)}%`;
console.log(`R1@0.5 ${percent(overall['r1@0.5'])}, several spans F1 ${percent(overall.several_f1)}, ` +
  `absent rejected ${percent(overall.absent_rejected)}; vision tokens ` +
  `${(overall.vision_tokens / overall.first_tokens).toFixed(2)} times those of the pass through all windows`);
COMPARE
