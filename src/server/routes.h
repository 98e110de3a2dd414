// The functions that add routes to the HTTP server, one for each part of docs/api.md.
#pragma once

#include "http/server.h"
#include "server/route_context.h"

namespace shijian::server {

// Every route of the server.
void add_routes(http::HttpServer& http, RouteContext& context);

void add_inference_route(http::HttpServer& http, RouteContext& context);
void add_job_routes(http::HttpServer& http, RouteContext& context);
void add_chat_routes(http::HttpServer& http, RouteContext& context);
void add_event_routes(http::HttpServer& http, RouteContext& context);
void add_video_routes(http::HttpServer& http, RouteContext& context);
void add_clip_route(http::HttpServer& http, RouteContext& context);
void add_upload_routes(http::HttpServer& http, RouteContext& context);
void add_status_routes(http::HttpServer& http, RouteContext& context);
void add_page_routes(http::HttpServer& http);

}  // namespace shijian::server
