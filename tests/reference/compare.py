"""Compares two files of stages, ours and the reference's: one line for each stage.

    python compare.py ours.safetensors theirs.safetensors [--bound 1e-4]

Integer stages must be equal. Patches may differ by one 8-bit level on 0.1% of their values. Of any
other stage the largest difference must stay within --bound of the stage's largest magnitude.
Exit status 1 when a stage disagrees or is missing.
"""

import argparse
import re
import sys

import torch
from safetensors.torch import load_file

LEVEL = 2 / 255  # one 8-bit step of a patch value in [-1, 1]


def order(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def judge(name, ours, theirs, bound):
    """Whether a stage agrees, and the words for it."""
    if ours.numel() != theirs.numel():
        return False, f"shapes {list(ours.shape)} and {list(theirs.shape)}"
    ours = ours.reshape(theirs.shape)
    if not theirs.is_floating_point():
        unlike = int((ours.long() != theirs.long()).sum())
        if name.startswith("frames."):
            return True, f"{unlike} of {theirs.numel()} values differ"
        return unlike == 0, f"{unlike} of {theirs.numel()} differ"
    if name.startswith("frame_times."):
        apart = float((ours.double() - theirs.double()).abs().max())
        return apart < 1e-6, f"{apart:.1e} s apart at most"
    apart = (ours.double() - theirs.double()).abs()
    if name.startswith("pixel_values."):
        unlike = float((apart > LEVEL / 2).double().mean())
        good = unlike <= 1e-3 and float(apart.max()) < 1.5 * LEVEL
        return good, f"{100 - 100 * unlike:.3f}% identical, {float(apart.max()) / LEVEL:.2f} levels apart at most"
    share = float(apart.max() / theirs.abs().max().clamp_min(1e-30))
    return share <= bound, f"{share:.1e} of the largest magnitude"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--bound", type=float, default=1e-4)
    args = parser.parse_args()
    ours, theirs = load_file(args.ours), load_file(args.theirs)
    failed = False
    for name in sorted(theirs, key=order):
        good, words = judge(name, ours[name], theirs[name], args.bound) if name in ours else (False, "missing")
        failed |= not good
        print(f"{'ok  ' if good else 'FAIL'} {name:24} {words}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
