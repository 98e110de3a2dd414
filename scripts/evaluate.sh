#!/usr/bin/env bash
# Makes the held-out set on the spot and scores the default model on it.
# Usage: scripts/evaluate.sh [CLIPS]
set -euo pipefail
cd "$(dirname "$0")/.."
clips=${1:-300}
out=build/evaluation
scripts/build.sh release shijian
if [[ ! -f $out/set-$clips/annotations.jsonl ]]; then
  rm -rf "$out/set-$clips"
  build/release/shijian synth --out "$out/set-$clips" --count "$clips" --seed 20261122 \
    --seconds 10-30 --split heldout
fi
rm -f "$out/report-$clips.json" "$out/report-$clips.json.rows.jsonl"
build/release/shijian eval --dataset synth "$out/set-$clips" --model models/nano \
  --kinds visible,appear,leave,colour,text,digit,cut,absent --json "$out/report-$clips.json"
