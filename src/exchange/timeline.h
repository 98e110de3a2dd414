// Answers as editing programs see them: media files, and stretches of whole frames in them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/smpte.h"
#include "grounding/output.h"

namespace shijian::exchange {

constexpr double kShortest = 0.1;  // seconds: what is shorter cuts and shows nothing

struct EditMedia {
  std::string path;  // as the answer names it
  std::string name;  // the last part of it
  std::string url;   // "file:///…" percent-coded; relative where the folder is not known
  EditRate rate;
  bool conformed = false;  // the file's own rate varies or is none that editors have
  bool has_code = false;   // the file brings the time code of its first frame
  TimeCode start;          // of the first frame
  int64_t frames = 0;      // at `rate`
  double duration = 0;     // seconds
  int width = 0, height = 0;
  bool sound = false;

  // Seconds of this media's frames `count`.
  double seconds(int64_t count) const { return static_cast<double>(count) / rate.value(); }
  std::string code(int64_t frame) const;  // time code of a frame, from 0 on
};

struct EditMoment {
  size_t media = 0;           // in EditTimeline::media
  int64_t in = 0, out = 0;    // frames of the media, in < out
  double start = 0, end = 0;  // seconds, as in the answer
  std::string label, question;
  std::optional<double> confidence;
  Language language = Language::kEnglish;
};

struct EditTimeline {
  std::vector<EditMedia> media;  // each file once, in the order of the answers
  std::vector<EditMoment> moments;

  const EditMedia& of(const EditMoment& moment) const { return media[moment.media]; }
  // The rate of a sequence that holds the moments one after the other: that of the first file.
  EditRate rate() const { return media.empty() ? EditRate{} : media.front().rate; }
  bool drop() const { return !media.empty() && media.front().start.drop; }
  // Frames of the sequence that a moment takes, at least one.
  int64_t length(const EditMoment& moment) const;
};

// `folder`: what relative paths of videos are relative to, for URLs; empty when that is not known.
EditTimeline edit_timeline(std::span<const grounding::Answer> answers,
                           const std::filesystem::path& folder);

// What stands beside a moment for people: its question, where that is not its label, and its
// confidence.
std::string moment_comment(const EditMoment& moment);

std::string xml_text(std::string_view text);  // escaped, without what XML cannot hold
std::string url_path(std::string_view path);  // percent-coded, with '/' as it is
std::string one_line(std::string_view text);  // valid UTF-8 without control characters

}  // namespace shijian::exchange
