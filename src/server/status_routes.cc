#include "kernels/isa.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "video/formats.h"

extern "C" const char openapi_json[], openapi_json_end[];  // openapi.S

namespace shijian::server {

void add_status_routes(http::HttpServer& http, RouteContext& context) {
  const http::HttpRouteOptions open{.open = true};
  http.route(
      "GET", "/healthz",
      [](const http::HttpRequest&, auto reply) {
        reply->send(json_response({{"status", "alive"}}));
      },
      open);
  http.route(
      "GET", "/readyz",
      [&context](const http::HttpRequest&, auto reply) {
        const jobs::JobQueue::Statistics queue = context.queue.statistics();
        if (queue.queued >= queue.capacity)
          throw http::HttpError(503, "the queue is full"_text, {}, 5);
        reply->send(json_response({{"status", "ready"}}));
      },
      open);
  http.route(
      "GET", "/api/v1/openapi.json",
      [](const http::HttpRequest&, auto reply) {
        http::HttpResponse response;
        response.body = {openapi_json, openapi_json_end};
        reply->send(std::move(response));
      },
      open);
  http.route("GET", "/metrics", [&context, &http](const http::HttpRequest&, auto reply) {
    http::HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = context.metrics.text(context.queue.statistics(), context.engine.cache_report(),
                                         http.statistics());
    reply->send(std::move(response));
  });
  http.route("GET", "/api/v1/queue", [&context](const http::HttpRequest&, auto reply) {
    const jobs::JobQueue::Statistics queue = context.queue.statistics();
    reply->send(json_response(
        {{"queued", queue.queued}, {"running", queue.running}, {"capacity", queue.capacity}}));
  });
  http.route("GET", "/api/v1/model", [&context](const http::HttpRequest&, auto reply) {
    const engine::Engine& engine = context.engine;
    const engine::ModelProfile& profile = context.profile;
    OrderedJson sampling;
    if (profile.fps) sampling["fps"] = *profile.fps;
    if (profile.max_frames) sampling["max_frames"] = *profile.max_frames;
    if (profile.frame_pixels) sampling["frame_pixels"] = *profile.frame_pixels;
    reply->send(json_response(
        {{"name", engine.model_name()},
         {"parameters", context.parameters},
         {"prompt_style", grounding::prompt_style_name(engine.default_prompt_style())},
         {"context", engine.checkpoint().config().text.max_position_embeddings},
         {"sampling", sampling},
         {"max_question", grounding::kMaxQuestion},
         {"video_endings", video::video_extensions()},
         {"version", context.version},
         {"threads", engine.threads()},
         {"isa", kernels::isa_name(kernels::active_isa())}}));
  });
}

}  // namespace shijian::server
