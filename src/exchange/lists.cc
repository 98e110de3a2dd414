// Formats that are a list of times: LosslessCut, YouTube chapters, Audacity labels.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/json.h"
#include "exchange/timeline.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

constexpr int64_t kChapter = 10;       // seconds: YouTube's shortest
constexpr size_t kFewestChapters = 3;  // fewer than these YouTube ignores

std::vector<EditMoment> in_order(const EditTimeline& timeline) {
  std::vector<EditMoment> moments = timeline.moments;
  std::stable_sort(moments.begin(), moments.end(), [](const auto& a, const auto& b) {
    return std::tie(a.start, a.end) < std::tie(b.start, b.end);
  });
  return moments;
}

double segment_end(const EditMoment& moment) {
  return std::max(moment.end, moment.start + kShortest);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

struct Chapter {
  int64_t start;  // seconds
  std::string title;
};

std::string chapter_time(int64_t seconds) {
  return seconds < 3600
             ? fmt::format("{}:{:02}", seconds / 60, seconds % 60)
             : fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

// Chapters that keep YouTube's rules as far as the moments allow, and what was done to them.
class Chapters {
 public:
  Chapters(const std::vector<EditMoment>& moments, double duration, bool chinese)
      : length_(static_cast<int64_t>(duration)), chinese_(chinese) {
    for (const EditMoment& moment : moments) add(moment);
    if (chapters_.empty() || chapters_.front().start > 0) {
      chapters_.insert(chapters_.begin(), {0, start_title()});
    }
    if (chapters_.size() < kFewestChapters) fill(moments);
  }

  std::string write() const {
    std::string out;
    for (const Chapter& chapter : chapters_) {
      out += fmt::format("{} {}\n", chapter_time(chapter.start), chapter.title);
    }
    std::string notes;
    if (joined_ > 0) {
      notes += fmt::format(
          fmt::runtime(chinese_ ? "（{} 个时刻与前一章相距不足 10 秒，已并入前一章。）\n"
                                : "({} moments less than 10 seconds after a chapter are part "
                                  "of it.)\n"),
          joined_);
    }
    if (moved_) {
      notes += chinese_ ? "（第一章提前到 0:00。）\n" : "(The first chapter was moved to 0:00.)\n";
    }
    if (moved_last_) {
      notes += chinese_ ? "（最后一章提前，使它有 10 秒长。）\n"
                        : "(The last chapter was moved, so that it has 10 seconds.)\n";
    }
    if (chapters_.size() < kFewestChapters) {
      notes += chinese_ ? "（不足三章：YouTube 不会显示。）\n"
                        : "(Fewer than three chapters: YouTube will show none.)\n";
    }
    return notes.empty() ? out : out + "\n" + notes;
  }

 private:
  const char* start_title() const { return chinese_ ? "开始" : "Start"; }

  void add(const EditMoment& moment) {
    const auto start = static_cast<int64_t>(moment.start);
    if (chapters_.empty() && start < kChapter) {
      chapters_.push_back({0, moment.label});
      moved_ = start > 0;
    } else if (!chapters_.empty() && start - chapters_.back().start < kChapter) {
      chapters_.back().title += " / " + moment.label;
      ++joined_;
    } else if (length_ - start < kChapter && !chapters_.empty() &&
               length_ - kChapter - chapters_.back().start >= kChapter) {
      chapters_.push_back({length_ - kChapter, moment.label});
      moved_last_ = true;
    } else {
      chapters_.push_back({start, moment.label});
    }
  }

  // What follows a moment becomes a chapter where there is room.
  void fill(const std::vector<EditMoment>& moments) {
    for (const EditMoment& moment : moments) {
      const int64_t after = std::max(static_cast<int64_t>(std::ceil(moment.end)),
                                     static_cast<int64_t>(moment.start) + kChapter);
      const bool crowded = std::any_of(
          chapters_.begin(), chapters_.end(),
          [&](const Chapter& chapter) { return std::abs(chapter.start - after) < kChapter; });
      if (crowded || length_ - after < kChapter) continue;
      const auto next = std::find_if(chapters_.begin(), chapters_.end(),
                                     [&](const Chapter& chapter) { return chapter.start > after; });
      chapters_.insert(next, {after, chinese_ ? "之后" : "After that"});
    }
  }

  const int64_t length_;  // seconds of the video
  const bool chinese_;
  std::vector<Chapter> chapters_;
  int joined_ = 0;
  bool moved_ = false, moved_last_ = false;
};

}  // namespace

std::string write_llc(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  OrderedJson segments = OrderedJson::array();
  for (const EditMoment& moment : in_order(timeline)) {
    segments.push_back({{"start", std::round(moment.start * 1000) / 1000},
                        {"end", std::round(segment_end(moment) * 1000) / 1000},
                        {"name", moment.label}});
  }
  const OrderedJson document = {
      {"version", 1},
      {"mediaFileName", timeline.media.empty() ? "" : timeline.media[0].name},
      {"cutSegments", std::move(segments)}};
  return document.dump(2) + "\n";
}

std::string write_llc_csv(std::span<const grounding::Answer> answers,
                          const ExportOptions& options) {
  std::string out;
  for (const EditMoment& moment : in_order(edit_timeline(answers, options.folder))) {
    out +=
        fmt::format("{:.3f},{:.3f},{}\n", moment.start, segment_end(moment), quoted(moment.label));
  }
  return out;
}

std::string write_chapters(std::span<const grounding::Answer> answers,
                           const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  const bool chinese = !answers.empty() && answers.front().language == Language::kChinese;
  const double duration = timeline.media.empty() ? 0 : timeline.media[0].duration;
  return Chapters(in_order(timeline), duration, chinese).write();
}

std::string write_labels(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  std::string out;
  for (const EditMoment& moment : in_order(edit_timeline(answers, options.folder))) {
    out += fmt::format("{:.6f}\t{:.6f}\t{}\n", moment.start, moment.end, moment.label);
  }
  return out;
}

}  // namespace shijian::exchange
