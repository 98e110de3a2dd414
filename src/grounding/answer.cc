#include "grounding/answer.h"

#include <algorithm>

#include "base/utf8.h"
#include "grounding/answer_parts.h"

namespace shijian::grounding {

namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";

// Bytes [begin, end) of `text` without blanks and end-of-turn marks around them.
TextRange trimmed(std::string_view text, size_t begin, size_t end) {
  const auto drop_mark = [&] {
    for (std::string_view mark : {"<|im_end|>", "<|endoftext|>"}) {
      if (end - begin >= mark.size() && text.substr(end - mark.size(), mark.size()) == mark) {
        end -= mark.size();
        return true;
      }
    }
    return false;
  };
  do {
    while (end > begin && is_blank(text[end - 1])) --end;
  } while (drop_mark());
  while (begin < end && is_blank(text[begin])) ++begin;
  return {begin, end};
}

struct Parts {
  TextRange thought, response;
  bool unfinished = false;
};

Parts split_thought(std::string_view text, bool starts_in_thought) {
  Parts parts;
  const size_t first = trimmed(text, 0, text.size()).begin;
  const bool opened = text.substr(first, kOpen.size()) == kOpen;
  const size_t thought = opened ? first + kOpen.size() : 0;
  const size_t close = text.rfind(kClose);
  if (close != std::string_view::npos) {
    parts.thought = trimmed(text, std::min(thought, close), close);
    parts.response = trimmed(text, close + kClose.size(), text.size());
  } else if (opened || starts_in_thought) {
    parts.thought = trimmed(text, thought, text.size());
    parts.response = {text.size(), text.size()};
    parts.unfinished = true;
  } else {
    parts.response = trimmed(text, 0, text.size());
  }
  return parts;
}

}  // namespace

std::string_view denial(Language language) {
  return language == Language::kChinese ? "视频中没有出现。" : "It does not occur in the video.";
}

AnswerOptions on_clock(double from, double to, double clock_start, double clock_rate) {
  AnswerOptions options;
  options.from = std::max(0.0, from - clock_start) * clock_rate;
  options.to = (to - clock_start) * clock_rate;
  return options;
}

ParsedAnswer parse_answer(std::string_view text, const AnswerOptions& options) {
  ParsedAnswer answer;
  const Parts parts = split_thought(text, options.starts_in_thought);
  const std::string_view words =
      text.substr(parts.response.begin, parts.response.end - parts.response.begin);
  answer.reasoning =
      to_valid_utf8(text.substr(parts.thought.begin, parts.thought.end - parts.thought.begin));
  answer.response = to_valid_utf8(words);
  if (parts.unfinished) answer.notes.push_back({NoteCode::kUnfinishedThought, 1});

  const NormalText normal = normalize(words);
  std::string prose;  // the words outside lists and objects
  Findings found = read_structures(normal, options.to, prose);
  const bool denies = !find_denials(prose).empty() || is_plain_no(prose);
  if (found.events.empty() && !found.truncated && !(found.denial && denies)) {
    Findings sentences = read_prose(normal, prose, 0, prose.size(), options.to, false);
    sentences.denial |= found.denial;
    found = std::move(sentences);
  }
  for (RawEvent& event : found.events) {
    for (RawTime* time : {&event.start, &event.end}) {
      if (time->text.empty()) continue;
      time->text.begin += parts.response.begin;
      time->text.end += parts.response.begin;
    }
  }
  const bool denial = found.denial || denies;
  mend_events(std::move(found), options, answer);
  if (ends_in_repetition(words) &&
      std::none_of(answer.notes.begin(), answer.notes.end(),
                   [](const Note& note) { return note.code == NoteCode::kRepetition; })) {
    answer.notes.push_back({NoteCode::kRepetition, 1});
    answer.trust = std::min(answer.trust, 0.5);
  }
  if (answer.events.empty()) {
    const bool outside =
        std::any_of(answer.notes.begin(), answer.notes.end(),
                    [](const Note& note) { return note.code == NoteCode::kOutsideClip; });
    answer.absent = answer.absent || (denial && !outside);
    answer.unparsed = !answer.absent && !outside;
    if (answer.absent) answer.notes.push_back({NoteCode::kAbsent, 1});
    if (answer.unparsed) answer.notes.push_back({NoteCode::kUnparsed, 1});
  }
  return answer;
}

bool looks_made_up(std::string_view text, const AnswerOptions& options) {
  const ParsedAnswer answer = parse_answer(text, options);
  return std::any_of(answer.notes.begin(), answer.notes.end(), [](const Note& note) {
    return note.code == NoteCode::kRepetition || note.code == NoteCode::kUniformTimeline;
  });
}

}  // namespace shijian::grounding
