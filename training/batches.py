"""Batches for each leg, made on processors from the generator's clips."""

import random

import numpy as np
import torch

import data

WITHHELD = [x.numpy() for x in data.withheld_tables()]


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
    where = [centres(ident[s * per : (s + 1) * per], flat[s * per : (s + 1) * per, 6], cols) for s in range(slots)]
    past = np.zeros((len(chosen), 3), np.float32)
    stamp = np.zeros((len(chosen), 3), np.int64)
    for s in range(slots):
        text = f"{item.clip.info['slot_times'][s]:.1f}"
        digits = text.replace(".", "")
        stamp[slot == s] = [int(digits[-3]) + 1 if len(digits) > 2 else 0, int(digits[-2]), int(digits[-1])]
    for i, (v, s) in enumerate(zip(chosen, slot)):
        if s > 0:
            moved = ident[v] in where[s - 1] and np.abs(where[s][ident[v]] - where[s - 1][ident[v]]).max() > 0.15
            past[i] = ident[v] not in seen[s - 1], full[v] not in seen_full[s - 1], moved
    return dict(stamp=torch.tensor(stamp), past=torch.tensor(past), thing=torch.tensor(flat[chosen, 0] > 0),
                describe=torch.tensor(flat[chosen]))


def joined_labels(items):
    parts = [visual_labels(i, [v for _, v in i.prefix[3]]) for i in items]
    return {k: torch.cat([x[k] for x in parts]) for k in parts[0]}


def padded_tokens(items):
    """Of a batch of these: all are padded to the longest prefix, the most and the longest branches."""
    prefix = max(len(i.prefix[0]) for i in items)
    return len(items) * (prefix + max(len(i.branches) * max(len(b[0]) for b in i.branches) for i in items))


def centres(ident, cover, cols):
    """The centre (row, column) of every thing in one slot, in tokens."""
    at = np.stack((np.arange(len(ident)) // cols, np.arange(len(ident)) % cols), -1)
    return {k: np.average(at[ident == k], axis=0, weights=cover[ident == k] + 1e-3) for k in np.unique(ident) if k}


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
    pending = []
    short = rng.random() < a.short  # one choice a batch: branches are padded to the longest
    for clip in source:
        item = data.make_item(tokens, clip, rng, a.styles, short, a.questions, choose_tokens(clip, rng), a.present)
        if not item.branches:
            continue
        pending.append(item)
        if padded_tokens(pending) >= a.tokens:
            # neighbours in length share a batch
            batch, targets = data.collate(tokens, pending)
            yield batch, targets, joined_labels(pending), len(pending)
            pending = []
            short = rng.random() < a.short


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
        if colours := recolour(frames, labels, a, rng):
            mix, base = (x.astype(np.float32) for x in colours)
            frames = (frames.astype(np.float32) @ mix.T + base).clip(0, 255).astype(np.uint8)
            labels = without_colours(labels)
        group = waiting.setdefault(d.shape[1:3], [])
        group.append((frames, labels))
        if sum(len(f) for f, _ in group) >= a.slots:
            frames = np.concatenate([f for f, _ in group])
            yield (torch.from_numpy(frames.reshape(-1, *frames.shape[2:])),
                   torch.from_numpy(np.concatenate([l for _, l in group])))
            waiting[d.shape[1:3]] = []


def recolour(frames, labels, a, rng):
    """An affine map of RGB ([3, 3], [3]) for one clip, or None to leave it as it is: without colours in
    a.grey of the clips, with turned hues in a.tint. Of a clip so shown the colours are not asked."""
    turn = rng.random()
    if turn < a.grey:
        return grey(frames, rng)
    return tint(labels, rng) if turn < a.grey + a.tint else None


def without_colours(labels):
    labels = labels.copy() if isinstance(labels, np.ndarray) else labels.clone()
    labels[..., [3, 5, 7, 9]] = -1
    return labels


def grey(frames, rng):
    """A random mix of the channels: shapes are to be known by their form."""
    mix = np.array([rng.gauss(0, 1) for _ in range(3)])
    low, high = np.percentile(frames.reshape(-1, 3)[::7] @ mix, (1, 99))
    bottom = rng.uniform(0, 60)
    scale = (rng.uniform(150, 255) - bottom) / max(high - low, 1e-3)
    return np.tile(mix * scale, (3, 1)), np.full(3, bottom - low * scale)


def tint(labels, rng):
    """Every hue turned by the same angle: between the eight colours lie others, and shapes keep their
    form in all of them. Never an angle that brings a thing near a colour that the split withholds
    for it."""
    shown = {(int(t), int(o), int(c)) for t, n, o, c in np.unique(np.concatenate(
        (labels[..., :4].reshape(-1, 4), labels[..., [0, 1, 2, 7]].reshape(-1, 4))), axis=0) if t and c and n == 0}
    for _ in range(8):
        turned = turn_hues(rng.uniform(0.4, 2 * np.pi - 0.4))
        near = {c: ((data.COLOUR_VALUES - data.COLOUR_VALUES[c - 1] @ turned.T) ** 2).sum(-1).argmin() + 1
                for _, _, c in shown}
        if not any(WITHHELD[2][o, near[c]] if t == data.NUMBER else WITHHELD[0][t, near[c]] for t, o, c in shown):
            return turned, np.zeros(3)
    return None


def turn_hues(angle):
    """Rotation of RGB about the axis of greys (Rodrigues' formula), [3, 3]."""
    k = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def clip_batches(source, tokens_path, a, seed):
    """Ready batches of clips with frames, all of one size, of about a.tokens tokens each."""
    tokens = data.Tokens(tokens_path)
    rng = random.Random(seed)
    waiting = {}  # (rows, columns, short) -> items; branches are padded to the longest
    for clip in source:
        keep = None if rng.random() < a.full else choose_tokens(clip, rng)
        short = rng.random() < a.short
        item = data.make_item(tokens, clip, rng, a.styles, short, a.questions, keep, a.present)
        if not item.branches:
            continue
        key = (*clip.info["grid"][1:], short)
        pending = waiting.setdefault(key, [])
        pending.append(item)
        if padded_tokens(pending) >= a.tokens:
            yield ready_clips(tokens, pending, a, rng)
            waiting[key] = []


def ready_clips(tokens, items, a, rng):
    """-> Batch, targets, labels, and of the clips' slots joined: frames U8 [2 * slots, height, width, 3],
    chosen [V] (flat indices of the visual tokens), dense [slots, merged, FIELDS], and affine maps
    of RGB ([m, 3, 3], [m, 3]) with the m slots that they are for."""
    batch, targets = data.collate(tokens, items)
    chosen, dense, mixes, bases, mapped, begin, slots = [], [], [], [], [], 0, 0
    for i in items:
        d = i.clip.describe()
        d = d.reshape(d.shape[0], -1, data.FIELDS)
        chosen += [begin + v for _, v in i.prefix[3]]
        begin += d.shape[0] * d.shape[1]
        if colours := recolour(i.clip.frames, d, a, rng):
            mixes += [colours[0]] * len(d)
            bases += [colours[1]] * len(d)
            mapped += range(slots, slots + len(d))
        slots += len(d)
        dense.append(d)
    return (batch, targets, joined_labels(items), torch.from_numpy(np.concatenate([i.clip.frames for i in items])),
            torch.tensor(chosen), torch.from_numpy(np.concatenate(dense)),
            (torch.tensor(np.array(mixes), dtype=torch.float), torch.tensor(np.array(bases), dtype=torch.float),
             torch.tensor(mapped, dtype=torch.long)))
