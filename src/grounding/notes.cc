#include "grounding/notes.h"

#include <fmt/format.h>

namespace shijian {

namespace {

struct NoteWords {
  NoteCode code;
  std::string_view name;
  std::string_view english;  // {} is the count, {1} the seconds
  std::string_view chinese;
};

constexpr NoteWords kWords[] = {
    {NoteCode::kAbsent, "absent", "the event does not occur in the video", "视频中没有出现该事件"},
    {NoteCode::kUnparsed, "unparsed", "no time was found in the model's answer",
     "模型的回答中没有可读的时间"},
    {NoteCode::kReversed, "reversed", "swapped the ends of intervals that ran backwards: {}",
     "已调换起止颠倒的时间段：{} 个"},
    {NoteCode::kClamped, "clamped", "cut intervals that reached past an end of the clip: {}",
     "已截去超出视频范围的部分：{} 个"},
    {NoteCode::kOutsideClip, "outside_clip", "left out events beyond the clip: {}",
     "已舍去视频范围之外的事件：{} 个"},
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
    {NoteCode::kTooMany, "too_many", "the answer holds too many events; the rest was left out",
     "回答中的事件过多，已舍去其余部分"},
    {NoteCode::kUnfinishedThought, "unfinished_thought",
     "the model was still thinking when its answer ended", "模型尚未思考完毕，回答就结束了"},
    {NoteCode::kSamplingRate, "sampling_rate",
     "fewer frames than the {} a second that this model knows were seen, and events may have been "
     "missed; leave the rate out, or ask about a part of the video",
     "取帧少于该模型所熟悉的每秒 {} 帧，可能漏掉事件；请不要指定帧率，或只问视频的一部分"},
    {NoteCode::kDamaged, "damaged",
     "the video file is damaged, cut short or still being written: parts of it could not be read, "
     "and events may have been missed",
     "视频文件已损坏、不完整或尚未写完，有一部分读不出来，可能漏掉事件"},
    {NoteCode::kWindowCut, "window_cut",
     "the clip ends at {1:.3f} s, before the end of the part that was asked about",
     "视频到 {1:.3f} 秒就结束了，早于所问部分的终点"},
};

const NoteWords& words_of(NoteCode code) {
  for (const NoteWords& words : kWords) {
    if (words.code == code) return words;
  }
  return kWords[0];  // unreachable: the table test visits every code
}

}  // namespace

std::string_view note_code_name(NoteCode code) { return words_of(code).name; }

std::string note_text(const Note& note, Language language) {
  const NoteWords& words = words_of(note.code);
  return fmt::format(fmt::runtime(language == Language::kChinese ? words.chinese : words.english),
                     note.count, note.seconds);
}

}  // namespace shijian
