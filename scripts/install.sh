#!/usr/bin/env bash
# Installs the Debian packages that a task needs and says so; does nothing when all are there.
# Usage: scripts/install.sh run|package|test|all
set -euo pipefail

run_packages=(g++ cmake ninja-build ccache pkg-config libavformat-dev libavcodec-dev libavutil-dev
  libswscale-dev libswresample-dev libwebp-dev libpcre2-dev libicu-dev nlohmann-json3-dev libsimdjson-dev libcli11-dev
  libtomlplusplus-dev libfmt-dev libspdlog-dev prometheus-cpp-dev libxxhash-dev libmicrohttpd-dev
  libcurl4-openssl-dev libgnutls28-dev libsqlite3-dev zlib1g-dev libzstd-dev libseccomp-dev libpango1.0-dev
  fonts-dejavu-core fonts-droid-fallback
  nodejs npm)
test_packages=("${run_packages[@]}" libgtest-dev libgmock-dev libxml2-utils ffmpeg curl openssl chromium)
all_packages=("${test_packages[@]}" clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev
  libbenchmark-dev)

case ${1:-} in
  run) packages=("${run_packages[@]}") ;;
  package) packages=("${run_packages[@]}" dpkg-dev file) ;;
  test) packages=("${test_packages[@]}") ;;
  all) packages=("${all_packages[@]}") ;;
  *) echo "usage: scripts/install.sh run|package|test|all" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "shijian: this is not a Debian system; make sure that these are installed: ${packages[*]}" >&2
  exit 0
fi

declare -A installed
while read -r package; do installed[$package]=1; done < <(
  dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii *//p')
# A Node.js from elsewhere brings npm along without Debian's package of that name.
command -v npm >/dev/null && installed[nodejs]=1 installed[npm]=1
missing=()
for package in "${packages[@]}"; do
  [[ -n ${installed[$package]:-} ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

sudo=
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "shijian: run as root or install sudo, to install: ${missing[*]}" >&2
    exit 1
  }
  sudo=sudo
fi
echo "shijian: installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
install() {
  $sudo apt-get update -q &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}
# On a terminal apt shows how far it is; in a log its hundreds of lines matter when it fails.
if [[ -t 2 ]]; then
  install >&2
else
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  install >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
