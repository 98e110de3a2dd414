// Annotation files of the temporal grounding benchmarks, all read into one form.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::eval {

struct Span {
  double start = 0;  // seconds, start <= end
  double end = 0;
};

// One question with its truth.
struct EvalItem {
  std::string id;       // unique in its file: "000012", or the data set's own
  std::string video;    // as the annotation names it
  double duration = 0;  // seconds; 0 where the annotation does not say
  std::string query;
  std::vector<Span> spans;  // empty: the event does not occur
  std::string kind;         // of synthetic questions; else the data set's name
  std::string language;     // "en" or "zh"
};

enum class Dataset { kSynth, kCharades, kActivityNet, kQvHighlights, kTimeLens };
std::optional<Dataset> parse_dataset(std::string_view name);
std::string_view dataset_name(Dataset dataset);

// Reads annotations at `path`: a file, or for synth also the directory that `shijian synth` wrote.
// Layouts (docs/formats.md shows each): one JSON object a line; a JSON array of objects; a JSON
// object from video names to objects; Charades-STA's "VIDEO start end##sentence" lines.
// At most 512 MiB. Throws Error(kInvalid), naming file and line or entry, for a record without
// query or truth, for times that are not finite, negative or reversed, and for an empty file.
std::vector<EvalItem> read_annotations(Dataset dataset, const std::filesystem::path& path);

// Only the questions whose kind is in `kinds` ("visible,appear"), in their order, and with the ids
// they had. Error(kUsage) for a kind that no question has.
std::vector<EvalItem> keep_kinds(std::vector<EvalItem> items, std::string_view kinds);

// Where annotations at `path`, a file or a directory, look for their videos.
std::filesystem::path folder_of(const std::filesystem::path& path);

// The file of `video`: in `directory` (default: the annotations' own), as named, or with one of
// the usual extensions. Error(kNotFound) when there is none.
std::filesystem::path find_video(const std::filesystem::path& directory, const std::string& video);

}  // namespace shijian::eval
