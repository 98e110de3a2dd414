#!/bin/sh
# Writes the clips and the picture of the inputs. They are committed: encoders differ between builds.
set -eu
cd "$(dirname "$0")"
make() { ffmpeg -v error -y -bitexact "$@"; }
make -f lavfi -i "testsrc2=size=96x64:rate=12:duration=1.6" -c:v libx264 -crf 30 -pix_fmt yuv420p clip.mp4
make -f lavfi -i "testsrc=size=100x56:rate=10:duration=2.6" -c:v mpeg4 -q:v 9 odd.mp4
make -f lavfi -i "mandelbrot=size=72x128:rate=25:start_scale=0.6" -t 2.2 -c:v libx264 -crf 32 -pix_fmt yuv420p portrait.mp4
make -f lavfi -i "testsrc2=size=80x64:rate=30000/1001:duration=1.9" -vf "hue=h=40*t" -c:v mpeg4 -q:v 9 ntsc.mp4
make -f lavfi -i "smptehdbars=size=60x44" -vf "rotate=0.3" -frames:v 1 picture.png
ls -l
