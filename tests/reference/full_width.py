"""One comparison at the widths of Qwen3-VL-2B, with random weights in BF16. Nothing is committed.

    python full_width.py make --out DIR                  # 4.3 GB of weights, a minute or two
    shijian describe --model DIR clip.mp4 --prompt "When does it move?" --max-new-tokens 1 \\
        --temperature 0 --dump ours.safetensors
    python full_width.py compare --model DIR --video clip.mp4 --prompt "When does it move?" \\
        --ours ours.safetensors

The reference computes in F32. It needs 6 GB of memory: the vision encoder is held in F32, a layer of
the language model only while it runs (BF16 to F32 and back changes nothing).
"""

import argparse
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

import reference
from compare import judge, order
from make_checkpoints import TINY, make_processor, special_ids, text, vision

SHAPE = dict(
    text=text(vocab_size=151936, hidden_size=2048, intermediate_size=6144, num_hidden_layers=28,
              num_attention_heads=16, num_key_value_heads=8, head_dim=128,
              rope_scaling={"rope_type": "default", "mrope_interleaved": True, "mrope_section": [24, 20, 20]}),
    vision=vision(depth=24, hidden_size=1024, intermediate_size=4096, num_heads=16,
                  num_position_embeddings=2304, deepstack_visual_indexes=[5, 11, 17]),
)
SHARD_BYTES = 1 << 30


def random_tensor(name, shape, generator):
    """BF16, with the spread that keeps the stages of a deep model in range."""
    values = torch.empty(shape, dtype=torch.float32).normal_(generator=generator)
    if len(shape) == 1:
        values = values * 0.1 if "bias" in name else 1 + values * 0.1
    elif "embed" in name and "proj" not in name:
        values *= 0.5
    else:
        values *= torch.Size(shape[1:]).numel() ** -0.5
    return values.bfloat16()


def make(args):
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    config = transformers.Qwen3VLConfig(
        text_config={**SHAPE["text"], "tie_word_embeddings": True,
                     "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>")},
        vision_config={**SHAPE["vision"], "out_hidden_size": SHAPE["text"]["hidden_size"]},
        tie_word_embeddings=True, dtype="bfloat16",
        architectures=["Qwen3VLForConditionalGeneration"], **special_ids(tokenizer))
    with torch.device("meta"):
        shapes = {name: tuple(p.shape)
                  for name, p in transformers.Qwen3VLForConditionalGeneration(config).named_parameters()}
    args.out.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(args.out)
    make_processor(SHAPE, tokenizer).save_pretrained(args.out)

    generator = torch.Generator().manual_seed(args.seed)
    where, shard, size, number, total = {}, {}, 0, 1, 0
    for name, shape in shapes.items():
        shard[name] = random_tensor(name, shape, generator)
        size += shard[name].nbytes
        total += shard[name].nbytes
        where[name] = f"model-{number:05}.safetensors"
        if size >= SHARD_BYTES or name == list(shapes)[-1]:
            save_file(shard, args.out / where[name], metadata={"format": "pt"})
            shard, size, number = {}, 0, number + 1
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (args.out / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    print(f"{len(shapes)} tensors, {total / 1e9:.2f} GB in {args.out}")


def float_while_running(module):
    """The module computes in F32 and rests in BF16."""
    def enter(module, args):
        for p in module.parameters():
            p.data = p.data.float()

    def leave(module, args, output):
        for p in module.parameters():
            p.data = p.data.bfloat16()

    module.register_forward_pre_hook(enter)
    module.register_forward_hook(leave)


def load(directory):
    model = AutoModelForImageTextToText.from_pretrained(directory, dtype=torch.bfloat16).eval()
    model.model.visual.float()
    words = model.model.language_model
    words.embed_tokens.register_forward_hook(lambda module, args, output: output.float())
    for module in (*words.layers, words.norm):
        float_while_running(module)
    # The head shares the embedding's weights; in pieces, so that they are never whole in F32.
    head = model.lm_head.weight
    model.lm_head.forward = lambda x: torch.cat(
        [x @ rows.float().T for rows in head.split(16384)], dim=-1)
    return AutoProcessor.from_pretrained(directory), model


@torch.no_grad()
def compare(args):
    torch.set_num_threads(args.threads)
    ours = load_file(args.ours)
    processor, model = load(args.model)
    frames, indices = ours["frames.0"].numpy(), ours["frame_indices.0"].numpy()
    _, rate = reference.decode(args.video)
    media = [reference.Media("video", frames, rate, indices)]
    messages = [{"role": "user", "content": [{"type": "video", "video": args.video},
                                             {"type": "text", "text": args.prompt}]}]
    theirs, _, _ = reference.prefill(processor, model, messages, None, media)
    for name in sorted(theirs, key=order):
        good, words = judge(name, ours[name], theirs[name], 1e-4) if name in ours else (False, "missing")
        print(f"{'ok  ' if good else 'FAIL'} {name:24} {words}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    maker = commands.add_parser("make")
    maker.add_argument("--out", type=pathlib.Path, required=True)
    maker.add_argument("--seed", type=int, default=1)
    maker.set_defaults(run=make)
    comparer = commands.add_parser("compare")
    comparer.add_argument("--model", type=pathlib.Path, required=True)
    comparer.add_argument("--video", required=True)
    comparer.add_argument("--prompt", required=True)
    comparer.add_argument("--ours", required=True)
    comparer.add_argument("--threads", type=int, default=1)
    comparer.set_defaults(run=compare)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
