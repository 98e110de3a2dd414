"""What the two halves are taught: the codes that tower and decoder share, the auxiliary heads, and
the losses of both. Works on any device that its arguments are on."""

import torch
import torch.nn as nn
import torch.nn.functional as F

import data

SIZES = (data.THINGS, 11, 11, 1 + len(data.COLOURS), len(data.PATTERNS), len(data.HUES))


def codebook(hidden, device="cpu"):
    """Orthonormal codes [sum(SIZES), hidden] of everything a visual token can show, fixed for all
    legs: the decoder learns to read sums of them while the vision tower learns to write them, so
    the two can be trained apart and still understand each other."""
    g = torch.Generator().manual_seed(7)
    q, _ = torch.linalg.qr(torch.randn(hidden, sum(SIZES), generator=g))
    codes = [c.clone() for c in q.T.split(SIZES)]
    for c in codes[:4]:
        c[0] = 0  # nothing there: no code
    return [c.to(device) for c in codes]


def encode_labels(codes, d):
    """d [..., FIELDS] as Clip.describe -> sum of codes [..., hidden]. What barely shows is faint, what
    only one of the slot's frames shows is half as strong."""
    strength = (d[..., 6:7].float() / 255 * 2.5).clip(max=1) * d[..., 10:].float() / 2
    thing = sum(codes[i][d[..., i]] for i in range(3)) + (codes[3][d[..., 3]] + codes[3][d[..., 7]]) / 2
    scene = sum(codes[i][d[..., j]] for i, j in ((4, 4), (4, 8), (5, 5), (5, 9))) / 2
    return thing * strength + scene


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
        self.past = nn.Linear(c.hidden, 3)  # new in this slot; differs from the slot before; has moved since


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
    at = targets["numbers"]  # rows that write a time
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
        branch = rows[:, 0] * batch.branch_ids.shape[1] + rows[:, 1]
        zeros = torch.zeros(batch.branch_ids.shape[:2].numel(), device=rows.device)
        good = zeros.index_add(0, branch, (~right).float()) == 0
        asked = zeros.index_add(0, branch, torch.ones_like(ce)) > 0
        has = zeros.index_add(0, branch, number.float()) > 0

        def share(x, of):  # NaN where there is none
            return (x & of).sum() / of.sum()
        stats = dict(digit=share(right, targets["decides"]), exact=share(good, has), absent=share(good, asked & ~has))
    return losses, stats


# ---------------------------------------------------------------- losses of the tower

WITHHELD = data.withheld_tables()


def withheld(d):
    """For labels d [..., FIELDS], per field of SIZES: the classes [..., size] that the training split
    never shows beside the rest of the label."""
    thing, tens, ones, scene = (x.to(d.device) for x in WITHHELD)
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
            logits = logits + F.pad(torch.full((1,), 5.0, device=out.device), (0, SIZES[i] - 1))
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
            right[name + "_recall"] = (hit * mask).sum() / (mask.sum() + 1e-6)
            if i == 0:
                mask = (cover == 0).float()
                right["nothing"] = (hit * mask).sum() / (mask.sum() + 1e-6)
    losses["code"] = (code * coloured).mean()
    return losses, right
