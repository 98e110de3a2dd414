#!/usr/bin/env bash
# Installs the libraries of a build, builds a program outside with them and asks it for the sample's MENU.
# Usage: test.sh BUILD SOURCE SANITISERS COMPILER
set -euo pipefail
build=$1 source=$2 sanitisers=$3 compiler=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --component library --prefix "$folder/prefix" >"$folder/log"
flags=${sanitisers:+-fsanitize=$sanitisers}
cmake -G Ninja -S "$source/tests/find_package" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" >>"$folder/log" &&
  ninja -C "$folder/build" >>"$folder/log" || { cat "$folder/log"; exit 1; }
answer=$("$folder/build/asks" "$source/models/nano" "$source/samples/shapes.mp4" \
  "When is the cyan word MENU on screen?")
echo "$answer"
[[ $answer =~ ^4\.[2-6][0-9]*\ 6\.[0-9]*$ ]]
