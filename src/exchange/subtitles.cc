#include "exchange/subtitles.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/utf8.h"
#include "exchange/timeline.h"
#include "grounding/output.h"

namespace shijian::exchange {

namespace {

struct Cue {
  double start, end;
  std::string_view label;
};

std::vector<Cue> cues_of(std::span<const grounding::Answer> answers) {
  std::vector<Cue> cues;
  for (const grounding::Answer& answer : answers) {
    for (const grounding::Event& event : answer.events) {
      Cue cue{event.start, std::max(event.end, event.start + kShortest), event.label};
      if (cue.end > answer.video.duration && event.end <= answer.video.duration) {
        cue.end = answer.video.duration;
        cue.start = std::max(0.0, std::min(cue.start, cue.end - kShortest));
      }
      cues.push_back(cue);
    }
  }
  std::stable_sort(cues.begin(), cues.end(), [](const Cue& a, const Cue& b) {
    return std::tie(a.start, a.end) < std::tie(b.start, b.end);
  });
  return cues;
}

// A cue without text is none to a player.
std::string cue_text(std::string_view label) {
  const std::string line = one_line(label);
  return line.empty() ? "-" : line;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string csv_field(std::string_view raw) {
  std::string text = to_valid_utf8(raw);
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) {
    text.insert(0, 1, '\'');
  }
  if (text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with(' ') &&
      !text.ends_with(' ')) {
    return text;
  }
  return '"' + replace_all(std::move(text), "\"", "\"\"") + '"';
}

}  // namespace

std::string format_srt(std::span<const grounding::Answer> answers) {
  std::string out;
  int number = 0;
  for (const Cue& cue : cues_of(answers)) {
    const auto time = [](double t) {
      return replace_all(format_time(t, TimeFormat::kHoursMillis), ".", ",");
    };
    // SubRip knows no escapes: "-->" in a text would start a time line for some players, and
    // "<i>" mark-up.
    std::string text = replace_all(cue_text(cue.label), "-->", "→");
    text = replace_all(std::move(text), "<", "‹");
    text = replace_all(std::move(text), ">", "›");
    out += fmt::format("{}\n{} --> {}\n{}\n\n", ++number, time(cue.start), time(cue.end), text);
  }
  return out;
}

std::string format_vtt(std::span<const grounding::Answer> answers) {
  std::string out = "WEBVTT\n\n";
  for (const Cue& cue : cues_of(answers)) {
    std::string text = replace_all(cue_text(cue.label), "&", "&amp;");
    text = replace_all(std::move(text), "<", "&lt;");
    text = replace_all(std::move(text), ">", "&gt;");
    out += fmt::format("{} --> {}\n{}\n\n", format_time(cue.start, TimeFormat::kHoursMillis),
                       format_time(cue.end, TimeFormat::kHoursMillis), text);
  }
  return out;
}

std::string format_csv(std::span<const grounding::Answer> answers, TimeFormat time_format) {
  std::string out = "video,question,start,end,start_text,end_text,label,confidence\r\n";
  for (const grounding::Answer& answer : answers) {
    const auto text = [&](double t) {
      return format_time(t, time_format, answer.video.frame_rate);
    };
    const std::string asked =
        fmt::format("{},{}", csv_field(answer.video.path), csv_field(answer.question));
    // What was not found is an answer too: its row tells the question that it belongs to.
    if (answer.events.empty()) out += asked + ",,,,,,\r\n";
    for (const grounding::Event& event : answer.events) {
      out += fmt::format("{},{:.3f},{:.3f},{},{},{},{}\r\n", asked, event.start, event.end,
                         text(event.start), text(event.end), csv_field(event.label),
                         event.confidence ? fmt::format("{:.3f}", *event.confidence) : "");
    }
  }
  return out;
}

}  // namespace shijian::exchange
