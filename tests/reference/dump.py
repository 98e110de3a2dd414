"""Writes what the reference computes, stage by stage.

The committed fixtures, for every checkpoint and input (run once with each reference):

    python dump.py fixtures --reference 4
    python dump.py fixtures --reference 5

Every stage, whole, of one checkpoint of your own on what `shijian … --dump ours.safetensors` saw:

    python dump.py one --model DIR --prompt "When does the dog jump?" --frames ours.safetensors \\
        --video clip.mp4 --out theirs.safetensors
    python compare.py ours.safetensors theirs.safetensors

fixtures/ holds
    frames.safetensors          {file}/frames, {file}/frame_indices, {file}/frame_times
    pixels.safetensors          {file}/{sizes}: the patches as 8-bit levels v, (v - 127.5) / 127.5
    prompts.{R}.safetensors     {layout}/{input}/prompt_tokens and /position_ids
    prompts.{R}.json            the prompts before the pads are multiplied
    {checkpoint}.{R}.safetensors  {input}/{stage}: samples of the stage, and /tokens
    {checkpoint}.{R}.json       shape, RMS and largest magnitude of each stage, least margin
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import reference
from make_checkpoints import CHECKPOINTS, HERE

FIXTURES = HERE / "fixtures"
SAMPLES = 192
LEAST_MARGIN = 1e-3


def sample_indices(count):
    """Which elements of a flat stage are kept: all of a small one, else draws of a 64-bit LCG."""
    if count <= SAMPLES:
        return list(range(count))
    state, indices = count, []
    for _ in range(SAMPLES):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        indices.append((state >> 33) % count)
    return indices


def levels(pixel_values):
    """Patches as the 8-bit values they were made from; exact, or an error."""
    whole = torch.round(pixel_values * 127.5 + 127.5).to(torch.uint8)
    assert torch.equal((whole.float() - 127.5) / 127.5, pixel_values), "pixels are not 8-bit levels"
    return whole


def layout(spec):
    return "capped" if spec.get("capped") else spec.get("template", "instruct")


def sizes(spec):
    return "capped" if spec.get("capped") else "default"


class Shared:
    """A file of tensors that several runs must agree on."""

    def __init__(self, path):
        self.path = path
        self.tensors = load_file(path) if path.exists() else {}

    def put(self, name, tensor):
        tensor = tensor.contiguous()
        if name in self.tensors:
            assert torch.equal(self.tensors[name], tensor), f"{self.path.name}: {name} differs"
        self.tensors[name] = tensor

    def save(self):
        save_file(self.tensors, self.path)


def keep(stages, shared, files, spec, name):
    """Splits the stages into what the shared files hold and what is this checkpoint's own."""
    frames, pixels, prompts = shared
    own, notes = {}, {}
    for i, file in enumerate(files):
        for stage in ("frames", "frame_indices", "frame_times"):
            frames.put(f"{file}/{stage}", stages.pop(f"{stage}.{i}"))
        pixels.put(f"{file}/{sizes(spec)}", levels(stages.pop(f"pixel_values.{i}")))
    for stage in ("prompt_tokens", "position_ids"):
        prompts.put(f"{layout(spec)}/{name}/{stage}", stages.pop(stage).int())
    own[f"{name}/tokens"] = stages.pop("tokens").int()
    for stage, values in stages.items():
        flat = values.double().flatten()
        own[f"{name}/{stage}"] = flat[sample_indices(flat.numel())].float()
        notes[stage] = {"shape": list(values.shape), "rms": float(flat.square().mean().sqrt()),
                        "max": float(flat.abs().max())}
    return own, notes


def check(name, margins):
    assert len(margins) == reference.GREEDY_STEPS, f"{name}: the answer ends after {len(margins)} tokens"
    assert min(margins) >= LEAST_MARGIN, f"{name}: a margin of {min(margins):.1e}"


def fixtures(args):
    assert reference.version() == args.reference, reference.version()
    FIXTURES.mkdir(exist_ok=True)
    shared = [Shared(FIXTURES / f"{part}.safetensors")
              for part in ("frames", "pixels", f"prompts.{args.reference}")]
    texts_path = FIXTURES / f"prompts.{args.reference}.json"
    texts = json.loads(texts_path.read_text()) if texts_path.exists() else {}
    for checkpoint, spec in CHECKPOINTS.items():
        if args.reference not in spec.get("references", (4, 5)) or args.only not in (None, checkpoint):
            continue
        processor, model = reference.load(HERE / "checkpoints" / checkpoint)
        tensors, notes = {}, {}
        for case in reference.read_inputs():
            parts = list(reference.media_parts(case["messages"]))
            media = [reference.Media.open(kind, str(HERE / "media" / file)) for kind, file in parts]
            if case.get("prompt_only"):
                inputs, prompt = reference.process(processor, case["messages"], case.get("tools"), media)
                name = f"{layout(spec)}/{case['name']}"
                shared[2].put(f"{name}/prompt_tokens", inputs["input_ids"][0].int())
                texts.setdefault(layout(spec), {})[case["name"]] = prompt
                continue
            stages, prompt, margins = reference.run(
                processor, model, case["messages"], case.get("tools"), media)
            check(f"{checkpoint}, {case['name']}", margins)
            own, stages = keep(stages, shared, [file for _, file in parts], spec, case["name"])
            tensors.update(own)
            notes[case["name"]] = {"stages": stages, "least_margin": min(margins)}
            texts.setdefault(layout(spec), {})[case["name"]] = prompt
        save_file(tensors, FIXTURES / f"{checkpoint}.{args.reference}.safetensors")
        about = {"layout": layout(spec), "sizes": sizes(spec), "inputs": notes}
        write_json(FIXTURES / f"{checkpoint}.{args.reference}.json", about)
        least = min(case["least_margin"] for case in notes.values())
        print(f"{checkpoint}: {len(notes)} inputs, least margin {least:.4f}")
    for part in shared:
        part.save()
    write_json(texts_path, texts)


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def given_media(args):
    """The media of the command line, with the frames of a dump of ours where one is given."""
    ours = load_file(args.frames) if args.frames else {}
    for i, (kind, path) in enumerate(args.media):
        if f"frames.{i}" not in ours:
            yield reference.Media.open(kind, path)
            continue
        frames, indices = ours[f"frames.{i}"].numpy(), ours[f"frame_indices.{i}"].numpy()
        times = ours[f"frame_times.{i}"].numpy()
        last = len(indices) - 1
        rate = float(indices[last] / times[last]) if kind == "video" and times[last] > 0 else None
        yield reference.Media(kind, frames, rate, indices if kind == "video" else np.zeros(1, np.int64))


def one(args):
    processor, model = reference.load(args.model)
    parts = [{"type": kind, kind: path} for kind, path in args.media]
    messages = [{"role": "user", "content": [*parts, {"type": "text", "text": args.prompt}]}]
    stages, prompt, margins = reference.run(
        processor, model, messages, None, list(given_media(args)), args.tokens)
    save_file({name: stage.contiguous() for name, stage in stages.items()}, args.out)
    print(prompt)
    print(processor.tokenizer.decode(stages["tokens"]))
    print(f"least top-1 margin of {len(margins)} tokens: {min(margins):.2e}")


class Append(argparse.Action):
    def __call__(self, parser, namespace, value, option=None):
        namespace.media = [*namespace.media, (option.lstrip("-"), value)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    many = commands.add_parser("fixtures")
    many.add_argument("--reference", type=int, choices=(4, 5), required=True)
    many.add_argument("--only", help="one checkpoint")
    many.set_defaults(run=fixtures)
    single = commands.add_parser("one")
    single.add_argument("--model", type=pathlib.Path, required=True)
    single.add_argument("--prompt", required=True)
    single.add_argument("--video", action=Append, dest="media", default=[])
    single.add_argument("--image", action=Append, dest="media", default=[])
    single.add_argument("--frames", help="a file that --dump wrote: start from its frames")
    single.add_argument("--tokens", type=int, default=reference.GREEDY_STEPS)
    single.add_argument("--out", required=True)
    single.set_defaults(run=one)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
