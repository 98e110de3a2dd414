// Final Cut Pro's XML, version 1.10: one project that holds the moments one after the other.
#include <fmt/format.h>

#include "exchange/timeline.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

// Frames as a fraction of seconds: "1001/30000s".
std::string time(int64_t frames, const EditRate& rate) {
  if (frames * rate.den % rate.num == 0) return fmt::format("{}s", frames * rate.den / rate.num);
  return fmt::format("{}/{}s", frames * rate.den, rate.num);
}

std::string resources(const EditTimeline& timeline) {
  std::string out = "  <resources>\n";
  for (size_t i = 0; i < timeline.media.size(); ++i) {
    const EditMedia& media = timeline.media[i];
    out += fmt::format("    <format id=\"f{}\" frameDuration=\"{}\" width=\"{}\" height=\"{}\"/>\n",
                       i + 1, time(1, media.rate), media.width, media.height);
    out += fmt::format(
        "    <asset id=\"a{0}\" name=\"{1}\" start=\"{2}\" duration=\"{3}\" "
        "hasVideo=\"1\" videoSources=\"1\" format=\"f{0}\"{4}>\n",
        i + 1, xml_text(media.name), time(media.start.frame, media.rate),
        time(media.frames, media.rate),
        media.sound ? " hasAudio=\"1\" audioSources=\"1\" audioChannels=\"2\"" : "");
    out += fmt::format("      <media-rep kind=\"original-media\" src=\"{}\"/>\n    </asset>\n",
                       xml_text(media.url));
  }
  return out + "  </resources>\n";
}

}  // namespace

std::string write_fcpxml(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  const EditRate rate = timeline.rate();
  int64_t length = 0;
  std::string spine;
  for (const EditMoment& moment : timeline.moments) {
    const EditMedia& media = timeline.of(moment);
    const int64_t frames = timeline.length(moment);
    spine += fmt::format(
        "            <asset-clip ref=\"a{0}\" format=\"f{0}\" name=\"{1}\" offset=\"{2}\" "
        "start=\"{3}\" duration=\"{4}\" tcFormat=\"{5}\"{6}>\n",
        moment.media + 1, xml_text(moment.label), time(length, rate),
        time(media.start.frame + moment.in, media.rate), time(frames, rate),
        media.start.drop ? "DF" : "NDF", media.sound ? " audioRole=\"dialogue\"" : "");
    if (const std::string note = moment_comment(moment); !note.empty()) {
      spine += fmt::format("              <note>{}</note>\n", xml_text(note));
    }
    spine += "            </asset-clip>\n";
    length += frames;
  }
  const std::string name = timeline.media.empty() ? "Shijian" : xml_text(timeline.media[0].name);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE fcpxml>\n";
  out += "<fcpxml version=\"1.10\">\n" + resources(timeline);
  out +=
      fmt::format("  <library>\n    <event name=\"Shijian\">\n      <project name=\"{}\">\n", name);
  // Without a moment there is no media whose format a sequence could have.
  if (!timeline.media.empty()) {
    out += fmt::format(
        "        <sequence format=\"f1\" duration=\"{}\" tcStart=\"0s\" "
        "tcFormat=\"{}\">\n          <spine>\n{}          </spine>\n"
        "        </sequence>\n",
        time(length, rate), timeline.drop() ? "DF" : "NDF", spine);
  }
  return out + "      </project>\n    </event>\n  </library>\n</fcpxml>\n";
}

}  // namespace shijian::exchange
