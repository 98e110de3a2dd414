"""Writes a checkpoint of one narrow layer, to try the longest prompts that the family takes: 262,144
tokens, and a million with YaRN (its factor is 4, as the official model cards have it).

    python long_context.py DIR
    shijian bench DIR --prompt 262144 --answer 2 --slots 1 --side 64 --repeat 1
    shijian bench DIR --prompt 1048000 --answer 2 --slots 1 --side 64 --repeat 1
"""

import argparse
import pathlib

import make_checkpoints as tiny

SPEC = dict(
    seed=5, tied=True,
    text=tiny.text(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1,
        head_dim=8, max_position_embeddings=1048576,
        rope_scaling=tiny.rope([2, 1, 1], rope_type="yarn", factor=4.0, original_max_position_embeddings=262144)),
    vision=tiny.vision(depth=1, deepstack_visual_indexes=[0]),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    tiny.make("one layer", SPEC, parser.parse_args().directory)


if __name__ == "__main__":
    main()
