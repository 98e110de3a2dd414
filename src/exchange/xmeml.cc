// Final Cut Pro 7's XML, version 5, which Premiere Pro and others read: a sequence of the moments.
#include <fmt/format.h>

#include <set>

#include "exchange/timeline.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

std::string rate_element(const EditRate& rate) {
  return fmt::format("<rate><timebase>{}</timebase><ntsc>{}</ntsc></rate>", rate.whole(),
                     rate.television() ? "TRUE" : "FALSE");
}

std::string time_code(const TimeCode& code, const EditRate& rate) {
  return fmt::format(
      "<timecode>{}<string>{}</string><frame>{}</frame><displayformat>{}"
      "</displayformat></timecode>",
      rate_element(rate), write_time_code(code, rate), code.frame, code.drop ? "DF" : "NDF");
}

std::string size_element(const EditMedia& media) {
  return fmt::format(
      "<samplecharacteristics>{}<width>{}</width><height>{}</height>"
      "<pixelaspectratio>square</pixelaspectratio></samplecharacteristics>",
      rate_element(media.rate), media.width, media.height);
}

std::string path_url(const EditMedia& media) {
  constexpr std::string_view kFile = "file://";
  if (!media.url.starts_with(kFile)) return media.url;
  return "file://localhost" + media.url.substr(kFile.size());
}

// In full the first time, then by its id.
std::string file_element(const EditMedia& media, size_t number, bool in_full) {
  if (!in_full) return fmt::format("<file id=\"file-{}\"/>", number);
  return fmt::format(
      "<file id=\"file-{}\"><name>{}</name><pathurl>{}</pathurl>{}<duration>{}"
      "</duration>{}<media><video>{}</video>{}</media></file>",
      number, xml_text(media.name), xml_text(path_url(media)), rate_element(media.rate),
      media.frames, time_code(media.start, media.rate), size_element(media),
      media.sound ? "<audio><channelcount>2</channelcount></audio>" : "");
}

class Sequence {
 public:
  explicit Sequence(EditTimeline timeline) : timeline_(std::move(timeline)) {}

  std::string write() {
    const std::string pictures = track(/*sound=*/false);
    const std::string sound = track(/*sound=*/true);
    const EditRate rate = timeline_.rate();
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE xmeml>\n";
    out += fmt::format(
        "<xmeml version=\"5\">\n<sequence id=\"sequence-1\">\n<name>{}</name>\n"
        "<duration>{}</duration>\n{}\n{}\n",
        timeline_.media.empty() ? "Shijian" : xml_text(timeline_.media[0].name), length_,
        rate_element(rate), time_code({0, timeline_.drop()}, rate));
    out += "<media>\n<video>\n";
    if (!timeline_.media.empty()) {
      out += fmt::format("<format>{}</format>\n", size_element(timeline_.media[0]));
    }
    out += fmt::format("<track>\n{}</track>\n</video>\n", pictures);
    if (!sound.empty()) out += fmt::format("<audio>\n<track>\n{}</track>\n</audio>\n", sound);
    return out + "</media>\n</sequence>\n</xmeml>\n";
  }

 private:
  std::string track(bool sound) {
    std::string out;
    length_ = 0;
    size_t heard = 0;  // moments with sound so far: the number of the clip in the sound's track
    for (size_t i = 0; i < timeline_.moments.size(); ++i) {
      const EditMoment& moment = timeline_.moments[i];
      const int64_t end = length_ + timeline_.length(moment);
      if (timeline_.of(moment).sound) ++heard;
      if (!sound || timeline_.of(moment).sound) out += clip(i, heard, length_, end, sound);
      length_ = end;
    }
    return out;
  }

  std::string clip(size_t i, size_t heard, int64_t start, int64_t end, bool sound) {
    const EditMoment& moment = timeline_.moments[i];
    const EditMedia& media = timeline_.of(moment);
    std::string out = fmt::format(
        "<clipitem id=\"{}-{}\">\n<name>{}</name>\n<duration>{}</duration>\n{}\n<start>{}</start>"
        "<end>{}</end><in>{}</in><out>{}</out>\n{}\n",
        sound ? "sound" : "picture", i + 1, xml_text(moment.label), media.frames,
        rate_element(media.rate), start, end, moment.in, moment.out,
        file_element(media, moment.media + 1, described_.insert(moment.media).second));
    if (sound) {
      out += "<sourcetrack><mediatype>audio</mediatype><trackindex>1</trackindex></sourcetrack>\n";
    }
    if (media.sound) out += link("picture", "video", i, i + 1) + link("sound", "audio", i, heard);
    if (const std::string note = moment_comment(moment); !note.empty()) {
      out +=
          fmt::format("<comments><mastercomment1>{}</mastercomment1></comments>\n", xml_text(note));
    }
    return out + "</clipitem>\n";
  }

  // `place`: of the clip in its track, from 1 on.
  static std::string link(const char* item, const char* type, size_t i, size_t place) {
    return fmt::format(
        "<link><linkclipref>{}-{}</linkclipref><mediatype>{}</mediatype>"
        "<trackindex>1</trackindex><clipindex>{}</clipindex></link>\n",
        item, i + 1, type, place);
  }

  const EditTimeline timeline_;
  std::set<size_t> described_;  // media whose file stands there in full
  int64_t length_ = 0;          // frames
};

}  // namespace

std::string write_xmeml(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  return Sequence(edit_timeline(answers, options.folder)).write();
}

}  // namespace shijian::exchange
