"""Writes checkpoints/: tiny random Qwen3-VL checkpoints, saved by the reference itself.

    python make_checkpoints.py --reference 4      the directories that the 4.57 line saves
    python make_checkpoints.py --reference 5      those that the 5.x line saves
    python make_checkpoints.py --reference 4 --only yarn --seed 3

Each has one thing that the others lack; widths are odd on purpose. The seed of each was chosen
by dump.py --check, so that every greedy step of every input has a clear winner.
"""

import argparse
import pathlib
import shutil

import torch
import transformers
from transformers import AutoTokenizer, Qwen3VLProcessor, Qwen3VLVideoProcessor

HERE = pathlib.Path(__file__).parent
TINY = HERE / "text" / "tiny"


def text(**changes):
    """A text_config: four narrow layers, grouped-query attention."""
    config = dict(
        vocab_size=960, hidden_size=40, intermediate_size=72, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, hidden_act="silu",
        max_position_embeddings=262144, rms_norm_eps=1e-6, rope_theta=5000000,
        rope_scaling={"rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 2]},
        attention_bias=False, attention_dropout=0.0, use_cache=True,
    )
    return {**config, **changes}


def vision(**changes):
    """A vision_config with a 7 x 7 table of positions."""
    config = dict(
        depth=4, hidden_size=16, intermediate_size=36, num_heads=2, patch_size=16,
        temporal_patch_size=2, spatial_merge_size=2, in_channels=3, num_position_embeddings=49,
        hidden_act="gelu_pytorch_tanh", deepstack_visual_indexes=[0, 1, 2],
    )
    return {**config, **changes}


def rope(section, **more):
    return {"rope_type": "default", "mrope_interleaved": True, "mrope_section": section, **more}


EXPERTS = dict(
    num_experts=6, num_experts_per_tok=2, moe_intermediate_size=24, decoder_sparse_step=1,
    mlp_only_layers=[], norm_topk_prob=True,
)

CHECKPOINTS = {
    "dense_tied": dict(seed=2, text=text(), vision=vision(), tied=True),
    # Sharded, stored in F32.
    "dense_untied": dict(
        seed=3, dtype=torch.float32, shard="200KB", text=text(intermediate_size=56),
        vision=vision(depth=5, deepstack_visual_indexes=[1, 3, 4]),
    ),
    # The official head size and sections; three query heads to one of keys.
    "head_128": dict(
        seed=2, tied=True,
        text=text(num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1, head_dim=128,
                  rope_scaling=rope([24, 20, 20])),
        vision=vision(depth=3, deepstack_visual_indexes=[0, 2]),
    ),
    # A head size that is no power of two, and one DeepStack feature.
    "head_40": dict(
        seed=7, text=text(num_attention_heads=6, head_dim=40, hidden_size=44, rope_scaling=rope([8, 6, 6])),
        vision=vision(depth=3, num_heads=1, deepstack_visual_indexes=[1]),
    ),
    # The depth and DeepStack blocks of the 8B family, with widths that are no powers of two.
    "vision_27": dict(
        seed=12, tied=True, text=text(hidden_size=36, intermediate_size=60),
        vision=vision(depth=27, hidden_size=24, intermediate_size=44, deepstack_visual_indexes=[8, 16, 24]),
    ),
    "yarn": dict(
        seed=4, tied=True,
        text=text(max_position_embeddings=786432, head_dim=32,
                  rope_scaling=rope([6, 5, 5], rope_type="yarn", factor=3.0,
                                    original_max_position_embeddings=262144)),
        vision=vision(deepstack_visual_indexes=[0, 2, 3]),
    ),
    "f16_thinking": dict(
        seed=4, dtype=torch.float16, template="thinking", text=text(hidden_size=48), vision=vision(),
    ),
    # The experts' first matrix is square: only transformers_version tells its axis order. (5.x reads
    # such a file of the 4.57 line wrongly: it turns a matrix only where its shape asks for it.)
    "moe_4": dict(
        seed=13, references=(4,), text=text(hidden_size=48, **EXPERTS),
        vision=vision(deepstack_visual_indexes=[0, 1, 3]),
    ),
    # max_video_tokens is written too, but without the cap it means nothing.
    "moe_5": dict(
        seed=10, saved_by=5, references=(5,), text=text(hidden_size=48, **EXPERTS), vision=vision(),
    ),
    # Few pixels for each frame, by the cap that the 5.x line offers.
    "dense_5": dict(
        seed=6, saved_by=5, references=(5,), tied=True, capped=True, text=text(), vision=vision(),
    ),
}


def randomise(model, seed):
    """Scales chosen so that no stage is degenerate: attention is uneven, biases matter."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda p, std, mean=0.0: p.data.copy_(torch.randn(p.shape, generator=generator) * std + mean)
    for name, p in sorted(model.named_parameters()):
        if p.ndim == 1 and "bias" in name:
            normal(p, 0.2)
        elif "q_norm" in name or "k_norm" in name:
            normal(p, 0.3, 1.4)
        elif p.ndim == 1:
            normal(p, 0.2, 1.0)
        elif "embed_tokens" in name or "pos_embed" in name:
            normal(p, 0.6)
        elif "lm_head" in name:
            normal(p, 0.7)
        elif "patch_embed" in name:
            normal(p, 2.0 * p[0].numel() ** -0.5)
        elif "mlp.gate.weight" in name:
            normal(p, 2.0 * p.shape[-1] ** -0.5)
        elif p.ndim == 3:  # experts: both axes are near each other in size
            normal(p, 1.6 * (p.shape[1] * p.shape[2]) ** -0.25)
        else:
            normal(p, 1.6 * p.shape[-1] ** -0.5)
    # Rows that pad the vocabulary stand for no token, and control tokens seldom win: no answer ends
    # before its 64 tokens.
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    for table in {model.get_input_embeddings(), model.get_output_embeddings()}:
        table.weight.data[tokenizer.vocab_size :] *= 0.25
        table.weight.data[len(tokenizer) :] = 0


def special_ids(tokenizer):
    ids = tokenizer.convert_tokens_to_ids
    return dict(
        image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"),
    )


def make_model(spec, tokenizer):
    moe = "num_experts" in spec["text"]
    kind = "Qwen3VLMoe" if moe else "Qwen3VL"
    tied = spec.get("tied", False)
    ids = tokenizer.convert_tokens_to_ids
    words = {**spec["text"], "tie_word_embeddings": tied, "bos_token_id": ids("<|endoftext|>"),
             "eos_token_id": ids("<|im_end|>")}
    sight = {**spec["vision"], "out_hidden_size": words["hidden_size"]}
    config = getattr(transformers, kind + "Config")(
        text_config=words, vision_config=sight, tie_word_embeddings=tied, **special_ids(tokenizer))
    model = getattr(transformers, kind + "ForConditionalGeneration")(config).eval()
    randomise(model, spec["seed"])
    model.generation_config = transformers.GenerationConfig(
        do_sample=True, temperature=0.7, top_k=20, top_p=0.8, bos_token_id=ids("<|endoftext|>"),
        pad_token_id=ids("<|endoftext|>"), eos_token_id=[ids("<|im_end|>"), ids("<|endoftext|>")])
    return model.to(spec.get("dtype", torch.bfloat16))


def make_processor(spec, tokenizer):
    patches = dict(patch_size=16, temporal_patch_size=2, merge_size=2,
                   image_mean=[0.5] * 3, image_std=[0.5] * 3)
    # The official video sizes. Images start at fewer pixels than the official 65,536: they are tiny.
    video = dict(patches, size={"shortest_edge": 4096, "longest_edge": 25165824})
    if spec.get("saved_by") == 5:
        video["max_video_tokens"] = 4
    if spec.get("capped"):
        video.update(size={"shortest_edge": 1024, "longest_edge": 25165824}, cap_pixels_per_frame=True)
    image_class = getattr(transformers, "Qwen2VLImageProcessorFast", None) or transformers.Qwen2VLImageProcessor
    image = image_class(**patches, size={"shortest_edge": 4096, "longest_edge": 16777216})
    template = (HERE / "text" / "templates" / f"{spec.get('template', 'instruct')}.jinja").read_text()
    tokenizer.chat_template = template
    return Qwen3VLProcessor(image, tokenizer, Qwen3VLVideoProcessor(**video), chat_template=template)


def make(name, spec, out):
    shutil.rmtree(out, ignore_errors=True)
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    model = make_model(spec, tokenizer)
    model.save_pretrained(out, **({"max_shard_size": spec["shard"]} if "shard" in spec else {}))
    make_processor(spec, tokenizer).save_pretrained(out)
    size = sum(f.stat().st_size for f in out.glob("*.safetensors"))
    print(f"{name}: seed {spec['seed']}, {size / 1024:.0f} KB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", type=int, choices=(4, 5), required=True)
    parser.add_argument("--only")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "checkpoints")
    args = parser.parse_args()
    assert transformers.__version__.startswith(f"{args.reference}."), transformers.__version__
    torch.set_num_threads(1)
    for name, spec in CHECKPOINTS.items():
        if spec.get("saved_by", 4) == args.reference and args.only in (None, name):
            if args.seed is not None:
                spec = dict(spec, seed=args.seed)
            make(name, spec, args.out / name)


if __name__ == "__main__":
    main()
