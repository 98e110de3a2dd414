#!/usr/bin/env bash
# Tries the Debian package where nothing else is: installs it in a bare Debian 12, serves as
# packaging/Dockerfile does, asks the question of docs/api.md, and purges it.
# Needs root, debootstrap and the network (some 150 MB). Usage: scripts/test_package.sh [PACKAGE.deb]
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $(id -u) -eq 0 ]] || { echo "shijian: this wants to be root" >&2; exit 2; }
for program in debootstrap curl; do
  command -v "$program" >/dev/null || { echo "shijian: apt-get install $program" >&2; exit 2; }
done

step() { echo "== $* ($(date +%T))"; }
fail() { echo "shijian: $*" >&2; exit 1; }

package=${1:-$(scripts/package.sh | tail -n 1)}
[[ -f $package ]] || fail "there is no $package"
folder=$(mktemp -d)
bare=$folder/bare
server=
clean_up() {
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  # What is still mounted is not ours to delete.
  if mountpoint -q "$bare/proc"; then umount "$bare/proc" || umount -l "$bare/proc"; fi
  rm -rf --one-file-system "$folder"
}
trap clean_up EXIT
inside() { chroot "$bare" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

step "a bare Debian 12"
debootstrap --variant=minbase bookworm "$bare" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$folder/log" ||
  { tail -n 20 "$folder/log" >&2; fail "debootstrap failed"; }
mount -t proc proc "$bare/proc"
printf '#!/bin/sh\nexit 101\n' >"$bare/usr/sbin/policy-rc.d" # no service may start in here
chmod +x "$bare/usr/sbin/policy-rc.d"
inside dpkg-query -W >"$folder/before"

step "install ${package##*/}"
cp "$package" "$bare/tmp/shijian.deb"
inside apt-get install -y -q --no-install-recommends /tmp/shijian.deb >"$folder/log" 2>&1 ||
  { tail -n 20 "$folder/log" >&2; fail "it cannot be installed"; }
rm "$bare/tmp/shijian.deb"
inside dpkg -L shijian >"$folder/files"
inside shijian --version
inside shijian info >/dev/null

step "serve as a user of its own"
inside useradd --create-home --home-dir /app helper
inside install -d -o helper -g helper /app/videos /app/data /app/cache
inside cp /usr/share/shijian/samples/shapes.mp4 /app/videos/
chroot --userspec=helper:helper "$bare" env -i -C /app PATH=/usr/bin:/bin SHIJIAN_HOST=0.0.0.0 SHIJIAN_PORT=0 \
  SHIJIAN_VIDEOS=/app/videos SHIJIAN_DATA=/app/data XDG_CACHE_HOME=/app/cache \
  shijian serve --no-auth >"$folder/greeting" 2>"$folder/log" &
server=$!
address=
for _ in $(seq 300); do
  port=$(sed -n 's|.*http://[^:]*:\([0-9]*\) .*|\1|p' "$folder/greeting")
  if [[ -n $port ]] && curl -fs "http://127.0.0.1:$port/healthz" >/dev/null; then
    address=http://127.0.0.1:$port
    break
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
[[ -n $address ]] || { cat "$folder/log" >&2; fail "the server did not start"; }

step "the call of docs/api.md"
answer=$(curl -sS --fail-with-body --json '{
  "video_path": "/app/videos/shapes.mp4",
  "query": "When is the cyan word MENU on screen?",
  "options": {"enable_temporal_grounding": true, "return_reasoning": true,
              "output_format": "HH:MM:SS.sss", "frame_sampling_rate": 2}}' "$address/api/v1/inference") ||
  fail "it was refused: $answer"
[[ $answer == *'"timestamp_range":["00:00:04.567","00:00:06.600"]'* ]] || fail "another answer than the read-me's: $answer"
[[ $(curl -fsS "$address/") == *'<title>'* ]] || fail "the page is not there"
curl -fsS -T "$bare/usr/share/shijian/samples/shapes.mp4" "$address/api/v1/videos/copy.mp4" >/dev/null ||
  fail "an upload failed"
kill -INT "$server"
wait "$server" || fail "the server ended with status $?"
server=
[[ -n $(find "$bare/app/cache" -name '*.cache') ]] || fail "nothing was cached"

step "purge"
inside userdel helper
rm -rf "$bare/app"
inside apt-get purge -y -q --autoremove shijian >"$folder/log" 2>&1 ||
  { tail -n 20 "$folder/log" >&2; fail "it cannot be purged"; }
inside dpkg-query -W | diff "$folder/before" - || fail "other packages than before"
while read -r path; do
  [[ -d $bare$path && $path != *shijian* ]] || [[ ! -e $bare$path ]] || fail "$path is left"
done <"$folder/files"
# The package manager's own log apart.
left=$(find "$bare" -xdev -iname '*shijian*' -not -path "$bare/proc/*" -not -path "$bare/var/log/*")
[[ -z $left ]] || fail "left: $left"
step "all is well"
