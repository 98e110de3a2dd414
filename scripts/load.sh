#!/usr/bin/env bash
# Load on `shijian serve`: 200 event streams held open and 20 requests a second that do not wait for the
# model, while jobs run. Prints the latencies and the server's memory and descriptors before and after; its
# exit status is 1 when something fails, descriptors grow, or 1 in 100 requests of a route takes 50 ms.
# Usage: scripts/load.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build.sh release shijian
exec node scripts/load.mjs "${1:-60}"
