#!/usr/bin/env python3
"""Reads files for editing programs with OpenTimelineIO and its adapters, none of which is ours.

Needs, by hand alone: pip install opentimelineio otio-cmx3600-adapter otio-fcp-adapter otio-fcpx-xml-adapter
Usage: scripts/check_exchange.py FILE.otio FILE.edl FILE.xml FILE.fcpxml …

Prints the clips of each, in frames of their source, and fails where the files do not tell the same.
"""
import sys

import opentimelineio as otio

ADAPTERS = {"otio": "otio_json", "edl": "cmx_3600", "xml": "fcp_xml", "fcpxml": "fcpx_xml"}


def clips(path, rate):
    adapter = ADAPTERS[path.rsplit(".", 1)[1]]
    options = {"rate": rate} if adapter == "cmx_3600" else {}
    read = otio.adapters.read_from_file(path, adapter_name=adapter, **options)
    found = []
    for clip in read.find_clips():
        if clip.parent().kind != otio.schema.TrackKind.Video:
            continue
        span = clip.trimmed_range()
        rate = span.start_time.rate
        found.append((clip.name, span.start_time.value, span.duration.value, rate))
    return found


def main():
    rate = 25
    seen = {}
    for path in sorted(sys.argv[1:], key=lambda p: not p.endswith(".otio")):
        seen[path] = clips(path, rate)
        if path.endswith(".otio") and seen[path]:
            rate = seen[path][0][3]
        print(path)
        for name, start, length, clip_rate in seen[path]:
            print(f"  {start:10.3f} + {length:8.3f} at {clip_rate:.3f}  {name}")
    lengths = {path: [round(length) for _, _, length, _ in found] for path, found in seen.items()}
    if len({tuple(value) for value in lengths.values()}) > 1:
        sys.exit(f"the lengths differ: {lengths}")


main()
