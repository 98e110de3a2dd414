"""The user's turn and the answer, by prompt style: the strings of src/grounding/prompt.cc."""

STYLES = ("timelens", "timelens2", "qwen")

TEMPLATES = {
    ("qwen", "en"): (
        "", "\nAnswer the question, then give each moment as JSON "
        '[{"start": seconds, "end": seconds, "label": "event"}], or [] if it does not occur.'),
    ("qwen", "zh"): (
        "", "\n请回答问题，并以 JSON 给出每个时刻 "
        '[{"start": 秒, "end": 秒, "label": "事件"}]，如果没有出现，给出 []。'),
    ("timelens", "en"): (
        "Please find the visual event described by the sentence '",
        "', determining its starting and ending times. The format should be: "
        "'The event happens in <start time> - <end time> seconds'."),
    ("timelens", "zh"): (
        "请找出句子“",
        "”所描述的视觉事件，并确定它的开始和结束时间。"
        "格式应为：“事件发生在 <开始时间> - <结束时间> 秒”。"),
    ("timelens2", "en"): (
        'You are given a video.\nTask: temporal retrieval.\nGiven the query: "',
        '", return ALL time spans (in seconds) where the query is relevant.\n'
        "Output format MUST be a JSON array of [start, end] pairs, e.g. [[0, 3.5], [10, 12]].\n"),
    ("timelens2", "zh"): (
        "给你一段视频。\n任务：时间检索。\n对于查询：“",
        "”，返回与它相关的所有时间段（单位：秒）。\n"
        "输出必须是由 [开始, 结束] 组成的 JSON 数组，例如 [[0, 3.5], [10, 12]]。\n"),
}

ABSENT = {"en": "The event does not occur in the video.", "zh": "视频中没有出现该事件。"}


def question(style, language, query):
    before, after = TEMPLATES[style, language]
    return before + query + after


def answer_parts(style, language, spans):
    """The answer as (text, span) pairs: span is (index, "start" or "end") where the text is that
    number, else None. Numbers are printed with one decimal, as the prompt's stamps are."""
    if style == "timelens":
        if not spans:
            return [(ABSENT[language], None)]
        parts = [("The event happens in " if language == "en" else "事件发生在 ", None)]
        between, last, join = " - ", " seconds." if language == "en" else " 秒。", ", "
        for i, (start, end) in enumerate(spans):
            parts += [(f"{start:.1f}", (i, "start")), (between, None), (f"{end:.1f}", (i, "end")),
                      (join if i + 1 < len(spans) else last, None)]
        return parts
    if not spans:
        return [("[]", None)]
    opening, between, close = ("[", ", ", "]") if style == "timelens2" else ('{"start": ', ', "end": ', "}")
    parts = [("[" + opening, None)]
    for i, (start, end) in enumerate(spans):
        parts += [(f"{start:.1f}", (i, "start")), (between, None), (f"{end:.1f}", (i, "end")),
                  (close + (", " + opening if i + 1 < len(spans) else "]"), None)]
    return parts


def answer(style, language, spans):
    return "".join(text for text, _ in answer_parts(style, language, spans))
