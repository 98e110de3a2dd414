#!/usr/bin/env bash
# Builds the Debian package build/package/shijian_VERSION_ARCH.deb, installing first what that needs.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh package
scripts/build.sh release shijian
cmake --build build/release --target package >&2
ls build/package/*.deb
