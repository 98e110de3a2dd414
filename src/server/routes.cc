#include "server/routes.h"

namespace shijian::server {

void add_routes(http::HttpServer& http, RouteContext& context) {
  add_inference_route(http, context);
  add_job_routes(http, context);
  add_chat_routes(http, context);
  add_event_routes(http, context);
  add_video_routes(http, context);
  add_clip_route(http, context);
  add_upload_routes(http, context);
  add_status_routes(http, context);
  add_page_routes(http);
  http.session_route("/api/v1/session");
}

}  // namespace shijian::server
