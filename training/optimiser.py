"""Muon and AdamW side by side, and the averaging of gradients between processes."""

import os

import torch

from model import compute

RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD", 1))


class Muon:
    """Orthogonalised momentum for the matrices inside layers; one batch of matrices a shape."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        self.groups = {}
        for p in params:
            self.groups.setdefault(p.shape, []).append(p)
        self.buffers = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
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
            torch._foreach_mul_(params, 1 - lr * self.decay)
            torch._foreach_add_(params, list(x.unbind()), alpha=-lr)
            for p in params:
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
