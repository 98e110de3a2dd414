#!/usr/bin/env bash
# Tests the page: types and logic, then the page of build/test/shijian in Debian's Chromium; or
# takes its pictures.
# Usage: scripts/test_page.sh logic|browser|pictures [FILE], FILE a part of the names of the files to run
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/build_page.sh # installs what the tests need, too
[[ -d web/node_modules ]] || ln -sfn ../build/page/web/node_modules web/node_modules
cd web
case ${1:-} in
  logic) npm run --silent check && npm test --silent ;;
  browser) npm run --silent e2e -- "${@:2}" ;;
  pictures) npm run --silent pictures ;;
  *) echo "usage: scripts/test_page.sh logic|browser|pictures [FILE]" >&2; exit 2 ;;
esac
