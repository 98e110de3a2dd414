"""Trains the default model in legs. See README.md for the order and what each leg is for.

    python train.py symbols --init X --out runs/a ...    decoder on label codes in place of vision
    python train.py vision  --out runs/b ...             vision tower on dense labels
    python train.py join    --init A --vision B --out .. both, end to end

Every leg writes OUT/last.pt (weights and optimiser) often and resumes from it.
"""

import argparse
import json
import os
import pathlib
import random
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file

import data
from model import Config, Nano, compute

SIZES = (data.THINGS, 11, 11, 1 + len(data.COLOURS), len(data.PATTERNS), len(data.HUES))


def codebook(hidden):
    """Orthonormal codes [sum(SIZES), hidden] of everything a visual token can show, fixed for all
    legs: the decoder learns to read sums of them while the vision tower learns to write them, so
    the two can be trained apart and still understand each other."""
    g = torch.Generator().manual_seed(7)
    q, _ = torch.linalg.qr(torch.randn(hidden, sum(SIZES), generator=g))
    codes = list(q.T.contiguous().split(SIZES))
    for c in codes[:4]:
        c[0] = 0  # nothing there: no code
    return codes


def encode_labels(codes, d):
    """d [..., FIELDS] as Clip.describe -> sum of codes [..., hidden]. What barely shows is faint, what
    only one of the slot's frames shows is half as strong."""
    strength = (d[..., 6:7].float() / 255 * 2.5).clip(max=1) * d[..., 10:].float() / 2
    thing = sum(codes[i][d[..., i]] for i in range(3)) + (codes[3][d[..., 3]] + codes[3][d[..., 7]]) / 2
    scene = sum(codes[i][d[..., j]] for i, j in ((4, 4), (4, 8), (5, 5), (5, 9))) / 2
    return thing * strength + scene


RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD", 1))


class Heads(nn.Module):
    """Auxiliary readers, dropped at export."""

    def __init__(self, c):
        super().__init__()
        self.asked = nn.Parameter(torch.tensor(1.0))
        self.stamp = nn.Linear(c.hidden, 33)  # tens (none..9), ones, tenths of the own slot's time
        self.edges = nn.Linear(c.hidden, 42)  # tens and ones of the answer's start and end
        self.clock = nn.Linear(c.hidden, 64)  # the second of the own slot's time, as one class
        self.present = nn.Linear(c.hidden, 64)  # the seconds that show what is asked about, any number
        self.bounds = nn.Linear(c.hidden, 128)  # the seconds of the answer's start and end, likewise
        self.past = nn.Linear(c.hidden, 2)  # new in this slot; differs from the slot before


class Muon:
    """Orthogonalised momentum for the matrices inside layers; one batch of matrices a shape."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        self.groups = {}
        for p in params:
            self.groups.setdefault(p.shape, []).append(p)
        self.buffers = {s: torch.zeros(len(ps), *s) for s, ps in self.groups.items()}
        self.lr, self.momentum, self.decay = lr, momentum, decay

    @torch.no_grad()
    def step(self, scale):
        for shape, params in self.groups.items():
            g = torch.stack([p.grad if p.grad is not None else torch.zeros_like(p) for p in params])
            buf = self.buffers[shape]
            buf.lerp_(g, 1 - self.momentum)
            x = g.lerp(buf, self.momentum)
            tall = shape[0] > shape[1]
            x = (x.transpose(1, 2) if tall else x).to(compute)
            x = x / (x.float().norm(dim=(1, 2), keepdim=True).to(compute) + 1e-7)
            for _ in range(5):
                a = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            x = (x.transpose(1, 2) if tall else x).float() * max(1, shape[0] / shape[1]) ** 0.5
            lr = self.lr * scale
            for p, u in zip(params, x):
                p.mul_(1 - lr * self.decay).add_(u, alpha=-lr)
                p.grad = None

    def state(self):
        return {str(tuple(k)): v for k, v in self.buffers.items()}

    def load(self, state):
        for k in self.buffers:
            if str(tuple(k)) in state:
                self.buffers[k].copy_(state[str(tuple(k))])


def is_matrix(name, p):
    return p.dim() == 2 and ("layers." in name or "blocks." in name or "linear_fc" in name)


class Optimiser:
    """Muon and AdamW side by side. With several workers (RANK, WORLD) gradients are averaged first:
    every worker takes the same step from a part of the batch."""

    def __init__(self, named, lr, adam_lr):
        named = [(n, p) for n, p in named if p.requires_grad]
        self.params = [p for _, p in named]
        self.muon = Muon([p for n, p in named if is_matrix(n, p)], lr)
        rest = [(n, p) for n, p in named if not is_matrix(n, p)]
        gains = [p for n, p in rest if n.endswith(("q_norm.weight", "k_norm.weight"))]
        other = [p for n, p in rest if not n.endswith(("q_norm.weight", "k_norm.weight"))]
        # The norms' gains bound how sharp a head can be (8 nats at the start) and must move fast.
        self.adam = torch.optim.AdamW([dict(params=other, times=1.0), dict(params=gains, times=5.0)], lr=adam_lr,
                                      betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.adam_lr = adam_lr

    def step(self, scale):
        if WORLD > 1:
            some = [p for p in self.params if p.grad is not None]
            flat = torch.cat([p.grad.flatten() for p in some])
            torch.distributed.all_reduce(flat)
            for p, g in zip(some, flat.div_(WORLD).split([p.numel() for p in some])):
                p.grad.copy_(g.view_as(p))
        for g in self.adam.param_groups:
            g["lr"] = self.adam_lr * scale * g["times"]
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.muon.step(scale)

    def state(self):
        return dict(muon=self.muon.state(), adam=self.adam.state_dict())

    def load(self, s):
        self.muon.load(s["muon"])
        try:
            self.adam.load_state_dict(s["adam"])
        except ValueError:
            pass  # another set of parameters: start its moments anew


# ---------------------------------------------------------------- losses of the decoder

# Attention that answer positions are taught: (layer, head) pairs that must look at the slot whose
# time is being written, and at the tokens that show what the question is about.
POINTERS = ((3, 0), (4, 0))
FINDERS = ((2, 1), (3, 1))
WEIGHTS = {"answer": 1.0, "point3": 0.5, "point4": 0.5, "find2": 0.5, "find3": 0.3, "edges": 0.5, "asked": 0.3,
           "present": 1.5, "bounds": 0.5, "stamp": 0.3, "clock": 0.3, "past": 0.3, "dense": 0.2}
TRACED = sorted({layer for layer, _ in POINTERS + FINDERS})


def answer_losses(model, heads, codes, states, trace, batch, targets, vlabels, digit_weight=5.0):
    """vlabels: dict(stamp [V, 3], past [V, 2], thing [V] bool)"""
    t = batch.branch_ids.shape[2]
    rows, point = targets["rows"], targets["point"]
    logits = model.text.logits(states[rows[:, 0], rows[:, 1], rows[:, 2]])
    ce = F.cross_entropy(logits, targets["target"], reduction="none")
    number = point >= 0
    weight = torch.where(targets["decides"] | targets["opens"], digit_weight, 1.0)
    losses = {"answer": (ce * weight).sum() / weight.sum()}
    at = number.nonzero()[:, 0]
    r = rows[at]
    for layer, head in POINTERS:
        probs = trace.probs[layer][r[:, 0], head, r[:, 1] * t + r[:, 2]].float()  # [R, P]
        mass = (probs * (targets["slot"][r[:, 0]] == point[at][:, None])).sum(-1)
        w = torch.where(targets["decides"][at], 1.0, 0.15)
        losses[f"point{layer}"] = -((mass + 1e-3).log() * w).sum() / w.sum()
    match = targets["match"][rows[:, 0], rows[:, 1]]  # [R, P]
    for layer, head in FINDERS:
        probs = trace.probs[layer][rows[:, 0], head, rows[:, 1] * t + rows[:, 2]].float()
        losses[f"find{layer}"] = -((probs * match).sum(-1) + 1e-3).log().mean()
    p = batch.prefix_ids.shape[1]
    h = trace.hidden[2][rows[:, 0], p + rows[:, 1] * t + rows[:, 2]]
    there = F.linear(F.rms_norm(h, h.shape[-1:]), heads.present.weight, heads.present.bias)
    there = F.binary_cross_entropy_with_logits(
        there, targets["present"][rows[:, 0], rows[:, 1]], reduction="none")
    exists = targets["seconds"][rows[:, 0]]  # a second without a slot shows nothing
    losses["present"] = (there * exists).sum() / exists.sum()
    h = trace.hidden[1][rows[:, 0], p + rows[:, 1] * t + rows[:, 2]]
    # in the codes' own directions, so that a finder can compare it with what tokens show
    h = F.rms_norm(h, h.shape[-1:])
    parts = [heads.asked.clamp(0.3, 5) * h @ c.T for c in codes]
    about = targets["asked"][rows[:, 0], rows[:, 1]]
    # a mean over nothing asked would be NaN
    losses["asked"] = sum(F.cross_entropy(x, about[:, i], ignore_index=-1, reduction="sum")
                          for i, x in enumerate(parts)) / len(rows) / 3
    h = trace.hidden[3][rows[:, 0], p + rows[:, 1] * t + rows[:, 2]]
    parts = F.linear(F.rms_norm(h, h.shape[-1:]), heads.edges.weight, heads.edges.bias).split((11, 10, 11, 10), -1)
    edges = targets["edges"][rows[:, 0], rows[:, 1]]
    losses["edges"] = sum(F.cross_entropy(x, edges[:, i], ignore_index=-1, reduction="sum")
                          for i, x in enumerate(parts)) / ((edges[:, 0] >= 0).sum() + 1) / 4
    # Digits apart cannot say which seconds a set of tokens covers; one class a second can.
    second = torch.where(edges[:, ::2] < 0, -1, (edges[:, ::2] - 1).clip(min=0) * 10 + edges[:, 1::2])
    parts = F.linear(F.rms_norm(h, h.shape[-1:]), heads.bounds.weight, heads.bounds.bias).split(64, -1)
    losses["bounds"] = sum(F.cross_entropy(x, second[:, i], ignore_index=-1, reduction="sum")
                           for i, x in enumerate(parts)) / ((edges[:, 0] >= 0).sum() + 1) / 2
    where = batch.visual_at
    h = trace.hidden[1][where[:, 0], where[:, 1]]
    s = F.linear(h, heads.stamp.weight, heads.stamp.bias)
    losses["stamp"] = sum(F.cross_entropy(s[:, 11 * i : 11 * i + 11], vlabels["stamp"][:, i]) for i in range(3)) / 3
    losses["clock"] = F.cross_entropy(F.linear(h, heads.clock.weight, heads.clock.bias),
                                      (vlabels["stamp"][:, 0] - 1).clip(min=0) * 10 + vlabels["stamp"][:, 1])
    h = trace.hidden[2][where[:, 0], where[:, 1]]
    past = F.linear(h, heads.past.weight, heads.past.bias)
    past = F.binary_cross_entropy_with_logits(past, vlabels["past"], reduction="none").mean(-1)
    losses["past"] = (past * vlabels["thing"]).sum() / (vlabels["thing"].sum() + 1)
    with torch.no_grad():
        right = logits.argmax(-1) == targets["target"]
        key = rows[:, 0] * 1000 + rows[:, 1]
        _, inv = key.unique(return_inverse=True)
        wrong = torch.zeros(int(inv.max()) + 1).index_add_(0, inv, (~right).float())
        has = torch.zeros_like(wrong).index_add_(0, inv, number.float()) > 0
        stats = dict(digit=right[targets["decides"]].float().mean().item(),
                     exact=(wrong[has] == 0).float().mean().item(),
                     absent=(wrong[~has] == 0).float().mean().item() if (~has).any() else float("nan"))
    return losses, stats


def visual_labels(item, chosen):
    """Labels of the auxiliary heads for the item's visual tokens (flat indices `chosen`)."""
    d = item.clip.describe()
    slots, rows, cols, _ = d.shape
    flat = d.reshape(-1, data.FIELDS)
    ident = flat[:, 0] * 10000 + flat[:, 1] * 1000 + flat[:, 2] * 10
    full = ident * 100 + flat[:, 3] * 10 + flat[:, 7]
    per = rows * cols
    slot = np.array(chosen) // per
    seen = [set(ident[s * per : (s + 1) * per]) for s in range(slots)]
    seen_full = [set(full[s * per : (s + 1) * per]) for s in range(slots)]
    past = np.zeros((len(chosen), 2), np.float32)
    stamp = np.zeros((len(chosen), 3), np.int64)
    for s in range(slots):
        text = f"{item.clip.info['slot_times'][s]:.1f}"
        digits = text.replace(".", "")
        stamp[slot == s] = [int(digits[-3]) + 1 if len(digits) > 2 else 0, int(digits[-2]), int(digits[-1])]
    for i, (v, s) in enumerate(zip(chosen, slot)):
        if s > 0:
            past[i] = ident[v] not in seen[s - 1], full[v] not in seen_full[s - 1]
    return dict(stamp=torch.tensor(stamp), past=torch.tensor(past), thing=torch.tensor(flat[chosen, 0] > 0),
                describe=torch.tensor(flat[chosen]))


def choose_tokens(clip, rng):
    """Symbolic clips keep one or two tokens of every object in a slot and one of background."""
    d = clip.describe()
    slots, rows, cols, _ = d.shape
    flat = d.reshape(slots, -1, data.FIELDS)
    keep = []
    for s in range(slots):
        by = {}
        for v in range(rows * cols):
            f = flat[s, v]
            by.setdefault(tuple(f[:4]) if f[0] else None, []).append((int(f[6]), v))
        chosen = []
        for key, vs in by.items():
            if key is None:
                chosen.append(rng.choice(vs)[1])
            else:
                vs.sort(reverse=True)
                chosen += [v for _, v in vs[: rng.randint(1, 2)]]
        keep.append(sorted(chosen))
    return keep


def symbol_batches(source, tokens_path, a, seed):
    """Ready batches of label-only clips, of about a.tokens tokens each."""
    tokens = data.Tokens(tokens_path)
    rng = random.Random(seed)
    codes = codebook(Config.hidden)
    pending = []
    short = rng.random() < a.short  # one choice a batch: branches are padded to the longest
    for clip in source:
        item = data.make_item(tokens, clip, rng, a.styles, short, a.questions, choose_tokens(clip, rng), a.present)
        if not item.branches:
            continue
        pending.append(item)
        size = max(len(i.prefix[0]) for i in pending) + max(
            len(i.branches) * max(len(b[0]) for b in i.branches) for i in pending)
        if size * len(pending) >= a.tokens:
            # neighbours in length share a batch
            batch, targets = data.collate(tokens, pending)
            parts = [visual_labels(i, [v for _, v in i.prefix[3]]) for i in pending]
            labels = {k: torch.cat([x[k] for x in parts]) for k in parts[0]}
            yield batch, targets, labels, len(pending)
            pending = []
            short = rng.random() < a.short


def noisy(codes, d, rng_noise, drop):
    """Codes as an imperfect vision tower would write them."""
    x = encode_labels(codes, d)
    if drop:
        weak = torch.rand(len(x), 1) < drop  # an object half seen
        plain = codes[4][d[:, 4]] + codes[5][d[:, 5]]
        x = torch.where(weak, plain + (x - plain) * torch.rand(len(x), 1), x)
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
    """Warm-up, then flat, then linear to 10% over the last a.cool share of the leg's time."""
    warm = min(1.0, (step + 1) / a.warm)
    left = 1 - elapsed / a.minutes / 60
    return warm * min(1.0, max(0.1, left / max(a.cool, 1e-6)))


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
        return torch.load(path, weights_only=False)
    model = {k: v.float() for k, v in load_file(pathlib.Path(path) / "model.safetensors").items()}
    return dict(model=model, heads=load_file(HEADS), opt=None, step=0)


def start(a, vocab):
    pathlib.Path(a.out).mkdir(parents=True, exist_ok=True)
    torch.manual_seed(a.seed)
    model = Nano(Config(vocab=vocab))
    heads = Heads(model.c)
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
    begin = last_save = time.time()
    seen, total, count = 0, {}, 0
    for batch in batches:
        elapsed = time.time() - begin
        if elapsed > a.minutes * 60:
            break
        losses, stats, n, shape = forward(batch)
        sum(WEIGHTS.get(k, 1.0) * v for k, v in losses.items()).backward()
        opt.step(schedule(step, elapsed, a))
        step += 1
        seen += n
        count += 1
        for k, v in {**{k: v.item() for k, v in losses.items()}, **stats}.items():
            if v == v:
                total[k] = total.get(k, 0) + v
        if step % a.every == 0:
            log(a, step=step, seen=seen, sec=round(time.time() - begin), rate=seen / (time.time() - begin),
                shape=shape, **{k: v / count for k, v in total.items()})
            total, count = {}, 0
        if time.time() - last_save > 60:
            save(a.out, model, heads, opt, step)
            last_save = time.time()
    save(a.out, model, heads, opt, step)


def make_optimiser(a, named, state):
    opt = Optimiser(named, a.lr, a.adam_lr)
    if state:
        opt.load(state)
    return opt


def run_symbols(a):
    tokens = data.Tokens(a.tokenizer)
    model, heads, step, opt_state = start(a, tokens.size)
    model.visual.requires_grad_(False)
    opt = make_optimiser(a, [*model.named_parameters(), *heads.named_parameters()], opt_state)
    codes = codebook(model.c.hidden)
    if a.name_codes:
        name_codes(model, codes, tokens)

    def forward(ready):
        batch, targets, labels, clips = ready
        visual = noisy(codes, labels["describe"], a.noise, a.drop)
        states, trace = model.text(batch, visual, [], want_hidden=(1, 2, 3), want_probs=TRACED)
        return *answer_losses(model, heads, codes, states, trace, batch, targets, labels), clips, shape_of(batch)

    batches = data.prefetch(symbol_batches, make_source(a, labels_only=True), a.tokenizer, a, a.seed + step)
    run(a, model, heads, opt, step, batches, forward)


def shape_of(batch):
    return f"{tuple(batch.prefix_ids.shape)}+{tuple(batch.branch_ids.shape[1:])}"


def frame_batches(source, a, seed):
    """Batches of a.slots slots of one size, a few from every clip: neighbours in time teach little."""
    rng = random.Random(seed)
    waiting = {}
    for clip in source:
        d = clip.describe()
        # slots that show more objects, words and numbers above all: of these there are most classes
        worth = [len(set(map(tuple, x[x[:, 6] > 60][:, :4]))) + 1.5 * (x[:, 0] > len(data.SHAPES)).any()
                 + 2.5 * rng.random() for x in d.reshape(d.shape[0], -1, data.FIELDS)]
        pick = np.argsort(worth)[-a.per_clip:]
        frames = clip.frames.reshape(d.shape[0], 2, *clip.frames.shape[1:])[pick]
        labels = d[pick].reshape(len(pick), -1, data.FIELDS)
        turn = rng.random()
        if turn < a.grey:
            frames, labels = grey(frames, labels, rng)
        elif turn < a.grey + a.tint:
            frames, labels = tint(frames, labels, rng)
        group = waiting.setdefault(d.shape[1:3], [])
        group.append((frames, labels))
        if sum(len(f) for f, _ in group) >= a.slots:
            frames = np.concatenate([f for f, _ in group])
            yield (torch.from_numpy(frames.reshape(-1, *frames.shape[2:])),
                   torch.from_numpy(np.concatenate([l for _, l in group])))
            waiting[d.shape[1:3]] = []


def grey(frames, labels, rng):
    """The frames without their colours, by a random mix of the channels, and the labels that remain
    (-1 for colour and hue): shapes are to be known by their form."""
    mix = np.array([rng.gauss(0, 1) for _ in range(3)], np.float32)
    g = frames.astype(np.float32) @ mix
    low, high = np.percentile(g, (1, 99))
    bottom = rng.uniform(0, 60)
    g = (g - low) / max(high - low, 1e-3) * (rng.uniform(150, 255) - bottom) + bottom
    labels = labels.copy()
    labels[..., [3, 5, 7, 9]] = -1
    return np.repeat(g.clip(0, 255).astype(np.uint8)[..., None], 3, -1), labels


def tint(frames, labels, rng):
    """The frames with every hue turned by the same angle, and the labels that remain, as grey() has
    them: between the eight colours lie others, and shapes keep their form in all of them. Never an
    angle that brings a thing near a colour that the split withholds for it."""
    shown = {(int(t), int(o), int(c)) for t, n, o, c in np.concatenate(
        (labels[..., :4].reshape(-1, 4), labels[..., [0, 1, 2, 7]].reshape(-1, 4))) if t and c and n == 0}
    for _ in range(8):
        turned = turn_hues(rng.uniform(0.4, 2 * np.pi - 0.4))
        near = {c: ((data.COLOUR_VALUES - data.COLOUR_VALUES[c - 1] @ turned.T) ** 2).sum(-1).argmin() + 1
                for _, _, c in shown}
        if not any(WITHHELD[2][o, near[c]] if t == data.NUMBER else WITHHELD[0][t, near[c]] for t, o, c in shown):
            break
    else:
        return frames, labels
    labels = labels.copy()
    labels[..., [3, 5, 7, 9]] = -1
    return (frames.astype(np.float32) @ turned.T.astype(np.float32)).clip(0, 255).astype(np.uint8), labels


def turn_hues(angle):
    """Rotation of RGB about the axis of greys (Rodrigues' formula), [3, 3]."""
    k = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


WITHHELD = data.withheld_tables()


def withheld(d):
    """For labels d [..., FIELDS], per field of SIZES: the classes [..., size] that the training split
    never shows beside the rest of the label."""
    thing, tens, ones, scene = WITHHELD
    known = d.clip(min=0)
    first, second = known[..., 3], known[..., 7]
    number, two = d[..., 0:1] == data.NUMBER, d[..., 1:2] > 0
    by_colour = lambda table: table.T[first] | table.T[second]
    return (by_colour(thing),
            number & torch.cat((by_colour(ones).gather(-1, known[..., 2:3]), tens.T[known[..., 2]][..., 1:]), -1),
            number & torch.where(two, tens[known[..., 1]], by_colour(ones)),
            thing[d[..., 0]] | (number & ~two & ones[known[..., 2]]),
            (scene.T[known[..., 5]] | scene.T[known[..., 9]]) & (d[..., 5:6] >= 0),
            scene[d[..., 4]] | scene[d[..., 8]])


def dense_losses(out, d, codes):
    """out [S, N, hidden] of the merger against labels d [S, N, FIELDS]: its projections on the codes
    classify each merged patch, and the whole of it is the sum of codes that the decoder reads.
    What the split withholds is left out of both: a loss over it would teach that a red thing is never
    a star (shapes were found in 93% of the patches of combinations trained on, in 56% of others)."""
    out = out.float()
    cover = d[..., 6]
    # A sliver of an object is neither there nor not there.
    sure = ((cover == 0) | (cover > 50)).float()
    losses, right = {}, {}
    second = {3: 7, 4: 8, 5: 9}  # the same of the slot's second frame
    coloured = (d[..., 5] >= 0).float()
    error = out - encode_labels(codes, d.clip(min=0))
    code = error.pow(2).sum(-1)
    for i, (name, never) in enumerate(zip(("thing", "tens", "ones", "colour", "pattern", "hue"), withheld(d))):
        fields = (i, second.get(i, i))
        for j in fields:  # a slot that a cut falls into may show what one frame never does
            never = never.scatter(-1, d[..., j : j + 1].clip(min=0), False)
        code = code - ((error @ codes[i].T).pow(2) * never).sum(-1)
        logits = (out @ codes[i].T) * 10
        if i < 4:  # "nothing" has no code: it wins where no code stands out by half its length
            logits = logits + F.pad(torch.full((1,), 5.0), (0, SIZES[i] - 1))
        logits = logits.masked_fill(never, -30.0)
        ce = sum(F.cross_entropy(logits.flatten(0, 1), d[..., j].flatten(), reduction="none", ignore_index=-1)
                 for j in fields).view(cover.shape) / 2
        known = (d[..., i] >= 0).float()
        weight = known * sure if i < 4 else known
        if i in (1, 2):  # digits: numbers are rare among patches
            weight = weight * torch.where(d[..., 0] == data.NUMBER, 4.0, 0.05)
        elif i in (0, 3):
            weight = weight * torch.where(cover > 0, 2.0, 1.0)
        losses[name] = (ce * weight).sum() / (weight.sum() + 1)
        with torch.no_grad():
            hit = (logits.argmax(-1) == d[..., i]).float()
            mask = (d[..., i] > 0) * sure if i < 4 else known
            right[name + "_recall"] = ((hit * mask).sum() / (mask.sum() + 1e-6)).item()
            if i == 0:
                mask = (cover == 0).float()
                right["nothing"] = ((hit * mask).sum() / (mask.sum() + 1e-6)).item()
    losses["code"] = (code * coloured).mean()
    return losses, right


def clip_batches(source, tokens_path, a, seed):
    """Ready batches of clips with frames, of about a.tokens tokens each."""
    tokens = data.Tokens(tokens_path)
    rng = random.Random(seed)
    pending = []
    short = rng.random() < a.short  # one choice a batch: branches are padded to the longest
    for clip in source:
        keep = None if rng.random() < a.full else choose_tokens(clip, rng)
        item = data.make_item(tokens, clip, rng, a.styles, short, a.questions, keep, a.present)
        if not item.branches:
            continue
        pending.append(item)
        size = max(len(i.prefix[0]) for i in pending) + max(
            len(i.branches) * max(len(b[0]) for b in i.branches) for i in pending)
        if size * len(pending) >= a.tokens:
            batch, targets = data.collate(tokens, pending)
            parts = [visual_labels(i, [v for _, v in i.prefix[3]]) for i in pending]
            labels = {k: torch.cat([x[k] for x in parts]) for k in parts[0]}
            chosen = [torch.tensor([v for _, v in i.prefix[3]]) for i in pending]
            frames = [torch.from_numpy(i.clip.frames.copy()) for i in pending]
            dense = [torch.from_numpy(i.clip.describe().reshape(i.clip.info["grid"][0], -1, data.FIELDS)) for i in pending]
            yield batch, targets, labels, frames, chosen, dense
            pending = []
            short = rng.random() < a.short


def run_join(a):
    """Decoder on what the tower really says. The tower is frozen and read again from a.vision as
    its own leg goes on, or trained along (--end-to-end) with its dense labels kept."""
    tokens = data.Tokens(a.tokenizer)
    model, heads, step, opt_state = start(a, tokens.size)
    codes = codebook(model.c.hidden)
    model.visual.requires_grad_(a.end_to_end)
    opt = make_optimiser(a, [*model.named_parameters(), *heads.named_parameters()], opt_state)
    stamp = None
    use_deep = a.end_to_end or a.deep

    def forward(ready):
        nonlocal stamp
        batch, targets, labels, frames, chosen, dense = ready
        if a.vision and os.path.getmtime(a.vision) != stamp:
            stamp = os.path.getmtime(a.vision)
            state = read_state(a.vision)["model"]
            model.load_state_dict({k: v for k, v in state.items() if k.startswith("model.visual.")}, strict=False)
        visual, deep, extra = [], [], []
        with torch.set_grad_enabled(a.end_to_end):
            for f, c, d in zip(frames, chosen, dense):
                out, features = model.visual(f, want_deep=use_deep)
                visual.append(out.flatten(0, 1)[c])
                deep.append([x.flatten(0, 1)[c] for x in features])
                if a.end_to_end:
                    extra.append(sum(dense_losses(out, d, codes)[0].values()))
        visual = torch.cat(visual).float()
        deep = [torch.cat(x) for x in zip(*deep)] if use_deep else []
        states, trace = model.text(batch, visual, deep, want_hidden=(1, 2, 3), want_probs=TRACED)
        losses, stats = answer_losses(model, heads, codes, states, trace, batch, targets, labels)
        if extra:
            losses["dense"] = sum(extra) / len(extra)
        return losses, stats, len(frames), shape_of(batch)

    batches = data.prefetch(clip_batches, make_source(a, labels_only=False), a.tokenizer, a, a.seed + step, depth=3)
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
    model, heads, step, opt_state = start(a, tokens.size)
    tower = [(n, p) for n, p in model.named_parameters() if "visual" in n and "deepstack" not in n]
    opt = make_optimiser(a, tower, opt_state)
    codes = codebook(model.c.hidden)
    if step == 0 and not a.init:
        some = frame_batches(make_source(a, labels_only=False), a, 0)
        whiten(model.visual, [next(some) for _ in range(6)])

    def forward(ready):
        frames, d = ready
        losses, stats = dense_losses(model.visual(frames, want_deep=False)[0], d, codes)
        return losses, stats, len(frames), str(tuple(frames.shape))

    batches = data.prefetch(frame_batches, make_source(a, labels_only=False), a, a.seed + step, depth=4)
    run(a, model, heads, opt, step, batches, forward)


def make_source(a, labels_only):
    return data.stream(a.binary, "train", a.seed + 1000 * RANK, a.seconds, a.fps, a.questions, labels_only, None,
                       a.extra.split() if a.extra else ())


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
    p.add_argument("--fps", type=float, default=2)
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
    p.add_argument("--drop", type=float, default=0.0)
    p.add_argument("--slots", type=int, default=64, help="slots in a batch of the vision leg")
    p.add_argument("--grey", type=float, default=0.5, help="vision: share of clips shown without colour")
    p.add_argument("--tint", type=float, default=0.0, help="vision: share of clips shown in turned hues")
    p.add_argument("--per-clip", type=int, default=6, help="slots taken from a clip there")
    p.add_argument("--vision", help="join: run whose tower is read, again whenever it is saved")
    p.add_argument("--end-to-end", action="store_true", help="join: train the tower too")
    p.add_argument("--deep", action="store_true", help="join: the frozen tower's DeepStack features too")
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
