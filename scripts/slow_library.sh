#!/usr/bin/env bash
# A library of 100,000 files on a slow disk (simulated: a millisecond a look), scanned while lists, the
# history and small uploads are asked for. Prints the latencies; its exit status is 1 when 1 in 100 requests
# of a kind takes 50 ms.
# Usage: scripts/slow_library.sh [SECONDS [FILES [PRESET]]]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${3:-release}
scripts/build.sh "$preset" shijian
mkdir -p build
cc -shared -fPIC -O2 -o build/slow_disk.so scripts/slow_disk.c -ldl
exec node scripts/slow_library.mjs "${1:-60}" "${2:-100000}" "$preset"
