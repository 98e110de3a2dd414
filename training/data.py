"""Clips from `shijian synth --stream`, and what training makes of them: token branches and labels."""

import ctypes
import json
import multiprocessing as mp
import multiprocessing.connection
import os
import queue
import re
import signal
import subprocess
import threading
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

import prompts
from model import Batch

SHAPES = ["circle", "square", "triangle", "star", "cross", "diamond", "ring", "heart"]
COLOURS = ["red", "green", "blue", "yellow", "purple", "orange", "white", "cyan"]
COLOUR_VALUES = np.array([(226, 28, 32), (24, 190, 52), (48, 100, 255), (250, 226, 36), (176, 64, 226),
                          (255, 132, 16), (246, 246, 246), (52, 222, 230)])  # src/synth/world.h
WORDS = ("GO NO UP BUS ZOO RUN STOP OPEN EXIT HELP NEWS LIVE SALE TAXI CAFE BANK JUMP MENU PARK LEFT "
         "RIGHT MUSIC HOTEL PIZZA").split()
PATTERNS = ["plain", "stripes", "checkerboard", "dots", "gradient", "waves"]
KINDS = "visible appear leave move stop colour touch text digit cut order all".split()
ASKED_KINDS = KINDS + ["absent"]
HUES = ["grey", "black", "brown", "navy", "dark green", "maroon"]

# What a visual token can show, as classes of one "thing" and of the two digits of a number.
# thing: 0 nothing, 1..8 shapes, 9..32 words, 33 a number.
THINGS = 1 + len(SHAPES) + len(WORDS) + 1
NUMBER = THINGS - 1
FIELDS = 11  # of Clip.describe


@dataclass
class Clip:
    info: dict
    frames: np.ndarray | None  # u8 [frames, height, width, 3]
    labels: np.ndarray  # u8 [slots, rows, columns, 4]

    def describe(self):
        """[slots, rows, columns, FIELDS] int64: thing, tens (0 none, else digit + 1), ones
        (likewise), colour (0 none), pattern, hue, coverage, then colour, pattern and hue in the
        slot's second frame, and how many of the slot's two frames show the thing."""
        if hasattr(self, "_described"):
            return self._described
        objects = [(0, 0, 0)]
        for o in self.info["objects"]:
            text = o.get("text") or ""
            if not text:
                shape = o["shape"]
                objects.append((1 + (SHAPES.index(shape) if isinstance(shape, str) else shape), 0, 0))
            elif text.isdigit():
                tens = int(text[0]) + 1 if len(text) > 1 else 0
                objects.append((NUMBER, tens, int(text[-1]) + 1))
            else:
                objects.append((1 + len(SHAPES) + WORDS.index(text), 0, 0))
        table = np.array(objects)
        scenes = np.array([[0, 0]] + [
            [PATTERNS.index(b["kind"]), HUES.index(b["hue"])] for b in self.info["backgrounds"]])
        a = self.labels.astype(np.int64)
        first, second = a[..., 1] & 15, a[..., 1] >> 4
        colours = [np.where(first > 0, first, second), np.where(second > 0, second, first)]
        frames = (first > 0).astype(np.int64) + (second > 0)
        self._described = np.concatenate(
            (table[a[..., 0]], colours[0][..., None], scenes[a[..., 2] & 15], a[..., 3:4], colours[1][..., None],
             scenes[a[..., 2] >> 4], frames[..., None]), -1)
        return self._described


def withheld_tables():
    """bool tables of what the training split never shows together (src/synth/world.h): thing by
    colour [THINGS, colours + 1], tens by ones [11, 11] of numbers of two digits, ones by colour
    [11, colours + 1] of numbers of one digit, pattern by hue. Classes as in Clip.describe."""
    colours = len(COLOURS) + 1
    thing, ones = np.zeros((THINGS, colours), bool), np.zeros((11, colours), bool)
    for c in range(1, colours):
        for i in range(len(SHAPES)):
            thing[1 + i, c] = (3 * i + c - 1) % 5 == 2
        for i in range(len(WORDS)):
            thing[1 + len(SHAPES) + i, c] = (i + 2 * (c - 1)) % 5 == 1
        for n in range(10):
            ones[1 + n, c] = (n + 3 * (c - 1)) % 5 == 3
    tens = np.zeros((11, 11), bool)
    for t in range(1, 10):
        for n in range(10):
            tens[1 + t, 1 + n] = (t + 2 * n) % 5 == 4
    scene = np.array([[(2 * p + h) % 5 == 3 for h in range(len(HUES))] for p in range(len(PATTERNS))])
    return tuple(torch.from_numpy(x) for x in (thing, tens, ones, scene))


_ZH = dict(zip("圆形 正方形 三角形 星形 十字 菱形 圆环 心形".split(), SHAPES))
_ZH_COLOURS = "红色 绿色 蓝色 黄色 紫色 橙色 白色 青色".split()
_ZH_PATTERNS = "纯色 条纹 棋盘格 圆点 渐变 波浪".split()
_ZH_HUES = "灰色 黑色 棕色 深蓝色 深绿色 深红色".split()


def _found(text, names):
    """Indices of the names that stand in text, in order of place."""
    at = [(m.start(), i) for i, n in enumerate(names)
          for m in re.finditer(rf"\b{n}\b" if n.isascii() else n, text)]
    return [i for _, i in sorted(at)]


def asked_about(query, language):
    """(thing, tens, ones, colour, pattern, hue) of a question as classes, -1 where it names none;
    for a change of colour, the colour it changes to. A second object is left out."""
    zh = language == "zh"
    patterns = _found(query, _ZH_PATTERNS if zh else PATTERNS)
    if patterns:
        return (-1, -1, -1, -1, patterns[0], _found(query, _ZH_HUES if zh else HUES)[0])
    colours = _found(query, _ZH_COLOURS if zh else COLOURS)
    shapes = _found(query, list(_ZH) if zh else SHAPES)
    number = re.search(r"\d+", query)
    word = re.search("[A-Z]{2,}", query)
    colour = -1
    if colours:  # "the red circle turns blue" names two, "the red circle touches the blue star" too
        colour = 1 + (colours[1] if len(colours) == 2 and len(shapes) == 1 else colours[0])
    if number:
        n = number.group()
        return (NUMBER, int(n[0]) + 1 if len(n) > 1 else 0, int(n[-1]) + 1, colour, -1, -1)
    if shapes:
        return (1 + shapes[0], 0, 0, colour, -1, -1)
    return (1 + len(SHAPES) + WORDS.index(word.group()), 0, 0, colour, -1, -1)


def names_of_codes():
    """(field, class, names): what the prompts call each class of Clip.describe. Digits are left
    out: they also write times."""
    for i, name in enumerate(SHAPES):
        yield 0, 1 + i, [name, " " + name, list(_ZH)[i]]
    for i, name in enumerate(WORDS):
        yield 0, 1 + len(SHAPES) + i, [name, " " + name]
    for i, name in enumerate(COLOURS):
        yield 3, 1 + i, [" " + name, _ZH_COLOURS[i]]
    for i, name in enumerate(PATTERNS):
        yield 4, i, [" " + name, _ZH_PATTERNS[i]]
    for i, name in enumerate(HUES):
        yield 5, i, [" dark" if name == "dark green" else " " + name, _ZH_HUES[i]]


# ---------------------------------------------------------------- the stream


def stream(binary, split, seed, seconds=(5, 30), fps=2, questions=8, labels_only=False, count=None, extra=()):
    """Clips without end (or `count`), read from the generator's standard output."""
    command = [binary, "synth", "--stream", "--split", split, "--seed", str(seed), "--seconds",
               f"{seconds[0]}-{seconds[1]}", "--sample-fps", str(fps), "--questions", str(questions), *extra]
    if labels_only:
        command.append("--labels-only")
    if count:
        command += ["--count", str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        while line := process.stdout.readline():
            info = json.loads(line)
            size = info["frame_bytes"]
            frames = None
            if size:
                raw = np.frombuffer(process.stdout.read(size), np.uint8)
                frames = raw.reshape(-1, info["height"], info["width"], 3)
            labels = np.frombuffer(process.stdout.read(info["label_bytes"]), np.uint8)
            yield Clip(info, frames, labels.reshape(*info["grid"], 4))
    finally:
        process.kill()


def each(x, f, leaf=(torch.Tensor, np.ndarray)):
    """x with f applied to every tensor or array in it."""
    if isinstance(x, leaf):
        return f(x)
    if isinstance(x, (tuple, list)):
        return type(x)(each(y, f, leaf) for y in x)
    if isinstance(x, dict):
        return {k: each(v, f, leaf) for k, v in x.items()}
    return type(x)(**{k: each(v, f, leaf) for k, v in vars(x).items()}) if isinstance(x, Batch) else x


ALIGN = 64  # bytes, of every array of a batch on its way


class Place(int):
    """Stands for an array of a batch on its way: which one it is."""


def _pump(pipe, make, args):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: ends with whom it works for
    torch.set_num_threads(1)
    fd = None
    try:
        for item in make(*args):
            arrays = []
            tree = each(item, lambda t: arrays.append(t.numpy()) or Place(len(arrays) - 1))
            if fd is not None:
                pipe.recv()  # the last one was taken
                os.close(fd)
            fd = os.memfd_create("batch")
            with open(fd, "wb", closefd=False) as f:
                for x in arrays:
                    f.write(x.tobytes() + bytes(-x.nbytes % ALIGN))
            pipe.send((tree, [(x.dtype.str, x.shape, x.nbytes) for x in arrays], f"/proc/{os.getpid()}/fd/{fd}"))
        pipe.recv()
    except (BrokenPipeError, EOFError):
        pass  # nobody listens any more


def _unpack(tree, arrays, whole):
    """The batch that _pump sent: views of `whole`, the bytes of its arrays one after another."""
    views, at = [], 0
    for dtype, shape, size in arrays:
        views.append(whole[at : at + size].view(torch.from_numpy(np.empty(0, dtype)).dtype).view(shape))
        at += size + -size % ALIGN
    return each(tree, lambda i: views[i], Place)


def feed(make, *args):
    """Runs generator function `make` in a process of its own; -> the pipe that its batches come from."""
    fork = mp.get_context("fork")
    ours, theirs = fork.Pipe()
    fork.Process(target=_pump, args=(theirs, make, args), daemon=True).start()
    theirs.close()
    return ours


def gather(pipes, device, depth=4):
    """What comes from the pipes, in the order of arrival, on the device. A batch is read by a thread, in one
    piece, and sent to the device in one piece by the caller: many small pieces would take the interpreter's
    lock from the training loop as often. The processes behind the pipes must be there before the device
    is first used: a fork after that breaks it."""
    ready = queue.Queue(depth)

    def read(open_pipes):
        while open_pipes:
            for pipe in mp.connection.wait(open_pipes):
                try:
                    tree, arrays, name = pipe.recv()
                    whole = torch.from_numpy(np.fromfile(name, np.uint8))
                    pipe.send(None)
                    ready.put((tree, arrays, whole.pin_memory() if device.type == "cuda" else whole))
                except EOFError:
                    open_pipes.remove(pipe)
        ready.put(None)

    threading.Thread(target=read, args=(list(pipes),), daemon=True).start()
    while (item := ready.get()) is not None:
        yield _unpack(*item[:2], item[2].to(device, non_blocking=True))


# ---------------------------------------------------------------- tokens


class Tokens:
    def __init__(self, path):
        self.t = Tokenizer.from_file(str(path))
        self.size = self.t.get_vocab_size()
        one = self.t.token_to_id
        self.start, self.end = one("<|im_start|>"), one("<|im_end|>")
        self.vision_start, self.vision_end = one("<|vision_start|>"), one("<|vision_end|>")
        self.video_pad = one("<|video_pad|>")
        self.head = [self.start] + self.encode("user\n")
        self.turn = [self.end] + self.encode("\n") + [self.start] + self.encode("assistant\n")
        self._cache = {}

    def encode(self, text):
        return self.t.encode(text, add_special_tokens=False).ids

    def cached(self, text):
        if text not in self._cache:
            self._cache[text] = self.encode(text)
        return self._cache[text]

    def decode(self, ids):
        return self.t.decode(ids, skip_special_tokens=True)

    def prefix(self, slot_times, grid, keep=None):
        """Ids, positions [3, P], slot of each token (-1 before the first), and for visual tokens
        their index. keep: per slot the flat indices of visual tokens to use (default all);
        positions are those of the whole grid either way."""
        slots, rows, cols = grid
        ids, pos, slot, visual = list(self.head), [], [], []
        pos = [(i, i, i) for i in range(len(ids))]
        slot = [-1] * len(ids)
        at = len(ids)
        for s, time in enumerate(slot_times):
            stamp = [*self.cached("<"), *(t for c in f"{time:.1f}" for t in self.cached(c)),
                     *self.cached(" seconds"), *self.cached(">"), self.vision_start]
            ids += stamp
            pos += [(at + i,) * 3 for i in range(len(stamp))]
            at += len(stamp)
            chosen = range(rows * cols) if keep is None else keep[s]
            for v in chosen:
                visual.append((len(ids), s * rows * cols + v))
                ids.append(self.video_pad)
                pos.append((at, at + v // cols, at + v % cols))
            at += max(rows, cols)
            ids.append(self.vision_end)
            pos.append((at,) * 3)
            at += 1
            slot += [s] * (len(ids) - len(slot))
        return ids, pos, slot, visual, at

    def branch(self, query, language, style, spans, slots, short=False):
        """One question and its answer. spans: the answer's numbers in seconds; slots: the slot of
        each. -> ids, answer_from, marks: list of (index, (slot, decisive)) where the token
        AFTER index belongs to the number of that slot."""
        text = query if short else prompts.question(style, language, query)
        ids = self.cached(text) + self.turn
        begin = len(ids)
        ids = list(ids)
        marks = []
        for text, which in prompts.answer_parts(style, language, spans):
            part = self.cached(text) if which is None else [t for c in text for t in self.cached(c)]
            if which is not None:
                slot = slots[which[0]][0 if which[1] == "start" else 1]
                # the first position is the token before the number, the last predicts its last digit
                # and those up to the point decide, the rest follow from them
                point = text.index(".")
                marks += [(len(ids) - 1 + i, (slot, i < point)) for i in range(len(part))]
            ids += part
        ids.append(self.end)
        return ids, begin, marks


def answer_slots(clip, spans):
    """Slots that show evidence of each span (any of the slot's frames falls inside it), or None
    where a span falls between two frames."""
    times = np.array(clip.info["times"])
    if len(times) % 2:
        times = np.append(times, times[-1])
    out = []
    for start, end in spans:
        hit = np.nonzero((times >= start) & (times < end))[0]
        if len(hit) == 0:
            return None
        out.append((int(hit[0]) // 2, int(hit[-1]) // 2))
    return out


def time_of_slots(slot_times, first, last, duration):
    """The time that an event takes of which these slots show evidence: src/grounding/slot_stamps.h."""
    t = slot_times
    share = 0.5 if first == last else 0.25
    return (t[first] - share * (t[first] - t[first - 1]) if first else 0.0,
            t[last] + share * (t[last + 1] - t[last]) if last + 1 < len(t) else duration)


@dataclass
class Item:
    """One clip made ready: see Tokens.prefix and Tokens.branch."""

    clip: Clip
    prefix: tuple
    branches: list  # (ids, begin, marks, question)


def make_item(tokens, clip, rng, styles=("timelens",), short=False, limit=8, keep=None, present=1.0):
    """present: share of the questions about what does happen that are kept."""
    info = clip.info
    prefix = tokens.prefix(info["slot_times"], info["grid"], keep)
    branches = []
    for q in rng.sample(info["questions"], min(limit, len(info["questions"]))):
        slots = answer_slots(clip, q["spans"])
        if slots is None or (q["spans"] and rng.random() > present):
            continue
        spans = [(info["slot_times"][a], info["slot_times"][b]) for a, b in slots]
        style = rng.choice(styles)
        branches.append((*tokens.branch(q["query"], q["language"], style, spans, slots, short), q))
    return Item(clip, prefix, branches)


def collate(tokens, items):
    """-> Batch, targets. targets: rows (b, q, t) that predict answer tokens, the token, the slot
    pointed at (-1 none)."""
    b = len(items)
    p = max(len(i.prefix[0]) for i in items)
    q = max(len(i.branches) for i in items)
    t = max(len(br[0]) for i in items for br in i.branches)
    match = torch.zeros(b, q, p, dtype=torch.bool)  # prefix tokens that show what is asked about
    asked = torch.full((b, q, 7), -1)  # asked_about, and the kind
    edges = torch.full((b, q, 4), -1)
    seconds = torch.zeros(b, 64)  # those that a slot's time falls into
    present = torch.zeros(b, q, 64)  # of them those whose slot shows what is asked about
    ids = torch.full((b, p), tokens.end)
    pos = torch.zeros(3, b, p, dtype=torch.long)
    slot = torch.full((b, p), -1)
    bids = torch.full((b, q, t), tokens.end)
    bpos = torch.zeros(b, q, t, dtype=torch.long)
    visual_at, visual_src, rows, target, point, decides, opens = [], [], [], [], [], [], []
    for n, item in enumerate(items):
        pi, pp, ps, visual, at = item.prefix
        ids[n, : len(pi)] = torch.tensor(pi)
        pos[:, n, : len(pi)] = torch.tensor(pp).T
        slot[n, : len(pi)] = torch.tensor(ps)
        visual_at += [(n, v[0]) for v in visual]
        visual_src += [v[1] for v in visual]
        bpos[n] = torch.arange(at, at + t)
        where = torch.tensor([v[0] for v in visual])
        second = torch.tensor(item.clip.info["slot_times"]).long()
        seconds[n, second] = 1
        second = second[torch.tensor([ps[v[0]] for v in visual])]  # of every visual token
        shown = torch.tensor(item.clip.describe().reshape(-1, FIELDS)[[v[1] for v in visual]])
        for m, (br, begin, marks, question) in enumerate(item.branches):
            about = torch.tensor(asked_about(question["query"], question["language"]))
            asked[n, m] = torch.cat((about, torch.tensor([ASKED_KINDS.index(question["kind"])])))
            if marks:  # tens (0 none, else digit + 1) and ones of the first start and the last end
                for k, (_, (s, _)) in enumerate((marks[0], marks[-1])):
                    digits = f"{item.clip.info['slot_times'][s]:.1f}".split(".")[0]
                    edges[n, m, 2 * k] = int(digits[-2]) + 1 if len(digits) > 1 else 0
                    edges[n, m, 2 * k + 1] = int(digits[-1])
            # colour and background as either of the slot's frames shows them
            hit = ((shown[:, :6] == about) | (about < 0)).all(-1) | (
                (shown[:, [0, 1, 2, 7, 8, 9]] == about) | (about < 0)).all(-1)
            if hit.any():
                match[n, m, where[hit]] = True
                present[n, m, second[hit]] = 1
            else:  # nothing to look at: rest on the tokens before the first slot
                match[n, m, : len(tokens.head)] = True
            bids[n, m, : len(br)] = torch.tensor(br)
            marked = dict(marks)
            for i in range(begin - 1, len(br) - 1):
                rows.append((n, m, i))
                target.append(br[i + 1])
                slot_of, decisive = marked.get(i, (-1, False))
                point.append(slot_of)
                decides.append(decisive)
                opens.append(i < begin + 2)  # the tokens in which a refusal differs from an answer
    batch = Batch(ids, pos, torch.tensor([len(i.prefix[0]) for i in items]), torch.tensor(visual_at), bids, bpos)
    point = torch.tensor(point)
    return batch, dict(slot=slot, rows=torch.tensor(rows), target=torch.tensor(target),
                       point=point, numbers=(point >= 0).nonzero()[:, 0], decides=torch.tensor(decides),
                       opens=torch.tensor(opens), match=match, asked=asked, edges=edges, seconds=seconds,
                       present=present,
                       visual_src=torch.tensor(visual_src))
