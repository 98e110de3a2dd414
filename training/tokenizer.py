"""The default model's tokenizer: Qwen's kind of byte-level BPE with a vocabulary of its own.

Same normaliser (NFC), pre-tokeniser (Qwen's regex, so every digit stands alone) and special tokens
as Qwen3-VL's; all 256 bytes are in it, so any text works. The merges are learned from our prompts,
the generator's questions and the answers, so that their words are few tokens.

    python tokenizer.py QUESTIONS.txt OUT_DIR     (one question a line)
"""

import json
import pathlib
import re
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import prompts

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
           r"\s*[\r\n]+|\s+(?!\S)|\s+")
# In Qwen3-VL's order.
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
           "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
           "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
ADDED = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
         "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"]


# Chinese has no spaces, so the merges are learned from words in place of sentences: frequency alone
# would merge across them ("形什么时候") and hide the shape's name.
CHINESE = """圆形 正方形 三角形 星形 十字 菱形 圆环 心形 红色 绿色 蓝色 黄色 紫色 橙色 白色 青色 纯色 条纹 棋盘格 圆点
渐变 波浪 灰色 黑色 棕色 深蓝色 深绿色 深红色 背景 第一次 第二次 最后一次 什么时候 何时 哪段时间 时间段 时间 可见 看到 能
在 画面中 画面 屏幕上 找出 出现 出现在 离开 消失 移动 停下 停止 变成 变为 颜色 碰到 和 接触 有 显示 场景 切换到 都
列出 每一次 所有 的 是 文字 单词 数字 请 句子 所 描述 视觉 事件 ，并 确定 它的 开始 结束 格式 应为 ：“ ” “ 发生在 秒 。
回答 问题 以 给出 每个 时刻 标签 如果 没有 ， 给你 一段 视频 任务 检索 对于 查询 返回 与它 相关 单位 输出 必须 由 组成
数组 例如 视频中 该 里 ？ 看见 哪些 什么 几个 吗 从 到 红 绿 蓝 黄 紫 橙 白 青 形""".split()


def build(questions):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    corpus = [q for q in questions if q.isascii()] + CHINESE * 50 + data_words()
    for style in prompts.STYLES:
        corpus += [*prompts.TEMPLATES[style, "en"], prompts.ABSENT["en"]] * 50
        for spans in ([], [(1.1, 2.2)], [(1.1, 2.2), (3.3, 4.4)]):
            corpus += [prompts.answer(style, "en", spans)] * 50
        corpus += re.findall("[\\x00-\\x7f]+", "".join(prompts.TEMPLATES[style, "zh"])) * 50
    corpus += ["user\n", "<1.1 seconds>", "assistant\n", "system\n", " 秒", " <"] * 50
    t.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=4000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[],
        min_frequency=10, show_progress=False))
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    # Qwen's files have these as plain added tokens.
    t.add_tokens([AddedToken(s, special=False, normalized=False) for s in ADDED])
    return t


def data_words():
    """The words that clips show, with and without a space before them."""
    import data

    return [w for word in data.WORDS for w in (word, " " + word)] * 50


def save(t, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    t.save(str(out / "tokenizer.json"))
    data = json.loads((out / "tokenizer.json").read_text())
    (out / "vocab.json").write_text(json.dumps(data["model"]["vocab"], ensure_ascii=False))
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    (out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    added = {str(a["id"]): {k: a[k] for k in ("content", "lstrip", "normalized", "rstrip", "single_word", "special")}
             for a in data["added_tokens"]}
    (out / "tokenizer_config.json").write_text(json.dumps({
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added,
        "additional_special_tokens": SPECIAL[1:], "bos_token": None, "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 262144,
        "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    tok = build(lines)
    save(tok, sys.argv[2])
    print("vocabulary", tok.get_vocab_size())
    for line in lines[:12]:
        print([tok.decode([i]) for i in tok.encode(line).ids])
