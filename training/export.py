"""Writes a training run as a checkpoint directory of the usual files, BF16 weights.

    python export.py --text runs/a/last.pt --vision runs/b/last.pt --out ../models/nano [--check]

--check loads it with transformers and compares logits with model.py's in F32 on random frames.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

import data
import model as nano
from model import Batch, Config, Nano

HEADS = pathlib.Path(__file__).parent / "heads.safetensors"
# The chat template of the Qwen3-VL Instruct checkpoints.
TEMPLATE = pathlib.Path(__file__).parent / "../tests/reference/text/templates/instruct.jinja"


def config_json(c, t):
    one = t.t.token_to_id
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "image_token_id": one("<|image_pad|>"),
        "model_type": "qwen3_vl",
        "text_config": {
            "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": one("<|endoftext|>"),
            "dtype": "bfloat16", "eos_token_id": t.end, "head_dim": c.head_dim, "hidden_act": "silu",
            "hidden_size": c.hidden, "initializer_range": 0.02, "intermediate_size": c.ffn,
            "max_position_embeddings": 16384, "model_type": "qwen3_vl_text",
            "num_attention_heads": c.heads, "num_hidden_layers": c.layers, "num_key_value_heads": c.heads,
            "rms_norm_eps": 1e-06,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": list(c.mrope_section),
                             "rope_type": "default"},
            "rope_theta": c.rope_theta, "tie_word_embeddings": True, "use_cache": True, "vocab_size": c.vocab},
        "tie_word_embeddings": True,
        "transformers_version": "4.57.0",
        "video_token_id": t.video_pad,
        "vision_config": {
            "deepstack_visual_indexes": list(c.deepstack), "depth": c.v_depth,
            "hidden_act": "gelu_pytorch_tanh", "hidden_size": c.v_hidden, "in_channels": 3,
            "initializer_range": 0.02, "intermediate_size": c.v_ffn, "model_type": "qwen3_vl",
            "num_heads": c.v_heads, "num_position_embeddings": c.v_positions, "out_hidden_size": c.hidden,
            "patch_size": c.patch, "spatial_merge_size": c.merge, "temporal_patch_size": 2},
        "vision_end_token_id": t.vision_end,
        "vision_start_token_id": t.vision_start,
    }


def write(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def export(state, c, t, out):
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in sorted(state.items())},
              out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    write(out / "config.json", config_json(c, t))
    end = t.t.token_to_id("<|endoftext|>")
    write(out / "generation_config.json", {
        "bos_token_id": end, "do_sample": False, "eos_token_id": [t.end, end], "pad_token_id": end,
        "transformers_version": "4.57.0"})
    image = {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
             "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "merge_size": c.merge,
             "patch_size": c.patch, "resample": 3, "rescale_factor": 1 / 255, "temporal_patch_size": 2}
    write(out / "preprocessor_config.json", {
        **image, "image_processor_type": "Qwen2VLImageProcessorFast", "processor_class": "Qwen3VLProcessor",
        "size": {"longest_edge": 16384, "shortest_edge": 4096}})
    write(out / "video_preprocessor_config.json", {
        **image, "do_sample_frames": True, "fps": 2, "max_frames": 256, "min_frames": 4,
        "processor_class": "Qwen3VLProcessor", "size": {"longest_edge": 25165824, "shortest_edge": 4096},
        "video_processor_type": "Qwen3VLVideoProcessor"})
    write(out / "chat_template.json", {"chat_template": TEMPLATE.read_text()})
    config = json.loads((out / "tokenizer_config.json").read_text())
    config["chat_template"] = TEMPLATE.read_text()
    write(out / "tokenizer_config.json", config)
    write(out / "shijian.json", {
        "family": "nano", "prompt_style": "timelens", "clock": "window", "times": "slots",
        "sampling": {"fps": 2, "frame_pixels": 16384, "min_frames": 4, "max_frames": 256}})


def check(out, t):
    from transformers import Qwen3VLForConditionalGeneration

    reference = Qwen3VLForConditionalGeneration.from_pretrained(
        out, dtype=torch.float32, attn_implementation="eager").eval()
    nano.compute = torch.float32
    ours = Nano(Config(vocab=t.size)).eval()
    ours.load_state_dict({k: v.float() for k, v in reference.state_dict().items() if k != "lm_head.weight"})
    rng = np.random.default_rng(3)
    worst = 0
    for slots, rows, cols in ((4, 3, 4), (6, 4, 3), (5, 4, 4)):
        frames = torch.from_numpy(rng.integers(0, 256, (2 * slots, 32 * rows, 32 * cols, 3), dtype=np.uint8))
        times = [0.25 + 0.5 * i + 9 for i in range(slots)]
        ids, pos, _, visual, at = t.prefix(times, (slots, rows, cols))
        branch, begin, _ = t.branch("When is the red circle visible?", "en", "timelens", [(9.2, 9.8)], [(0, 1)])
        batch = Batch(torch.tensor([ids]), torch.tensor(pos).T[:, None], torch.tensor([len(ids)]),
                      torch.tensor([(0, v[0]) for v in visual]), torch.tensor([[branch]]),
                      torch.arange(at, at + len(branch))[None, None])
        with torch.no_grad():
            embeds, deep = ours.visual(frames)
            states, _ = ours.text(batch, embeds.flatten(0, 1), [d.flatten(0, 1) for d in deep])
            mine = ours.text.logits(states)[0, 0]
            grid = torch.tensor([[slots, 2 * rows, 2 * cols]])
            theirs = reference(input_ids=torch.tensor([ids + branch]),
                               pixel_values_videos=ours.visual.patches(frames).flatten(0, 1).float(),
                               video_grid_thw=grid).logits[0, len(ids):]
        diff = (mine - theirs).pow(2).mean().sqrt() / theirs.pow(2).mean().sqrt()
        worst = max(worst, diff.item())
    print(f"logits against transformers: relative rms difference {worst:.2e}")
    assert worst < 1e-4
    nano.compute = torch.bfloat16


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--text", required=True)
    p.add_argument("--vision", help="run whose vision tower to take (default: that of --text)")
    p.add_argument("--out", default="../models/nano")
    p.add_argument("--check", action="store_true")
    a = p.parse_args()
    out = pathlib.Path(a.out)
    t = data.Tokens(out / "tokenizer.json")
    c = Config(vocab=t.size)
    run = torch.load(a.text, map_location="cpu", weights_only=False)
    state = run["model"]
    if a.vision:
        seen = torch.load(a.vision, map_location="cpu", weights_only=False)["model"]
        state.update({k: v for k, v in seen.items() if k.startswith("model.visual.")})
    export(state, c, t, out)
    # The auxiliary heads are no part of the model; training goes on with them.
    save_file({k: v.contiguous() for k, v in run["heads"].items()}, HEADS)
    if a.check:
        check(out, t)


if __name__ == "__main__":
    main()
