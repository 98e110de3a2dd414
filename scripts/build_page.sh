#!/usr/bin/env bash
# Builds the web page with npm and turns it into sources that put it into the program:
# build/page/page_files.cc and build/page/page_files.S. Does nothing when no source has changed.
# Usage: scripts/build_page.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/page
mkdir -p "$out"
exec 9>"$out/lock"
flock 9
page_files() { find web \( -name node_modules -o -name tests -o -name generated \) -prune -o -type f -print; }
sources=$( (page_files; echo scripts/build_page.sh) | sort | xargs -d '\n' sha256sum | sha256sum)
[[ -f $out/stamp && -f $out/page_files.cc && $(<"$out/stamp") == "$sources" ]] && exit 0

echo "shijian: building the web page" >&2
rm -rf "$out/web/src" "$out/dist"
mkdir -p "$out/web"
page_files | while read -r file; do
  [[ -f $file ]] && install -D -m 644 "$file" "$out/$file"
done
if [[ ! -d $out/web/node_modules ]] || ! cmp -s web/package-lock.json "$out/web/.installed"; then
  # Not `npm ci`: it refuses a lock without the optional packages of other platforms, which some
  # registries do not carry.
  npm install --prefix "$out/web" --no-audit --no-fund --ignore-scripts --loglevel=error >&2
  cp web/package-lock.json "$out/web/.installed"
fi
(cd "$out/web" && npx --no-install vite build --outDir ../dist --emptyOutDir --logLevel warn >&2)

content_type() {
  case $1 in
    *.html) echo "text/html; charset=utf-8" ;;
    *.js) echo "text/javascript; charset=utf-8" ;;
    *.css) echo "text/css; charset=utf-8" ;;
    *.svg) echo "image/svg+xml" ;;
    *.json | *.webmanifest) echo "application/json" ;;
    *.png) echo "image/png" ;;
    *.woff2) echo "font/woff2" ;;
    *) echo "application/octet-stream" ;;
  esac
}

table="" declared="" number=0
echo '.section .rodata' >"$out/page_files.S.new"
while read -r file; do
  gzip -9n <"$out/dist/$file" >"$out/dist/$file.gz"
  for kind in raw gzip; do
    name=page_${kind}_$number
    path=$PWD/$out/dist/$file
    [[ $kind == gzip ]] && path+=.gz
    printf '.global %s\n%s: .incbin "%s"\n.global %s_end\n%s_end:\n' \
      "$name" "$name" "$path" "$name" "$name" >>"$out/page_files.S.new"
    declared+="extern \"C\" const char $name[], ${name}_end[];"$'\n'
  done
  table+="    {\"/$file\", \"$(content_type "$file")\", view(page_raw_$number, page_raw_${number}_end),"$'\n'
  table+="     view(page_gzip_$number, page_gzip_${number}_end)},"$'\n'
  number=$((number + 1))
done < <(cd "$out/dist" && find . -type f ! -name '*.gz' -printf '%P\n' | sort)
echo '.section .note.GNU-stack,"",@progbits' >>"$out/page_files.S.new"
cat >"$out/page_files.cc.new" <<EOF
// Made by scripts/build_page.sh.
#include "server/page.h"

$declared
namespace shijian::server {
namespace {

std::string_view view(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile files[] = {
$table  };
  return files;
}

}  // namespace shijian::server
EOF
mv "$out/page_files.S.new" "$out/page_files.S"
mv "$out/page_files.cc.new" "$out/page_files.cc"
echo "$sources" >"$out/stamp"
