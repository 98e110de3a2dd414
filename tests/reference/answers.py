"""Compares whole answers of `shijian locate` with the reference's on a set that `shijian synth` made.

    python answers.py --binary ../../build/release/shijian --model ../../models/nano --set DIR --count 40

One line a question: the least top-1 margin of the reference's greedy steps, and whether prompt and
answer are the same tokens. Exit status 1 when any is not.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

import reference


def ours(args, row):
    """The stages of our run."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "stages.safetensors"
        subprocess.run(
            [args.binary, "locate", args.set / row["video"], row["query"], "--model", args.model,
             "--no-cache", "--dump", file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return load_file(file)


def wording(processor, stages):
    """What stands in the prompt between the video and the end of the user's turn."""
    prompt = processor.tokenizer.decode(stages["prompt_tokens"])
    return prompt.rsplit("<|vision_end|>", 1)[1].split("<|im_end|>", 1)[0]


def theirs(processor, model, stages, pixels):
    """The reference's run on our frames, at most `pixels` of each."""
    indices, times = stages["frame_indices.0"].numpy(), stages["frame_times.0"].numpy()
    media = reference.Media("video", stages["frames.0"].numpy(), float(indices[-1] / times[-1]), indices)
    content = [{"type": "video", "video": ""}, {"type": "text", "text": wording(processor, stages)}]
    size = processor.video_processor.size
    processor.video_processor.size = {**size, "longest_edge": len(indices) * pixels}
    found, _, margins = reference.run(processor, model, [{"role": "user", "content": content}], None, [media])
    return found, min(margins)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--set", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=40)
    args = parser.parse_args()
    processor, model = reference.load(args.model)
    pixels = json.loads((args.model / "shijian.json").read_text())["sampling"]["frame_pixels"]
    rows = [json.loads(line) for line in (args.set / "annotations.jsonl").read_text().splitlines()]
    rows = rows[:: max(1, len(rows) // args.count)][: args.count]
    unlike = 0
    for row in rows:
        stages = ours(args, row)
        found, margin = theirs(processor, model, stages, pixels)
        same = all(torch.equal(stages[name].long(), found[name].long()) for name in ("prompt_tokens", "tokens"))
        unlike += not same
        print(f"{'ok  ' if same else 'FAIL'} margin {margin:.1e}  {row['query']}  "
              f"{processor.tokenizer.decode(found['tokens'], skip_special_tokens=True)}", flush=True)
    print(f"{len(rows) - unlike} of {len(rows)} answers are the same tokens")
    sys.exit(unlike > 0)


if __name__ == "__main__":
    main()
