#include "base/error.h"
#include "server/json_fields.h"
#include "server/media_files.h"
#include "server/routes.h"

namespace shijian {
namespace {

std::string content_type(const std::string& container) {
  if (container == "mp4") return "video/mp4";
  if (container == "mov") return "video/quicktime";
  if (container == "webm") return "video/webm";
  if (container == "matroska") return "video/x-matroska";
  if (container == "avi") return "video/x-msvideo";
  return "application/octet-stream";
}

}  // namespace

void add_video_routes(HttpServer& http, Service& service) {
  http.route("GET", "/api/v1/videos", [&service](const HttpRequest& request, auto reply) {
    const VideoFilter filter{query_text(request, "search")};
    const PageRequest page{static_cast<int>(query_integer(request, "limit", 50, 1, 1000)),
                           query_text(request, "cursor")};
    service.background.answer(std::move(reply), request.id, [&service, filter, page] {
      if (page.cursor.empty()) service.library.scan();
      const Page<Video> videos = service.store.videos(filter, page);
      OrderedJson list = OrderedJson::array();
      for (const Video& video : videos.items) list.push_back(video_json(video));
      return json_response(
          {{"videos", list},
           {"next", videos.next.empty() ? OrderedJson() : OrderedJson(videos.next)},
           {"total", videos.total}});
    });
  });
  http.route("GET", "/api/v1/videos/{}", [&service](const HttpRequest& request, auto reply) {
    service.background.answer(std::move(reply), request.id, [&service, id = request.captures[0]] {
      return json_response(video_json(service.library.get(id)));
    });
  });
  http.route(
      "GET", "/api/v1/videos/{}/content", [&service](const HttpRequest& request, auto reply) {
        service.background.answer(
            std::move(reply), request.id, [&service, id = request.captures[0]] {
              const Video video = service.library.get(id);
              HttpResponse response;
              response.content_type =
                  content_type(parse_json(video.probe, "the database").value("container", ""));
              response.file = service.library.file_of(video);
              return response;
            });
      });
  http.route(
      "GET", "/api/v1/videos/{}/thumbnails", [&service](const HttpRequest& request, auto reply) {
        const auto count = static_cast<int>(query_integer(request, "count", 10, 1, 100));
        const auto height = static_cast<int>(query_integer(request, "height", 90, 16, 360));
        const CancelToken gone = reply->gone();
        service.background.answer(std::move(reply), request.id,
                                  [&service, id = request.captures[0], count, height, gone] {
                                    const Video video = service.library.get(id);
                                    return strip_response(evenly_spaced_frames(
                                        service.library.file_of(video), count, height, gone));
                                  });
      });
  http.route("DELETE", "/api/v1/videos/{}", [&service](const HttpRequest& request, auto reply) {
    service.background.answer(std::move(reply), request.id, [&service, id = request.captures[0]] {
      service.library.remove(id);
      HttpResponse response;
      response.status = 204;
      return response;
    });
  });
}

}  // namespace shijian
