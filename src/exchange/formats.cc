#include "exchange/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "exchange/subtitles.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kXml = "application/xml; charset=utf-8";
constexpr std::string_view kJsonText = "application/json; charset=utf-8";
constexpr std::string_view kCsvText = "text/csv; charset=utf-8";

using Answers = std::span<const grounding::Answer>;
using Options = const ExportOptions&;

constexpr std::array kFormats = {
    ExportFormat{"text", "txt", kPlain, true, true,
                 [](Answers a, Options o) { return grounding::format_text(a, o.time_format); }},
    ExportFormat{"json", "json", kJsonText, true, true,
                 [](Answers a, Options o) { return grounding::format_json(a, o.time_format); }},
    ExportFormat{"srt", "srt", "application/x-subrip; charset=utf-8", true, false,
                 [](Answers a, Options) { return format_srt(a); }},
    ExportFormat{"vtt", "vtt", "text/vtt; charset=utf-8", true, false,
                 [](Answers a, Options) { return format_vtt(a); }},
    ExportFormat{"csv", "csv", kCsvText, true, false,
                 [](Answers a, Options o) { return format_csv(a, o.time_format); }},
    ExportFormat{"edl", "edl", kPlain, true, false, write_edl},
    ExportFormat{"edl-markers", "edl", kPlain, false, false, write_marker_edl},
    ExportFormat{"fcpxml", "fcpxml", kXml, true, false, write_fcpxml},
    ExportFormat{"xmeml", "xml", kXml, true, false, write_xmeml},
    ExportFormat{"otio", "otio", kJsonText, true, false, write_otio},
    ExportFormat{"llc", "llc", kJsonText, false, false, write_llc},
    ExportFormat{"llc-csv", "csv", kCsvText, false, false, write_llc_csv},
    ExportFormat{"youtube", "txt", kPlain, false, false, write_chapters},
    ExportFormat{"audacity", "txt", kPlain, false, false, write_labels},
};

}  // namespace

std::span<const ExportFormat> export_formats() { return kFormats; }

const ExportFormat* find_export_format(std::string_view name) {
  const auto found = std::find_if(kFormats.begin(), kFormats.end(),
                                  [&](const ExportFormat& format) { return format.name == name; });
  return found == kFormats.end() ? nullptr : &*found;
}

std::vector<std::string> export_format_names() {
  std::vector<std::string> names;
  names.reserve(kFormats.size());
  for (const ExportFormat& format : kFormats) names.emplace_back(format.name);
  return names;
}

std::string write_export(const ExportFormat& format, std::span<const grounding::Answer> answers,
                         const ExportOptions& options) {
  for (const grounding::Answer& answer : answers) {
    if (format.several_videos || answer.video.path == answers.front().video.path) continue;
    throw Error(ErrorCode::kUsage,
                "export: {} is of one video, and the answers are about several"_text(format.name),
                "export each video by itself, or choose another format"_text);
  }
  return format.write(answers, options);
}

}  // namespace shijian::exchange
