#include "server/routes.h"

namespace shijian::server {

void add_routes(http::HttpServer& http, Service& service) {
  add_inference_route(http, service);
  add_job_routes(http, service);
  add_chat_routes(http, service);
  add_event_routes(http, service);
  add_video_routes(http, service);
  add_clip_route(http, service);
  add_upload_routes(http, service);
  add_status_routes(http, service);
  add_page_routes(http);
  http.session_route("/api/v1/session");
}

}  // namespace shijian::server
