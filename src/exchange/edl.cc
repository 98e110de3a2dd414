// CMX 3600 edit decision lists, and DaVinci Resolve's way to put markers into one.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "exchange/timeline.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

const char* frame_code_mode(bool drop) {
  return drop ? "FCM: DROP FRAME\n" : "FCM: NON-DROP FRAME\n";
}

std::string rate_text(const EditRate& rate) {
  return rate.den == 1 ? fmt::format("{}", rate.num) : fmt::format("{:.3f}", rate.value());
}

// '|' begins the next field of a marker.
std::string field(std::string text) {
  std::replace(text.begin(), text.end(), '|', '/');
  return text;
}

}  // namespace

std::string write_edl(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  bool drop = timeline.drop();
  std::string out = fmt::format("TITLE: SHIJIAN\n{}", frame_code_mode(drop));
  std::set<size_t> seen;
  int64_t record = 0;
  int number = 0;
  for (const EditMoment& moment : timeline.moments) {
    const EditMedia& media = timeline.of(moment);
    if (media.start.drop != drop) out += frame_code_mode(drop = media.start.drop);
    const int64_t end = record + timeline.length(moment);
    const auto recorded = [&](int64_t frame) {
      return write_time_code({frame, timeline.drop()}, timeline.rate());
    };
    out +=
        fmt::format("{:03}  AX       V     C        {} {} {} {}\n", ++number, media.code(moment.in),
                    media.code(moment.out), recorded(record), recorded(end));
    out += fmt::format("* FROM CLIP NAME: {}\n* COMMENT: {}\n", media.name, moment.label);
    if (media.conformed && seen.insert(moment.media).second) {
      out += fmt::format("* COMMENT: TIME CODES COUNT {} FRAMES A SECOND\n", rate_text(media.rate));
    }
    record = end;
  }
  return out;
}

std::string write_marker_edl(std::span<const grounding::Answer> answers,
                             const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  std::string out =
      fmt::format("TITLE: {}\n{}\n", timeline.media.empty() ? "SHIJIAN" : timeline.media[0].name,
                  frame_code_mode(timeline.drop()));
  int number = 0;
  for (const EditMoment& moment : timeline.moments) {
    EditMedia media = timeline.of(moment);
    // Markers stand on a timeline, and Resolve's begin at one hour.
    if (!media.has_code) {
      media.start.frame =
          read_time_code(media.start.drop ? "01:00:00;00" : "01:00:00:00", media.rate)->frame;
    }
    const std::string in = media.code(moment.in), next = media.code(moment.in + 1);
    out += fmt::format("{0:03}  001      V     C        {1} {2} {1} {2}  \n", ++number, in, next);
    out += fmt::format(" |C:ResolveColorBlue |M:{} |D:{}\n\n", field(moment.label),
                       moment.out - moment.in);
  }
  return out;
}

}  // namespace shijian::exchange
