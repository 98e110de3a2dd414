"""Writes tiny/: a tokenizer of the same kind as Qwen's, about 700 entries, for tests.

All 256 bytes, the merges that the words below need (taken in their order from the real Qwen3
vocabulary) and Qwen's added tokens in their own order. Run again it writes the same bytes.

    python make_tiny.py --qwen PATH/tokenizer.json
"""

import argparse
import json
import pathlib

WORDS = """
 the a an of in on at to is are it when does do did what which who how where this that there from
 and or not no yes with for by as be was were has have he she they you we can will
 video image frame frames scene cut time times start end starts ends second seconds event happens
 happen occur occurs find moment moments appear appears leave leaves move moves stop stops change
 changes color colour touch touches visible text digit screen first last all never red green blue
 yellow white black orange purple circle square triangle star shape word number ball person man
 woman dog cat car left right up down user assistant system tool name arguments function type
 string description please describe answer between
 The When What A In
 label
 {"name": "arguments": }}
 [{"start": "end": "label": "}]
 def return import for( ); == != -> // the\n\n\n    \t\t
 什么 时候 出现 离开 移动 停止 变 颜色 红色 绿色 蓝色 黄色 圆形 方形 三角 视频 图像 画面 开始 结束 秒 到 的 在 是
 事件 发生 没有 第一 最后 一次 所有 时间 文字 数字 可见 中 了 从 和 不 人 车 球 。 ， ？ ：
"""


def byte_letters():
    """GPT-2's printable letter for each byte value."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in keep}
    extra = 0
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + extra)
            extra += 1
    return letters


def needed_merges(words, ranks, letters):
    """Merges that are applied when `words` are encoded, in rank order."""
    used = set()
    for word in words:
        parts = [letters[b] for b in word.encode()]
        while len(parts) > 1:
            rank, i = min((ranks.get((parts[i], parts[i + 1]), 1 << 60), i) for i in range(len(parts) - 1))
            if rank == 1 << 60:
                break
            used.add((parts[i], parts[i + 1]))
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return sorted(used, key=ranks.get)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--qwen", required=True, help="the real Qwen3 tokenizer.json")
    args = parser.parse_args()
    real = json.loads(pathlib.Path(args.qwen).read_text())
    letters = byte_letters()
    ranks = {tuple(pair): i for i, pair in enumerate(real["model"]["merges"])}
    words = []
    for line in WORDS.strip("\n").split("\n"):
        for word in line.split(" "):
            if word:
                word = word.replace("\\n", "\n").replace("\\t", "\t")
                words += [word, " " + word] if word.isascii() else [word]
    words += ["    ", "        ", "\n\n", "\t\t"]
    merges = needed_merges(words, ranks, letters)

    by_id = sorted(real["model"]["vocab"].items(), key=lambda item: item[1])
    vocab = {token: i for i, (token, _) in enumerate(by_id[:256])}
    assert set(vocab) == set(letters.values())
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    added = [dict(token, id=len(vocab) + i) for i, token in enumerate(real["added_tokens"])]

    tiny = dict(real, added_tokens=added)
    tiny["model"] = dict(real["model"], vocab=vocab, merges=[list(pair) for pair in merges])
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in added
        },
        "additional_special_tokens": [t["content"] for t in added[1:14]],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 262144,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    out = pathlib.Path(__file__).parent / "tiny"
    out.mkdir(exist_ok=True)
    dump = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent) + "\n"
    (out / "tokenizer.json").write_text(dump(tiny, 1))
    (out / "tokenizer_config.json").write_text(dump(config, 1))
    (out / "vocab.json").write_text(dump(vocab))
    (out / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    print(len(vocab), "entries,", len(merges), "merges,", len(added), "added tokens")


if __name__ == "__main__":
    main()
