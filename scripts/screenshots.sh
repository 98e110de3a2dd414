#!/usr/bin/env bash
# Takes the pictures of the page in docs/pictures, from the real program with the default model.
# Usage: scripts/screenshots.sh
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh test
scripts/build.sh test shijian
scripts/test_page.sh pictures
