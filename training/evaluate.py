"""Greedy answers on held-out clips of the stream, scored as `shijian eval` scores them.

    python evaluate.py --text runs/a/last.pt [--vision runs/b/last.pt | --symbols] --clips 40
"""

import argparse
import collections
import csv
import pathlib
import random
import re
import time

import torch

import data
from batches import choose_tokens
from losses import codebook, encode_labels
from model import Batch, Config, Nano
from train import read_state


def parse(text):
    """Spans of an answer in any of the three styles; None when it is neither times nor a refusal."""
    if "does not occur" in text or "没有出现" in text or text.strip() == "[]":
        return []
    numbers = [float(x) for x in re.findall(r"\d+\.\d", text)]
    if not numbers or len(numbers) % 2:
        return None
    return [(min(p), max(p)) for p in zip(numbers[::2], numbers[1::2])]


def overlap(a, b):
    """Intersection over union of two lists of spans, each as one set of moments."""
    def total(spans):
        end, length = -1e9, 0.0
        for s, e in sorted(spans):
            length += max(0.0, e - max(s, end))
            end = max(end, e)
        return length
    a, b = [tuple(x) for x in a], [tuple(x) for x in b]
    both = total(a) + total(b) - total(a + b)
    union = total(a + b)
    return both / union if union > 0 else 0.0


def covered(clip, spans):
    """The time that the named slots stand for; what is no stamp stays."""
    t, out = clip.info["slot_times"], []
    for span in spans:
        near = [min(range(len(t)), key=lambda i: abs(t[i] - x)) for x in span]
        stamps = all(abs(t[i] - x) < 0.051 for i, x in zip(near, span))
        out.append(data.time_of_slots(t, *near, clip.info["duration"]) if stamps else span)
    return out


def ceiling(clip, spans):
    """What the answer that training asks for would score."""
    slots = data.answer_slots(clip, spans)
    if slots is None:
        return 0.0
    return overlap([data.time_of_slots(clip.info["slot_times"], a, b, clip.info["duration"]) for a, b in slots], spans)


@torch.no_grad()
def evaluate(model, tokens, clips, style="timelens", symbols=False, blind=False, show=0, short=False):
    """-> {kind: [iou ...]}, {kind or language: ...}; absent questions score 1 when rejected."""
    score, best, unparsed = collections.defaultdict(list), [], 0
    rng = random.Random(5)
    codes = codebook(model.c.hidden)
    for clip in clips:
        keep = choose_tokens(clip, rng) if symbols else None
        ids, pos, _, visual, at = tokens.prefix(clip.info["slot_times"], clip.info["grid"], keep)
        asked = clip.info["questions"]
        prompts = []
        for q in asked:
            b, begin, _ = tokens.branch(q["query"], q["language"], style, [], [], short)
            prompts.append(b[:begin])
        t = max(map(len, prompts))
        branch = torch.tensor([p + [tokens.end] * (t - len(p)) for p in prompts])
        batch = Batch(torch.tensor([ids]), torch.tensor(pos).T[:, None], torch.tensor([len(ids)]),
                      torch.tensor([(0, v[0]) for v in visual]), branch[None],
                      torch.arange(at, at + t).expand(1, len(prompts), t))
        if symbols:
            d = torch.tensor(clip.describe().reshape(-1, data.FIELDS)[[v[1] for v in visual]])
            embeds, deep = encode_labels(codes, d), []
        else:
            embeds, deep = model.visual(torch.from_numpy(clip.frames.copy()))
            embeds, deep = embeds.flatten(0, 1), [x.flatten(0, 1) for x in deep]
        if blind:
            embeds, deep = torch.zeros_like(embeds), [torch.zeros_like(x) for x in deep]
        answers = model.text.greedy(batch, torch.tensor([len(p) for p in prompts]), embeds, deep, tokens.end)
        for q, a in zip(asked, answers):
            text = tokens.decode(a)
            spans = parse(text)
            if show > 0:
                print(q["query"], q["spans"], "->", text)
                show -= 1
            unparsed += spans is None
            if q["kind"] == "absent":
                score["absent"].append(float(spans == []))
            else:
                score[q["kind"]].append(overlap(covered(clip, spans or []), q["spans"]))
                best.append(ceiling(clip, q["spans"]))
    return score, best, unparsed


BARS = ("visible", "appear", "leave", "colour", "text", "digit", "cut")


def summary(score, best, unparsed):
    main = [x for k in BARS for x in score.get(k, [])]
    count = sum(map(len, score.values()))
    row = {"n": len(main), "r1@0.5": mean([x >= 0.5 for x in main]), "r1@0.7": mean([x >= 0.7 for x in main]),
           "miou": mean(main), "absent": mean(score.get("absent", [])), "unparsed": unparsed / max(count, 1),
           "ceiling": mean(best)}
    for k in sorted(score):
        if k != "absent":
            row[k] = mean([x >= 0.5 for x in score[k]])
    return row


def mean(x):
    x = list(x)
    return round(sum(x) / len(x), 3) if x else float("nan")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--text", required=True)
    p.add_argument("--vision")
    p.add_argument("--tokenizer", default="../models/nano/tokenizer.json")
    p.add_argument("--binary", default="../build/h-train/shijian")
    p.add_argument("--clips", type=int, default=40)
    p.add_argument("--seconds", type=float, nargs=2, default=(10, 30))
    p.add_argument("--fps", type=float, default=2)
    p.add_argument("--seed", type=int, default=1000)
    p.add_argument("--extra", default="", help="further options of the generator")
    p.add_argument("--style", default="timelens")
    p.add_argument("--symbols", action="store_true", help="label codes in place of the vision tower")
    p.add_argument("--blind", action="store_true", help="visual features zeroed: the question alone")
    p.add_argument("--all-kinds", action="store_true", help="also the kinds that no bar is set for")
    p.add_argument("--short", action="store_true")
    p.add_argument("--show", type=int, default=0)
    p.add_argument("--curve", help="append to this CSV")
    p.add_argument("--note", default="")
    a = p.parse_args()
    torch.set_num_threads(1)
    tokens = data.Tokens(a.tokenizer)
    model = Nano(Config(vocab=tokens.size)).eval()
    saved = read_state(a.text)
    state = saved["model"]
    if a.vision:
        seen = torch.load(a.vision, map_location="cpu", weights_only=False)["model"]
        state.update({k: v for k, v in seen.items() if k.startswith("model.visual.")})
    model.load_state_dict(state)
    kinds = () if a.all_kinds else ("--kinds", *BARS, "absent")
    clips = data.stream(a.binary, "heldout", a.seed, a.seconds, a.fps, 10, a.symbols, a.clips,
                        (*kinds, *a.extra.split()))
    row = summary(*evaluate(model, tokens, clips, a.style, a.symbols, a.blind, a.show, a.short))
    row = {"time": time.strftime("%H:%M:%S"), "note": a.note or pathlib.Path(a.text).parent.name,
           "step": saved["step"], "seconds": f"{a.seconds[0]:g}-{a.seconds[1]:g}", "fps": a.fps, **row}
    print(row)
    if a.curve:
        fields = ["time", "note", "step", "seconds", "fps", "n", "r1@0.5", "r1@0.7", "miou", "absent", "unparsed",
                  "ceiling", *data.KINDS]
        new = not pathlib.Path(a.curve).exists()
        with open(a.curve, "a", newline="") as f:
            w = csv.DictWriter(f, fields, extrasaction="ignore")
            if new:
                w.writeheader()
            w.writerow(row)


if __name__ == "__main__":
    main()
