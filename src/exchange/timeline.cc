#include "exchange/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace shijian::exchange {
namespace {

std::string url_of(const std::string& path, const std::filesystem::path& folder) {
  std::filesystem::path place = path;
  if (place.is_relative() && !folder.empty()) place = folder / place;
  const std::string text = place.lexically_normal().string();
  return place.is_absolute() ? "file://" + url_path(text) : url_path(text);
}

EditMedia media_of(const grounding::VideoSummary& video, const std::filesystem::path& folder) {
  EditMedia media;
  media.path = video.path;
  media.name = one_line(std::filesystem::path(video.path).filename().string());
  media.url = url_of(video.path, folder);
  media.rate = video.edit_rate;
  media.conformed =
      !video.constant_rate || std::abs(video.frame_rate - video.edit_rate.value()) > 0.002;
  const auto code = read_time_code(video.start_timecode, media.rate);
  media.has_code = code.has_value();
  // Without one, codes begin at 0 and follow the clock.
  media.start = code.value_or(TimeCode{0, media.rate.can_drop()});
  media.duration = video.duration;
  media.frames =
      std::max<int64_t>(1, std::llround((video.duration - video.start_time) * media.rate.value()));
  media.width = video.width;
  media.height = video.height;
  media.sound = video.sound;
  return media;
}

}  // namespace

std::string EditMedia::code(int64_t frame) const {
  return write_time_code({start.frame + frame, start.drop}, rate);
}

int64_t EditTimeline::length(const EditMoment& moment) const {
  const EditMedia& source = of(moment);
  if (source.rate == rate()) return moment.out - moment.in;
  return std::max<int64_t>(1,
                           std::llround(source.seconds(moment.out - moment.in) * rate().value()));
}

EditTimeline edit_timeline(std::span<const grounding::Answer> answers,
                           const std::filesystem::path& folder) {
  EditTimeline timeline;
  for (const grounding::Answer& answer : answers) {
    const auto known =
        std::find_if(timeline.media.begin(), timeline.media.end(),
                     [&](const EditMedia& media) { return media.path == answer.video.path; });
    const auto index = static_cast<size_t>(known - timeline.media.begin());
    if (known == timeline.media.end()) timeline.media.push_back(media_of(answer.video, folder));
    const EditMedia& media = timeline.media[index];
    // An answer in words alone does not know how many there are.
    const int64_t frames = media.duration > 0 ? media.frames : INT64_MAX;
    for (const grounding::Event& event : answer.events) {
      const auto frame = [&](double seconds) {
        return std::llround((seconds - answer.video.start_time) * media.rate.value());
      };
      EditMoment moment;
      moment.media = index;
      moment.in = std::clamp<int64_t>(frame(event.start), 0, frames - 1);
      moment.out = std::clamp<int64_t>(frame(event.end), moment.in + 1, frames);
      moment.start = event.start;
      moment.end = event.end;
      moment.label = one_line(event.label.empty() ? answer.question : event.label);
      moment.question = one_line(answer.question);
      moment.confidence = event.confidence;
      moment.language = answer.language;
      timeline.moments.push_back(std::move(moment));
    }
  }
  return timeline;
}

std::string moment_comment(const EditMoment& moment) {
  std::string text = moment.question == moment.label ? "" : moment.question;
  if (moment.confidence) {
    const bool chinese = moment.language == Language::kChinese;
    text += fmt::format("{}{} {:.0f}%", text.empty() ? "" : " · ",
                        chinese ? "置信度" : "confidence", *moment.confidence * 100);
  }
  return text;
}

std::string one_line(std::string_view text) {
  std::string out = to_valid_utf8(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
  }
  // U+FFFE and U+FFFF are no characters of XML.
  for (const std::string_view none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {
    for (size_t at; (at = out.find(none)) != out.npos;)
      out.replace(at, none.size(), "\xEF\xBF\xBD");
  }
  return out;
}

std::string url_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace shijian::exchange
