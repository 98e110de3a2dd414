"""Trains the default model in legs. See README.md for the order and what each leg is for.

    python train.py symbols --init X --out runs/a ...    decoder on label codes in place of vision
    python train.py vision  --out runs/b ...             vision tower on dense labels
    python train.py join    --init A --vision B --out .. both

Every leg writes OUT/last.pt (weights and optimiser) often and resumes from it.
"""

import argparse
import json
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import data
from batches import clip_batches, frame_batches, symbol_batches, without_colours
from losses import (FINDERS, POINTERS, TRACED, WEIGHTS, Heads, answer_losses, codebook, dense_losses,
                    encode_labels)
from model import Config, Nano, device
from optimiser import RANK, WORLD, Optimiser


def noisy(codes, d, rng_noise, drop):
    """Codes as an imperfect vision tower would write them."""
    x = encode_labels(codes, d)
    if drop:
        weak = torch.rand(len(x), 1, device=x.device) < drop  # an object half seen
        plain = codes[4][d[:, 4]] + codes[5][d[:, 5]]
        x = torch.where(weak, plain + (x - plain) * torch.rand(len(x), 1, device=x.device), x)
    return x + torch.randn_like(x) * rng_noise


@torch.no_grad()
def name_codes(model, codes, tokens):
    """Starts names as the codes of what they name, and the finder heads as comparison of codes, in
    the rotary frequencies too slow to turn within a prompt. Without this, matching words to visual
    tokens was what the decoder lacked after 250 steps (the digits it copied by then)."""
    embed = model.text.embed_tokens.weight
    space = torch.cat([x[1:] if i < 4 else x for i, x in enumerate(codes)])  # [77 - 4, hidden]
    g = torch.Generator().manual_seed(8)
    name_mark = torch.randn(embed.shape[1], generator=g)  # says "a name in the text"
    name_mark = F.normalize(name_mark - space.T @ (space @ name_mark), dim=0)
    text_mark = torch.randn(embed.shape[1], generator=g)  # on every token of text
    text_mark = F.normalize(text_mark - space.T @ (space @ text_mark) - name_mark * (name_mark @ text_mark), dim=0)
    embed += (0.3 - embed @ text_mark)[:, None] * text_mark
    for i, k, names in data.names_of_codes():
        for name in names:
            ids = tokens.encode(name)
            if len(ids) == 1:
                embed[ids[0]] = codes[i][k] * 0.7 + name_mark * 0.5 + text_mark * 0.3
    c = model.c
    half = c.head_dim // 2
    slow = [*range(half // 2, half), *range(half + half // 2, c.head_dim)]
    for layer, head in ((1, 1), *FINDERS, *POINTERS):
        mix = torch.linalg.qr(torch.randn(len(space), len(slow), generator=g))[0]
        a = model.text.layers[layer].self_attn
        for m in (a.q_proj, a.k_proj):
            rows = m.weight[head * c.head_dim : (head + 1) * c.head_dim]
            rows.mul_(0.1)
            rows[slow] = mix.T @ space
    for layer in TRACED:
        model.text.layers[layer].self_attn.q_norm.weight.mul_(2)
    a = model.text.layers[1].self_attn  # two heads hand on to all text the names that stand before it
    ray = torch.randn(len(slow), generator=g)
    parts = torch.cat((space, space)).split(c.head_dim)
    for head, part in zip((2, 3), parts):
        rows = slice(head * c.head_dim, (head + 1) * c.head_dim)
        a.v_proj.weight[rows] = part
        for m, mark in ((a.q_proj, text_mark), (a.k_proj, name_mark)):
            w = m.weight[rows]
            w.mul_(0.1)
            w[slow] = ray[:, None] * mark
        a.o_proj.weight[:, rows] = part.T * 0.5


# ---------------------------------------------------------------- legs


def save(path, model, heads, opt, step):
    if RANK:
        return
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    tmp = path / "tmp.pt"
    torch.save(dict(model=model.state_dict(), heads=heads.state_dict(), opt=opt.state(), step=step), tmp)
    os.replace(tmp, path / "last.pt")


def schedule(step, elapsed, a):
    """Warm-up, then flat, then linear to 2% over the last a.cool share of the leg's time."""
    warm = min(1.0, (step + 1) / a.warm)
    left = 1 - elapsed / a.minutes / 60
    return warm * min(1.0, max(0.02, left / max(a.cool, 1e-6)))


def log(a, **row):
    if RANK:
        return
    row = dict(time=time.strftime("%H:%M:%S"), leg=a.leg, **row)
    line = " ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
    print(line, flush=True)
    with open(pathlib.Path(a.out) / "log.jsonl", "a") as f:
        f.write(json.dumps(row) + "\n")


HEADS = pathlib.Path(__file__).parent / "heads.safetensors"


def read_state(path):
    """A run's last.pt, or a checkpoint directory: its weights and the committed heads, so that
    training goes on from what is in git."""
    if not pathlib.Path(path).is_dir():
        return torch.load(path, map_location="cpu", weights_only=False)
    model = {k: v.float() for k, v in load_file(pathlib.Path(path) / "model.safetensors").items()}
    return dict(model=model, heads=load_file(HEADS), opt=None, step=0)


def start(a, vocab):
    pathlib.Path(a.out).mkdir(parents=True, exist_ok=True)
    torch.manual_seed(a.seed)
    model = Nano(Config(vocab=vocab)).to(device)
    heads = Heads(model.c).to(device)
    step, opt_state = 0, None
    last = pathlib.Path(a.out) / "last.pt"
    for path in [last] if last.exists() else a.init:
        s = read_state(path)
        missing = model.load_state_dict(s["model"], strict=False)
        mine = heads.state_dict()
        heads.load_state_dict({k: v for k, v in s["heads"].items() if k in mine and v.shape == mine[k].shape},
                              strict=False)
        if path == last or a.keep_opt:
            step, opt_state = (s["step"] if path == last else 0), s["opt"]
        print("loaded", path, len(s["model"]), "tensors;", len(missing.missing_keys), "kept as made")
    return model, heads, step, opt_state


def run(a, model, heads, opt, step, batches, forward):
    """The loop of every leg. forward(batch) -> losses by name, further figures, clips or frames seen,
    the batch's shape; WEIGHTS says what each loss counts (1 where it does not)."""
    begin = last_save = asked = time.time()
    seen, waited, figures = 0, 0.0, []
    for batch in batches:
        waited += time.time() - asked
        elapsed = time.time() - begin
        if elapsed > a.minutes * 60:
            break
        losses, stats, n, shape = forward(batch)
        sum(WEIGHTS.get(k, 1.0) * v for k, v in losses.items()).backward()
        opt.step(schedule(step, elapsed, a))
        step += 1
        seen += n
        figures.append({k: v.detach() for k, v in {**losses, **stats}.items()})
        if step % a.every == 0:
            log(a, step=step, seen=seen, sec=round(time.time() - begin), rate=seen / (time.time() - begin),
                waited=waited / (time.time() - begin), shape=shape, **means(figures))
            figures = []
        if time.time() - last_save > 60:
            save(a.out, model, heads, opt, step)
            last_save = time.time()
        asked = time.time()
    save(a.out, model, heads, opt, step)


def means(figures):
    """Dicts of scalars -> the mean of each over those that are numbers; waits for the device once a name."""
    return {k: torch.stack([f[k] for f in figures]).nanmean().item() for k in figures[0]}


def make_optimiser(a, named, state):
    opt = Optimiser(named, a.lr, a.adam_lr)
    if state:
        opt.load(state)
    return opt


def run_symbols(a):
    tokens = data.Tokens(a.tokenizer)
    batches = feed(a, symbol_batches, a.tokenizer, labels_only=True)
    model, heads, step, opt_state = start(a, tokens.size)
    model.visual.requires_grad_(False)
    opt = make_optimiser(a, [*model.named_parameters(), *heads.named_parameters()], opt_state)
    codes = codebook(model.c.hidden, device)
    if a.name_codes:
        name_codes(model.cpu(), codebook(model.c.hidden), tokens)
        model.to(device)

    def forward(ready):
        batch, targets, labels, clips = ready
        visual = noisy(codes, labels["describe"], a.noise, a.drop)
        states, trace = model.text(batch, visual, [], want_hidden=(1, 2, 3), want_probs=TRACED)
        return *answer_losses(model, heads, codes, states, trace, batch, targets, labels), clips, shape_of(batch)

    run(a, model, heads, opt, step, batches, forward)


def shape_of(batch):
    return f"{tuple(batch.prefix_ids.shape)}+{tuple(batch.branch_ids.shape[1:])}"


def run_join(a):
    """Tower and decoder together. The tower goes on with its dense labels, on the clips as they are and
    recoloured, and takes a.through of the decoder's gradient: its codes are what lets the decoder know
    combinations that it was never shown. The DeepStack mergers are taught by the decoder alone."""
    tokens = data.Tokens(a.tokenizer)
    batches = feed(a, clip_batches, a.tokenizer)
    model, heads, step, opt_state = start(a, tokens.size)
    if a.vision and step == 0:
        tower = {k: v for k, v in read_state(a.vision)["model"].items() if k.startswith("model.visual.")}
        model.load_state_dict(tower, strict=False)
    if a.freeze:
        model.visual.requires_grad_(False)
    opt = make_optimiser(a, [*model.named_parameters(), *heads.named_parameters()], opt_state)
    codes = codebook(model.c.hidden, device)

    def less(x):
        return x.detach() + a.through * (x - x.detach())

    def forward(ready):
        batch, targets, labels, frames, chosen, dense, (mix, base, mapped) = ready
        slots = len(dense)
        if len(mapped) and not a.freeze:  # once more in other colours
            shown = torch.einsum("shwc,skc->shwk", frames.unflatten(0, (-1, 2))[mapped].flatten(1, 2).float(), mix)
            shown = (shown + base[:, None, None]).clip(0, 255).to(torch.uint8)
            frames = torch.cat((frames, shown.unflatten(1, (2, -1)).flatten(0, 1)))
            dense = torch.cat((dense, without_colours(dense[mapped])))
        out, deep = model.visual(frames, tap=less)
        seen, right = ({}, {}) if a.freeze else dense_losses(out, dense, codes)
        visual = less(out[:slots]).flatten(0, 1)[chosen]
        # Without the DeepStack features in some clips: the codes alone must do as well.
        keep = (torch.rand(len(batch.prefix_ids), device=device) >= a.drop)[batch.visual_at[:, 0], None]
        deep = [x[:slots].flatten(0, 1)[chosen] * keep for x in deep]
        states, trace = model.text(batch, visual, deep, want_hidden=(1, 2, 3), want_probs=TRACED)
        losses, stats = answer_losses(model, heads, codes, states, trace, batch, targets, labels)
        if seen:
            losses["dense"] = sum(seen.values())
        return losses, {**stats, **right}, len(batch.prefix_ids), shape_of(batch)

    run(a, model, heads, opt, step, batches, forward)


@torch.no_grad()
def whiten(vision, batches):
    """Starts the patch embedding as the principal components of patches, each scaled to the same
    spread: edges then weigh as much as flat colour. From random filters the tower spent 13,000
    frames seeing little but mean colours."""
    x = torch.cat([vision.patches(frames).float().flatten(0, 1)[::3] for frames, _ in batches])
    mean = x.mean(0)
    _, s, v = torch.linalg.svd(x - mean, full_matrices=False)
    proj = vision.patch_embed.proj
    n = proj.weight.shape[0]
    spread = s[:n] / len(x) ** 0.5
    w = v[:n] / (spread + 0.1 * spread[n // 2])[:, None] * 0.5
    proj.weight.copy_(w.view_as(proj.weight))
    proj.bias.copy_(-(w @ mean))


def run_vision(a):
    tokens = data.Tokens(a.tokenizer)
    batches = feed(a, frame_batches)
    model, heads, step, opt_state = start(a, tokens.size)
    tower = [(n, p) for n, p in model.named_parameters() if "visual" in n and "deepstack" not in n]
    opt = make_optimiser(a, tower, opt_state)
    codes = codebook(model.c.hidden, device)
    if step == 0 and not a.init:
        some = frame_batches(make_source(a, False), a, 0)
        whiten(model.visual, [data.each(next(some), lambda x: x.to(device)) for _ in range(6)])

    def forward(ready):
        frames, d = ready
        losses, stats = dense_losses(model.visual(frames, want_deep=False)[0], d, codes)
        return losses, stats, len(frames), str(tuple(frames.shape))

    run(a, model, heads, opt, step, batches, forward)


def feed(a, make, *args, labels_only=False):
    """Batches of all workers, on the device. Called before anything else touches it."""
    return data.gather([data.feed(make, make_source(a, labels_only, i), *args, a, a.seed + i)
                        for i in range(a.workers)], device)


def make_source(a, labels_only, worker=0):
    seconds = a.seconds if worker % 8 != 7 else a.long  # one in eight makes longer clips
    fps = a.fps[worker % len(a.fps)]
    if fps > 2:  # as many slots as the others
        seconds = (seconds[0], max(seconds[0], 2 * seconds[1] / fps))
    return data.stream(a.binary, "train", a.seed + 1000 * RANK + worker, seconds, fps, a.questions, labels_only,
                       None, a.extra.split() if a.extra else ())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("leg", choices=["symbols", "vision", "join"])
    p.add_argument("--out", required=True)
    p.add_argument("--init", nargs="*", default=[])
    p.add_argument("--tokenizer", default="../models/nano/tokenizer.json")
    p.add_argument("--binary", default="../build/h-train/shijian")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--seconds", type=float, nargs=2, default=(5, 30))
    p.add_argument("--fps", type=float, nargs="+", default=[2], help="frames a second, of each worker in turn")
    p.add_argument("--questions", type=int, default=8)
    p.add_argument("--tokens", type=int, default=4000, help="tokens in a batch")
    p.add_argument("--present", type=float, default=1.0, help="share kept of the questions that have an answer")
    p.add_argument("--styles", nargs="+", default=["timelens"])
    p.add_argument("--short", type=float, default=0.0, help="share of prompts that are the bare question")
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--adam-lr", type=float, default=0.002)
    p.add_argument("--warm", type=int, default=50)
    p.add_argument("--cool", type=float, default=0.0)
    p.add_argument("--noise", type=float, default=0.05)
    p.add_argument("--drop", type=float, default=0.0, help="symbols: objects half seen; join: clips without DeepStack")
    p.add_argument("--slots", type=int, default=64, help="slots in a batch of the vision leg")
    p.add_argument("--grey", type=float, default=0.5, help="share of clips shown without colour to the tower")
    p.add_argument("--tint", type=float, default=0.0, help="share of clips shown in turned hues to the tower")
    p.add_argument("--per-clip", type=int, default=6, help="slots taken from a clip there")
    p.add_argument("--vision", help="join: run whose tower is taken in place of that of --init")
    p.add_argument("--through", type=float, default=0.1, help="join: share of the decoder's gradient that the tower takes")
    p.add_argument("--freeze", action="store_true", help="join: leave the tower as it is")
    p.add_argument("--workers", type=int, default=1, help="generators, a process each")
    p.add_argument("--long", type=float, nargs=2, default=(30, 60), help="length of every eighth worker's clips")
    p.add_argument("--full", type=float, default=1.0, help="join: share of clips with all visual tokens")
    p.add_argument("--name-codes", action="store_true", help="symbols: start names as codes")
    p.add_argument("--every", type=int, default=50)
    p.add_argument("--extra", default="", help="further options of the generator")
    p.add_argument("--keep-opt", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    if WORLD > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{os.environ['MEET']}", rank=RANK,
                                             world_size=WORLD)
    {"symbols": run_symbols, "vision": run_vision, "join": run_join}[a.leg](a)


if __name__ == "__main__":
    main()
