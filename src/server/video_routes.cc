#include "base/error.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/thumbnails.h"
#include "video/formats.h"

namespace shijian::server {
namespace {

double query_seconds(const http::HttpRequest& request, const std::string& name) {
  return query_text(request, name).empty() ? 0 : query_number(request, name);
}

// The times of a part of the frames, as many as one answer takes, and what follows from the rate.
OrderedJson frame_times(const video::VideoInfo& info, double from, double to, int64_t limit) {
  OrderedJson times = OrderedJson::array();
  OrderedJson next;
  int64_t frame = info.frame_at(from);
  if (info.frame_time(frame) < from) ++frame;
  for (; frame < info.frame_count && (to == 0 || info.frame_time(frame) <= to); ++frame) {
    if (static_cast<int64_t>(times.size()) == limit) {
      next = thousandths(info.frame_time(frame));
      break;
    }
    times.push_back(thousandths(info.frame_time(frame)));
  }
  return {{"frames", info.frame_count},
          {"constant_rate", !info.variable_rate},
          {"rate", {info.frame_rate.num, info.frame_rate.den}},
          {"start", info.frame_time(0)},
          {"times", std::move(times)},
          {"next", std::move(next)}};
}

// They have threads of their own: decoding would keep the lists waiting.
void add_thumbnail_routes(http::HttpServer& http, RouteContext& context) {
  const auto thumbnails = std::make_shared<Thumbnails>();
  http.route(
      "GET", "/api/v1/videos/{}/thumbnails",
      [&context, thumbnails](const http::HttpRequest& request, auto reply) {
        const ThumbnailRange range{query_seconds(request, "from"), query_seconds(request, "to"),
                                   static_cast<int>(query_integer(request, "count", 10, 1, 100)),
                                   static_cast<int>(query_integer(request, "height", 90, 16, 360)),
                                   query_stream(request)};
        const std::stop_token cancel = reply->disconnected();
        context.executor.thumbnails.answer(
            std::move(reply), request.id,
            [&context, thumbnails, id = request.captures[0], range, cancel] {
              const jobs::Video video = context.library.get(id);
              http::HttpResponse response = strip_response(
                  *thumbnails->strip(video.id, context.library.file_of(video), range, cancel));
              // The id stands for the content.
              response.headers.emplace_back("Cache-Control", "private, max-age=86400");
              return response;
            });
      });
  http.route("GET", "/api/v1/videos/{}/cuts",
             [&context, thumbnails](const http::HttpRequest& request, auto reply) {
               const double from = query_number(request, "from");
               const double to = query_number(request, "to");
               const int stream = query_stream(request);
               const std::stop_token cancel = reply->disconnected();
               context.executor.thumbnails.answer(
                   std::move(reply), request.id,
                   [&context, thumbnails, id = request.captures[0], from, to, stream, cancel] {
                     const jobs::Video video = context.library.get(id);
                     OrderedJson cuts = OrderedJson::array();
                     for (const double time : thumbnails->cuts(
                              video.id, stream, context.library.file_of(video), from, to, cancel)) {
                       cuts.push_back(thousandths(time));
                     }
                     return json_response({{"cuts", std::move(cuts)}});
                   });
             });
  http.route(
      "GET", "/api/v1/videos/{}/frame-times",
      [&context, thumbnails](const http::HttpRequest& request, auto reply) {
        const double from = query_seconds(request, "from");
        const double to = query_seconds(request, "to");
        if (to != 0 && to < from) {
          throw Error(ErrorCode::kUsage, "frame times: from {} to {} is no part"_text(from, to),
                      "'from' is at least 0 and before 'to', in seconds"_text);
        }
        const int64_t limit = query_integer(request, "limit", 10000, 1, 100000);
        const int stream = query_stream(request);
        const std::stop_token cancel = reply->disconnected();
        context.executor.thumbnails.answer(
            std::move(reply), request.id,
            [&context, thumbnails, id = request.captures[0], from, to, limit, stream, cancel] {
              const jobs::Video video = context.library.get(id);
              const auto info =
                  thumbnails->info(video.id, stream, context.library.file_of(video), cancel);
              return json_response(frame_times(*info, from, to, limit));
            });
      });
}

}  // namespace

void add_video_routes(http::HttpServer& http, RouteContext& context) {
  http.route("GET", "/api/v1/videos", [&context](const http::HttpRequest& request, auto reply) {
    const jobs::VideoFilter filter{query_text(request, "search")};
    const jobs::PageRequest page{static_cast<int>(query_integer(request, "limit", 50, 1, 1000)),
                                 query_text(request, "cursor")};
    context.executor.files.answer(std::move(reply), request.id, [&context, filter, page] {
      const bool complete = !page.cursor.empty() || context.library.refresh();
      const jobs::Page<jobs::Video> videos = context.store.videos(filter, page);
      OrderedJson list = OrderedJson::array();
      for (const jobs::Video& video : videos.items) list.push_back(video_json(video));
      return json_response(
          {{"videos", list},
           {"next", videos.next.empty() ? OrderedJson() : OrderedJson(videos.next)},
           {"total", videos.total},
           {"scanning", !complete}});
    });
  });
  http.route("GET", "/api/v1/videos/{}", [&context](const http::HttpRequest& request, auto reply) {
    context.executor.files.answer(std::move(reply), request.id,
                                  [&context, id = request.captures[0]] {
                                    return json_response(video_json(context.library.get(id)));
                                  });
  });
  http.route("GET", "/api/v1/videos/{}/content",
             [&context](const http::HttpRequest& request, auto reply) {
               context.executor.files.answer(
                   std::move(reply), request.id, [&context, id = request.captures[0]] {
                     const jobs::Video video = context.library.get(id);
                     http::HttpResponse response;
                     response.content_type = video::media_type_of(
                         parse_json(video.probe, "the database"_text).value("container", ""));
                     response.file = context.library.file_of(video);
                     return response;
                   });
             });
  add_thumbnail_routes(http, context);
  http.route("DELETE", "/api/v1/videos/{}",
             [&context](const http::HttpRequest& request, auto reply) {
               context.executor.files.answer(std::move(reply), request.id,
                                             [&context, id = request.captures[0]] {
                                               context.library.remove(id);
                                               http::HttpResponse response;
                                               response.status = 204;
                                               return response;
                                             });
             });
}

}  // namespace shijian::server
