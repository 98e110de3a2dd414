#include "eval/runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "eval/baselines.h"

namespace shijian::eval {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxRowsBytes = size_t{1} << 30;

std::vector<Span> spans_of(std::span<const grounding::Event> events) {
  std::vector<Span> spans;
  for (const grounding::Event& event : events) spans.push_back({event.start, event.end});
  return spans;
}

OrderedJson spans_json(const std::vector<Span>& spans) {
  OrderedJson list = OrderedJson::array();
  for (const Span& span : spans) list.push_back({span.start, span.end});
  return list;
}

// Pairs of an error and an uncertainty, seconds.
OrderedJson boundaries_json(const std::vector<BoundaryError>& boundaries) {
  OrderedJson list = OrderedJson::array();
  for (const BoundaryError& b : boundaries) list.push_back({b.seconds, b.uncertainty});
  return list;
}

OrderedJson row_of(const EvalResult& result) {
  const ItemScore& score = result.score;
  OrderedJson row = {{"id", result.item.id},
                     {"video", to_valid_utf8(result.item.video)},
                     {"duration", result.item.duration},
                     {"query", to_valid_utf8(result.item.query)},
                     {"kind", result.item.kind},
                     {"language", result.item.language},
                     {"spans", spans_json(result.item.spans)},
                     {"events", spans_json(result.events)},
                     {"rejected", score.rejected},
                     {"unparsed", score.unparsed},
                     {"iou", score.iou},
                     {"set_iou", score.set_iou},
                     {"map", score.map},
                     {"f1", score.f1},
                     {"ceiling", score.ceiling},
                     {"confidence", score.confidence},
                     {"boundaries", boundaries_json(score.boundaries)},
                     {"vision_tokens", score.vision_tokens},
                     {"first_tokens", score.first_tokens},
                     {"seconds", score.seconds},
                     {"response", result.response}};
  if (!result.error.empty()) row["error"] = to_valid_utf8(result.error);
  return row;
}

// Reads a row that row_of wrote; the item itself comes from the annotations.
EvalResult result_of(const Json& row, const EvalItem& item) {
  EvalResult result;
  result.item = item;
  result.item.duration = row.at("duration").get<double>();
  for (const Json& span : row.at("events")) {
    result.events.push_back({span.at(0).get<double>(), span.at(1).get<double>()});
  }
  result.response = row.at("response").get<std::string>();
  ItemScore& score = result.score;
  score.occurs = !item.spans.empty();
  score.several = item.spans.size() > 1;
  score.rejected = row.at("rejected").get<bool>();
  score.unparsed = row.at("unparsed").get<bool>();
  score.iou = row.at("iou").get<double>();
  score.set_iou = row.at("set_iou").get<double>();
  score.map = row.at("map").get<double>();
  score.f1 = row.at("f1").get<double>();
  score.ceiling = row.at("ceiling").get<double>();
  score.confidence = row.at("confidence").get<double>();
  for (const Json& b : row.at("boundaries")) {
    score.boundaries.push_back({b.at(0).get<double>(), b.at(1).get<double>()});
  }
  score.vision_tokens = row.at("vision_tokens").get<double>();
  score.first_tokens = row.at("first_tokens").get<double>();
  score.seconds = row.at("seconds").get<double>();
  return result;
}

// The rows file: a header line that names the run, then a line for each answered question. Closed
// on destruction; every append reaches the kernel before it returns.
class RowsFile {
 public:
  RowsFile(const fs::path& path, const std::string& run_name) : path_(path) {
    const std::string header =
        OrderedJson{{"format", "shijian eval rows"}, {"version", 4}, {"run", run_name}}.dump();
    std::error_code ignored;
    size_t keep = 0;
    if (fs::exists(path, ignored)) {
      const std::string text = read_file(path, kMaxRowsBytes);
      keep = read_rows(text, header);
    }
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw system_error("open {}"_text(path.string()), errno);
    // A run that was killed may have left half a line.
    if (::ftruncate(file_, static_cast<off_t>(keep)) != 0 || ::lseek(file_, 0, SEEK_END) < 0) {
      const int error = errno;
      ::close(file_);
      throw system_error("write {}"_text(path.string()), error);
    }
    if (keep == 0) append(header + "\n");
  }
  ~RowsFile() { ::close(file_); }
  RowsFile(const RowsFile&) = delete;
  RowsFile& operator=(const RowsFile&) = delete;

  // The row of `item`, if it was answered; one that failed is asked again.
  const Json* find(const EvalItem& item) const {
    const auto row = rows_.find(item.id);
    if (row == rows_.end()) return nullptr;
    const auto query = row->second.find("query");
    if (query == row->second.end() || *query != to_valid_utf8(item.query)) {
      throw Error(ErrorCode::kUsage,
                  "eval: {} holds another question under id {}"_text(path_.string(), item.id),
                  "it belongs to other annotations: delete it or choose another --json file"_text);
    }
    return &row->second;
  }

  void append(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error("write {}"_text(path_.string()), errno);
      text.remove_prefix(static_cast<size_t>(written));
    }
  }

 private:
  // Returns how many bytes of `text` are whole lines.
  size_t read_rows(const std::string& text, const std::string& header) {
    size_t at = 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string_view line = std::string_view(text).substr(at, end - at);
      if (at == 0) {
        if (line == header) continue;
        throw Error(ErrorCode::kUsage,
                    "eval: {} holds the answers of another run"_text(path_.string()),
                    "delete it to start over, or choose another --json file"_text);
      }
      Json row = parse_json(line, path_.string());
      if (!row.is_object() || !row.contains("id") || !row["id"].is_string()) {
        throw Error(ErrorCode::kInvalid,
                    "eval: {} holds a line that is no answer"_text(path_.string()),
                    "delete it to start over"_text);
      }
      if (row.contains("error")) continue;
      std::string id = row["id"].get<std::string>();
      rows_[std::move(id)] = std::move(row);
    }
    return at;
  }

  fs::path path_;
  int file_ = -1;
  std::map<std::string, Json> rows_;
};

EvalResult result_of(const EvalItem& item, const grounding::Answer& answer, double seconds) {
  EvalResult result;
  result.item = item;
  if (!(result.item.duration > 0)) result.item.duration = answer.video.duration;
  result.events = spans_of(answer.events);
  result.response = to_valid_utf8(answer.response);
  result.score = score_answer(item, answer);
  result.score.seconds = seconds;
  return result;
}

EvalResult failure_of(const EvalItem& item, const std::string& error) {
  EvalResult result;
  result.item = item;
  result.error = error;
  result.score.occurs = !item.spans.empty();
  result.score.failed = true;
  return result;
}

// A row that someone edited must not end the run with a library's exception.
EvalResult read_row(const Json& row, const EvalItem& item, const fs::path& path) {
  try {
    return result_of(row, item);
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kInvalid,
                "eval: {} holds a damaged answer to question {}"_text(path.string(), item.id),
                "delete it to start over"_text);
  }
}

// Of the frames of all looks, which have one size.
double share_of_first_looks(std::span<const grounding::PlannedLook> plan) {
  constexpr std::array<std::string_view, 4> kFirst = {"whole", "coarse", "still", "busy"};
  double first = 0, all = 0;
  for (const grounding::PlannedLook& look : plan) {
    const double frames = (look.to - look.from) * look.fps;
    all += frames;
    if (std::find(kFirst.begin(), kFirst.end(), look.reason) != kFirst.end()) first += frames;
  }
  return all > 0 ? first / all : 1;
}

}  // namespace

ItemScore score_answer(const EvalItem& item, const grounding::Answer& answer) {
  ItemScore score;
  score.occurs = !item.spans.empty();
  score.rejected = answer.absent;
  score.unparsed = answer.unparsed;
  score.vision_tokens = static_cast<double>(answer.usage.vision_tokens);
  score.first_tokens = score.vision_tokens * share_of_first_looks(answer.sampling.plan);
  score.several = item.spans.size() > 1;
  // Ranked by confidence; among equals the earlier one first.
  std::vector<grounding::Event> ranked = answer.events;
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.confidence.value_or(0) > b.confidence.value_or(0);
  });
  if (!ranked.empty()) score.confidence = ranked.front().confidence.value_or(-1);
  if (!score.occurs) return score;
  const grounding::SamplingSummary& seen = answer.sampling;
  score.ceiling =
      sampling_ceiling({seen.slot_times, seen.from, seen.to}, seen.slot_stamps, item.spans);
  if (answer.events.empty()) return score;
  const std::vector<Span> spans = spans_of(ranked);
  score.iou = best_iou(spans[0], item.spans);
  score.set_iou = set_iou(spans, item.spans);
  score.map = mean_average_precision(spans, item.spans);
  score.f1 = event_f1(spans, item.spans);
  score.boundaries = boundary_errors(ranked.front(), item.spans);
  return score;
}

std::vector<EvalResult> run_eval(std::span<const EvalItem> items, const AnswerVideo& answer,
                                 const EvalOptions& options) {
  std::vector<fs::path> videos;
  for (const EvalItem& item : items) {
    const bool same = !videos.empty() && item.video == items[videos.size() - 1].video;
    videos.push_back(same ? videos.back() : find_video(options.videos, item.video));
  }
  std::optional<RowsFile> rows;
  if (!options.rows.empty()) rows.emplace(options.rows, options.run_name);

  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<EvalResult> results(items.size());
  size_t done = 0;
  for (size_t first = 0; first < items.size();) {
    size_t last = first + 1;
    while (last < items.size() && items[last].video == items[first].video) ++last;
    std::vector<size_t> open;
    for (size_t i = first; i < last; ++i) {
      if (const Json* row = rows ? rows->find(items[i]) : nullptr) {
        results[i] = read_row(*row, items[i], options.rows);
      } else {
        open.push_back(i);
      }
    }
    if (!open.empty()) {
      throw_if_cancelled(options.cancel);
      std::vector<const EvalItem*> questions;
      questions.reserve(open.size());
      for (size_t i : open) questions.push_back(&items[i]);
      const auto start = Clock::now();
      try {
        const std::vector<grounding::Answer> answers = answer(videos[first], questions);
        CHECK(answers.size() == open.size(), "{} answers to {} questions", answers.size(),
              open.size());
        const double seconds = since(start) / static_cast<double>(open.size());
        for (size_t i = 0; i < open.size(); ++i) {
          results[open[i]] = result_of(items[open[i]], answers[i], seconds);
        }
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kNoMemory ||
            error.code() == ErrorCode::kInternal) {
          throw;
        }
        for (size_t i : open) results[i] = failure_of(items[i], error.message());
      }
      if (rows) {
        std::string lines;
        for (size_t i : open) lines += write_json(row_of(results[i])) + "\n";
        rows->append(lines);
      }
    }
    done += last - first;
    if (options.progress) options.progress(done, items.size(), since(begin));
    first = last;
  }
  return results;
}

}  // namespace shijian::eval
