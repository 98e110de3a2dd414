#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>

#include "base/error.h"
#include "server/export.h"
#include "server/job_options.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/zip_file.h"
#include "video/clip.h"

namespace shijian::server {
namespace {

// Seconds of exact clips together: more would keep the encoder from others for long.
constexpr double kLongestExact = 600;
// More parts are counted in a header, not told one by one.
constexpr size_t kPartsInHeader = 100;
constexpr int64_t kLargestZip = int64_t{16} << 30;
// What a moment without length is given, around it.
constexpr double kMoment = 1;

// Unlinked temporary file: the system deletes it when it is closed or when the program ends.
class NamelessFile {
 public:
  explicit NamelessFile(const std::filesystem::path& folder) {
    std::string name = (folder / "clip-XXXXXX").string();
    descriptor_ = Descriptor(::mkostemp(name.data(), O_CLOEXEC));
    if (descriptor_.get() < 0) throw system_error("create a temporary file"_text, errno);
    ::unlink(name.c_str());
  }

  const Descriptor& descriptor() const { return descriptor_; }
  // Opens it anew.
  std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", descriptor_.get()); }

 private:
  Descriptor descriptor_;
};

struct ClipQuery {
  std::string video_id;
  std::string job_id;  // instead of parts
  std::vector<video::ClipSpan> parts;
  video::ClipMode mode = video::ClipMode::kExact;
  bool zip = false;  // a file for each part
  int stream = video::kMainStream;
};

video::ClipMode read_mode(const http::HttpRequest& request) {
  const std::string mode = query_text(request, "mode");
  if (mode == "fast") return video::ClipMode::kFast;
  if (mode.empty() || mode == "exact") return video::ClipMode::kExact;
  throw http::HttpError(400, "'mode' is '{}'"_text(mode), "there are exact and fast"_text);
}

// "1.5-3,4.25-6" as parts.
std::vector<video::ClipSpan> read_spans(const std::string& text) {
  std::vector<video::ClipSpan> parts;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](double& value) {
    const auto [next, error] = std::from_chars(at, end, value, std::chars_format::fixed);
    if (error != std::errc()) return false;
    at = next;
    return true;
  };
  while (true) {
    video::ClipSpan part;
    if (!number(part.from) || at == end || *at++ != '-' || !number(part.to)) break;
    parts.push_back(part);
    if (at == end) return parts;
    if (*at++ != ',') break;
  }
  throw http::HttpError(400, "'spans' is wrong at part {}"_text(parts.size() + 1),
                        "spans=1.5-3,4.25-6 in seconds"_text);
}

// Seconds of all parts of a video that ends at `end`.
double length_of(const std::vector<video::ClipSpan>& parts, double end) {
  double seconds = 0;
  for (const video::ClipSpan& part : parts) {
    seconds += std::max(0.0, std::min(part.to, end) - part.from);
  }
  return seconds;
}

// Looks at the video only where its end may make the parts short enough.
void check_length(const std::filesystem::path& video, const ClipQuery& query,
                  const std::stop_token& cancel) {
  if (query.mode == video::ClipMode::kFast) return;
  if (length_of(query.parts, std::numeric_limits<double>::infinity()) <= kLongestExact) return;
  const double seconds = length_of(query.parts, video::probe(video, cancel, query.stream).duration);
  if (seconds <= kLongestExact) return;
  throw Error(ErrorCode::kUsage,
              "cut clip: {:.3f} seconds, at most {} are encoded"_text(seconds, kLongestExact),
              "ask for a shorter part, or for mode=fast"_text);
}

ClipQuery video_query(const http::HttpRequest& request, bool zip) {
  ClipQuery query;
  query.video_id = request.captures[0];
  query.mode = read_mode(request);
  query.zip = zip;
  query.stream = query_stream(request);
  const std::string spans = query_text(request, "spans");
  if (zip || !spans.empty()) {
    query.parts = read_spans(spans);
  } else {
    query.parts = {{query_number(request, "from"), query_number(request, "to")}};
  }
  return query;
}

ClipQuery job_query(const http::HttpRequest& request, bool zip) {
  ClipQuery query;
  query.job_id = request.captures[0];
  query.mode = read_mode(request);
  query.zip = zip;
  return query;
}

// The moments of a finished job.
void add_moments(const RouteContext& context, ClipQuery& query) {
  const jobs::Job job = context.store.job(query.job_id);
  query.video_id = job.video_id;
  if (!job.options.empty()) {
    const JobOptions options = read_job_options(parse_json(job.options, "the database"_text));
    query.stream = options.sampling.stream.value_or(video::kMainStream);
  }
  for (const grounding::Event& event : exported_events(job)) {
    video::ClipSpan part{event.start, event.end};
    if (part.to <= part.from) {
      part = {std::max(0.0, event.start - kMoment / 2), event.start + kMoment / 2};
    }
    query.parts.push_back(part);
  }
  if (query.parts.empty()) {
    throw Error(ErrorCode::kConflict, "cut clip: job {} found no moment"_text(job.id));
  }
}

// Names for the files in a ZIP: "01 00.00.04.500-00.00.06.600.mp4".
std::string entry_name(size_t number, size_t count, const video::ClipSpan& part) {
  const auto time = [](double seconds) {
    std::string text = format_time(seconds, TimeFormat::kHoursMillis);
    std::replace(text.begin(), text.end(), ':', '.');
    return text;
  };
  const size_t digits = count < 100 ? 2 : count < 1000 ? 3 : 4;
  return fmt::format("{:0{}} {}-{}.mp4", number, digits, time(part.from), time(part.to));
}

video::ClipResult write_zip(const std::filesystem::path& video, const ClipQuery& query,
                            const std::filesystem::path& scratch, const NamelessFile& file,
                            const std::stop_token& cancel) {
  video::ClipResult all;
  ZipFile zip(file.descriptor().get());
  for (const video::ClipSpan& part : query.parts) {
    const NamelessFile one(scratch);
    const video::ClipResult cut =
        video::write_clip(video, {part}, query.mode, one.descriptor(), cancel, query.stream);
    all.parts.push_back(cut.parts.front());
    if (all.parts.size() == 1 || cut.sound.state > all.sound.state) all.sound = cut.sound;
    zip.add(entry_name(all.parts.size(), query.parts.size(), all.parts.back()),
            one.descriptor().get(), cancel);
    if (zip.size() > kLargestZip) {
      throw Error(ErrorCode::kUnsupported,
                  "cut clips: {} of {} have {} GiB, at most {} go into a ZIP file"_text(
                      all.parts.size(), query.parts.size(), zip.size() >> 30, kLargestZip >> 30),
                  "ask for fewer or shorter parts"_text);
    }
  }
  zip.finish();
  return all;
}

// "shapes.mp4" becomes "shapes" in the header's own escapes, whatever the name.
std::string attachment(const std::string& video_name, const char* extension) {
  std::string name;
  for (const char c : std::filesystem::path(video_name).stem().string()) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.';
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("attachment; filename=\"clips.{0}\"; filename*=UTF-8''{1}.{0}", extension,
                     name);
}

std::string sound_header(const video::ClipSound& sound) {
  std::string text = video::sound_state_name(sound.state);
  if (!sound.codec.empty()) text += "; codec=" + sound.codec;
  if (!sound.reason.empty()) text += "; reason=" + sound.reason;
  return text;
}

void add_spans(http::HttpResponse& response, const std::vector<video::ClipSpan>& parts) {
  const auto text = [](double seconds) { return fmt::format("{:.3f}", seconds); };
  response.headers.emplace_back("X-Clip-Parts", std::to_string(parts.size()));
  if (parts.size() == 1) {
    response.headers.emplace_back("X-Clip-Start", text(parts[0].from));
    response.headers.emplace_back("X-Clip-End", text(parts[0].to));
  }
  if (parts.size() > kPartsInHeader) return;
  std::string spans;
  for (const video::ClipSpan& part : parts) {
    spans += fmt::format("{}{}-{}", spans.empty() ? "" : ",", text(part.from), text(part.to));
  }
  response.headers.emplace_back("X-Clip-Spans", spans);
}

http::HttpResponse clip_response(RouteContext& context, ClipQuery query, const NamelessFile& file,
                                 const std::stop_token& cancel) {
  if (!query.job_id.empty()) add_moments(context, query);
  const jobs::Video video = context.library.get(query.video_id);
  video::ClipResult cut;
  try {
    const auto source = context.library.file_of(video);
    check_length(source, query, cancel);
    cut = query.zip ? write_zip(source, query, context.scratch, file, cancel)
                    : video::write_clip(source, query.parts, query.mode, file.descriptor(), cancel,
                                        query.stream);
  } catch (const Error& error) {
    throw without_folder(error, context.library.folder());
  }
  http::HttpResponse response;
  response.content_type = query.zip ? "application/zip" : "video/mp4";
  response.file = file.path();
  add_spans(response, cut.parts);
  response.headers.emplace_back("X-Clip-Sound", sound_header(cut.sound));
  if (query.zip) {
    response.headers.emplace_back("Content-Disposition", attachment(video.name, "zip"));
  }
  // The same part is the same bytes: a player that asks for ranges of it gets what fits together.
  std::string wanted;
  for (const video::ClipSpan& part : query.parts)
    wanted += fmt::format("{:.6f}-{:.6f},", part.from, part.to);
  response.headers.emplace_back(
      "ETag", fmt::format("\"{}-{}-{:016x}-{}-{}\"", video.id, query.stream,
                          std::hash<std::string>()(wanted),
                          query.mode == video::ClipMode::kExact ? "exact" : "fast",
                          query.zip ? "zip" : "mp4"));
  return response;
}

}  // namespace

void add_clip_route(http::HttpServer& http, RouteContext& context) {
  const auto add = [&](const char* path, const auto& read, bool zip) {
    http.route("GET", path,
               [&context, read, zip](const http::HttpRequest& request,
                                     std::shared_ptr<http::HttpReply> reply) {
                 context.executor.clips.run([&context, query = read(request, zip),
                                             reply = std::move(reply), id = request.id] {
                   if (reply->disconnected().stop_requested()) return;
                   std::optional<NamelessFile> file;  // until the answer has opened it
                   answer_now(*reply, id, [&] {
                     file.emplace(context.scratch);
                     return clip_response(context, query, *file, reply->disconnected());
                   });
                 });
               });
  };
  add("/api/v1/videos/{}/clip", video_query, false);
  add("/api/v1/videos/{}/clips.zip", video_query, true);
  add("/api/v1/jobs/{}/clip", job_query, false);
  add("/api/v1/jobs/{}/clips.zip", job_query, true);
}

}  // namespace shijian::server
