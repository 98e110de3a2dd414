#include "grounding/notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace shijian::grounding {

namespace {

struct NoteWords {
  NoteCode code;
  std::string_view name;
  // {0} is the count, {1} the seconds; without decimals that do not count: {2} the rate, {3} what
  // was seen, {4} the seconds.
  std::string_view english;
  std::string_view chinese;
};

constexpr NoteWords kWords[] = {
    {NoteCode::kAbsent, "absent", "the event does not occur in the video", "视频中没有出现该事件"},
    {NoteCode::kUnparsed, "unparsed", "no time was found in the model's answer",
     "模型的回答中没有可读的时间"},
    {NoteCode::kReversed, "reversed", "swapped the ends of intervals that ran backwards: {}",
     "已调换起止颠倒的时间段：{} 个"},
    {NoteCode::kClamped, "clamped",
     "cut intervals that reached past an end of what was looked at: {}",
     "已截去超出所看范围的部分：{} 个"},
    {NoteCode::kOutsideClip, "outside_clip", "left out events beyond what was looked at: {}",
     "已舍去所看范围之外的事件：{} 个"},
    {NoteCode::kMerged, "merged", "merged duplicate or overlapping events: {}",
     "已合并重复或重叠的事件：{} 个"},
    {NoteCode::kRepetition, "repetition", "the model repeated itself; the copies were left out",
     "模型的回答出现重复，已舍去重复部分"},
    {NoteCode::kUniformTimeline, "uniform_timeline",
     "the {} intervals are evenly spaced over the clip and may be made up",
     "这 {} 个时间段在视频中均匀排列，可能并非实际观察所得"},
    {NoteCode::kMalformed, "malformed",
     "the answer's list was not well formed; read as far as possible",
     "回答的列表格式有误，已尽量读取"},
    {NoteCode::kTruncated, "truncated",
     "the answer stops in the middle; its unfinished event was left out",
     "回答中途截断，已舍去未写完的事件"},
    {NoteCode::kClockReread, "clock_reread",
     "times beyond the clip were read as seconds and hundredths",
     "超出视频长度的时间已按“秒:百分秒”读取"},
    {NoteCode::kZeroSpan, "zero_span", "the only interval was 0 - 0, taken as \"does not occur\"",
     "唯一的时间段为 0 - 0，视为没有出现"},
    {NoteCode::kUnlikelyDenial, "unlikely_denial",
     "the times stand in a sentence that also says no", "这些时间出现在否定的句子中"},
    {NoteCode::kTooMany, "too_many",
     "only the first {} events are listed; the model's own words hold the rest",
     "只列出前 {} 个事件，其余见模型原话"},
    {NoteCode::kUnfinishedThought, "unfinished_thought",
     "the model was still thinking when its answer ended", "模型尚未思考完毕，回答就结束了"},
    {NoteCode::kLengthLimit, "length_limit",
     "the answer ends at its limit of {} tokens, and events may be missing; allow more tokens, or "
     "ask about a part of the video",
     "回答到达 {} 个词元的上限，可能缺少事件；请放宽上限，或只问视频的一部分"},
    {NoteCode::kNoReasoning, "no_reasoning", "there is no reason to give: nothing was found",
     "没有可说明的理由：什么也没有找到"},
    {NoteCode::kSamplingRate, "sampling_rate",
     "fewer frames than the {} a second that this model knows were asked for, and events may have "
     "been missed; leave the rate or the number of frames out",
     "所要求的取帧少于该模型所熟悉的每秒 {} 帧，可能漏掉事件；请不要指定帧率或帧数"},
    {NoteCode::kFewFrames, "few_frames",
     "the video has fewer frames than the {} a second that this model knows, and events may have "
     "been missed",
     "视频本身的帧少于该模型所熟悉的每秒 {} 帧，可能漏掉事件"},
    {NoteCode::kFrameLimit, "frame_limit",
     "{0} frames were seen, the most that are taken: {3} a second instead of {2}, and "
     "events may have been missed; to have that rate, ask about at most {4} s at a time",
     "只看了 {0} 帧（已达上限）：每秒 {3} 帧而不是 {2} 帧，可能漏掉事件；"
     "要达到该帧率，请每次只问不超过 {4} 秒的一段"},
    {NoteCode::kDamaged, "damaged",
     "the video file is damaged, cut short or still being written: parts of it could not be read, "
     "and events may have been missed",
     "视频文件已损坏、不完整或尚未写完，有一部分读不出来，可能漏掉事件"},
    {NoteCode::kClockJumps, "clock_jumps",
     "the file's clock jumps or stands still (places: {}, the first at {:.3f} s); times count on "
     "from one frame to the next, as if it had not",
     "文件的时间戳有跳变或停滞（{} 处，第一处在 {:.3f} 秒）；时间按画面连续计算"},
    {NoteCode::kWindowCut, "window_cut",
     "the clip ends at {1:.3f} s, before the end of the part that was asked about",
     "视频到 {1:.3f} 秒就结束了，早于所问部分的终点"},
    {NoteCode::kOtherFile, "other_file",
     "another file is joined to this one and was not looked at, nor would players show it: ask "
     "about each by itself, or join them with a video editor",
     "此文件之后还接着另一个文件，没有查看它（播放器也不会显示）："
     "请分别提问，或用视频编辑软件合并"},
    {NoteCode::kWindows, "windows",
     "the video was looked at in {} parts, one after the other; what relates moments of "
     "different parts (\"before\", \"after\") may have been missed",
     "视频分 {} 段依次查看；跨段的先后关系（“之前”“之后”）可能判断不了"},
    {NoteCode::kContradiction, "contradiction",
     "looking again to say why, the model no longer said that it happens",
     "为说明理由而再看时，模型不再认为它发生了"},
    {NoteCode::kOtherStreams, "other_streams",
     "the file holds {0} video streams, and number {1:.0f} was looked at; --stream or \"stream\" "
     "chooses another",
     "文件里有 {0} 个视频流，看的是第 {1:.0f} 号；可用 --stream 或 \"stream\" 选择其他的"},
    {NoteCode::kCoarse, "coarse",
     "of the parts {0} were only looked at coarsely, at {3} frames a second, and events may have "
     "been "
     "missed; a larger budget looks closely at more of them",
     "有 {0} 段只以每秒 {3} 帧粗看，可能漏掉事件；提高预算可细看更多"},
    {NoteCode::kAskedAgain, "asked_again",
     "the first answer repeated itself or cut the video into equal parts; the question was asked "
     "again in another style",
     "第一次的回答在重复，或把视频均分成几段；已换一种问法重新提问"},
    {NoteCode::kWindowClock, "window_clock",
     "the times in the model's own words count from {1:.3f} s, where the part that was asked about "
     "begins; the events have the video's times",
     "模型原话中的时间从所问部分的起点 {1:.3f} 秒算起；事件用的是整个视频的时间"},
};

const NoteWords& words_of(NoteCode code) {
  for (const NoteWords& words : kWords) {
    if (words.code == code) return words;
  }
  return kWords[0];  // unreachable: the table test visits every code
}

// Three digits that count, and no exponent: "0.256", "29.9", "1000".
std::string plain_number(double value) {
  const int before = value > 0 ? static_cast<int>(std::floor(std::log10(value))) : 0;
  std::string text = fmt::format("{:.{}f}", value, std::clamp(2 - before, 0, 6));
  if (text.find('.') != text.npos) text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string_view note_code_name(NoteCode code) { return words_of(code).name; }

std::string note_text(const Note& note, Language language) {
  const NoteWords& words = words_of(note.code);
  return fmt::format(fmt::runtime(language == Language::kChinese ? words.chinese : words.english),
                     note.count, note.seconds, plain_number(note.rate), plain_number(note.seen),
                     plain_number(note.seconds));
}

}  // namespace shijian::grounding
