"""Writes plan_<name>.json: which frames, what size and which times the reference's processors choose.

Run once for each of: transformers 4.57.6 (plan_processor4.json), transformers 5.23.0
(plan_processor5.json), and --utils with qwen-vl-utils 0.0.14 (plan_qwenvlutils.json).
The numbers come from the packages' own functions; nothing is decoded.
"""

import json
import math
import pathlib
import random
import sys
import types

RATES = [(25, 1), (30, 1), (30000, 1001), (24000, 1001), (60000, 1001), (50, 1), (15, 2), (10, 1)]
SIZES = [(64, 64), (97, 131), (240, 320), (360, 640), (720, 1280), (1080, 1920), (1920, 1080)]
SIZES += [(2160, 3840), (480, 720), (1000, 40), (33, 600), (32, 32), (48, 48), (144, 176), (80, 240)]


def cases():
    rng = random.Random(7)
    for i in range(160):
        num, den = rng.choice(RATES)
        total = rng.choice([2, 3, 4, 5, 7, rng.randint(2, 60), rng.randint(60, 3000), rng.randint(3000, 200000)])
        height, width = rng.choice(SIZES)
        case = {"total": total, "rate": [num, den], "height": height, "width": width}
        if i % 3 == 1:
            case["fps"] = rng.choice([0.5, 1.0, 3.0, 4.0, 8.0])
        if i % 7 == 3:
            case["frames"] = rng.randint(2, min(total, 64))
        if i % 5 == 2:
            case["min_frames"] = rng.choice([2, 6, 9])
            case["max_frames"] = rng.choice([16, 33, 128])
        case["min_pixels"], case["max_pixels"] = rng.choice(
            [(4096, 25165824), (131072, 786432), (8192, 200704), (1048576, 3000000)]
        )
        yield case


def sampling(case):
    return {"num_frames": case["frames"]} if "frames" in case else {"fps": case.get("fps", 2.0)}


def finish(case, indices, size, times):
    indices = [int(i) for i in indices]
    case["indices"] = indices if len(indices) <= 12 else None
    case["count"] = len(indices)
    case["checksum"] = sum((k + 1) * i for k, i in enumerate(indices))
    case["size"] = list(size)
    case["slots"] = len(times)
    case["times"] = times[:3] + times[-2:]
    return case


def by_transformers():
    import transformers
    from transformers.models.qwen3_vl import processing_qwen3_vl, video_processing_qwen3_vl
    from transformers.video_utils import VideoMetadata

    major = int(transformers.__version__.split(".")[0])
    module = video_processing_qwen3_vl
    processor = module.Qwen3VLVideoProcessor()
    timestamps = processing_qwen3_vl.Qwen3VLProcessor._calculate_timestamps
    # 5.x chooses the size inside resize(): catch what it passes on.
    module.BaseVideoProcessor.resize = lambda self, image, size, resample: size

    out = []
    for i, case in enumerate(cases()):
        rate = case["rate"][0] / case["rate"][1]
        metadata = VideoMetadata(total_num_frames=case["total"], fps=rate)
        processor.min_frames = case.get("min_frames", 4)
        processor.max_frames = case.get("max_frames", 768)
        indices = processor.sample_frames(metadata, **sampling(case))
        if len(indices) < 2:
            continue
        if major == 4:
            if min(case["height"], case["width"]) < 32:
                continue
            size = module.smart_resize(
                num_frames=len(indices),
                height=case["height"],
                width=case["width"],
                temporal_factor=2,
                factor=32,
                min_pixels=case["min_pixels"],
                max_pixels=case["max_pixels"],
            )
        else:
            case["cap"] = i % 2 == 1
            videos = types.SimpleNamespace(shape=(1, len(indices), 3, case["height"], case["width"]))
            chosen = processor.resize(
                videos,
                types.SimpleNamespace(shortest_edge=case["min_pixels"], longest_edge=case["max_pixels"]),
                None,
                factor=32,
                temporal_factor=2,
                cap_pixels_per_frame=case["cap"],
            )
            size = (chosen.height, chosen.width)
        times = timestamps(None, indices, rate, 2)
        out.append(finish(case, indices, size, times))
    return f"processor{major}", out


def by_utils():
    import torch
    from qwen_vl_utils import vision_process as utils

    out = []
    for case in cases():
        del case["min_pixels"], case["max_pixels"]
        rate = case["rate"][0] / case["rate"][1]
        ele = {"nframes": case["frames"]} if "frames" in case else {"fps": case.get("fps", 2.0)}
        for key in ("min_frames", "max_frames"):
            if key in case:
                ele[key] = case[key]
        try:
            count = utils.smart_nframes(ele, total_frames=case["total"], video_fps=rate)
        except ValueError:
            continue
        indices = torch.linspace(0, case["total"] - 1, count).round().long().tolist()
        low = utils.VIDEO_MIN_TOKEN_NUM * 32 * 32
        total = utils.MODEL_SEQ_LEN * 32 * 32 * 0.9
        high = max(min(utils.VIDEO_MAX_TOKEN_NUM * 32 * 32, total / count * utils.FRAME_FACTOR), int(low * 1.05))
        size = utils.smart_resize(case["height"], case["width"], factor=32, min_pixels=low, max_pixels=high)
        seconds = [i / rate for i in indices]
        times = [(a + b) / 2 for a, b in zip(seconds[::2], seconds[1::2])]
        out.append(finish(case, indices, size, times))
    return "qwenvlutils", out


def main():
    name, out = by_utils() if "--utils" in sys.argv else by_transformers()
    assert all(math.isfinite(t) for case in out for t in case["times"])
    path = pathlib.Path(__file__).with_name(f"plan_{name}.json")
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out)
    path.write_text(f"[\n{lines}\n]\n")
    print(path.name, len(out), "cases")


if __name__ == "__main__":
    main()
