// What the routes share, and the functions that add them to the HTTP server, one for each part of
// docs/api.md.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "http/server.h"
#include "jobs/queue.h"
#include "server/engine_calls.h"
#include "server/executor.h"
#include "server/fetch.h"
#include "server/library.h"
#include "server/metrics.h"

namespace shijian::server {

// All outlive the HTTP server.
struct Service {
  engine::Engine& engine;
  jobs::Store& store;
  jobs::JobQueue& queue;
  EngineCalls& calls;
  Library& library;
  Executor& executor;
  Metrics& metrics;
  std::string version;
  engine::ModelProfile profile;
  int64_t parameters = 0;                 // of the model
  int64_t max_upload = int64_t{8} << 30;  // bytes of one file
  FetchOptions fetch = {};
  http::AllowedHosts webhook_hosts = {};
  std::filesystem::path scratch = {};  // a folder for files that live as long as an answer
};

// Every route of the server.
void add_routes(http::HttpServer& http, Service& service);

void add_inference_route(http::HttpServer& http, Service& service);
void add_job_routes(http::HttpServer& http, Service& service);
void add_chat_routes(http::HttpServer& http, Service& service);
void add_event_routes(http::HttpServer& http, Service& service);
void add_video_routes(http::HttpServer& http, Service& service);
void add_clip_route(http::HttpServer& http, Service& service);
void add_upload_routes(http::HttpServer& http, Service& service);
void add_status_routes(http::HttpServer& http, Service& service);
void add_page_routes(http::HttpServer& http);

}  // namespace shijian::server
