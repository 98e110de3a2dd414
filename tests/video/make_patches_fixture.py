"""Writes patches.bin: pixel patches as transformers' Qwen3-VL video and image processors make them.

Run with transformers 4.57.6 or 5.23.0 (both give the same bytes); needs torch and torchvision.

Little-endian. int32 count, then for each case: int32 video (1) or image (0), frames, height, width,
min_pixels, max_pixels, rows, columns of the patches, step, and every step-th value as float32.
The input frames are noise of make_resize_fixture.py, one picture of frames * height rows.
"""

import pathlib
import struct

import torch
from make_resize_fixture import picture
from PIL import Image
from transformers.models.qwen2_vl import image_processing_qwen2_vl, video_processing_qwen2_vl  # noqa: F401
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

try:
    from transformers import Qwen2VLImageProcessorFast as ImageProcessor
except ImportError:
    from transformers import Qwen2VLImageProcessor as ImageProcessor

CASES = [
    (1, 4, 50, 75, 4096, 20000),
    (1, 3, 64, 64, 4096, 25165824),
    (1, 5, 96, 32, 40000, 60000),
    (0, 1, 70, 45, 4096, 1000000),
    (0, 1, 33, 99, 9000, 16000),
]
STEP = 11


def main():
    half = [0.5, 0.5, 0.5]
    out = struct.pack("<i", len(CASES))
    for video, frames, height, width, low, high in CASES:
        size = {"shortest_edge": low, "longest_edge": high}
        pixels = picture(0, frames * height, width).reshape(frames, height, width, 3)
        if video:
            processor = Qwen3VLVideoProcessor(size=size)
            clip = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
            result = processor([clip], do_sample_frames=False, return_tensors="pt")
            patches = result["pixel_values_videos"]
        else:
            processor = ImageProcessor(
                size=size, patch_size=16, temporal_patch_size=2, merge_size=2, image_mean=half, image_std=half
            )
            result = processor([Image.fromarray(pixels[0])], return_tensors="pt")
            patches = result["pixel_values"]
        rows, columns = patches.shape
        out += struct.pack("<9i", video, frames, height, width, low, high, rows, columns, STEP)
        out += patches.flatten()[::STEP].to(torch.float32).numpy().tobytes()
    pathlib.Path(__file__).with_name("patches.bin").write_bytes(out)


if __name__ == "__main__":
    main()
