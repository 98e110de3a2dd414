"""Qwen3-VL in small, written for training on a CPU, which an accelerator runs as well.

The parameter names and the arithmetic are those of Qwen3-VL, so a state dict is a checkpoint; what
differs is the shape of the work. One video is asked many questions: the prefix (time stamps and
visual tokens) runs once, and every question with its answer is a branch that sees the prefix and
itself, so a branch computes what it would compute alone. Weights are F32; matrix products run in
`compute`: BF16 on an accelerator and where the processor multiplies it (Zen 4 does so three times as
fast as F32), else F32 (without the instruction BF16 is fifty times slower). Attention is written out because PyTorch's fused CPU kernel is two to seven times slower at these sizes, and because the pointer
losses need the probabilities.
"""

from dataclasses import dataclass, field

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocab: int = 768
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    head_dim: int = 64
    ffn: int = 512
    rope_theta: float = 1000000.0
    mrope_section: tuple = (12, 10, 10)
    v_hidden: int = 192
    v_depth: int = 5
    v_heads: int = 3
    v_ffn: int = 512
    v_positions: int = 64  # 8 x 8 learned positions
    deepstack: tuple = (2,)
    patch: int = 16
    merge: int = 2


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# dtype of matrix products; F32 for the comparison with the reference too
compute = torch.bfloat16 if device.type == "cuda" or torch.cpu._is_avx512_bf16_supported() else torch.float32


def linear(x, layer):
    bias = layer.bias
    return F.linear(x, layer.weight.to(compute), None if bias is None else bias.to(compute))


def rms_norm(x, weight, eps=1e-6):
    x = x.float()
    return (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight).to(compute)


def layer_norm(x, norm):
    return F.layer_norm(x.float(), norm.normalized_shape, norm.weight, norm.bias, 1e-6).to(compute)


def rotate(x, cos, sin):
    """x [..., head_dim], cos and sin [..., head_dim / 2] with the heads' axis broadcast."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


# ---------------------------------------------------------------- vision


class VisionBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1 = nn.LayerNorm(c.v_hidden)
        self.norm2 = nn.LayerNorm(c.v_hidden)
        self.attn = nn.Module()
        self.attn.qkv = nn.Linear(c.v_hidden, 3 * c.v_hidden)
        self.attn.proj = nn.Linear(c.v_hidden, c.v_hidden)
        self.mlp = nn.Module()
        self.mlp.linear_fc1 = nn.Linear(c.v_hidden, c.v_ffn)
        self.mlp.linear_fc2 = nn.Linear(c.v_ffn, c.v_hidden)
        self.heads = c.v_heads

    def forward(self, x, cos, sin):  # x [slots, patches, hidden]; attention stays inside a slot
        s, n, d = x.shape
        qkv = linear(layer_norm(x, self.norm1), self.attn.qkv)
        q, k, v = qkv.view(s, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        p = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        x = x + linear((p @ v).transpose(1, 2).reshape(s, n, d), self.attn.proj)
        h = F.gelu(linear(layer_norm(x, self.norm2), self.mlp.linear_fc1), approximate="tanh")
        return x + linear(h, self.mlp.linear_fc2)


class Merger(nn.Module):
    def __init__(self, c, post):
        super().__init__()
        self.width = c.v_hidden * c.merge**2
        self.post = post
        self.norm = nn.LayerNorm(self.width if post else c.v_hidden)
        self.linear_fc1 = nn.Linear(self.width, self.width)
        self.linear_fc2 = nn.Linear(self.width, c.hidden)

    def forward(self, x):  # [slots, patches, v_hidden] -> [slots, merged, hidden]
        s = x.shape[0]
        if self.post:
            h = layer_norm(x.reshape(s, -1, self.width), self.norm)
        else:
            h = layer_norm(x, self.norm).reshape(s, -1, self.width)
        return linear(F.gelu(linear(h, self.linear_fc1)), self.linear_fc2)


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv3d(3, c.v_hidden, (2, c.patch, c.patch), (2, c.patch, c.patch))
        self.pos_embed = nn.Embedding(c.v_positions, c.v_hidden)
        self.blocks = nn.ModuleList(VisionBlock(c) for _ in range(c.v_depth))
        self.merger = Merger(c, False)
        self.deepstack_merger_list = nn.ModuleList(Merger(c, True) for _ in c.deepstack)

    def order(self, h, w):
        """Row and column of every patch in merge-block order, for a grid of h x w patches."""
        m = self.c.merge
        at = torch.arange(h * w, device=self.pos_embed.weight.device)
        at = at.view(h // m, m, w // m, m).permute(0, 2, 1, 3).reshape(-1)
        return at // w, at % w

    def positions(self, h, w):  # bilinear in the learned square, [patches, hidden]
        side = int(self.c.v_positions**0.5)
        row, col = self.order(h, w)
        y, x = (torch.linspace(0, side - 1, n, device=row.device)[at] for n, at in ((h, row), (w, col)))
        y0, x0 = y.int().long(), x.int().long()
        y1, x1 = (y0 + 1).clip(max=side - 1), (x0 + 1).clip(max=side - 1)
        dy, dx = (y - y0)[:, None], (x - x0)[:, None]
        e = self.pos_embed.weight
        return ((1 - dy) * (1 - dx) * e[y0 * side + x0] + (1 - dy) * dx * e[y0 * side + x1]
                + dy * (1 - dx) * e[y1 * side + x0] + dy * dx * e[y1 * side + x1])

    def patches(self, frames):
        """u8 [frames, height, width, 3], even count -> [slots, patches, 1536] as the processor's."""
        f, h, w, _ = frames.shape
        p, m = self.c.patch, self.c.merge
        x = frames.view(f // 2, 2, h // p // m, m, p, w // p // m, m, p, 3)
        x = x.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(f // 2, -1, 3 * 2 * p * p)
        return (x.float() / 127.5 - 1).to(compute)

    def forward(self, frames, want_deep=True, tap=lambda x: x):
        """-> (embeddings [slots, merged, hidden], list of DeepStack features of that shape). tap: what
        the DeepStack mergers are given of a block's output (less of its gradient, say)."""
        c = self.c
        h, w = frames.shape[1] // c.patch, frames.shape[2] // c.patch
        proj = self.patch_embed.proj
        x = F.linear(self.patches(frames), proj.weight.flatten(1).to(compute), proj.bias.to(compute))
        x = x.float() + self.positions(h, w)
        row, col = self.order(h, w)
        dim = c.v_hidden // c.v_heads // 2
        freq = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float, device=x.device) / dim)
        angle = torch.cat((row[:, None] * freq, col[:, None] * freq), -1)
        cos, sin = angle.cos().to(compute), angle.sin().to(compute)
        deep = []
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin)
            if want_deep and i in c.deepstack:
                deep.append(self.deepstack_merger_list[c.deepstack.index(i)](tap(x)))
        return self.merger(x), deep


# ---------------------------------------------------------------- language


@dataclass
class Batch:
    """What the decoder needs besides the visual features. P prefix tokens, Q branches of T tokens."""

    prefix_ids: torch.Tensor  # [B, P] padded on the right
    prefix_pos: torch.Tensor  # [3, B, P]
    prefix_len: torch.Tensor  # [B]
    visual_at: torch.Tensor  # [V, 2] batch row and prefix index of every visual token
    branch_ids: torch.Tensor  # [B, Q, T]
    branch_pos: torch.Tensor  # [B, Q, T] text positions: the same on all three axes


@dataclass
class Trace:
    """What the auxiliary losses look at."""

    hidden: dict = field(default_factory=dict)  # layer -> residual stream [B, P + Q*T, hidden]
    probs: dict = field(default_factory=dict)  # layer -> branch-to-prefix attention [B, H, Q*T, P]


class TextLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(c.hidden)
        self.post_attention_layernorm = nn.RMSNorm(c.hidden)
        a = self.self_attn = nn.Module()
        width = c.heads * c.head_dim
        for name in ("q_proj", "k_proj", "v_proj"):
            setattr(a, name, nn.Linear(c.hidden, width, bias=False))
        a.o_proj = nn.Linear(width, c.hidden, bias=False)
        a.q_norm, a.k_norm = nn.RMSNorm(c.head_dim), nn.RMSNorm(c.head_dim)
        self.mlp = nn.Module()
        self.mlp.gate_proj = nn.Linear(c.hidden, c.ffn, bias=False)
        self.mlp.up_proj = nn.Linear(c.hidden, c.ffn, bias=False)
        self.mlp.down_proj = nn.Linear(c.ffn, c.hidden, bias=False)
        self.c = c

    def attend(self, h, cos, sin, shape, masks, trace, cache):
        """h [B, N, hidden], the first P tokens the prefix, then Q branches of T."""
        c, a = self.c, self.self_attn
        b, n, _ = h.shape
        p, q_count, t = shape

        def heads(layer):
            return linear(h, layer).view(b, n, c.heads, c.head_dim)

        q = rotate(rms_norm(heads(a.q_proj), a.q_norm.weight * c.head_dim**-0.5), cos, sin)
        k = rotate(rms_norm(heads(a.k_proj), a.k_norm.weight), cos, sin)
        v = heads(a.v_proj)
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # [B, H, N, head_dim]
        kp, vp = k[:, :, :p], v[:, :, :p]
        if cache is not None:
            cache.append((kp, vp))
        out = []
        if q.is_cuda:
            out.append(F.scaled_dot_product_attention(q[:, :, :p], kp, vp, is_causal=True, scale=1.0))
        step = 192 if p > 256 else p
        for i in range(0, 0 if q.is_cuda else p, step):  # causal: a chunk of rows needs the keys up to its end only
            j = min(i + step, p)
            s = q[:, :, i:j] @ kp[:, :, :j].transpose(-1, -2) + masks["prefix"][i:j, :j]
            out.append(s.softmax(-1) @ vp[:, :, :j])
        if q_count:
            fold = (b, c.heads, q_count, t, c.head_dim)
            qb, kb, vb = (x[:, :, p:].reshape(fold) for x in (q, k, v))
            far = q[:, :, p:] @ kp.transpose(-1, -2) + masks["far"]  # [B, H, Q*T, P]
            near = qb @ kb.transpose(-1, -2) + masks["near"]  # [B, H, Q, T, T]
            s = torch.cat((far, near.view(b, c.heads, q_count * t, t)), -1).softmax(-1)
            far, near = s[..., :p], s[..., p:].reshape(b, c.heads, q_count, t, t)
            o = far @ vp + (near @ vb).view(b, c.heads, q_count * t, c.head_dim)
            out.append(o)
            if trace is not None:
                trace.append(far)
        o = torch.cat(out, 2).transpose(1, 2).reshape(b, n, -1)
        return linear(o, a.o_proj)

    def forward(self, x, *args):
        x = x + self.attend(rms_norm(x, self.input_layernorm.weight), *args)
        h = rms_norm(x, self.post_attention_layernorm.weight)
        m = self.mlp
        return x + linear(F.silu(linear(h, m.gate_proj)) * linear(h, m.up_proj), m.down_proj)


class Text(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocab, c.hidden)
        self.layers = nn.ModuleList(TextLayer(c) for _ in range(c.layers))
        self.norm = nn.RMSNorm(c.hidden)

    def rotary(self, pos):  # [3, B, N] -> cos, sin [B, N, 1, head_dim / 2]
        c = self.c
        half = c.head_dim // 2
        freq = c.rope_theta ** (-torch.arange(half, dtype=torch.float, device=pos.device) / half)
        axis = torch.zeros(half, dtype=torch.long, device=pos.device)  # 0 time, 1 height, 2 width, interleaved
        for a in (1, 2):
            axis[a : 3 * c.mrope_section[a] : 3] = a
        angle = pos[axis].permute(1, 2, 0).float() * freq
        return angle.cos()[:, :, None].to(compute), angle.sin()[:, :, None].to(compute)

    def forward(self, batch, visual, deep, want_hidden=(), want_probs=(), cache=None):
        """visual [V, hidden]; deep: a list of [V, hidden]. -> normed states of the branches
        [B, Q, T, hidden] and the trace."""
        b, p = batch.prefix_ids.shape
        q_count, t = batch.branch_ids.shape[1:]
        x = self.embed_tokens(batch.prefix_ids)
        at = (batch.visual_at[:, 0], batch.visual_at[:, 1])
        x = x.index_put(at, visual.float())
        x = torch.cat((x, self.embed_tokens(batch.branch_ids.view(b, q_count * t))), 1)
        pos = torch.cat((batch.prefix_pos, batch.branch_pos.view(1, b, q_count * t).expand(3, -1, -1)), 2)
        cos, sin = self.rotary(pos)
        ninf = float("-inf")
        masks = {
            "prefix": torch.full((p, p), ninf, device=x.device).triu(1).to(compute),
            "near": torch.full((t, t), ninf, device=x.device).triu(1).to(compute),
            "far": torch.zeros(b, 1, 1, p, device=x.device).masked_fill(
                torch.arange(p, device=x.device)[None, None, None] >= batch.prefix_len[:, None, None, None], ninf
            ).to(compute),
        }
        trace = Trace()
        for i, layer in enumerate(self.layers):
            keep = [] if i in want_probs else None
            x = layer(x, cos, sin, (p, q_count, t), masks, keep, cache)
            if keep:
                trace.probs[i] = keep[0]
            if i < len(deep):
                x = x.index_put(at, deep[i].float(), accumulate=True)
            if i in want_hidden:
                trace.hidden[i] = x
        out = rms_norm(x[:, p:], self.norm.weight).view(b, q_count, t, self.c.hidden)
        return out, trace

    @torch.no_grad()
    def greedy(self, batch, lengths, visual, deep, stop, limit=48):
        """Greedy answers to the questions of one clip (B = 1). batch.branch_ids holds the prompts
        padded on the right, lengths [Q] their sizes. -> list of Q lists of tokens, without `stop`.
        Every token reruns the branches over the prefix's cached keys and values."""
        q_count, t = batch.branch_ids.shape[1:]
        room = t + limit
        ids = torch.full((q_count, room), stop)
        ids[:, :t] = batch.branch_ids[0]
        at = batch.branch_pos[0, 0, 0]
        cache = []
        # The prefix alone, then the prompts, then one token of every branch at a time.
        empty = Batch(batch.prefix_ids, batch.prefix_pos, batch.prefix_len, batch.visual_at,
                      batch.branch_ids[:, :0], batch.branch_pos[:, :0])
        self.forward(empty, visual, deep, cache=cache)
        c = self.c
        keys = torch.zeros(len(self.layers), q_count, c.heads, room, c.head_dim, dtype=compute)
        values = torch.zeros_like(keys)
        row = torch.arange(q_count)
        lengths = lengths.clone()
        begin, done = lengths.clone(), torch.zeros(q_count, dtype=torch.bool)
        fresh = torch.arange(t).expand(q_count, t)  # indices of the tokens to run
        for _ in range(limit):
            n = fresh.shape[1]
            x = self.embed_tokens(ids[row[:, None], fresh])
            cos, sin = self.rotary((at + fresh)[None].expand(3, -1, -1))
            seen = torch.arange(room)[None, None, None] <= fresh[:, None, :, None]
            mask = torch.zeros(seen.shape).masked_fill(~seen, float("-inf")).to(compute)
            for i, layer in enumerate(self.layers):
                h = rms_norm(x, layer.input_layernorm.weight)
                a = layer.self_attn
                q, k, v = (linear(h, m).view(q_count, n, c.heads, c.head_dim) for m in (a.q_proj, a.k_proj, a.v_proj))
                q = rotate(rms_norm(q, a.q_norm.weight * c.head_dim**-0.5), cos, sin).transpose(1, 2)
                k = rotate(rms_norm(k, a.k_norm.weight), cos, sin)
                keys[i][row[:, None], :, fresh] = k
                values[i][row[:, None], :, fresh] = v
                kp, vp = cache[i]  # [1, H, P, head_dim]
                far, near = q @ kp.transpose(-1, -2), q @ keys[i].transpose(-1, -2) + mask
                s = torch.cat((far, near), -1).softmax(-1)
                o = s[..., : kp.shape[2]] @ vp + s[..., kp.shape[2] :] @ values[i]
                x = x + linear(o.transpose(1, 2).reshape(q_count, n, -1), a.o_proj)
                h = rms_norm(x, layer.post_attention_layernorm.weight)
                m = layer.mlp
                x = x + linear(F.silu(linear(h, m.gate_proj)) * linear(h, m.up_proj), m.down_proj)
            last = x[row, (lengths - 1 - fresh[:, 0]).clip(max=n - 1)]
            token = self.logits(rms_norm(last, self.norm.weight)).argmax(-1)
            done |= token == stop
            token = torch.where(done, stop, token)
            ids[row, lengths] = token
            fresh = lengths[:, None].clone()
            lengths += (~done).long()
            if done.all():
                break
        return [ids[i, begin[i] : lengths[i]].tolist() for i in range(q_count)]

    def logits(self, states):
        return F.linear(states, self.embed_tokens.weight.to(compute)).float()


class Nano(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = nn.Module()
        self.model.visual = Vision(c)
        self.model.language_model = Text(c)
        self.c = c
        for name, p in self.named_parameters():
            if p.dim() < 2:
                continue
            std = 0.02 if "embed" in name else (2.0 / (p.shape[0] + p[0].numel())) ** 0.5
            if name.endswith(("o_proj.weight", "down_proj.weight", "attn.proj.weight", "mlp.linear_fc2.weight")):
                std *= 0.5  # the residual stream starts near the embeddings
            if name.endswith("patch_embed.proj.weight"):
                std = 0.02
            if name.endswith("merger.linear_fc2.weight"):
                std *= 0.2  # its output is compared with codes of length one
            nn.init.normal_(p, std=std)
        for m in self.model.visual.deepstack_merger_list:  # silent until the parts are joined
            nn.init.zeros_(m.linear_fc2.weight)
            nn.init.zeros_(m.linear_fc2.bias)

    @property
    def visual(self):
        return self.model.visual

    @property
    def text(self):
        return self.model.language_model
