#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/error.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "video/clip.h"

namespace shijian {
namespace {

// Seconds of an exact clip: more would keep the encoder from others for long.
constexpr double kLongestExact = 600;

// A file without a name: it is gone when it is closed, however the program ends.
class NamelessFile {
 public:
  explicit NamelessFile(const std::filesystem::path& folder) {
    std::string name = (folder / "clip-XXXXXX").string();
    descriptor_ = Descriptor(::mkostemp(name.data(), O_CLOEXEC));
    if (descriptor_.get() < 0) throw system_error("create", "a temporary file", errno);
    ::unlink(name.c_str());
  }

  const Descriptor& descriptor() const { return descriptor_; }
  // Opens it anew.
  std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", descriptor_.get()); }

 private:
  Descriptor descriptor_;
};

struct ClipQuery {
  std::string id;
  ClipSpan span;
  ClipMode mode = ClipMode::kExact;
};

ClipQuery read_query(const HttpRequest& request) {
  ClipQuery query{request.captures[0],
                  {query_number(request, "from"), query_number(request, "to")}};
  const std::string mode = query_text(request, "mode");
  if (mode == "fast") {
    query.mode = ClipMode::kFast;
  } else if (!mode.empty() && mode != "exact") {
    throw HttpError(400, fmt::format("'mode' is '{}'", mode), "there are exact and fast");
  }
  if (query.mode == ClipMode::kExact && query.span.to - query.span.from > kLongestExact) {
    throw Error(ErrorCode::kUsage,
                fmt::format("cut clip: {:.3f} seconds, at most {} are encoded",
                            query.span.to - query.span.from, kLongestExact),
                "ask for a shorter part, or for mode=fast");
  }
  return query;
}

HttpResponse clip_response(Service& service, const ClipQuery& query, const NamelessFile& file,
                           const CancelToken& gone) {
  const Video video = service.library.get(query.id);
  ClipSpan span;
  try {
    span =
        write_clip(service.library.file_of(video), query.span, query.mode, file.descriptor(), gone);
  } catch (const Error& error) {
    throw without_folder(error, service.library.folder());
  }
  HttpResponse response;
  response.content_type = "video/mp4";
  response.file = file.path();
  response.headers.emplace_back("X-Clip-Start", fmt::format("{:.3f}", span.from));
  response.headers.emplace_back("X-Clip-End", fmt::format("{:.3f}", span.to));
  // The same part is the same bytes: a player that asks for ranges of it gets what fits together.
  response.headers.emplace_back(
      "ETag", fmt::format("\"{}-{:.6f}-{:.6f}-{}\"", video.id, query.span.from, query.span.to,
                          query.mode == ClipMode::kExact ? "exact" : "fast"));
  return response;
}

}  // namespace

void add_clip_route(HttpServer& http, Service& service) {
  // One clip at a time, and apart from the tasks that everything else waits for.
  const auto cutter = std::make_shared<Background>(1, 20);
  http.route("GET", "/api/v1/videos/{}/clip",
             [&service, cutter](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
               cutter->run([&service, reply, query = read_query(request), id = request.id] {
                 if (reply->gone().cancelled()) return;
                 std::optional<NamelessFile> file;  // until the answer has opened it
                 answer_now(*reply, id, [&] {
                   file.emplace(service.scratch);
                   return clip_response(service, query, *file, reply->gone());
                 });
               });
             });
}

}  // namespace shijian
