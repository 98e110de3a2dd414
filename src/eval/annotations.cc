#include "eval/annotations.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <set>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"
#include "grounding/prompt.h"
#include "video/formats.h"

namespace shijian::eval {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxBytes = size_t{512} << 20;

struct DatasetName {
  Dataset dataset;
  std::string_view name;
};
constexpr DatasetName kDatasets[] = {{Dataset::kSynth, "synth"},
                                     {Dataset::kCharades, "charades"},
                                     {Dataset::kActivityNet, "activitynet"},
                                     {Dataset::kQvHighlights, "qvhighlights"},
                                     {Dataset::kTimeLens, "timelens"}};

// The member of `record` under the first of `names` that it has.
const Json* find(const Json& record, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto it = record.find(name); it != record.end() && !it->is_null()) return &*it;
  }
  return nullptr;
}

class Reader {
 public:
  Reader(Dataset dataset, const fs::path& path) : dataset_(dataset), path_(path) {}

  std::vector<EvalItem> run() {
    const std::string text = read_text_file(path_, kMaxBytes);
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) fail("the file is empty"_text);
    const bool lines_of_objects = text[first] == '{' && is_lines(text, first);
    if (dataset_ == Dataset::kCharades && text[first] != '{' && text[first] != '[') {
      each_line(text, [&](std::string_view line) { read_charades(line); });
    } else if (lines_of_objects) {
      each_line(text, [&](std::string_view line) {
        read_record(parse_json(line, place()), std::string());
      });
    } else {
      const Json all = parse_json(std::string_view(text).substr(first), path_.string());
      if (all.is_array()) {
        for (const Json& record : all) {
          ++entry_;
          read_record(record, std::string());
        }
      } else if (all.is_object()) {
        for (const auto& [video, record] : all.items()) {
          ++entry_;
          read_record(record, video);
        }
      } else {
        fail("neither a list nor an object of annotations"_text);
      }
    }
    if (items_.empty()) fail("it holds no question"_text);
    return std::move(items_);
  }

 private:
  std::string place() const { return fmt::format("{}, entry {}", path_.string(), entry_); }
  [[noreturn]] void fail(const Text& what) const {
    throw Error(
        ErrorCode::kInvalid,
        "read annotations {}: {}"_text(entry_ > 0 ? place() : path_.string(), what),
        "docs/formats.md shows the layouts read for --dataset {}"_text(dataset_name(dataset_)));
  }

  // JSON lines: the first line is one whole object, and either more follows or it is a record
  // itself rather than a map of videos.
  static bool is_lines(std::string_view text, size_t first) {
    const size_t end = std::min(text.find('\n', first), text.size());
    const Json line = Json::parse(text.substr(first, end - first), nullptr, false);
    if (!line.is_object()) return false;
    return text.find_first_not_of(" \t\r\n", end) != std::string_view::npos ||
           find(line, {"query", "queries", "sentence", "caption", "question", "events"}) != nullptr;
  }

  template <typename Read>
  void each_line(std::string_view text, Read read) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      ++entry_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t\xEF\xBB\xBF") != std::string_view::npos) read(line);
    }
  }

  // "3MSZA 24.3 30.4##person turn a light on."
  void read_charades(std::string_view line) {
    const size_t mark = line.find("##");
    if (mark == std::string_view::npos) fail("no ## between times and sentence"_text);
    std::string_view head = line.substr(0, mark);
    std::string_view words[3];
    for (std::string_view& word : words) {
      head.remove_prefix(std::min(head.find_first_not_of(' '), head.size()));
      word = head.substr(0, head.find(' '));
      head.remove_prefix(word.size());
      if (word.empty()) fail("not \"VIDEO start end##sentence\""_text);
    }
    EvalItem item;
    item.video = words[0];
    item.query = line.substr(mark + 2);
    item.spans.push_back(checked({number(words[1]), number(words[2])}));
    add(std::move(item));
  }

  double number(std::string_view text) const {
    double value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
      fail("'{}' is not a number"_text(text));
    }
    return value;
  }

  Span checked(Span span) const {
    if (!std::isfinite(span.start) || !std::isfinite(span.end) || span.start < 0 ||
        span.start > span.end) {
      fail("the span {} - {} is reversed, negative or not finite"_text(span.start, span.end));
    }
    return span;
  }

  bool is_pair(const Json& value) const {
    return value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number();
  }

  // One pair or a list of pairs.
  std::vector<Span> read_spans(const Json& value) const {
    std::vector<Span> spans;
    if (is_pair(value)) {
      spans.push_back(checked({value[0].get<double>(), value[1].get<double>()}));
      return spans;
    }
    if (!value.is_array()) fail("the spans are not a list"_text);
    for (const Json& pair : value) {
      if (!is_pair(pair)) fail("a span is not a pair of numbers"_text);
      spans.push_back(checked({pair[0].get<double>(), pair[1].get<double>()}));
    }
    return spans;
  }

  // `video`: the key of the record where the file maps videos to records.
  void read_record(const Json& record, const std::string& video) {
    if (!record.is_object()) fail("not an object"_text);
    EvalItem base;
    base.video = video;
    if (const Json* name = find(record, {"video", "vid", "video_id", "video_path", "video_name"});
        name && name->is_string()) {
      base.video = name->get<std::string>();
    }
    if (base.video.empty()) fail("no video is named"_text);
    if (const Json* duration = find(record, {"duration", "video_duration"})) {
      if (!duration->is_number() || !(duration->get<double>() > 0) ||
          !std::isfinite(duration->get<double>())) {
        fail("the duration is not a positive number"_text);
      }
      base.duration = duration->get<double>();
    }
    if (const Json* kind = find(record, {"kind"}); kind && kind->is_string()) {
      base.kind = kind->get<std::string>();
    }
    if (const Json* language = find(record, {"language"}); language && language->is_string()) {
      base.language = language->get<std::string>();
    }
    if (const Json* id = find(record, {"qid", "question_id", "id"})) {
      base.id = id->is_string() ? id->get<std::string>() : id->dump();
    }
    if (const Json* events = find(record, {"events"}); events && events->is_array()) {
      for (const Json& event : *events) {
        if (!event.is_object()) fail("an event is not an object"_text);
        read_questions(event, base);
      }
      return;
    }
    read_questions(record, base);
  }

  void read_questions(const Json& record, const EvalItem& base) {
    const Json* queries = find(record, {"query", "queries", "sentence", "sentences", "caption",
                                        "captions", "question", "description"});
    const Json* truth = find(record, {"spans", "span", "timestamps", "timestamp",
                                      "relevant_windows", "windows", "times"});
    if (!queries) fail("no query"_text);
    if (!truth) {
      fail("no spans: the truth of this split is not public, or the layout is another one"_text);
    }
    if (queries->is_string()) {
      EvalItem item = base;
      item.query = queries->get<std::string>();
      item.spans = read_spans(*truth);
      add(std::move(item));
      return;
    }
    if (!queries->is_array() || !truth->is_array() || queries->size() != truth->size()) {
      fail("queries and spans are not lists of one length"_text);
    }
    for (size_t i = 0; i < queries->size(); ++i) {
      if (!(*queries)[i].is_string()) fail("a query is not a string"_text);
      EvalItem item = base;
      if (queries->size() > 1) item.id.clear();
      item.query = (*queries)[i].get<std::string>();
      item.spans = read_spans((*truth)[i]);
      add(std::move(item));
    }
  }

  void add(EvalItem item) {
    if (dataset_ == Dataset::kTimeLens) item.query = tidy(item.query);
    if (item.query.find_first_not_of(" \t\r\n") == std::string::npos)
      fail("the query is empty"_text);
    if (item.kind.empty()) item.kind = dataset_name(dataset_);
    if (item.language.empty())
      item.language = grounding::language_name(grounding::detect_language(item.query));
    if (item.id.empty()) item.id = fmt::format("{:06}", items_.size());
    if (!ids_.insert(item.id).second) {
      item.id += fmt::format("#{}", items_.size());
      ids_.insert(item.id);
    }
    items_.push_back(std::move(item));
  }

  // As TimeLens-Bench asks: single spaces, no full stop at the end.
  static std::string tidy(std::string_view query) {
    std::string out;
    for (char c : query) {
      const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
      if (space && (out.empty() || out.back() == ' ')) continue;
      out.push_back(space ? ' ' : c);
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
    return out;
  }

  Dataset dataset_;
  fs::path path_;
  size_t entry_ = 0;  // line or record being read, from 1
  std::vector<EvalItem> items_;
  std::set<std::string> ids_;
};

}  // namespace

std::optional<Dataset> parse_dataset(std::string_view name) {
  for (const DatasetName& known : kDatasets) {
    if (known.name == name) return known.dataset;
  }
  return std::nullopt;
}

std::string_view dataset_name(Dataset dataset) {
  return kDatasets[static_cast<size_t>(dataset)].name;
}

std::vector<EvalItem> read_annotations(Dataset dataset, const fs::path& path) {
  std::error_code ignored;
  fs::path file = path;
  if (dataset == Dataset::kSynth && fs::is_directory(path, ignored)) {
    file = path / "annotations.jsonl";
  }
  return Reader(dataset, file).run();
}

std::vector<EvalItem> keep_kinds(std::vector<EvalItem> items, std::string_view kinds) {
  std::set<std::string> known, kept;
  for (const EvalItem& item : items) known.insert(item.kind);
  while (!kinds.empty()) {
    const size_t comma = std::min(kinds.find(','), kinds.size());
    const std::string kind(kinds.substr(0, comma));
    kinds.remove_prefix(std::min(comma + 1, kinds.size()));
    if (kind.empty()) continue;
    if (!known.contains(kind)) {
      throw Error(ErrorCode::kUsage, "eval: no question is of the kind '{}'"_text(kind),
                  "the kinds here are {}"_text(fmt::format("{}", fmt::join(known, ", "))));
    }
    kept.insert(kind);
  }
  std::erase_if(items, [&](const EvalItem& item) { return !kept.contains(item.kind); });
  return items;
}

fs::path folder_of(const fs::path& path) {
  return fs::is_directory(path) ? path : path.parent_path();
}

fs::path find_video(const fs::path& directory, const std::string& video) {
  std::error_code ignored;
  std::istringstream endings("," + video::video_extensions());  // the name itself first
  for (std::string ending; std::getline(endings, ending, ',');) {
    fs::path file = directory / (video + ending);
    if (fs::is_regular_file(file, ignored)) return file;
  }
  throw Error(ErrorCode::kNotFound,
              "eval: no video '{}' in {}"_text(video, directory.empty() ? "." : directory.string()),
              "name the folder of the videos with --videos DIR"_text);
}

}  // namespace shijian::eval
