// The formats that answers are written in, and the one table of them. docs/formats.md describes
// each.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time_code.h"
#include "grounding/output.h"

namespace shijian::exchange {

struct ExportOptions {
  TimeFormat time_format = TimeFormat::kHoursMillis;  // of text, json and csv
  // What relative paths of videos are relative to, for the URLs of editing formats; empty when a
  // reader is not to know: the URLs are relative then.
  std::filesystem::path folder;
};

struct ExportFormat {
  std::string_view name;       // on the command line and in the API
  std::string_view extension;  // of files, without a dot
  std::string_view mime_type;
  bool several_videos;  // whether one document can hold the moments of several
  bool shows_notes;     // whether it has a place for an answer's notes
  std::string (*write)(std::span<const grounding::Answer> answers, const ExportOptions& options);
};

std::span<const ExportFormat> export_formats();
const ExportFormat* find_export_format(std::string_view name);  // null: there is none
std::vector<std::string> export_format_names();

// All answers as one document. Error(kUsage) where the format is of one video and there are more.
std::string write_export(const ExportFormat& format, std::span<const grounding::Answer> answers,
                         const ExportOptions& options);

}  // namespace shijian::exchange
