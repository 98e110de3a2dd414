"""Writes resize.bin: what torchvision's 8-bit bicubic resize with antialias gives (torch 2.14.1).

Run: python make_resize_fixture.py   (needs torch and torchvision)

Little-endian int32 count, then for each case: int32 kind, height, width, out_height, out_width and
out_height * out_width * 3 bytes (row, column, RGB). Inputs are made alike here and in
resize_test.cc: kind 0 noise, 1 gradients, 2 black and white noise (the filter overshoots).
"""

import pathlib
import struct

import numpy as np
import torch
from torchvision.transforms.v2 import functional

CASES = [
    (0, 90, 160, 32, 64),
    (0, 97, 131, 96, 128),
    (1, 120, 200, 64, 96),
    (2, 64, 64, 32, 32),
    (2, 33, 47, 64, 96),
    (0, 20, 30, 96, 128),
    (1, 16, 16, 64, 64),
    (2, 300, 40, 32, 64),
    (0, 40, 300, 64, 32),
    (0, 64, 50, 64, 32),
    (0, 50, 64, 32, 64),
    (1, 1, 7, 32, 32),
    (0, 500, 333, 32, 32),
    (0, 128, 128, 128, 128),
]


def picture(kind, height, width):
    """[height, width, 3] of uint8; the same integers as in resize_test.cc."""
    i = np.arange(height * width * 3, dtype=np.uint32)
    x = i * np.uint32(2654435761) + np.uint32(12345)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    noise = (x >> np.uint32(8)) & np.uint32(255)
    if kind == 0:
        value = noise
    elif kind == 1:
        value = (i // 3 % width * 5 + i // (3 * width) * 3 + i % 3 * 40) % 256
    else:
        value = np.where(noise & 1, 255, 0)
    return value.astype(np.uint8).reshape(height, width, 3)


def main():
    out = struct.pack("<i", len(CASES))
    for kind, height, width, out_height, out_width in CASES:
        frame = torch.from_numpy(picture(kind, height, width)).permute(2, 0, 1).contiguous()[None]
        resized = functional.resize(
            frame,
            [out_height, out_width],
            interpolation=functional.InterpolationMode.BICUBIC,
            antialias=True,
        )
        assert resized.dtype == torch.uint8
        out += struct.pack("<5i", kind, height, width, out_height, out_width)
        out += resized[0].permute(1, 2, 0).contiguous().numpy().tobytes()
    pathlib.Path(__file__).with_name("resize.bin").write_bytes(out)


if __name__ == "__main__":
    main()
